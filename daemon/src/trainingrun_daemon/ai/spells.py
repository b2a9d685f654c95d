"""Which action the AI takes when it has priority."""

from trainingrun_daemon.rules.choices import Action, ActionKind, ChooseAction
from trainingrun_daemon.rules.face import Aim, Target, TargetSpec
from trainingrun_daemon.rules.model import Card, Game, Player, StackItem
from trainingrun_daemon.rules.payments import greatest_x, mana_sources
from trainingrun_daemon.rules.targets import damage_at, legal_targets, worth
from trainingrun_daemon.rules.terms import HARMFUL, Phase, Purpose

_WORTH_REMOVING = 5
"""Least worth of a creature on which a removal spell is spent: a 2/1."""
_LAND_VALUE = 1000


def choose_action(game: Game, choice: ChooseAction) -> int:
    """Give the position of the best action, or -1 when waiting is better."""
    values = [_value(game, choice.seat, action) for action in choice.actions]
    best = max(range(len(values)), key=values.__getitem__)
    return best if values[best] > 0 else -1


def _value(game: Game, seat: int, action: Action) -> int:
    face = action.face
    if action.kind is ActionKind.ACTIVATE:
        return 1
    if action.kind is ActionKind.LAND:
        return _LAND_VALUE
    if face.is_legendary and _has_named(game.players[seat], action.card):
        return 0
    if face.targets:
        return _value_of_aim(game, seat, action)
    thrift = 10 * (face.cost.mana_value - action.cost.mana_value)
    return 100 + 10 * face.cost.mana_value + thrift + (5 if face.is_creature else 0)


def _has_named(player: Player, card: Card) -> bool:
    return any(other.face.name == card.face.name for other in player.battlefield)


def _value_of_aim(game: Game, seat: int, action: Action) -> int:
    """Value a spell with targets by the first target that it would be given."""
    spec = action.face.targets[0]
    aim = Aim(seat, action.card, x=_affordable_x(game, seat, action))
    found = legal_targets(game, aim, spec)
    if not found:
        return 0
    value = _value_of_target(game, aim, target=found[0], spec=spec)
    return value + 1 if action.kind is ActionKind.SPECIAL and value else value


def _affordable_x(game: Game, seat: int, action: Action) -> int:
    """Give the X that the AI would announce: all its mana."""
    if not action.cost.xs:
        return 0
    return greatest_x(action.cost, mana_sources(game, seat, spell=action.face))


def _value_of_target(game: Game, aim: Aim, *, target: Target, spec: TargetSpec) -> int:
    purpose, seat = spec.purpose, aim.seat
    if isinstance(target, StackItem):
        return 60
    amount = damage_at(aim, spec, target)
    if isinstance(target, Player):
        if target.seat == seat:
            return 0
        if target.life <= amount:
            return 900
        return 50 if _is_time_for_face(game, seat) else 0
    if purpose not in HARMFUL:
        return 60 if target.controller == seat else 0
    if target.controller == seat or worth(target) < _WORTH_REMOVING:
        return 0
    if purpose is Purpose.DAMAGE and target.toughness - target.damage > amount:
        return 0
    if purpose is Purpose.BOUNCE and not target.attacking:
        return 0
    return 60 + worth(target)


def _is_time_for_face(game: Game, seat: int) -> bool:
    """Whether burn that kills nothing may be spent on the opponent: when the turn ends anyway."""
    if game.stack:
        return False
    return game.phase is Phase.END or (game.active == seat and game.phase is Phase.MAIN2)
