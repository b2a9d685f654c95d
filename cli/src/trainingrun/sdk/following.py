"""Following by polling: the same for a cluster and for a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from threading import Event as Wake
from typing import Final

from trainingrun.sdk import Event

POLL_SECONDS: Final = 1.0
_NEVER: Final = Wake()


def pause(seconds: float = POLL_SECONDS) -> None:
    """Wait between two polls."""
    _NEVER.wait(seconds)


def followed(read: Callable[[], Sequence[Event]]) -> Iterator[Event]:
    """Events as they happen, for ever; one that is counted again comes again."""
    seen: set[tuple[datetime, str, str]] = set()
    while True:
        for event in read():
            mark = (event.at, event.reason, event.message)
            if mark not in seen:
                seen.add(mark)
                yield event
        pause()
