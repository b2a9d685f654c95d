"""The one way to the terminal: every line and every table of the command goes through here.

So that three rules hold for all verbs:

- Text of others (events, logs, names, addresses) never steers the terminal: control characters and
  those that turn the direction of writing are shown as escapes.
- With ``NO_COLOR`` set, or ``TERM=dumb``, nothing is styled; bold and dim are styles too, which
  rich's own ``no_color`` leaves.
- Lines in a pipe have no trailing blanks, and are not cut.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from typing import IO, Final, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from trainingrun_contracts.plain_text import escaped

_UNCUT: Final = 10_000
_JOINERS: Final = frozenset("\u200c\u200d\u00ad")
"""Of the format characters, those that only shape a word."""
_KEPT: Final = _JOINERS | frozenset("\n\t")


def printable(text: str) -> str:
    """Return a text in which nothing steers a terminal: such characters become ``\\x1b``,
    ``\\u202e``."""
    return escaped(text, kept=_KEPT)


def printable_line(text: str) -> str:
    """Return the same for a text that must stay one line: breaks and tabs become escapes, too."""
    return escaped(text, kept=_JOINERS)


def is_plain() -> bool:
    """Return whether the user asked for output without escapes: ``NO_COLOR``, or a dumb
    terminal."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") in {"dumb", "unknown"}


class SafeConsole(Console):
    """A console by the rules above."""

    def __init__(self, *, stderr: bool = False, uncut: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        piped = not stream.isatty()
        super().__init__(
            file=cast(IO[str], _Trimmed(stream)) if piped else None,
            stderr=stderr,
            highlight=False,
            color_system=None if is_plain() else "auto",
            width=_UNCUT if uncut and piped else None,
        )

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render with the text of every segment made harmless."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


def console() -> SafeConsole:
    """Standard output."""
    return SafeConsole()


def console_for_tables() -> SafeConsole:
    """Standard output, with tables as wide as they want to be where no terminal limits them."""
    return SafeConsole(uncut=True)


def error_console() -> SafeConsole:
    """Standard error."""
    return SafeConsole(stderr=True)


def echo(text: str = "", *, err: bool = False) -> None:
    """Print lines of text; flushed, as a pipe may be watched."""
    stream = sys.stderr if err else sys.stdout
    stream.write(printable(text) + "\n")
    stream.flush()


class _Trimmed(io.TextIOBase):
    """A stream whose lines lose their trailing blanks."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rest = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute there
        """Of the stream behind."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """Never: a terminal is written to directly."""
        return False

    def write(self, text: str) -> int:
        """Write the lines that are whole, and keep the rest."""
        *whole, self._rest = (self._rest + text).split("\n")
        self._stream.write("".join(f"{line.rstrip(' ')}\n" for line in whole))
        return len(text)

    def flush(self) -> None:
        """Write what is kept."""
        self._stream.write(self._rest.rstrip(" "))
        self._rest = ""
        self._stream.flush()
