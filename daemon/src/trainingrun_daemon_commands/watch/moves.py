"""A game of any environment as lines: each move with its player, and the position behind it.

A fold over choices, as ``story`` is one over Magic's decisions. Positions come from the game, which
is played again; where it cannot be, a sentence says why, and moves stand by their descriptions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from trainingrun_protocol.generic import GenericChoice

from trainingrun_daemon_commands.watch.story import LineKind, StoryLine

_MOST_OTHERS: Final = 20
"""Actions that were not chosen and are named."""


class Step(Protocol):
    """A move that was played again."""

    @property
    def seat(self) -> int:
        """Who moved, 1 or 2."""

    @property
    def text(self) -> str:
        """What was done."""

    @property
    def position(self) -> str:
        """How it stands now, in lines."""

    @property
    def is_forced(self) -> bool:
        """Whether there was nothing to choose."""


class Positions(Protocol):
    """A game that is played again; ``environments.replay`` has it."""

    fault: str
    """Why it does not continue; empty while it does."""

    def position(self) -> str:
        """Return how it stands."""

    def play(self, choice: GenericChoice) -> Sequence[Step]:
        """Return the moves up to and with a choice."""

    def finish(self, winner: int | None) -> Sequence[Step]:
        """Return the moves behind the last choice."""


class Moves:
    """Formats one game. With ``with_others``, what else could be done is named."""

    def __init__(self, positions: Positions | str, *, with_others: bool = False) -> None:
        self._positions = None if isinstance(positions, str) else positions
        self._why_not = positions if isinstance(positions, str) else ""
        self._with_others = with_others
        self._number = 0

    @property
    def number(self) -> int:
        """Of the move that was shown last."""
        return self._number

    def begin(self) -> Iterator[StoryLine]:
        """Yield how it stands before the first move, or why that is not shown."""
        if self._positions is not None:
            yield from _position(self._positions.position())
        yield from self._notice()

    def advance(self, choice: GenericChoice) -> Iterator[StoryLine]:
        """Yield the lines of a move, and of those without a choice before it."""
        yield from _position(choice.message)
        steps = () if self._positions is None else self._positions.play(choice)
        for step in steps:
            yield from self._step(step)
        if self._positions is None or self._positions.fault:
            yield from self._notice()
            yield self._move(choice.seat, _described(choice))
        if self._with_others:
            yield from _others(choice)

    def finish(self, winner: int | None) -> Iterator[StoryLine]:
        """Yield what is left of a game that came to its end; None: it is a draw."""
        if self._positions is None:
            return
        for step in self._positions.finish(winner):
            yield from self._step(step)
        yield from self._notice()

    def _notice(self) -> Iterator[StoryLine]:
        """Say once why there are no positions, or none from here on."""
        positions = self._positions
        if positions is not None and positions.fault:
            self._why_not, self._positions = positions.fault, None
        if self._why_not:
            text = f"moves without positions: {self._why_not}"
            self._why_not = ""
            yield StoryLine(LineKind.NOTE, text)

    def _step(self, step: Step) -> Iterator[StoryLine]:
        yield self._move(step.seat, f"{step.text} (no choice)" if step.is_forced else step.text)
        yield from _position(step.position)

    def _move(self, seat: int, text: str) -> StoryLine:
        self._number += 1
        return StoryLine(LineKind.ACT, f"{self._number}. seat {seat}: {text}", seat - 1)


def _position(text: str) -> Iterator[StoryLine]:
    if text:
        yield StoryLine(LineKind.POSITION, text.strip("\n"))


def _described(choice: GenericChoice) -> str:
    chosen = choice.chosen
    if chosen is None:
        return f"answers {choice.answer!r}, which names no action"
    return choice.actions[chosen] or f"action {chosen}"


def _others(choice: GenericChoice) -> Iterator[StoryLine]:
    others = [
        text or f"action {index}"
        for index, text in choice.actions.items()
        if index != choice.chosen
    ]
    if others:
        more = len(others) - _MOST_OTHERS
        end = f" and {more} more" if more > 0 else ""
        text = f"other choices: {', '.join(others[:_MOST_OTHERS])}{end}"
        yield StoryLine(LineKind.CHANGE, text)
