"""The notice that a spot machine goes, and what follows from it. Pure; who asks is ``spot``."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

LAST_SAVE_SECONDS: Final = 30.0
LAPSED_SECONDS: Final = 300.0
"""A notice whose moment is this long past, on a machine that still runs, has lapsed."""


class SpotNotice(Struct, frozen=True):
    """What will be done to the instance (``terminate``, ``stop``, ``hibernate``), and when."""

    action: str
    time: datetime

    @property
    def at(self) -> float:
        """Unix seconds of the announced moment."""
        return self.time.timestamp()


def is_shutdown_due(notice: SpotNotice | None, *, now: float) -> bool:
    """Return whether to stop now: what is left until the moment is for the last checkpoint."""
    if notice is None:
        return False
    return -LAST_SAVE_SECONDS <= now - notice.at < LAPSED_SECONDS
