"""Lines of the operator's log: what tenants wrote is shown in them, and neither ends a line nor
steers the terminal of its reader.

Annotations, names and a server's replies are quoted where they explain something. Escaping them at
each such place would miss one; all records pass through here.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Final

from trainingrun_contracts.plain_text import escaped

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
