"""Numbers read from the text of a card, because its effect does not expose them.

An effect is a function: it has no way to say how much it boosts or hurts. Cards say it in their
text, as for people. Declaring the numbers a second time beside each effect was refused: the two
would drift apart unseen, while a wrong text is seen by every client. What cannot be read counts as
nothing.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from trainingrun_daemon.rules.enums import Keyword

_SIZE: Final = re.compile(r"([+-]\d+)/([+-]\d+)")
_BODY: Final = re.compile(r"(?<![+-])\b(\d+)/(\d+)")
_SWEEP: Final = re.compile(r"(\d+) damage to each creature")
_SMALL: Final = re.compile(r"mana value (\d+) or less")
_FACE: Final = re.compile(r"(\d+) damage to (?:each opponent|target opponent|each player)")
_IMPULSE: Final = re.compile(r"exile (?:the|your) top .*(?:may play|be played)")
_PAIN: Final = re.compile(r"(\d+) damage to (?:that player|the player who cast|the caster)")
_PRICE: Final = re.compile(r"unless its controller pays \{(\d+)\}")
_COMBAT_KEYWORDS: Final = (
    Keyword.DEATHTOUCH,
    Keyword.DOUBLE_STRIKE,
    Keyword.FIRST_STRIKE,
    Keyword.FLYING,
    Keyword.HASTE,
    Keyword.INDESTRUCTIBLE,
    Keyword.LIFELINK,
    Keyword.TRAMPLE,
)


@dataclass(frozen=True, slots=True)
class Boost:
    """What a trick gives a creature."""

    power: int
    toughness: int
    keywords: frozenset[Keyword]


@lru_cache(maxsize=4096)
def boost_of(text: str) -> Boost:
    """Read what a trick gives: ``+3/+2`` and keywords."""
    found = _SIZE.search(text)
    power, toughness = (int(found[1]), int(found[2])) if found else (0, 0)
    lower = text.lower()
    keywords = frozenset(word for word in _COMBAT_KEYWORDS if word.value.lower() in lower)
    return Boost(power, toughness, keywords)


@lru_cache(maxsize=4096)
def woken_body(text: str) -> tuple[int, int] | None:
    """Read what something becomes: ``4/4``; None when the text gives no size."""
    found = _BODY.search(text)
    return (int(found[1]), int(found[2])) if found else None


@lru_cache(maxsize=4096)
def sweep_damage(text: str) -> int | None:
    """Read how much damage a sweeper deals to each creature; None when it is not damage."""
    found = _SWEEP.search(text)
    return int(found[1]) if found else None


@lru_cache(maxsize=4096)
def sweep_limit(text: str) -> int | None:
    """Read up to which mana value a sweeper takes permanents; None without a limit."""
    found = _SMALL.search(text)
    return int(found[1]) if found else None


@lru_cache(maxsize=4096)
def face_damage(text: str) -> int:
    """Read how much damage a spell without targets deals to the opponent."""
    found = _FACE.search(text)
    return int(found[1]) if found else 0


@lru_cache(maxsize=4096)
def counter_price(text: str) -> int:
    """Read what the opponent may pay so that a spell is not countered; 0 for nothing."""
    found = _PRICE.search(text)
    return int(found[1]) if found else 0


@lru_cache(maxsize=4096)
def pain_of(text: str) -> int:
    """Read how much damage a trigger deals to the caster of a spell."""
    found = _PAIN.search(text)
    return int(found[1]) if found else 0


@lru_cache(maxsize=4096)
def wants_landfall(text: str) -> bool:
    """Read whether a spell does what it is for only after a land."""
    return "if a land came under your control this turn" in text


@lru_cache(maxsize=4096)
def is_impulse(text: str) -> bool:
    """Read whether a spell exiles cards that may be played only for a while."""
    return _IMPULSE.search(text.lower()) is not None
