"""The turns of a game as the original's engine plays them.

Every step but untap and cleanup gives priority, first to the active player; who acted keeps it; the
step ends when both pass in succession over an empty stack. Combat continues to its end step also
without attackers. Hands are kept, and a hand too large loses its first cards.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from trainingrun_daemon.rules.combat import can_attack, can_block, end_combat
from trainingrun_daemon.rules.continuous import end_of_turn
from trainingrun_daemon.rules.damage import deal_damage
from trainingrun_daemon.rules.enums import Event, Keyword, Phase, Zone
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.model import (
    HAND_LIMIT,
    Card,
    Combat,
    Game,
    GameOverError,
    Happening,
    Target,
)
from trainingrun_daemon.rules.stack import resolve_top
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.suspend import note_suspended
from trainingrun_daemon.rules.zones import (
    LORE,
    add_counters,
    discard,
    draw_cards,
    enter_phase,
    untap,
)

_STRIKES_FIRST: Final = frozenset({Keyword.FIRST_STRIKE, Keyword.DOUBLE_STRIKE})


class Table(Protocol):
    """Who decides a game: the client, or the AI with a log."""

    priority: int
    """The seat that has priority."""

    def run(self, steps: Steps) -> None:
        """Carry out a part of the game, answering what it asks."""

    def settle(self) -> None:
        """Do what comes before priority: state-based actions, then triggers."""

    def act(self, seat: int) -> bool:
        """Let a seat act once; gives whether it did, or passed."""

    def attack(self, combat: Combat, candidates: list[Card]) -> None:
        """Have attackers declared into ``combat``."""

    def block(self, combat: Combat) -> None:
        """Have blockers declared into ``combat``."""

    def assign_damage(
        self, attacker: Card, blockers: list[Card], victim: Target | None
    ) -> list[tuple[Target, int]]:
        """Say how a blocked attacker deals its damage."""


def play_game(game: Game, table: Table) -> None:
    """Play a game to its end."""
    try:
        _open(game)
        while True:
            _take_turn(game, table)
            game.turn += 1
            game.active = 1 - game.active
    except GameOverError:
        end_combat(game)


def _open(game: Game) -> None:
    for player in game.players:
        game.random.shuffle(player.library)
    game.active = game.random.randrange(2)
    for seat in (game.active, 1 - game.active):
        draw_cards(game, seat, HAND_LIMIT)


def _take_turn(game: Game, table: Table) -> None:
    _untap(game, table)
    enter_phase(game, Phase.UPKEEP)
    note_suspended(game, game.active)
    emit(game, Happening(Event.UPKEEP, game.active))
    _give_priority(game, table)
    enter_phase(game, Phase.DRAW)
    if game.turn > 1:
        draw_cards(game, game.active, 1)
    _give_priority(game, table)
    enter_phase(game, Phase.MAIN1)
    for card in list(game.players[game.active].battlefield):
        if card.face.chapters:
            add_counters(game, card, LORE)
    emit(game, Happening(Event.MAIN_BEGINS, game.active))
    _give_priority(game, table)
    _fight(game, table)
    enter_phase(game, Phase.MAIN2)
    _give_priority(game, table)
    enter_phase(game, Phase.END)
    emit(game, Happening(Event.END_STEP, game.active))
    _give_priority(game, table)
    _clean_up(game, table)


def _untap(game: Game, table: Table) -> None:
    table.priority = game.active
    enter_phase(game, Phase.UNTAP)
    game.resolutions = 0
    for player in game.players:
        player.begin_turn()
    for card in game.players[game.active].battlefield:
        untap(game, card)
        card.is_sick = False


def _clean_up(game: Game, table: Table) -> None:
    enter_phase(game, Phase.CLEANUP)
    hand = game.players[game.active].hand
    for card in hand[: max(len(hand) - HAND_LIMIT, 0)]:
        discard(game, card)
    end_of_turn(game)
    table.settle()
    if game.stack:
        _give_priority(game, table)


def _give_priority(game: Game, table: Table) -> None:
    first = table.priority = game.active
    while True:
        table.settle()
        while table.act(table.priority):
            first = table.priority
            table.settle()
        following = 1 - table.priority
        if following != first:
            table.priority = following
            continue
        if not game.stack:
            table.priority = game.active
            return
        table.run(resolve_top(game))
        first = table.priority = game.active


def _fight(game: Game, table: Table) -> None:
    enter_phase(game, Phase.COMBAT_BEGIN)
    emit(game, Happening(Event.COMBAT_BEGINS, game.active))
    _give_priority(game, table)
    enter_phase(game, Phase.ATTACKERS)
    game.combat = Combat(game.active, [])
    candidates = [card for card in game.players[game.active].battlefield if can_attack(card)]
    if candidates:
        table.attack(game.combat, candidates)
        _begin_attack(game, game.combat)
    if game.combat.attackers:
        _give_priority(game, table)
    if game.combat.attackers:
        _meet_blockers(game, game.combat, table)
        _deal_all_damage(game, game.combat, table)
    enter_phase(game, Phase.COMBAT_END)
    _give_priority(game, table)
    end_combat(game)


def _begin_attack(game: Game, combat: Combat) -> None:
    for card in combat.attackers:
        card.attacking = True
        if Keyword.VIGILANCE not in card.keywords:
            card.tapped = True
    game.players[combat.seat].attackers_declared += len(combat.attackers)
    game.is_stale = True
    for card in list(combat.attackers):
        emit(game, Happening(Event.ATTACKS, combat.seat, card))


def _meet_blockers(game: Game, combat: Combat, table: Table) -> None:
    enter_phase(game, Phase.BLOCKERS)
    seat = 1 - combat.seat
    if any(
        can_block(card, attacker)
        for card in game.players[seat].battlefield
        for attacker in combat.attackers
    ):
        table.block(combat)
    for attacker in combat.attackers:
        attacker.is_unblocked = attacker.id not in combat.was_blocked
    game.is_stale = True
    for attacker in list(combat.attackers):
        for blocker in combat.blockers.get(attacker.id, []):
            emit(game, Happening(Event.BLOCKS, seat, blocker, attacker))
        if attacker.id in combat.was_blocked:
            emit(game, Happening(Event.BECOMES_BLOCKED, combat.seat, attacker))
    _give_priority(game, table)


def _deal_all_damage(game: Game, combat: Combat, table: Table) -> None:
    early = {card.id for card in _fighters(combat) if card.keywords & _STRIKES_FIRST}
    if early:
        enter_phase(game, Phase.FIRST_STRIKE)
        _deal_damage(game, combat, table, early)
        _give_priority(game, table)
    late = {
        card.id
        for card in _fighters(combat)
        if card.id not in early or Keyword.DOUBLE_STRIKE in card.keywords
    }
    enter_phase(game, Phase.DAMAGE)
    if late:
        _deal_damage(game, combat, table, late)
        _give_priority(game, table)


def _fighters(combat: Combat) -> Iterable[Card]:
    yield from combat.attackers
    for cards in combat.blockers.values():
        yield from cards


def _deal_damage(game: Game, combat: Combat, table: Table, strikers: set[int]) -> None:
    """Deal the damage of one step all at once. A blocker of several hurts the first of them."""
    assigned: list[tuple[Card, Target, int]] = []
    hitting: set[int] = set()
    for attacker in combat.attackers:
        blockers = combat.blockers.get(attacker.id, [])
        if attacker.id in strikers:
            assigned += _attacker_damage(game, combat, table, attacker)
        for blocker in blockers:
            if blocker.id in strikers and blocker.id not in hitting:
                hitting.add(blocker.id)
                assigned.append((blocker, attacker, blocker.power))
    for source, target, amount in assigned:
        deal_damage(game, source, target, amount=amount, is_combat=True)


def _attacker_damage(
    game: Game, combat: Combat, table: Table, attacker: Card
) -> list[tuple[Card, Target, int]]:
    victim = _victim(game, combat, attacker)
    blockers = combat.blockers.get(attacker.id, [])
    if blockers:
        shares = table.assign_damage(attacker, blockers, victim)
        return [(attacker, target, amount) for target, amount in shares]
    goes_through = attacker.id not in combat.was_blocked or Keyword.TRAMPLE in attacker.keywords
    if victim is None or not goes_through:
        return []
    return [(attacker, victim, attacker.power)]


def _victim(game: Game, combat: Combat, attacker: Card) -> Target | None:
    """Give whom an attacker damages; None when the planeswalker it attacked has gone."""
    walker = combat.targets.get(attacker.id)
    if walker is None:
        return game.players[1 - combat.seat]
    return walker if walker.zone is Zone.BATTLEFIELD and walker.is_planeswalker else None
