"""Waiting for something that another process does: poll until it holds or time is over."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic

_LOOK_SECONDS = 0.05


def until(
    holds: Callable[[], object], *, seconds: float, what: str, every: float = _LOOK_SECONDS
) -> None:
    """Return as soon as ``holds()`` is true; asked again after ``every`` seconds.

    Raises:
        AssertionError: it was not true within this many seconds; the message says ``what``.
    """
    deadline, never = monotonic() + seconds, Event()
    while not holds():
        assert monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        never.wait(every)
