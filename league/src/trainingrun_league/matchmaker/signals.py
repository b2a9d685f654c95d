"""Wakes all that wait for something to change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

_log: Final = logging.getLogger(__name__)

Result = TypeVar("Result")


class Signal:
    """Take ``next`` before the state is read, then wait on it: no change is missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def next(self) -> asyncio.Event:
        """The event of the next change."""
        return self._event

    def notify(self) -> None:
        """Wake all that wait, and begin anew."""
        self._event.set()
        self._event = asyncio.Event()


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Return whether it was set within this time."""
    if event.is_set():
        return True
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        return False
    return True


class KeyedLocks:
    """A lock for each key in use: changes of one match come one after the other."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    def is_held(self, key: str) -> bool:
        """Whether somebody has it or waits for it."""
        return key in self._locks

    def __call__(self, key: str) -> _Held:
        """Return what holds it in ``async with``."""
        return _Held(self._locks, key)


class _Held:
    def __init__(self, locks: dict[str, tuple[asyncio.Lock, int]], key: str) -> None:
        self._locks, self._key = locks, key

    async def __aenter__(self) -> None:
        lock, users = self._locks.get(self._key, (asyncio.Lock(), 0))
        self._locks[self._key] = lock, users + 1
        try:
            await lock.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._locks[self._key][0].release()
        self._leave()

    def _leave(self) -> None:
        lock, users = self._locks[self._key]
        if users == 1:
            del self._locks[self._key]
        else:
            self._locks[self._key] = lock, users - 1


class Whole:
    """Runs what must not be left half done when its caller goes away."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def __call__(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do it to its end, also where the caller is cancelled meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._end)
        return await asyncio.shield(task)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("a call that nothing waits for any longer failed: %s", error)

    async def close(self) -> None:
        """Wait for what runs."""
        if self._running:
            await asyncio.wait(self._running)
