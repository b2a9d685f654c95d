"""Where a run is shown: a live table on a terminal, lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import termios
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.live import Live

from trainingrun.commands.local.lines import line_of, line_of_event
from trainingrun.commands.local.snapshot import Snapshot
from trainingrun.commands.local.table import render, starting
from trainingrun.local.store import RecordedEvent

_LINE_SECONDS: Final = 10.0


class Screen(Protocol):
    """Shows a run while it runs."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""

    def show(self, snapshot: Snapshot) -> None:
        """Show a moment."""

    def say(self, sentence: str) -> None:
        """Print a sentence once."""

    def show_event(self, event: RecordedEvent) -> None:
        """An event happened."""


class LiveScreen:
    """A table that is drawn anew; drawn by us and not by a thread, so that nothing races it."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._live = Live(
            starting(name, 0), console=console, auto_refresh=False, vertical_overflow="crop"
        )
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._open.enter_context(_silent_keyboard())
        self._open.enter_context(self._live)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last table standing."""
        self._open.__exit__(kind, error, trace)

    def show(self, snapshot: Snapshot) -> None:
        """Draw the table."""
        self._live.update(render(snapshot), refresh=True)

    def say(self, sentence: str) -> None:
        """Print above the table."""
        self._console.print(sentence, markup=False, highlight=False)

    def show_event(self, event: RecordedEvent) -> None:
        """Nothing: the table has its own lines for events."""


class PlainScreen:
    """A line every ten seconds, and one per event."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0

    def __enter__(self) -> Self:
        """Nothing to begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to end."""

    def show(self, snapshot: Snapshot) -> None:
        """Print a line when the last one is old."""
        if snapshot.elapsed >= self._next:
            self._next = snapshot.elapsed + _LINE_SECONDS
            self.say(line_of(snapshot))

    def say(self, sentence: str) -> None:
        """Print a line."""
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)
        self._console.file.flush()

    def show_event(self, event: RecordedEvent) -> None:
        """Print the event."""
        self.say(line_of_event(event))


@contextlib.contextmanager
def _silent_keyboard() -> Iterator[None]:
    """Keep the terminal from echoing: a ``^C`` in the table's last line would shift the table."""
    if not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def screen_for(console: Console, name: str, *, plain: bool) -> Screen:
    """Return the screen that fits where the output goes."""
    if plain or not console.is_terminal:
        return PlainScreen(console)
    return LiveScreen(console, name)
