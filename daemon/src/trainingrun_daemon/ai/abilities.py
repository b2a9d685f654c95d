"""What activating an ability is worth now, in points."""

from math import fsum
from typing import Final

from trainingrun_daemon.ai.combat_simulation import Fighter, simulate_combat
from trainingrun_daemon.ai.costs import price_of
from trainingrun_daemon.ai.evaluation import worth
from trainingrun_daemon.ai.situation import is_own_main, threatened_worth
from trainingrun_daemon.ai.spells import MANA_PRICE
from trainingrun_daemon.ai.targeting import WIN, value_of_boost, value_specs
from trainingrun_daemon.ai.text_parsing import boost_of, woken_body
from trainingrun_daemon.rules.choices import Action, ActionKind, ChooseAction
from trainingrun_daemon.rules.enums import Keyword, PaymentKind, Phase, Use
from trainingrun_daemon.rules.mana import FREE
from trainingrun_daemon.rules.model import Activated, Aim, Card, Game, Payment
from trainingrun_daemon.rules.zones import LOYALTY

_ULTIMATE: Final = -6
_LEAST_USED: Final = 1.5
"""What mana that nothing else needs is spent for."""


def value_ability(game: Game, choice: ChooseAction, action: Action) -> float:
    """Value activating an ability."""
    ability, card, seat = action.ability, action.card, choice.seat
    assert ability is not None
    loyalty = next((pay for pay in ability.payments if pay.kind is PaymentKind.LOYALTY), None)
    if loyalty is not None:
        return _value_of_loyalty(game, seat, action, loyalty)
    if ability.use is Use.SPECIAL or _is_endless(ability):
        return 0.0
    match ability.use:
        case Use.TRICK:
            value = _value_of_trick(game, seat, card, ability)
        case Use.ANIMATE:
            value = _value_of_waking(game, seat, action)
        case Use.SHIELD:
            value = threatened_worth(game, seat)
        case _:
            value = _value_of_engine(game, choice, action)
    if value <= 0 or value >= WIN:
        return value
    # fsum: Python 3.12 adds floats up in another way than 3.11.
    price = fsum(price_of(game, seat, card, payment) for payment in ability.payments)
    return value - price - MANA_PRICE * action.cost.mana_value


def _is_endless(ability: Activated) -> bool:
    """Return whether nothing limits how often it can be used: the AI would never pass again."""
    return ability.cost is FREE and not ability.payments and not ability.once_a_turn


def _value_of_loyalty(game: Game, seat: int, action: Action, payment: Payment) -> float:
    """Value a loyalty ability: what it does, and what it does to the loyalty."""
    ability, card = action.ability, action.card
    assert ability is not None
    value = 10.0 + 1.2 * payment.amount
    if payment.amount <= _ULTIMATE:
        return 60.0
    if ability.targets:
        aimed, _ = value_specs(game, Aim(seat, card), ability.targets, ability.text)
        if aimed <= 0:
            return 0.5 if payment.amount > 0 and ability.targets[0].optional else 0.0
        value += aimed - 5.0
    if card.counters.get(LOYALTY, 0) + payment.amount <= 0:
        value -= 6.0
    return max(value, 0.5 if payment.amount > 0 else 0.0)


def _value_of_engine(game: Game, choice: ChooseAction, action: Action) -> float:
    """Value an ability for spare mana: after everything else, unless it takes nothing away."""
    ability, seat = action.ability, choice.seat
    assert ability is not None
    if action.card.attached_to is not None:
        return 0.0  # equipment stays where it is
    if ability.targets:
        value, _ = value_specs(game, Aim(seat, action.card), ability.targets, ability.text)
        if value >= WIN:
            return value
    else:
        value = 5.0 if ability.use is Use.VALUE else 3.0
    if ability.cost is FREE:
        return value if is_own_main(game, seat) or game.phase is Phase.END else 0.0
    if game.stack:
        return 0.0
    is_last = game.active == seat and game.phase is Phase.MAIN2
    is_last = is_last or (game.active != seat and game.phase is Phase.END)
    is_early = ability.at_sorcery_speed and is_own_main(game, seat)
    if not (is_last or is_early):
        return 0.0
    has_spell = any(other.kind is ActionKind.CAST for other in choice.actions)
    return min(value, _LEAST_USED + 1.0) if has_spell and is_early else value


def _value_of_trick(game: Game, seat: int, card: Card, ability: Activated) -> float:
    if ability.targets:
        return value_specs(game, Aim(seat, card), ability.targets, ability.text)[0]
    return value_of_boost(game, seat, card, boost_of(ability.text))


def _value_of_waking(game: Game, seat: int, action: Action) -> float:
    """Value making a creature: for an attack that no blocker can punish, or to block and kill."""
    ability, card = action.ability, action.card
    assert ability is not None
    if game.stack or card.tapped:
        return 0.0
    body = _woken(card, ability)
    if game.active != seat:
        return _value_of_ambush(game, body)
    if game.phase is not Phase.MAIN1 or (card.is_sick and not body.has_haste):
        return 0.0
    for other in game.players[1 - seat].battlefield:
        if other.is_creature and not other.tapped and _can_meet(other, body):
            end = simulate_combat(body, [Fighter(other)])
            if end.attacker_dies and not end.dead:
                return 0.0
    return 1.2 * (body.power - _crew_power(game, seat, ability)) + 0.5


def _value_of_ambush(game: Game, body: Fighter) -> float:
    """Value a creature that blocks, kills and lives."""
    if game.phase is not Phase.ATTACKERS or game.combat is None:
        return 0.0
    best = 0.0
    for attacker in game.combat.attackers:
        end = simulate_combat(Fighter(attacker), [body])
        if Keyword.FLYING not in attacker.keywords and end.attacker_dies and not end.dead:
            best = max(best, worth(attacker) - 2.0)
    return best


def _woken(card: Card, ability: Activated) -> Fighter:
    """Return the creature that a permanent would become."""
    size = woken_body(ability.text)
    power, toughness = size or (card.face.power, card.face.toughness)
    boost = boost_of(ability.text)
    return Fighter(
        card,
        power=power - card.power,
        toughness=toughness - card.toughness,
        keywords=boost.keywords,
    )


def _can_meet(blocker: Card, body: Fighter) -> bool:
    is_out_of_reach = body.has_flying and not blocker.keywords & {Keyword.FLYING, Keyword.REACH}
    return Keyword.CANT_BLOCK not in blocker.keywords and not is_out_of_reach


def _crew_power(game: Game, seat: int, ability: Activated) -> int:
    """Return the power of creatures that would have to stay behind to crew."""
    needed = sum(pay.amount for pay in ability.payments if pay.kind is PaymentKind.TAP_POWER)
    if not needed:
        return 0
    crew = sorted(
        (
            card
            for card in game.players[seat].battlefield
            if card.is_creature and not card.tapped and card.power > 0
        ),
        key=lambda card: (not card.is_sick, card.power),
    )
    lost = 0
    for card in crew:
        if needed <= 0:
            break
        needed -= card.power
        lost += 0 if card.is_sick else card.power
    return lost
