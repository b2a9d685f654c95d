"""Being told to stop: SIGTERM or SIGINT asks for an orderly end, a second one ends at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from trainingrun_contracts.exit_codes import ExitCode


class StopRequested(Exception):
    """An orderly end was asked for while something was waited for."""


def install() -> threading.Event:
    """Take over SIGTERM and SIGINT; the event is set by the first of them."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(ExitCode.INTERRUPTED)
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop
