"""The page that ``trainingrun local`` keeps beside its run, and leaves when it ends.

It is made of what the run writes into its folder anyway, in a thread, so that it costs the control
loop nothing; a page that cannot be written never ends a run.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from trainingrun.commands.report.following import Following, pause_after, settled
from trainingrun.commands.report.material import Seen, gather
from trainingrun.commands.report.page import page
from trainingrun.local.files import write_atomically
from trainingrun.sdk import ClientError, LocalPlace
from trainingrun.sdk.local import LocalRuns

PAGE_FILE: Final = "report.html"
_LOG: Final = logging.getLogger(__name__)


@asynccontextmanager
async def live_page(
    place: LocalPlace, following: Following, *, on_problem: Callable[[str], None]
) -> AsyncIterator[None]:
    """Write the page every few seconds; ``on_problem`` is called once where it cannot be
    written."""
    keeping = asyncio.create_task(_keep(place, following, on_problem))
    keeping.add_done_callback(_log_end)
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


def write_last_page(place: LocalPlace, name: str, file: Path) -> None:
    """The page of a run whose command ends now; it does not load itself again.

    Raises:
        OSError: it cannot be written.
    """
    with LocalRuns(place) as runs:
        write_atomically(file, page(settled(gather(runs, name, Seen()))))


async def _keep(place: LocalPlace, following: Following, on_problem: Callable[[str], None]) -> None:
    is_reported = False
    while True:
        took = 0.0
        try:
            took = await asyncio.to_thread(_write, place, following)
        except ClientError:
            _LOG.debug("the run cannot be read yet", exc_info=True)
        except OSError as error:
            if not is_reported:
                on_problem(
                    f"{following.file}: cannot be written ({error.strerror}): the run continues"
                )
            is_reported = True
        await asyncio.sleep(pause_after(took, following))


def _write(place: LocalPlace, following: Following) -> float:
    """Gives the processor time that it took, in seconds: a busy machine is not our work."""
    begun = time.thread_time()
    with LocalRuns(place) as runs:
        material = gather(runs, following.name, Seen())
    write_atomically(following.file, page(material, every=following.every))
    return time.thread_time() - begun


def _log_end(task: asyncio.Task[None]) -> None:
    """Log a bug in the page; it ends no run."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _LOG.error("the report page is no longer written", exc_info=error)
