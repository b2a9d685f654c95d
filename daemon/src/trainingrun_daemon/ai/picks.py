"""Cards that are kept, given up or put away; hands that are kept; modes and numbers."""

from collections.abc import Callable
from typing import Final

from trainingrun_daemon.ai.evaluation import face_worth, hand_worth, worth
from trainingrun_daemon.ai.spells import MANA_PRICE, value_modes
from trainingrun_daemon.ai.targeting import value_specs
from trainingrun_daemon.rules.casting import DONE
from trainingrun_daemon.rules.choices import AnnounceValue, ChooseAbility, ChooseCards, Confirm
from trainingrun_daemon.rules.enums import Purpose, Zone
from trainingrun_daemon.rules.model import Aim, Card, Game, StackItem

_KEPT_ON_TOP: Final = 4.5
"""Least worth in hand of a card that a scry leaves on top."""
_GAINS: Final = frozenset({Purpose.KEEP, Purpose.SEARCH, Purpose.USE, Purpose.GROW})


def choose_cards(game: Game, choice: ChooseCards) -> tuple[int, ...]:
    """Return the positions of the chosen cards."""
    seat = choice.seat
    values = [_worth_of(game, seat, card) for card in choice.cards]
    order = range(len(choice.cards))
    if choice.purpose in _GAINS:
        best = sorted(order, key=lambda at: -values[at])
        wanted = [at for at in best if values[at] > 0][: choice.maximum]
        return tuple(wanted if len(wanted) >= choice.minimum else best[: choice.minimum])
    least = sorted(order, key=values.__getitem__)
    if choice.purpose is Purpose.BOTTOM and choice.minimum < choice.maximum:
        away = [at for at in least if values[at] < _KEPT_ON_TOP][: choice.maximum]
        return tuple(away if len(away) >= choice.minimum else least[: choice.minimum])
    return tuple(least[: choice.minimum])


def _worth_of(game: Game, seat: int, card: Card) -> float:
    """Return what a card is worth where it is, to its owner."""
    if card.zone is Zone.BATTLEFIELD:
        return worth(card) - (1.0 if card.tapped else 0.0)
    if card.owner != seat:
        return face_worth(card.face)
    return hand_worth(game, seat, card)


def agrees(game: Game, choice: Confirm) -> bool:
    """Return whether the AI says yes."""
    if choice.purpose is not Purpose.MULLIGAN:
        return choice.is_wise
    hand = game.players[choice.seat].hand
    lands = sum(card.face.is_land for card in hand)
    cheap = sum(not card.face.is_land and card.face.cost.mana_value <= 2 for card in hand)
    return lands == 1 and cheap >= 4  # the engine asks only about hands with 0, 1, 6 or 7 lands


def choose_ability(game: Game, choice: ChooseAbility) -> int:
    """Return the position of the best mode; other lists are best-first."""
    item = game.stack[-1] if game.stack else None
    if item is None or item.card is not choice.source or not item.face.modes or item.modes:
        return 0
    aim = Aim(choice.seat, choice.source)
    modes = item.face.modes
    worths = value_modes(game, aim, modes, is_instant=item.face.is_instant)
    by_text = {mode.text: value for mode, value in zip(modes, worths, strict=True)}
    values = [_value_of_line(line, by_text) for line in choice.abilities]
    return max(range(len(values)), key=values.__getitem__)


def _value_of_line(line: str, by_text: dict[str, float]) -> float:
    if line == DONE:
        return 0.0
    return next((value for text, value in by_text.items() if line.startswith(text)), 0.0)


def choose_value(game: Game, choice: AnnounceValue) -> int:
    """Return the number that does most: as much as possible, but no more than a target needs."""
    item = game.stack[-1] if game.stack else None
    if item is None or item.card is not choice.source or not item.specs:
        return choice.maximum
    return max(range(choice.minimum, choice.maximum + 1), key=_value_of_x(game, choice, item))


def _value_of_x(game: Game, choice: AnnounceValue, item: StackItem) -> Callable[[int], float]:
    def value(x: int) -> float:
        aim = Aim(choice.seat, choice.source, (), x)
        return value_specs(game, aim, item.specs, item.face.text)[0] - MANA_PRICE * x

    return value
