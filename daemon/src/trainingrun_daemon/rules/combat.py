"""The combat phase.

Decided by the engine, as the protocol wants it: in what order an attacker damages several blockers
(those it can kill most of) and how much each gets (just enough, the rest to the last one, or to the
player with trample).
"""

from collections.abc import Iterable

from trainingrun_daemon.rules.choices import (
    ChooseEntity,
    DeclareAttackers,
    DeclareBlockers,
    ask_attackers,
    ask_blocks,
    ask_entity,
)
from trainingrun_daemon.rules.damage import deal_damage, is_protected
from trainingrun_daemon.rules.enums import Event, Keyword, Phase, Purpose, Zone
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.model import Card, Combat, Game, Happening, Target
from trainingrun_daemon.rules.stack import pass_priority
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import enter_phase

_STRIKES_FIRST = frozenset({Keyword.FIRST_STRIKE, Keyword.DOUBLE_STRIKE})
_STAYS_HOME = frozenset({Keyword.DEFENDER, Keyword.CANT_ATTACK})


def run_combat(game: Game) -> Steps:
    """Play the combat phase; without a possible attacker it ends after its beginning."""
    enter_phase(game, Phase.COMBAT_BEGIN)
    emit(game, Happening(Event.COMBAT_BEGINS, game.active))
    yield from pass_priority(game)
    candidates = [card for card in game.players[game.active].battlefield if can_attack(card)]
    if not candidates:
        return
    enter_phase(game, Phase.ATTACKERS)
    game.combat = Combat(game.active, [])
    yield from _declare_attackers(game, game.combat, candidates)
    if game.combat.attackers:
        yield from pass_priority(game)
        yield from _fight(game, game.combat)
    end_combat(game)


def end_combat(game: Game) -> None:
    """Take everything out of combat."""
    game.combat = None
    game.is_stale = True
    for player in game.players:
        for card in player.battlefield:
            card.attacking = False
            card.is_unblocked = False
            card.blocking = None


def can_attack(card: Card) -> bool:
    """Return whether a creature may be declared as an attacker (rule 508.1a)."""
    if not card.is_creature or card.tapped or card.keywords & _STAYS_HOME:
        return False
    return not card.is_sick or Keyword.HASTE in card.keywords


def can_block(card: Card, attacker: Card) -> bool:
    """Return whether a creature may block this attacker (rule 509.1)."""
    if not card.is_creature or card.tapped or Keyword.CANT_BLOCK in card.keywords:
        return False
    if Keyword.UNBLOCKABLE in attacker.keywords:
        return False
    if Keyword.FLYING in attacker.keywords and not (
        Keyword.FLYING in card.keywords or Keyword.REACH in card.keywords
    ):
        return False
    if attacker.face.evasion is not None and attacker.face.evasion(card):
        return False
    return not is_protected(attacker, card)


def _declare_attackers(game: Game, combat: Combat, candidates: list[Card]) -> Steps:
    attackers = yield from ask_attackers(DeclareAttackers(game.active, candidates))
    attackers += [
        card
        for card in candidates
        if Keyword.MUST_ATTACK in card.keywords and card not in attackers
    ]
    yield from _choose_victims(game, combat, attackers)
    for card in attackers:
        card.attacking = True
        if Keyword.VIGILANCE not in card.keywords:
            card.tapped = True
    combat.attackers = attackers
    game.players[combat.seat].attackers_declared += len(attackers)
    game.is_stale = True
    for card in list(attackers):
        victim = combat.targets.get(card.id)
        where = f" {victim.face.name}" if victim is not None else ""
        game.say(f"{card.face.name} ({card.id}) attacks{where}")
        emit(game, Happening(Event.ATTACKS, game.active, card))


