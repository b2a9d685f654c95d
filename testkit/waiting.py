"""Waiting for something that another process does: poll until it holds or time is over."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic

_LOOK_SECONDS = 0.05
BUSY = 3.0
"""Limits of time are written for an idle machine; one that runs other things may
take as many times as long. A wait ends as soon as it holds, so only a failure takes longer."""


def until(
    holds: Callable[[], object], *, seconds: float, what: str, every: float = _LOOK_SECONDS
) -> None:
    """Return as soon as ``holds()`` is true; asked again after ``every`` seconds.

    Raises:
        AssertionError: it was not true within ``BUSY`` times this many seconds; the message says
            ``what``.
    """
    limit = BUSY * seconds
    deadline, never = monotonic() + limit, Event()
    while not holds():
        assert monotonic() < deadline, f"not within {limit:.0f} s: {what}"
        never.wait(every)
