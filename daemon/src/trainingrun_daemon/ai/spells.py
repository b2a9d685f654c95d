"""What casting a spell is worth now, in points; nothing or less when it had better wait."""

from collections.abc import Sequence
from typing import Final

from trainingrun_daemon.ai.costs import price_of
from trainingrun_daemon.ai.evaluation import CARD_PRICE, cost_of_damage, face_worth, worth
from trainingrun_daemon.ai.situation import (
    available_mana,
    burn_reach,
    cast_pain,
    has_cards_on_loan,
    has_flash,
    has_named,
    is_last_chance,
    is_own_main,
    threatened_worth,
    unblocked_damage,
)
from trainingrun_daemon.ai.targeting import WIN, value_specs
from trainingrun_daemon.ai.text_parsing import (
    face_damage,
    is_impulse,
    sweep_damage,
    sweep_limit,
    wants_landfall,
)
from trainingrun_daemon.rules.choices import Action, ChooseAction
from trainingrun_daemon.rules.combat import can_attack
from trainingrun_daemon.rules.enums import Bar, Keyword, Phase, Purpose, Use
from trainingrun_daemon.rules.model import Aim, Card, CardFace, Game, Mode, Player, Target

MANA_PRICE: Final = 0.3
"""What a mana costs: enough to prefer the cheaper of two equal things."""
_BURN_OUT: Final = 0.5 * WIN
"""Burn that is part of a win with the other burn in hand."""
_LIKED: Final = 3.0
"""A spell without targets that is simply welcome, before its mana value counts."""
_PLENTY: Final = 2
"""Spells in hand of which one may go to the face."""
_NEAR_DEATH: Final = 10
"""Life of the opponent from which on every burn spell may."""
_SPARE: Final = 0.75
"""How much less a card is worth for every other spell in hand, while mana would be wasted."""
_LEAST_COUNTERED: Final = 6.0


def value_cast(game: Game, choice: ChooseAction, action: Action) -> float:
    """Value casting a spell in this way."""
    value = _value_of_spell(game, choice, action)
    if value <= 0:
        return value
    pain = cast_pain(game, choice.seat, action)
    if pain and pain >= game.players[choice.seat].life:
        return 0.0  # the trigger resolves before the spell does
    if value >= _BURN_OUT:
        return value
    price = cost_of_damage(game.players[choice.seat].life, pain) if pain else 0.0
    payments = action.face.payments if action.way is None else action.way.payments
    for payment in payments:
        price += price_of(game, choice.seat, action.card, payment)
    return value - price - MANA_PRICE * action.cost.mana_value


def _value_of_spell(game: Game, choice: ChooseAction, action: Action) -> float:
    seat, face = choice.seat, action.face
    if face.is_legendary and face.is_permanent and has_named(game.players[seat], face):
        return 0.0
    if face.modes:
        values = value_modes(game, Aim(seat, action.card), face.modes, is_instant=face.is_instant)
        return max(
            max(values, default=0.0) - CARD_PRICE, _value_of_burning_out(game, choice, action)
        )
    if face.use is Use.SWEEP:
        return value_of_sweep(game, seat, face.text) - CARD_PRICE
    if face.is_permanent and not face.is_aura:
        return _value_of_permanent(game, choice, action)
    if not face.targets:
        value = _value_of_untargeted(game, seat, face)
        return max(value, _value_of_burning_out(game, choice, action))
    if action.cost.xs:
        return _value_of_best_x(game, seat, action)
    if wants_landfall(face.text) and not game.players[seat].lands_entered:
        return 0.0
    value, target = value_specs(game, Aim(seat, action.card), face.targets, face.text)
    if face.is_aura:
        return value - 1.0
    value = _in_time(game, seat, face, value, target)
    return max(value, _value_of_burning_out(game, choice, action))


def _in_time(game: Game, seat: int, face: CardFace, value: float, target: Target | None) -> float:
    """Return what is left of a spell's value when its card is paid for, if this is its moment."""
    if value >= WIN:
        return value
    if isinstance(target, Player) and len(face.targets) == 1:
        purpose = face.targets[0].purpose
        if purpose is Purpose.DAMAGE:
            return _value_of_face_burn(game, seat, value, instant=face.is_instant)
        return value if is_own_main(game, seat) or face.is_instant else 0.0
    if face.targets[0].purpose is Purpose.COUNTER:
        return value if value >= _LEAST_COUNTERED else 0.0
    if is_last_chance(game, seat, instant=face.is_instant):
        return value - _price_of_spare(game, seat)
    return value - CARD_PRICE


def _price_of_spare(game: Game, seat: int) -> float:
    """Return what a card is worth while mana would be wasted: less when there are others."""
    spells = sum(not card.face.is_land for card in game.players[seat].hand)
    return max(CARD_PRICE - _SPARE * (spells - 1), 0.5)


def _value_of_face_burn(game: Game, seat: int, value: float, *, instant: bool) -> float:
    """Burn that wins nothing at once waits for a creature, unless there is too much of it."""
    if not is_last_chance(game, seat, instant=instant):
        return 0.0
    player, opponent = game.players[seat], game.players[1 - seat]
    spells = sum(not card.face.is_land for card in player.hand)
    has_plenty = spells >= _PLENTY or len(player.hand) >= 7
    return value if has_plenty or opponent.life <= _NEAR_DEATH else 0.0


