"""The stack and priority (rules 117, 405, 603, 608).

Players are asked only where it matters (``_is_asked``): a priority prompt costs a client a network
round trip and a policy evaluation, and a legal player may always pass. The stops are those that
players of the usual programs set: the own main phases, after attackers and blockers, the end of the
opponent's turn, and whenever the opponent has something on the stack.
"""

from collections.abc import Generator
from typing import Final

from trainingrun_daemon.rules.casting import legal_actions, perform_action
from trainingrun_daemon.rules.choices import (
    ChooseAction,
    Confirm,
    ConfirmKind,
    ask_action,
    ask_confirm,
)
from trainingrun_daemon.rules.enums import Phase, Purpose, Zone
from trainingrun_daemon.rules.model import RESOLUTION_CAP, STACK_CAP, Card, Game, StackItem
from trainingrun_daemon.rules.state_based import check_state, end_game
from trainingrun_daemon.rules.steps import Answer, Choice, Steps
from trainingrun_daemon.rules.suspend import SUSPENDED, hasten
from trainingrun_daemon.rules.targets import (
    aim_of,
    choose_targets,
    emit_targeted,
    has_targets,
    standing_targets,
)
from trainingrun_daemon.rules.zones import move_card, put_on_battlefield

_OWN_STOPS: Final = frozenset({Phase.MAIN1, Phase.BLOCKERS, Phase.MAIN2})
_OTHER_STOPS: Final = frozenset({Phase.ATTACKERS, Phase.BLOCKERS, Phase.END})


def pass_priority(game: Game) -> Steps:
    """Let both players act until both pass in succession and the stack is empty."""
    while True:
        yield from settle(game)
        if (yield from _ask_players(game)):
            continue
        if not game.stack:
            return
        yield from resolve_top(game)


def settle(game: Game) -> Steps:
    """Do what comes before priority: state-based actions, then waiting triggers."""
    yield from check_state(game)
    while game.waiting_triggers:
        yield from _put_triggers(game)
        yield from check_state(game)


def _put_triggers(game: Game) -> Steps:
    """Put waiting triggers on the stack, the active player's first, so that they resolve last.

    One that has no legal target is removed (rule 603.3d).
    """
    waiting = sorted(game.waiting_triggers, key=lambda item: item.controller != game.active)
    game.waiting_triggers.clear()
    for item in waiting:
        if item.specs and not has_targets(game, aim_of(item), item.specs):
            continue
        game.stack.append(item)
        if item.specs:
            yield from choose_targets(game, item)
            emit_targeted(game, item)


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
        return game.stack[-1].controller != seat and len(game.stack) < STACK_CAP
    return game.phase in (_OWN_STOPS if seat == game.active else _OTHER_STOPS)


def resolve_top(game: Game) -> Steps:
    """Resolve the top item. It stays on the stack until it is done, so that it is always somewhere.

    An item all of whose targets have become illegal does nothing (rule 608.2b).
    """
    game.resolutions += 1
    if game.resolutions > RESOLUTION_CAP:
        end_game(game, None)
    item = game.stack[-1]
    if item.specs:
        item.standing = standing_targets(game, item)
    is_aimed = any(target is not None for target in item.targets)
    is_legal = not is_aimed or any(target is not None for target in item.standing)
    if is_legal and item.is_spell and item.face.is_permanent:
        yield from _resolve_permanent(game, item)
        return
    if is_legal and (yield from _is_wanted(game, item)):
        yield from _apply_effects(game, item)
    if item in game.stack:
        game.stack.remove(item)
    if item.face.chapters:
        game.is_stale = True  # a saga waits for its last chapter
    if item.is_spell and item.card.zone is Zone.STACK:
        _put_away(game, item, has_resolved=is_legal)


def _resolve_permanent(game: Game, item: StackItem) -> Steps:
    game.stack.remove(item)
    host = item.standing[0] if item.face.is_aura and item.standing else None
    yield from put_on_battlefield(
        game,
        item.card,
        controller=item.controller,
        way=item.way,
        x=item.x,
        host=host if isinstance(host, Card) else None,
    )
    if item.way == SUSPENDED.name:
        hasten(game, item.card)


def _is_wanted(game: Game, item: StackItem) -> Generator[Choice, Answer, bool]:
    """Ask what a triggered ability asks on resolution: its "if", then its "you may"."""
    trigger = item.trigger
    if trigger is None:
        return True
    if trigger.still is not None and not trigger.still(game, item):
        return False
    if not trigger.optional:
        return True
    confirm = Confirm(
        item.controller,
        message=item.text,
        purpose=Purpose.USE,
        kind=ConfirmKind.TRIGGER,
        source=item.card,
    )
    return (yield from ask_confirm(confirm))


def _apply_effects(game: Game, item: StackItem) -> Steps:
    if item.modes:
        standing, item.standing = item.standing, ()
        for mode in item.modes:
            item.standing, standing = standing[: len(mode.targets)], standing[len(mode.targets) :]
            if mode.targets and all(target is None for target in item.standing):
                continue
            steps = mode.effect(game, item)
            if steps is not None:
                yield from steps
    elif item.effect is not None:
        steps = item.effect(game, item)
        if steps is not None:
            yield from steps


def _put_away(game: Game, item: StackItem, *, has_resolved: bool) -> None:
    """Put a spell's card where it goes: a graveyard, unless its way says otherwise."""
    if has_resolved and item.after is not None:
        item.after(game, item.card)
    else:
        move_card(game, item.card, Zone.EXILE if item.leaves_to_exile else Zone.GRAVEYARD)
