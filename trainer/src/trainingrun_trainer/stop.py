"""Signal handling: the first SIGTERM or SIGINT stops gracefully, the second exits.

While a learner starts, it has nothing to save: then the first one ends whatever is waited for
(:meth:`Stop.ends_waiting`), and not only between two attempts of half a minute each.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from trainingrun_contracts.exit_codes import ExitCode


class StopRequested(
    BaseException
):  # as KeyboardInterrupt: no library's `except Exception` keeps it
    """An orderly end was asked for while something was waited for."""


class Stop(threading.Event):
    """Set by the first signal; see :func:`install`."""

    _ends_waiting = False

    @contextmanager
    def ends_waiting(self) -> Iterator[None]:
        """Within, the first signal raises StopRequested in the main thread, wherever that is."""
        self._ends_waiting = True
        try:
            if self.is_set():
                raise StopRequested
            yield
        finally:
            self._ends_waiting = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Handle SIGTERM or SIGINT."""
        if self.is_set():
            os._exit(ExitCode.INTERRUPTED)
        self.set()
        if self._ends_waiting:
            raise StopRequested


def install() -> Stop:
    """Take over SIGTERM and SIGINT."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.on_signal)
    signal.signal(signal.SIGINT, stop.on_signal)
    return stop