def _value_of_burning_out(game: Game, choice: ChooseAction, action: Action) -> float:
    """Value a burn spell when all of them together kill."""
    from_hand = burn_reach(game, choice.seat, [action])
    if not from_hand:
        return 0.0
    life = game.players[1 - choice.seat].life
    if game.phase is Phase.BLOCKERS and game.active == choice.seat and not game.stack:
        life -= unblocked_damage(game)
    if life <= 0 or burn_reach(game, choice.seat, choice.actions) < life:
        return 0.0
    return _BURN_OUT + from_hand


def _value_of_permanent(game: Game, choice: ChooseAction, action: Action) -> float:
    face, seat = action.face, choice.seat
    if action.variant == "Warp":
        return _value_of_warp(game, face)
    value = 3.0 + face_worth(face)
    if action.variant:
        value += 1.5 * max(action.cost.mana_value - face.cost.mana_value, 0)  # kicked, offspring
    if is_own_main(game, seat):
        return value
    if game.stack or not has_flash(face):
        return 0.0
    return value if game.active != seat and game.phase in (Phase.ATTACKERS, Phase.END) else 0.0


def _value_of_warp(game: Game, face: CardFace) -> float:
    """Return a warped creature is there for one attack, and can be cast again later."""
    is_in_time = game.phase is Phase.MAIN1 and Keyword.HASTE in face.keywords
    if not (is_in_time or face.triggers):
        return 0.0
    return 3.0 + (2.0 * face.power if is_in_time else 0.0)


def _value_of_untargeted(game: Game, seat: int, face: CardFace) -> float:
    damage = face_damage(face.text)
    if damage and not face.is_permanent:
        return _value_of_face_burn(game, seat, 0.8 * damage, instant=face.is_instant)
    return value_of_use(game, seat, face.use, face.text, is_instant=face.is_instant)


def value_of_use(game: Game, seat: int, use: Use, text: str, *, is_instant: bool) -> float:
    """Value something without targets by what it is for."""
    match use:
        case Use.VALUE | Use.ENGINE:
            is_time = is_own_main(game, seat)
            if is_impulse(text):
                return _LIKED + 3.0 if is_time and not has_cards_on_loan(game, seat) else 0.0
            if is_instant:
                is_time = is_last_chance(game, seat, instant=True)
            return _LIKED + 3.0 if is_time else 0.0
        case Use.SWEEP:
            return value_of_sweep(game, seat, text)
        case Use.TRICK:
            return _value_of_team_trick(game, seat)
        case Use.SHIELD:
            return _value_of_shield(game, seat, text)
        case _:
            return 0.0


def _value_of_team_trick(game: Game, seat: int) -> float:
    """Return a boost for everybody: before an attack of many, or while they fight."""
    attackers = sum(can_attack(card) for card in game.players[seat].battlefield)
    if game.phase is Phase.MAIN1 and is_own_main(game, seat):
        return 2.5 * attackers
    combat = game.combat
    if combat is not None and combat.seat == seat and game.phase is Phase.BLOCKERS:
        return 3.0 * len(combat.attackers)
    return 0.0


def _value_of_shield(game: Game, seat: int, text: str) -> float:
    if "combat damage" in text:
        is_fighting = game.phase is Phase.BLOCKERS and game.active != seat and not game.stack
        is_deadly = unblocked_damage(game) >= game.players[seat].life
        return WIN if is_fighting and is_deadly and Bar.COMBAT_DAMAGE not in game.bars else 0.0
    return threatened_worth(game, seat)


def value_of_sweep(game: Game, seat: int, text: str) -> float:
    """Value a sweeper by what each side would lose."""
    if not is_own_main(game, seat):
        return 0.0
    value = 0.0
    for player in game.players:
        lost = sum(worth(card) for card in player.battlefield if _is_swept(card, text))
        value += -lost if player.seat == seat else lost
    return value


def _is_swept(card: Card, text: str) -> bool:
    damage, limit = sweep_damage(text), sweep_limit(text)
    if limit is not None:
        return not card.is_land and card.printed.cost.mana_value <= limit
    if not card.is_creature or Keyword.INDESTRUCTIBLE in card.keywords:
        return False
    return damage is None or card.toughness - card.damage <= damage


def _value_of_best_x(game: Game, seat: int, action: Action) -> float:
    most = (available_mana(game, seat) - action.cost.mana_value) // action.cost.xs
    values = [
        value_specs(game, Aim(seat, action.card, (), x), action.face.targets, action.face.text)[0]
        - MANA_PRICE * x
        for x in range(1, most + 1)
    ]
    return max(values, default=0.0) - CARD_PRICE


def value_modes(game: Game, aim: Aim, modes: Sequence[Mode], *, is_instant: bool) -> list[float]:
    """Value each mode of a spell, its own cost deducted."""
    values = []
    for mode in modes:
        if mode.targets:
            value, target = value_specs(game, aim, mode.targets, mode.text)
            if value < WIN and isinstance(target, Player):
                value = _value_of_face_burn(game, aim.seat, value, instant=is_instant)
                value += CARD_PRICE if value else 0.0
        else:
            value = value_of_use(game, aim.seat, mode.use, mode.text, is_instant=is_instant)
        values.append(value - MANA_PRICE * mode.cost.mana_value)
    return values
