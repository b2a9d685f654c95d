"""The stack and priority.

Players are asked only where it matters (``_is_asked``): a priority prompt costs a client a network
round trip and a policy evaluation, and a legal player may always pass. The stops are those that
players of the usual programs set: the own main phases, after attackers and blockers, the end of the
opponent's turn, and whenever the opponent has something on the stack.
"""

from collections.abc import Generator
from typing import Final

from trainingrun_daemon.rules.casting import legal_actions, perform_action
from trainingrun_daemon.rules.choices import ChooseAction, ask_action
from trainingrun_daemon.rules.model import Answer, Choice, Game, Phase, Steps, Target, Zone
from trainingrun_daemon.rules.state_based import check_state
from trainingrun_daemon.rules.targets import standing_targets
from trainingrun_daemon.rules.zones import move_card

_OWN_STOPS: Final = frozenset({Phase.MAIN1, Phase.BLOCKERS, Phase.MAIN2})
_OTHER_STOPS: Final = frozenset({Phase.ATTACKERS, Phase.BLOCKERS, Phase.END})


def pass_priority(game: Game) -> Steps:
    """Let both players act until both pass in succession and the stack is empty."""
    while True:
        settle(game)
        if (yield from _ask_players(game)):
            continue
        if not game.stack:
            return
        yield from resolve_top(game)


def settle(game: Game) -> None:
    """Do what comes before priority: state-based actions, then waiting triggers."""
    check_state(game)
    while game.waiting_triggers:
        _put_triggers(game)
        check_state(game)


def _put_triggers(game: Game) -> None:
    """Put waiting triggers on the stack, the active player's first, so that they resolve last."""
    waiting = sorted(game.waiting_triggers, key=lambda item: item.controller != game.active)
    game.waiting_triggers.clear()
    game.stack += waiting


def _ask_players(game: Game) -> Generator[Choice, Answer, bool]:
    for seat in (game.active, 1 - game.active):
        if not _is_asked(game, seat):
            continue
        actions = legal_actions(game, seat)
        if not actions:
            continue
        action = yield from ask_action(ChooseAction(seat, actions))
        if action is not None:
            yield from perform_action(game, seat, action)
            return True
    return False


def _is_asked(game: Game, seat: int) -> bool:
    if game.stack:
        return game.stack[-1].controller != seat
    return game.phase in (_OWN_STOPS if seat == game.active else _OTHER_STOPS)


def resolve_top(game: Game) -> Steps:
    """Resolve the top item. It stays on the stack until it is done, so that it is always somewhere.

    An item all of whose targets have become illegal does nothing.
    """
    item = game.stack[-1]
    standing: list[Target | None] = standing_targets(item)
    is_permanent = item.is_spell and item.card.face.is_permanent
    does_something = not standing or any(target is not None for target in standing)
    if does_something and item.effect is not None and not is_permanent:
        item.standing = tuple(standing)
        steps = item.effect(game, item)
        if steps is not None:
            yield from steps
    game.stack.remove(item)
    if item.is_spell and item.card.zone is Zone.STACK:
        lands_on_battlefield = is_permanent and does_something
        move_card(game, item.card, Zone.BATTLEFIELD if lands_on_battlefield else Zone.GRAVEYARD)
