"""Which action the AI takes when it has priority."""

from trainingrun_daemon.ai.timing import is_fighting, is_quiet, is_slow, is_time_for
from trainingrun_daemon.rules.choices import Action, ActionKind, ChooseAction
from trainingrun_daemon.rules.face import Aim, Mode, Target, TargetSpec
from trainingrun_daemon.rules.model import Card, Game, Player, StackItem
from trainingrun_daemon.rules.payments import can_pay_mana, greatest_x, mana_sources
from trainingrun_daemon.rules.targets import damage_at, is_well_aimed, legal_targets, worth
from trainingrun_daemon.rules.terms import HARMFUL, PaymentKind, Purpose, Use

_WORTH_REMOVING = 5
"""Least worth of a creature on which a removal spell is spent: a 2/1."""
_LAND_VALUE = 1000
_LETHAL = 900
_USEFUL = 60
_ABILITY_VALUE = 1
"""Abilities come after all spells: they are still there next turn."""


def choose_action(game: Game, choice: ChooseAction) -> int:
    """Give the position of the best action, or -1 when waiting is better."""
    values = [_value(game, choice.seat, action) for action in choice.actions]
    best = max(range(len(values)), key=values.__getitem__)
    return best if values[best] > 0 else -1


def _value(game: Game, seat: int, action: Action) -> int:
    match action.kind:
        case ActionKind.LAND:
            return _LAND_VALUE
        case ActionKind.ACTIVATE:
            return _value_of_ability(game, seat, action)
        case _:
            return _value_of_spell(game, seat, action)


def _value_of_spell(game: Game, seat: int, action: Action) -> int:
    face = action.face
    if face.is_legendary and _has_named(game.players[seat], action.card):
        return 0
    if face.modes:
        mode = _likely_mode(game, seat, action)
        return (
            0 if mode is None else _worth_now(game, seat, action, use=mode.use, specs=mode.targets)
        )
    return _worth_now(game, seat, action, use=face.use, specs=face.targets)


def _has_named(player: Player, card: Card) -> bool:
    return any(other.face.name == card.face.name for other in player.battlefield)


def _likely_mode(game: Game, seat: int, action: Action) -> Mode | None:
    """Give the mode that the AI would choose: the first that it can pay and aim well."""
    sources = mana_sources(game, seat, spell=action.face)
    for mode in action.face.modes:
        is_paid = can_pay_mana(action.cost.plus(mode.cost), sources)
        if is_paid and is_well_aimed(game, Aim(seat, action.card), mode.targets):
            return mode
    return None


def _worth_now(
    game: Game, seat: int, action: Action, *, use: Use, specs: tuple[TargetSpec, ...]
) -> int:
    """Value a spell by its target if it has one, else by its cost; 0 when it should wait."""
    if not is_time_for(game, seat, action, use=use):
        return 0
    face = action.face
    if specs:
        value = _value_of_aim(game, seat, action, spec=specs[0])
        return value + 1 if action.kind is ActionKind.SPECIAL and value else value
    thrift = 10 * (face.cost.mana_value - action.cost.mana_value)
    return 100 + 10 * face.cost.mana_value + thrift + (5 if face.is_creature else 0)


def _value_of_ability(game: Game, seat: int, action: Action) -> int:
    ability = action.ability
    assert ability is not None
    if not is_time_for(game, seat, action, use=ability.use):
        return 0
    if not ability.targets:
        return _ABILITY_VALUE
    value = _value_of_aim(game, seat, action, spec=ability.targets[0])
    is_sacrificed = any(part.kind is PaymentKind.SACRIFICE_SELF for part in ability.payments)
    if is_sacrificed and action.card.is_creature and value < _USEFUL:
        return 0
    return _ABILITY_VALUE if value else 0


def _value_of_aim(game: Game, seat: int, action: Action, *, spec: TargetSpec) -> int:
    """Value something with targets by the first target that it would be given."""
    aim = Aim(seat, action.card, x=_affordable_x(game, seat, action))
    found = legal_targets(game, aim, spec)
    if not found:
        return _USEFUL if spec.optional else 0
    target = found[0]
    if action.card.attached_to is target:
        return 0  # equipment stays where it is
    if spec.purpose is Purpose.BOOST and isinstance(target, Card):
        is_in_time = is_fighting(target) or is_slow(action)
        return _USEFUL if is_in_time and target.controller == seat else 0
    return _value_of_target(game, aim, target=target, spec=spec)


def _affordable_x(game: Game, seat: int, action: Action) -> int:
    """Give the X that the AI would announce: all its mana."""
    if not action.cost.xs:
        return 0
    return greatest_x(action.cost, mana_sources(game, seat, spell=action.face))


def _value_of_target(game: Game, aim: Aim, *, target: Target, spec: TargetSpec) -> int:
    purpose, seat = spec.purpose, aim.seat
    if isinstance(target, StackItem):
        return _USEFUL if target.controller != seat else 0
    if isinstance(target, Player):
        return _value_of_player(game, aim, target=target, spec=spec)
    if purpose not in HARMFUL:
        return _USEFUL if target.controller == seat else 0
    if target.controller == seat or worth(target) < _WORTH_REMOVING:
        return 0
    if purpose is Purpose.DAMAGE and target.toughness - target.damage > damage_at(
        aim, spec, target
    ):
        return 0
    if purpose is Purpose.BOUNCE and not target.attacking:
        return 0
    return _USEFUL + worth(target)


def _value_of_player(game: Game, aim: Aim, *, target: Player, spec: TargetSpec) -> int:
    if target.seat == aim.seat:
        return 0 if spec.purpose in HARMFUL else _USEFUL
    if spec.purpose is Purpose.DAMAGE and target.life <= damage_at(aim, spec, target):
        return _LETHAL
    if spec.purpose is Purpose.DAMAGE:
        return _USEFUL - 10 if is_quiet(game, aim.seat) else 0
    return _USEFUL if spec.purpose in HARMFUL else 0
