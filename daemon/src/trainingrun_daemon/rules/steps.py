"""How a part of a game asks: it yields choices and is sent their answers."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias


class Choice:
    """A question to a seat; the kinds are in ``choices``."""

    __slots__ = ("seat",)

    def __init__(self, seat: int) -> None:
        self.seat = seat


Answer: TypeAlias = int | tuple[int, ...] | tuple[tuple[int, int], ...] | None
Steps: TypeAlias = Generator[Choice, Answer, None]
"""Part of a game: yields choices, is sent their answers."""
