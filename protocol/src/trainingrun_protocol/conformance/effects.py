"""What a replay wants done to sockets, and the results it gets back.

Five effects are all that a vector needs of the world. Each is answered by one Observed.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar


@dataclass(frozen=True, slots=True)
class Open:
    """Connect."""

    connection: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes; that the peer has gone is seen at the next Receive."""

    connection: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for bytes or the end, up to a time limit."""

    connection: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """Close; with ``resets`` the peer gets a reset."""

    connection: str
    resets: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass."""

    seconds: float


Effect: TypeAlias = Open | Send | Receive | Close | Wait


@dataclass(frozen=True, slots=True)
class Observed:
    """What came of an effect: no bytes and no end means that the time passed."""

    now: float
    """Seconds on any clock that only goes forward."""
    data: bytes = b""
    is_closed: bool = False


T = TypeVar("T")
Doing: TypeAlias = Generator[Effect, Observed, T]
"""A part of a replay: effects out, observations in, a value at the end."""
