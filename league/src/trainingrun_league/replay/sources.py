"""Which batches of which senders are known: nothing is recorded twice, nothing is taken for known.

A source numbers its batches 1, 2, 3 …; several may be under way, and come in any order. So what is
known of a source is the number up to which all are, and the few beyond. A set of the last numbers
was refused: an old repetition and a batch that was never there are the same to it.

Sources are bounded; the one longest silent is forgotten. If it is heard of again, its next number
is too far ahead of nothing, and it is refused with a sentence: it is never doubled.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from trainingrun_league.errors import Conflict, InvalidRequest

MOST_SOURCES: Final = 16_384
WINDOW: Final = 1024
"""Batches of one source that may be under way."""
LARGEST_SEQUENCE: Final = 2**53
LONGEST_NAME: Final = 256


class SourceMark(Struct, frozen=True, array_like=True):
    """What is known of one source: every number up to ``through``, and some ``beyond``."""

    name: str
    through: int = 0
    beyond: tuple[int, ...] = ()


class Sources:
    """The marks of all sources, the one longest silent first."""

    def __init__(self, marks: Iterable[SourceMark] = ()) -> None:
        self._through: dict[str, int] = {}
        self._beyond: dict[str, set[int]] = {}
        for mark in marks:
            self._through[mark.name] = mark.through
            self._beyond[mark.name] = set(mark.beyond)

    @property
    def marks(self) -> tuple[SourceMark, ...]:
        """All of it as values, in the same order."""
        return tuple(
            SourceMark(name, through, tuple(sorted(self._beyond[name])))
            for name, through in self._through.items()
        )

    def is_known(self, name: str, sequence: int) -> bool:
        """Return whether a batch was recorded."""
        return sequence <= self._through.get(name, 0) or sequence in self._beyond.get(name, ())

    def require_possible(self, name: str, sequence: int, *, passed_over: int = 0) -> None:
        """See that a batch can be known from all others.

        Raises:
            InvalidRequest: the name or the number is out of bounds.
            Conflict: it is too far ahead of its source's others.
        """
        if not 1 <= len(name) <= LONGEST_NAME:
            raise InvalidRequest(f"source: {len(name)} characters; give 1 to {LONGEST_NAME}")
        if not 1 <= sequence <= LARGEST_SEQUENCE:
            raise InvalidRequest(f"sequence {sequence}: a source numbers its batches from 1")
        if passed_over >= sequence:
            raise InvalidRequest(
                f"passed_over {passed_over}: it is below the sequence, which is {sequence}"
            )
        through = max(self._through.get(name, 0), passed_over)
        if sequence > through + WINDOW:
            raise Conflict(
                f"sequence {sequence} of source {name!r}: every batch up to {through} is known, and"
                f" at most {WINDOW} may be ahead of it; send what is missing, or take another name"
            )

    def record(self, name: str, sequence: int, *, passed_over: int = 0) -> None:
        """A batch is recorded; what is not up to ``passed_over`` never will be."""
        through = self._through.pop(name, 0)
        beyond = self._beyond.setdefault(name, set())
        if passed_over > through:
            through = passed_over
            beyond.difference_update([each for each in beyond if each <= through])
        beyond.add(sequence)
        while through + 1 in beyond:
            through += 1
            beyond.discard(through)
        self._through[name] = through  # at the end: it was heard of last
        if len(self._through) > MOST_SOURCES:
            silent = next(iter(self._through))
            del self._through[silent], self._beyond[silent]
