"""What a rules text says, as numbers: the effects that it names, and its words by hash.

Texts are read by patterns that fit any server's wording of the usual effects. What the patterns
miss is left to a hashed bag of words, so that two abilities never seen before still differ. The
hash is CRC-32: the same on every machine (``hash`` is salted per process). Results are kept, for
the same texts come back with every decision.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Sequence
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from trainingrun_contracts.environment_spec import FEATURE_BOUND

TEXT_BUCKETS: Final = 14
EFFECTS: Final = 12
TEXT_WIDTH: Final = EFFECTS + TEXT_BUCKETS
_UPPER: Final = np.array(FEATURE_BOUND)
_LOWER: Final = np.array(-FEATURE_BOUND)
_MOST_KEPT: Final = 4096
_MOST_READ: Final = 1200
"""Characters of a text that are read: no card says more, and a hostile one costs no time."""

Key = TypeVar("Key")
Value = TypeVar("Value")

_DAMAGE: Final = re.compile(r"(\d{1,3}) (?:\w+ )?damage")
_REMOVAL: Final = re.compile(r"\b(?:destroys?|exiles?) (?:up to \w+ )?(?:target|all|each)\b")
_BOUNCE: Final = re.compile(r"\breturns? [^.]{0,80}hand")
_CARDS: Final = re.compile(r"\bdraws?\b|\bexile your top|look at the top|\bscry|\bsurveil")
_LIFE: Final = re.compile(r"\bgains? (?:\w+ )?life|life equal")
_PUMP: Final = re.compile(r"\+\w+/\+\w+")
_COUNTERS_SPELL: Final = re.compile(r"\bcounter (?:target|it|that)\b")
_DISCARD: Final = re.compile(r"\bdiscards?\b")
_TOKEN: Final = re.compile(r"\bcreates?\b|\btokens?\b")
_SEARCH: Final = re.compile(r"\bsearch")
_HOLDS: Final = re.compile(r"\bcan't (?:attack|block)|\bdoesn't untap|\bstun\b|\btaps? target")
_WORD: Final = re.compile(r"[a-z]{3,}|\d+|\{[^}]{1,4}\}")


class Wording(Struct, frozen=True):
    """What a text says. ``packed`` is its part of an action row: float16 [TEXT_WIDTH] as bytes."""

    row: tuple[float, ...]
    packed: bytes
    damage: int
    damage_unkicked: int
    """The damage where the text names more for a kicker that is not paid."""
    is_removal: bool
    is_bounce: bool
    counters_spells: bool
    is_pump: bool
    searches: bool
    harms: bool
    helps: bool
    """Whether it only helps its target, which is then a friend."""


def wording_of(text: str) -> Wording:
    """Read a text, or remember what was read."""
    known = _wordings.get(text)
    return known if known is not None else keep(_wordings, text, _read(text[:_MOST_READ]))


def damage_in(text: str) -> int:
    """Return the largest amount of damage that a rules text names; 0 when it names none."""
    return wording_of(text).damage


def bucket_of(name: str, buckets: int) -> int:
    """Return the same bucket for the same name on every machine."""
    return zlib.crc32(name.encode("utf-8", "replace")) % buckets


def doubles(values: Sequence[float]) -> bytes:
    """Numbers as packed doubles. (Packing first is twice as fast as to let numpy read a list.)"""
    return struct.pack(f"{len(values)}d", *values)


def bounded(numbers: bytes) -> npt.NDArray[np.float16]:
    """Packed doubles as features: float16 within the bounds."""
    array: npt.NDArray[np.float64] = np.minimum(np.frombuffer(numbers), _UPPER)
    np.maximum(array, _LOWER, out=array)
    return array.astype(np.float16)


def packed(values: Sequence[float]) -> bytes:
    """Numbers as they stand in a row of features."""
    return bounded(doubles(values)).tobytes()


def keep(cache: dict[Key, Value], key: Key, value: Value) -> Value:
    """Remember a value; forget all when a hostile server has filled the cache (no deck does)."""
    if len(cache) >= _MOST_KEPT:
        cache.clear()
    cache[key] = value
    return value


def _read(text: str) -> Wording:
    folded = text.casefold()
    amounts = [int(amount) for amount in _DAMAGE.findall(folded)]
    damage = max(amounts, default=0)
    is_removal = bool(_REMOVAL.search(folded))
    is_bounce = bool(_BOUNCE.search(folded))
    is_card_flow, is_life = bool(_CARDS.search(folded)), bool(_LIFE.search(folded))
    searches = bool(_SEARCH.search(folded))
    is_pump = bool(_PUMP.search(folded))
    counters_spells = bool(_COUNTERS_SPELL.search(folded))
    discards, holds = bool(_DISCARD.search(folded)), bool(_HOLDS.search(folded))
    row = (
        damage / 5,
        float(is_removal),
        float(is_bounce),
        float(is_card_flow),
        float(is_life),
        float(is_pump),
        float("+1/+1 counter" in folded),
        float(counters_spells),
        float(discards),
        float(bool(_TOKEN.search(folded))),
        float(searches),
        float(holds),
        *_hashed_bag(folded),
    )
    harms = bool(damage) or is_removal or is_bounce or counters_spells or holds
    return Wording(
        row=row,
        packed=packed(row),
        damage=damage,
        damage_unkicked=amounts[0] if amounts and "kicke" in folded else damage,
        is_removal=is_removal,
        is_bounce=is_bounce,
        counters_spells=counters_spells,
        is_pump=is_pump,
        searches=searches,
        harms=harms,
        helps=not harms and (is_pump or is_life or is_card_flow),
    )


def _hashed_bag(text: str) -> list[float]:
    """Words hashed to buckets with a sign, scaled to about unit length."""
    buckets = [0.0] * TEXT_BUCKETS
    found = set(_WORD.findall(text))
    for word in found:
        code = zlib.crc32(word.encode())
        buckets[code % TEXT_BUCKETS] += 1.0 if code & 0x10000 else -1.0
    scale = 1 / math.sqrt(max(1, len(found)))
    return [value * scale for value in buckets]


_wordings: Final[dict[str, Wording]] = {}
