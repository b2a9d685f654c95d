"""What it costs, in points, to pay with something else than mana."""

from typing import Final

from trainingrun_daemon.ai.evaluation import hand_worth, worth
from trainingrun_daemon.rules.enums import PaymentKind, Phase, Zone
from trainingrun_daemon.rules.model import Card, Game, Payment

_TAPPING: Final = frozenset(
    {PaymentKind.TAP_OTHER, PaymentKind.TAP_PERMANENTS, PaymentKind.TAP_STRONGEST}
)
_DISCARDING: Final = frozenset({PaymentKind.DISCARD, PaymentKind.DISCARD_SELF})
_SAFE_LIFE: Final = 4
_FORBIDDEN: Final = 50.0


def price_of(game: Game, seat: int, source: Card, payment: Payment) -> float:
    """Return what a payment of ``source`` costs its controller."""
    kind, amount = payment.kind, payment.amount
    if kind is PaymentKind.SACRIFICE_SELF or kind is PaymentKind.EXILE_SELF:
        is_spent = source.zone is not Zone.BATTLEFIELD
        return 0.0 if is_spent or source.is_land or source.is_token else 0.8 * worth(source)
    if kind is PaymentKind.SACRIFICE:
        return 4.0 * amount
    if kind in _DISCARDING:
        hand = [card for card in game.players[seat].hand if card is not source]
        return min((hand_worth(game, seat, card) for card in hand), default=3.0)
    if kind is PaymentKind.LIFE:
        return 1.0 * amount if game.players[seat].life > amount + _SAFE_LIFE else _FORBIDDEN
    if kind in _TAPPING:
        return (3.0 if game.phase is Phase.MAIN1 else 0.5) * amount
    if kind is PaymentKind.TAP:
        return 1.0 if source.is_creature and game.phase is Phase.MAIN1 else 0.0
    return 0.0
