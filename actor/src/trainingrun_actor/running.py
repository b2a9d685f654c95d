"""The loops of a role: run until it is asked to stop, then ended in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

from trainingrun_actor.reporting import Reporter
from trainingrun_actor.startup import until_stopped
from trainingrun_actor.tasks import cancel_all
from trainingrun_actor.watchdog import NoPointer


@asynccontextmanager
async def running(
    stop: asyncio.Event, loops: Iterable[Coroutine[Any, Any, None]], *, reporter: Reporter
) -> AsyncIterator[None]:
    """Run the loops until the event is set, enter, and end them afterwards.

    Raises:
        NoPointer: no weights were published for too long; a notice says so.
    """
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        await until_stopped(stop, tasks)
        yield
    except NoPointer as error:
        await reporter.notify("WeightsMissing", str(error))
        raise
    finally:
        await cancel_all(tasks)
