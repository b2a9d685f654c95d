"""Writing a page again and again, until its run is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trainingrun.commands.report.material import Material, Seen, gather
from trainingrun.commands.report.page import page
from trainingrun.commands.runs.facts import is_over
from trainingrun.local.files import write_atomically
from trainingrun.sdk import NotReachable, TrainingRuns

EVERY_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 60.0
MOST_OF_A_CORE: Final = 0.02
"""A page of a long run takes longer to write, and is then written less often."""
SLOWEST_SECONDS: Final = 30.0
"""But not less often than this: after twice the time, the page says that it is old."""


@dataclass(frozen=True)
class Following:
    """Which page, and how often; seconds."""

    name: str
    file: Path
    every: float = EVERY_SECONDS
    patience: float = PATIENCE_SECONDS
    """How long a place may be silent."""


def follow(runs: TrainingRuns, following: Following, *, pause: Callable[[float], object]) -> None:
    """Write the page until the run is over or unattended; the last one does not reload.

    ``pause`` waits for a number of seconds. Whatever ends it, an interrupt too, leaves a page that
    does not load itself again.

    Raises:
        ClientError: the run is gone, or its place is silent for longer than patience has it.
        OSError: the page cannot be written.
    """
    seen, last = Seen(), None
    asked = time.monotonic()
    try:
        while True:
            begun, work = time.monotonic(), time.thread_time()
            try:
                last = gather(runs, following.name, seen, follows=True)
                asked = begun
                write_atomically(following.file, page(last, every=following.every))
            except NotReachable:
                if last is None or begun - asked > following.patience:
                    raise
            if last is not None and ended(last):
                break
            pause(pause_after(time.thread_time() - work, following))
    finally:
        if last is not None:
            write_atomically(following.file, page(last))


def pause_after(took: float, following: Following) -> float:
    """Return seconds until the next page, when the last one took ``took`` of a processor's."""
    return max(following.every, min(took / MOST_OF_A_CORE, SLOWEST_SECONDS))


def ended(material: Material) -> bool:
    """Return whether there is nothing more to follow."""
    return is_over(material.run) or not material.is_attended


def settled(material: Material) -> Material:
    """Return the same as unattended: the last page when a command ends."""
    return replace(material, is_attended=False, members=())
