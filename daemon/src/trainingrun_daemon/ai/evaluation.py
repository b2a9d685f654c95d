"""What things are worth to the AI, in points: a vanilla 2/2 is six of them.

One scale for creatures, cards in hand and life lets very different actions be compared. The numbers
were tuned by games between versions of this AI; they are judgement, not rules.
"""

from functools import lru_cache
from math import fsum
from typing import Final

from trainingrun_daemon.rules.enums import Keyword
from trainingrun_daemon.rules.model import Card, CardFace, Game, StackItem
from trainingrun_daemon.rules.zones import LOYALTY

CARD_PRICE: Final = 3.0
"""What any card in hand is worth: an action that gains less than that is not worth its card."""
_KEYWORD_WORTH: Final = {
    Keyword.CANT_ATTACK: -4.0,
    Keyword.CANT_BLOCK: -1.0,
    Keyword.DEATHTOUCH: 3.0,
    Keyword.DEFENDER: -3.0,
    Keyword.DOUBLE_STRIKE: 4.0,
    Keyword.FIRST_STRIKE: 1.5,
    Keyword.FLYING: 2.5,
    Keyword.HEXPROOF: 1.5,
    Keyword.INDESTRUCTIBLE: 3.0,
    Keyword.LIFELINK: 2.5,
    Keyword.MENACE: 1.5,
    Keyword.PROWESS: 1.5,
    Keyword.TRAMPLE: 1.0,
    Keyword.UNBLOCKABLE: 3.0,
    Keyword.VIGILANCE: 1.0,
}
_LAND_WORTH: Final = 5.0
_DEAD: Final = -60.0
"""Value of being dead: more than a board, less than to make comparisons of lost games pointless."""


def worth(card: Card) -> float:
    """Return what a permanent is worth to who controls it."""
    if card.is_creature:
        return _body_worth(card.power, card.toughness, card.keywords) + _ability_worth(card.face)
    if card.is_planeswalker:
        return 7.0 + 1.5 * card.counters.get(LOYALTY, 0)
    if card.is_land:
        return _LAND_WORTH
    if card.is_token:
        return 2.0
    return 2.0 + 2.0 * card.face.cost.mana_value


@lru_cache(maxsize=4096)
def face_worth(face: CardFace) -> float:
    """Return what a card is worth when it has resolved."""
    if face.is_land:
        return _LAND_WORTH
    if face.is_creature:
        return _body_worth(face.power, face.toughness, face.keywords) + _ability_worth(face)
    if face.is_planeswalker:
        return 7.0 + 1.5 * face.loyalty
    return 2.0 + 2.0 * face.cost.mana_value


@lru_cache(maxsize=4096)
def _body_worth(power: int, toughness: int, keywords: frozenset[Keyword]) -> float:
    body = 2.0 * max(power, 0) + max(toughness, 0)
    # fsum: the order of a set differs between processes, and a rounded sum with it.
    return body + fsum(_KEYWORD_WORTH.get(keyword, 0.0) for keyword in keywords)


@lru_cache(maxsize=4096)
def _ability_worth(face: CardFace) -> float:
    return 1.5 * len(face.triggers) + 1.0 * len(face.activated) + 2.0 * len(face.statics)


def life_value(life: int) -> float:
    """Return what a life total is worth: the last points count most."""
    return _LIFE[min(life, _MOST_LIFE)] if life > 0 else _DEAD


_MOST_LIFE: Final = 60


def _life_table() -> tuple[float, ...]:
    values = [0.0]
    for life in range(1, _MOST_LIFE + 1):
        values.append(values[-1] + 0.5 + 12.0 / (life + 2))
    return tuple(values)


_LIFE: Final = _life_table()


def cost_of_damage(life: int, damage: int) -> float:
    """Return what a player loses who is dealt damage."""
    return life_value(life) - life_value(life - damage)


def spell_worth(item: StackItem) -> float:
    """Return what a spell or ability on the stack is worth to who controls it."""
    if not item.is_spell:
        return 3.0
    return max(face_worth(item.face), 3.0 + 2.0 * item.face.cost.mana_value)


def hand_worth(game: Game, seat: int, card: Card) -> float:
    """Return what a card is worth to a player who could have it in hand."""
    player = game.players[seat]
    lands = sum(other.is_land for other in player.battlefield)
    if card.face.is_land:
        held = sum(other.face.is_land for other in player.hand if other is not card)
        missing = 4 - lands - held
        if missing > 0:
            return 8.0 + 3.0 * missing
        return 4.0 if lands < 6 and not held else 1.0
    unaffordable = card.face.cost.mana_value - lands - 2
    return 5.0 + 0.4 * face_worth(card.face) - 1.5 * max(unaffordable, 0)
