"""Lines of the operator's log: what tenants wrote is shown in them, and neither ends a line nor
steers the terminal of whoever reads it.

Annotations, names and a server's replies are quoted where they explain something. Escaping them at
each such place would miss one; all records pass through here.
"""

from __future__ import annotations

import logging
import unicodedata
from types import TracebackType
from typing import Final

_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class LineFormatter(logging.Formatter):
    """One line for a record; the lines of a traceback follow it, each of them escaped alike."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The record's line."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: _ExceptionInfo) -> str:
        """The traceback; its last line may quote anything."""
        return "\n".join(escaped(line) for line in super().formatException(ei).split("\n"))


def escaped(text: str) -> str:
    """A text with ``\\x1b``, ``\\n`` and the like for characters that are not shown as such."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    is_shown = unicodedata.category(char) not in _STEERING
    return char if is_shown else char.encode("unicode_escape").decode("ascii")
