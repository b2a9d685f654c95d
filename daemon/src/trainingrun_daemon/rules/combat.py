"""The combat phase.

Decided by the engine, as the protocol wants it: in what order an attacker damages several blockers
(those it can kill most of) and how much each gets (just enough, the rest to the last one, or to the
player with trample).
"""

from collections.abc import Iterable

from trainingrun_daemon.rules.choices import (
    DeclareAttackers,
    DeclareBlockers,
    ask_attackers,
    ask_blocks,
)
from trainingrun_daemon.rules.damage import deal_damage, is_protected
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.model import (
    Card,
    Combat,
    Event,
    Game,
    Happening,
    Keyword,
    Phase,
    Steps,
    Target,
)
from trainingrun_daemon.rules.stack import pass_priority

_STRIKES_FIRST = frozenset({Keyword.FIRST_STRIKE, Keyword.DOUBLE_STRIKE})


def run_combat(game: Game) -> Steps:
    """Play the combat phase; without a possible attacker it is skipped."""
    candidates = [card for card in game.players[game.active].battlefield if can_attack(card)]
    if not candidates:
        return
    game.phase = Phase.ATTACKERS
    game.combat = Combat(game.active, [])
    yield from _declare_attackers(game, game.combat, candidates)
    if game.combat.attackers:
        yield from pass_priority(game)
        yield from _fight(game, game.combat)
    end_combat(game)


def end_combat(game: Game) -> None:
    """Take everything out of combat."""
    game.combat = None
    for player in game.players:
        for card in player.battlefield:
            card.attacking = False
            card.blocking = None


def can_attack(card: Card) -> bool:
    """Whether a creature may be declared as an attacker."""
    if not card.face.is_creature or card.tapped or Keyword.DEFENDER in card.keywords:
        return False
    return not card.is_sick or Keyword.HASTE in card.keywords


def can_block(card: Card, attacker: Card) -> bool:
    """Whether a creature may block this attacker."""
    if not card.face.is_creature or card.tapped or Keyword.UNBLOCKABLE in attacker.keywords:
        return False
    if Keyword.FLYING in attacker.keywords and not (
        Keyword.FLYING in card.keywords or Keyword.REACH in card.keywords
    ):
        return False
    return not is_protected(attacker, card)


def _declare_attackers(game: Game, combat: Combat, candidates: list[Card]) -> Steps:
    attackers = yield from ask_attackers(DeclareAttackers(game.active, candidates))
    for card in attackers:
        card.attacking = True
        card.tapped = Keyword.VIGILANCE not in card.keywords
    combat.attackers = attackers
    for card in list(attackers):
        game.say(f"{card.face.name} ({card.id}) attacks")
        emit(game, Happening(Event.ATTACKS, game.active, card))


def _fight(game: Game, combat: Combat) -> Steps:
    if combat.attackers:
        game.phase = Phase.BLOCKERS
        yield from _declare_blockers(game, combat)
        yield from pass_priority(game)
    fighters = [*combat.attackers, *(card for cards in combat.blockers.values() for card in cards)]
    early = {card.id for card in fighters if card.keywords & _STRIKES_FIRST}
    if early:
        game.phase = Phase.FIRST_STRIKE
        _deal_combat_damage(game, combat, early)
        yield from pass_priority(game)
    game.phase = Phase.DAMAGE
    late = {
        card.id
        for card in fighters
        if card.id not in early or Keyword.DOUBLE_STRIKE in card.keywords
    }
    _deal_combat_damage(game, combat, late)
    yield from pass_priority(game)
    game.phase = Phase.COMBAT_END
    yield from pass_priority(game)


def _declare_blockers(game: Game, combat: Combat) -> Steps:
    seat = 1 - combat.seat
    candidates = [
        card
        for card in game.players[seat].battlefield
        if any(can_block(card, attacker) for attacker in combat.attackers)
    ]
    if not candidates:
        return
    choice = DeclareBlockers(seat, candidates, list(combat.attackers))
    pairs = _legal_blocks((yield from ask_blocks(choice)))
    for blocker, attacker in pairs:
        add_blocker(combat, blocker, attacker)
        game.say(f"{blocker.face.name} ({blocker.id}) blocks {attacker.face.name} ({attacker.id})")
    for blocker, attacker in pairs:
        emit(game, Happening(Event.BLOCKS, seat, blocker, attacker))


def _legal_blocks(pairs: Iterable[tuple[Card, Card]]) -> list[tuple[Card, Card]]:
    """Drop blocks that are illegal, alone or (menace) as a whole."""
    legal = [pair for pair in pairs if can_block(*pair)]
    return [
        (blocker, attacker)
        for blocker, attacker in legal
        if Keyword.MENACE not in attacker.keywords
        or sum(other is attacker for _, other in legal) > 1
    ]


def add_blocker(combat: Combat, blocker: Card, attacker: Card) -> None:
    """Make a creature block an attacker."""
    blocker.blocking = attacker
    combat.blockers.setdefault(attacker.id, []).append(blocker)
    combat.was_blocked.add(attacker.id)


def _deal_combat_damage(game: Game, combat: Combat, strikers: set[int]) -> None:
    """Deal the damage of one step all at once: assign first, then deal."""
    assigned: list[tuple[Card, Target, int]] = []
    for attacker in combat.attackers:
        blockers = combat.blockers.get(attacker.id, [])
        if attacker.id in strikers:
            assigned += _assign_damage(game, combat, attacker)
        assigned += [
            (blocker, attacker, blocker.power) for blocker in blockers if blocker.id in strikers
        ]
    for source, target, amount in assigned:
        deal_damage(game, source, target, amount=amount)


def _assign_damage(game: Game, combat: Combat, attacker: Card) -> list[tuple[Card, Target, int]]:
    defender = game.players[1 - combat.seat]
    if attacker.id not in combat.was_blocked:
        return [(attacker, defender, attacker.power)]
    has_trample = Keyword.TRAMPLE in attacker.keywords
    left = attacker.power
    assigned: list[tuple[Card, Target, int]] = []
    blockers = combat.blockers.get(attacker.id, [])
    ordered = sorted(blockers, key=lambda card: _lethal_damage(attacker, card))
    for blocker in ordered:
        is_last = blocker is ordered[-1] and not has_trample
        amount = left if is_last else min(left, _lethal_damage(attacker, blocker))
        assigned.append((attacker, blocker, amount))
        left -= amount
    if has_trample:
        assigned.append((attacker, defender, left))
    return assigned


def _lethal_damage(attacker: Card, blocker: Card) -> int:
    if Keyword.DEATHTOUCH in attacker.keywords:
        return 1
    return max(blocker.toughness - blocker.damage, 0)