def _choose_victims(game: Game, combat: Combat, attackers: list[Card]) -> Steps:
    """Ask whom each creature attacks when the opponent has planeswalkers (rule 508.1b)."""
    defender = game.players[1 - combat.seat]
    walkers = [card for card in defender.battlefield if card.is_planeswalker]
    if not walkers:
        return
    for card in attackers:
        choice = ChooseEntity(
            combat.seat,
            [defender, *walkers],
            source=card,
            message=f"{card.face.name}: choose what it attacks",
            purpose=Purpose.DAMAGE,
            amount=card.power,
        )
        victim = yield from ask_entity(choice)
        if isinstance(victim, Card):
            combat.targets[card.id] = victim


def _fight(game: Game, combat: Combat) -> Steps:
    if combat.attackers:
        enter_phase(game, Phase.BLOCKERS)
        yield from _declare_blockers(game, combat)
        for card in combat.attackers:
            card.is_unblocked = card.id not in combat.was_blocked
        yield from pass_priority(game)
    early = {card.id for card in _fighters(combat) if card.keywords & _STRIKES_FIRST}
    if early:
        enter_phase(game, Phase.FIRST_STRIKE)
        _deal_combat_damage(game, combat, early)
        yield from pass_priority(game)
    enter_phase(game, Phase.DAMAGE)
    late = {
        card.id
        for card in _fighters(combat)
        if card.id not in early or Keyword.DOUBLE_STRIKE in card.keywords
    }
    _deal_combat_damage(game, combat, late)
    yield from pass_priority(game)
    enter_phase(game, Phase.COMBAT_END)
    yield from pass_priority(game)


def _fighters(combat: Combat) -> list[Card]:
    return [*combat.attackers, *(card for cards in combat.blockers.values() for card in cards)]


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
    for attacker in list(combat.attackers):
        if attacker.id in combat.was_blocked:
            emit(game, Happening(Event.BECOMES_BLOCKED, combat.seat, attacker))


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
        deal_damage(game, source, target, amount=amount, is_combat=True)


def _assign_damage(game: Game, combat: Combat, attacker: Card) -> list[tuple[Card, Target, int]]:
    victim = _victim(game, combat, attacker)
    if attacker.id not in combat.was_blocked:
        return [] if victim is None else [(attacker, victim, attacker.power)]
    has_trample = Keyword.TRAMPLE in attacker.keywords and victim is not None
    left = attacker.power
    assigned: list[tuple[Card, Target, int]] = []
    blockers = combat.blockers.get(attacker.id, [])
    ordered = sorted(blockers, key=lambda card: _lethal_damage(attacker, card))
    for blocker in ordered:
        is_last = blocker is ordered[-1] and not has_trample
        amount = left if is_last else min(left, _lethal_damage(attacker, blocker))
        assigned.append((attacker, blocker, amount))
        left -= amount
    if has_trample and victim is not None:
        assigned.append((attacker, victim, left))
    return assigned


def _victim(game: Game, combat: Combat, attacker: Card) -> Target | None:
    """Give whom an attacker damages; None when the planeswalker it attacked has gone."""
    walker = combat.targets.get(attacker.id)
    if walker is None:
        return game.players[1 - combat.seat]
    is_there = walker.zone is Zone.BATTLEFIELD and walker.is_planeswalker
    return walker if is_there else None


def _lethal_damage(attacker: Card, blocker: Card) -> int:
    if Keyword.DEATHTOUCH in attacker.keywords:
        return 1
    return max(blocker.toughness - blocker.damage, 0)


def join_attack(game: Game, card: Card, victim: Card | None = None) -> None:
    """Make a creature that came to the battlefield attacking one of the attackers (rule 508.4).

    ``victim`` is the planeswalker that it attacks, None for the player.
    """
    if game.combat is not None and game.combat.seat == card.controller:
        card.attacking = True
        card.is_unblocked = game.phase not in (Phase.COMBAT_BEGIN, Phase.ATTACKERS)
        game.combat.attackers.append(card)
        if victim is not None:
            game.combat.targets[card.id] = victim
