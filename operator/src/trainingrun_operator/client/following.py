"""Following what is looked at again and again: the same for a cluster and for a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from threading import Event as Wake
from typing import Final

from trainingrun_contracts.client import Event

LOOK_SECONDS: Final = 1.0
_NEVER: Final = Wake()


def pause(seconds: float = LOOK_SECONDS) -> None:
    """Wait between two looks."""
    _NEVER.wait(seconds)


def followed(look: Callable[[], Sequence[Event]]) -> Iterator[Event]:
    """Events as they happen, for ever; one that is counted again is told again."""
    told: set[tuple[datetime, str, str]] = set()
    while True:
        for event in look():
            mark = (event.at, event.reason, event.message)
            if mark not in told:
                told.add(mark)
                yield event
        pause()
