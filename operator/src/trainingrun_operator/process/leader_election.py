"""Leader election: stand by, lead, hand over.

Belongs here: the order of these three, and what happens at their borders. Does not belong here: how
the lease is won (``kube.lease``) and what a leader does (``service``).

A leader that is asked to stop writes out what is under way, ends its parts and only then gives the
lease back, so that its successor begins at once and meets no late write. A leader that lost the
lease writes nothing more (the fence is shut before anybody hears of it) and ends; the process is
started again as a candidate, which is simpler to be sure of than to go back to standing by.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol

from trainingrun_operator.kube.lease import LeaderElector, LeaseLostError
from trainingrun_operator.process.service import Service, ServiceError

_LOG: Final = logging.getLogger(__name__)
_DRAIN_SECONDS: Final = 5.0
_ENDING_SECONDS: Final = 5.0


class Watch(Protocol):
    """How TrainingRuns are watched."""

    async def __call__(self, *, ending: asyncio.Event, started: Callable[[], None]) -> None:
        """Watch until ``ending``; ``started`` is called when the signals have been taken."""


def stop_on_signals(stopping: asyncio.Event) -> None:
    """Have SIGTERM and SIGINT set ``stopping``."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)


async def run_until(stopping: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Run a task until it is done or ``stopping`` is set; return whether it was done."""
    doing, stopped = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({doing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            return False
        doing.result()
        return True
    finally:
        await _end(doing, stopped)


async def lead(
    service: Service, elector: LeaderElector | None, watch: Watch, stopping: asyncio.Event
) -> None:
    """Stand by until the lease is ours, work until ``stopping`` is set, and hand over.

    Raises:
        ServiceError: a part has ended by itself, or the lease was lost.
    """
    if elector is not None:
        _LOG.info("standing by")
        if not await run_until(stopping, elector.acquire()):
            return
    _LOG.info("leading")
    keeping = asyncio.create_task(elector.keep() if elector is not None else _forever())
    ending = asyncio.Event()
    take_signals_back = partial(stop_on_signals, stopping)
    working = asyncio.create_task(_work(service, watch, ending, take_signals_back))
    stopped = asyncio.create_task(stopping.wait())
    broken = asyncio.create_task(service.broken.wait())
    try:
        await asyncio.wait({keeping, working, stopped, broken}, return_when=asyncio.FIRST_COMPLETED)
        _check(service, keeping, working)
    finally:
        is_ours = not keeping.done()
        await _hand_over(service, keeping, elector if is_ours else None)
        ending.set()
        await asyncio.wait({working}, timeout=_ENDING_SECONDS)
        await _end(working, stopped, broken)


async def _work(
    service: Service, watch: Watch, ending: asyncio.Event, started: Callable[[], None]
) -> None:
    await service.start()
    await watch(ending=ending, started=started)


def _check(service: Service, keeping: asyncio.Task[None], working: asyncio.Task[None]) -> None:
    """Raise the reason why a leader ended without being asked to."""
    if keeping.done():
        try:
            keeping.result()
        except LeaseLostError as error:
            raise ServiceError(f"{error}: the operator stops, another one works") from error
    if working.done():
        working.result()
    if not service.is_alive:
        raise ServiceError("the operator stops, so that it is started afresh")


async def _hand_over(
    service: Service, keeping: asyncio.Task[None], elector: LeaderElector | None
) -> None:
    """Let what is being written be written, end all parts, give the lease back if it is ours."""
    service.client.fence.shut()
    if elector is not None and not await service.client.fence.drained(_DRAIN_SECONDS):
        _LOG.warning("a write did not end in %.0f s", _DRAIN_SECONDS)
        elector = None  # it may still be carried out, so the lease has to run out
    await service.stop()
    await _end(keeping)
    if elector is not None:
        await elector.release()


async def _forever() -> None:
    await asyncio.Event().wait()


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for them, ignoring their results."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task
