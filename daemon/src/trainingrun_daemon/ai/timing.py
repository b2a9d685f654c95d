"""Whether it is time for an effect: the judgement that each ``Use`` asks for.

Border: the moment only. Whether a target is worth it is judged in ``spells``.
"""

from trainingrun_daemon.rules.choices import Action
from trainingrun_daemon.rules.combat import can_attack
from trainingrun_daemon.rules.model import Card, Game, StackItem
from trainingrun_daemon.rules.targets import worth
from trainingrun_daemon.rules.terms import HARMFUL, PaymentKind, Phase, Purpose, Use, Zone

_WORTH_SWEEPING = 8
"""By how much the opponent's creatures must be better before all are swept away."""


def is_time_for(game: Game, seat: int, action: Action, *, use: Use) -> bool:
    """Whether the AI would do now what this use is about."""
    match use:
        case Use.VALUE:
            return True
        case Use.SPECIAL:
            return False
        case Use.SWEEP:
            return _lead(game, 1 - seat) >= _WORTH_SWEEPING
        case Use.TRICK:
            return _is_time_for_trick(game, seat, action)
        case Use.ANIMATE:
            return game.phase is Phase.MAIN1 and game.active == seat and _could_attack(action.card)
        case Use.SHIELD:
            return _is_threatened(game, seat)
        case Use.ENGINE:
            return _is_steady(action) or is_quiet(game, seat)


def is_quiet(game: Game, seat: int) -> bool:
    """Whether a turn ends anyway: what is not done now is not done in this turn."""
    if game.stack:
        return False
    return game.phase is Phase.END or (game.active == seat and game.phase is Phase.MAIN2)


def is_slow(action: Action) -> bool:
    """Whether it can be done only when a sorcery could be cast."""
    if action.ability is not None:
        return action.ability.at_sorcery_speed
    return action.face.is_sorcery


def is_fighting(card: Card) -> bool:
    """Whether a creature attacks or blocks."""
    return card.attacking or card.blocking is not None


def _lead(game: Game, seat: int) -> int:
    """How much better the creatures of a seat are than those of the other."""
    own, other = (
        sum(worth(card) for card in game.players[side].battlefield if card.is_creature)
        for side in (seat, 1 - seat)
    )
    return own - other


def _is_time_for_trick(game: Game, seat: int, action: Action) -> bool:
    """Before an attack when it is slow, else after blocks when an own creature fights."""
    creatures = [card for card in game.players[seat].battlefield if card.is_creature]
    if is_slow(action):
        return game.phase is Phase.MAIN1 and any(can_attack(card) for card in creatures)
    if game.phase is not Phase.BLOCKERS or game.stack:
        return False
    if action.ability is not None and not action.ability.targets:
        return is_fighting(action.card)
    return any(is_fighting(card) for card in creatures)


def _could_attack(card: Card) -> bool:
    """Whether a permanent could attack if it were a creature."""
    return not (card.tapped or card.is_sick or card.is_creature)


def _is_steady(action: Action) -> bool:
    """Whether an ability is for every turn and every moment: loyalty, equipment, counters."""
    ability = action.ability
    if ability is None:
        return False
    if any(payment.kind is PaymentKind.LOYALTY for payment in ability.payments):
        return True
    return any(spec.purpose is Purpose.GROW or spec.purpose in HARMFUL for spec in ability.targets)


def _is_threatened(game: Game, seat: int) -> bool:
    """Whether the opponent is about to take something away, or deals lethal damage in combat."""
    if game.stack:
        return game.stack[-1].controller != seat and _is_removal(game.stack[-1], seat)
    combat = game.combat
    if combat is None or combat.seat == seat or game.phase is not Phase.BLOCKERS:
        return False
    unblocked = (card for card in combat.attackers if card.id not in combat.was_blocked)
    return sum(card.power for card in unblocked) >= game.players[seat].life


def _is_removal(item: StackItem, seat: int) -> bool:
    if item.is_spell and item.face.use is Use.SWEEP:
        return True
    return any(
        isinstance(target, Card)
        and target.zone is Zone.BATTLEFIELD
        and target.controller == seat
        and spec.purpose in HARMFUL
        for spec, target in zip(item.specs, item.targets, strict=True)
    )
