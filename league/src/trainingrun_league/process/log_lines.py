"""The lines of the log: one for a record, and of a failure that lasts a few each minute.

A database that is away, or a disk that is full, fails every call and every task that tries again:
whatever says so may say it five times a minute, and then how often it was left out. To bound each
of them where it logs was refused: the one that is forgotten is the one that fills the disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from trainingrun_contracts.plain_text import escaped

MOST_A_MINUTE: Final = 5
_MINUTE: Final = 60.0


class Lines(logging.Formatter):
    """One line for a record, whatever a client called itself: nothing ends it or steers a
    terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``; a traceback follows on lines of its own."""
        return escaped(super().formatMessage(record))


@dataclass
class _Minute:
    began: float
    said: int = 0
    left_out: int = 0


class FewOfEach(logging.Filter):
    """Lets records of one statement pass a few times a minute; the first of the next minute says
    how many were left out. A statement about several things names them as ``kind`` (``extra``),
    and they must be few.
    """

    def __init__(
        self, clock: Callable[[], float] = monotonic, *, most: int = MOST_A_MINUTE
    ) -> None:
        super().__init__()
        self._clock = clock
        self._most = most
        self._minutes: dict[tuple[str, int, str], _Minute] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """See ``logging.Filter``; a statement is a line of a file, so there are not many."""
        now, kind = self._clock(), getattr(record, "kind", "")
        place = (record.pathname, record.lineno, kind)
        minute = self._minutes.setdefault(place, _Minute(now))
        if now - minute.began >= _MINUTE:
            if minute.left_out:
                record.msg = f"{record.getMessage()} ({minute.left_out} more like it were left out)"
                record.args = ()
            minute = self._minutes[place] = _Minute(now)
        if minute.said >= self._most:
            minute.left_out += 1
            return False
        minute.said += 1
        return True
