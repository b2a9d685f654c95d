"""The keyed work queue: each run is worked on by one worker at a time, and as soon as due.

A heap of due times and not one timer per run, because a thousand runs ask for a look every few
seconds. Adding a key that waits already only moves it forward; adding one that is being worked on
makes it due again afterwards. Nothing here knows what a look does.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

from trainingrun_operator.backends.store import RunKey
from trainingrun_operator.controller.loop import ReconcileError

_LOG: Final = logging.getLogger(__name__)
CONCURRENCY: Final = 20
FIRST_BACKOFF_SECONDS: Final = 1.0
LAST_BACKOFF_SECONDS: Final = 300.0

Look = Callable[[RunKey], Awaitable[float | None]]


class Result(Enum):
    """How a look ended."""

    DONE = "done"
    FAILED = "failed"
    """The world could not be asked; it is tried again."""
    BUG = "bug"


Listener = Callable[[Result, float], None]
"""Is told how each look ended, and how many seconds it took."""


class ReconcileQueue:
    """Calls ``look`` for keys when they are due; ``look`` returns the seconds until the next."""

    def __init__(
        self,
        look: Look,
        *,
        concurrency: int = CONCURRENCY,
        jitter: random.Random | None = None,
        listener: Listener = lambda _result, _seconds: None,
    ) -> None:
        self._look = look
        self._concurrency = concurrency
        self._jitter = jitter if jitter is not None else random.Random()
        self._listener = listener
        self._due: dict[RunKey, float] = {}
        self._heap: list[tuple[float, RunKey]] = []
        self._working: dict[RunKey, float] = {}
        self._again: dict[RunKey, float] = {}
        self._failures: dict[RunKey, int] = {}
        self._changed = asyncio.Event()
        self._looks = 0

    def add(self, key: RunKey, *, after: float = 0.0) -> None:
        """Make a key due; the earliest of several calls counts. Must run on the loop's thread."""
        at = asyncio.get_running_loop().time() + after
        waiting = self._again if key in self._working else self._due
        if key in waiting and waiting[key] <= at:
            return
        waiting[key] = at
        if waiting is self._due:
            heapq.heappush(self._heap, (at, key))
            self._changed.set()

    def forget(self, key: RunKey) -> None:
        """Drop a key that does not exist any more."""
        self._due.pop(key, None)
        self._again.pop(key, None)
        self._failures.pop(key, None)

    @property
    def looks(self) -> int:
        """How many looks have ended."""
        return self._looks

    def overdue(self) -> int:
        """How many keys are due and wait for a worker."""
        now = asyncio.get_running_loop().time()
        return sum(at <= now for at in self._due.values())

    def oldest_seconds(self) -> float:
        """For how long the longest waiting key is overdue, or being worked on."""
        now = asyncio.get_running_loop().time()
        moments = [*self._due.values(), *self._working.values()]
        return max(0.0, *(now - at for at in moments)) if moments else 0.0

    async def run(self) -> None:
        """Work until cancelled; running looks are then cancelled too."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                wait = self._start_due(group)
                try:
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    def _start_due(self, group: asyncio.TaskGroup) -> float | None:
        """Start looks at what is due; returns the seconds until more is."""
        now = asyncio.get_running_loop().time()
        while self._heap and len(self._working) < self._concurrency:
            at, key = self._heap[0]
            if self._due.get(key) != at:
                heapq.heappop(self._heap)  # it was moved forward, or forgotten
            elif at > now:
                return at - now
            else:
                heapq.heappop(self._heap)
                del self._due[key]
                self._working[key] = now
                group.create_task(self._work(key))
        return None

    async def _work(self, key: RunKey) -> None:
        result, begin = Result.DONE, asyncio.get_running_loop().time()
        try:
            after = await self._look(key)
            self._failures.pop(key, None)
        except ReconcileError as error:
            result = Result.FAILED
            _LOG.warning("%s", error)
            after = self._back_off(key)
        except Exception:  # the top of the work on one run: a bug must not stop the other runs
            result = Result.BUG
            _LOG.exception("run %s: this is a bug of the operator", key)
            after = self._back_off(key)
        finally:
            self._working.pop(key, None)
        self._looks += 1
        self._listener(result, asyncio.get_running_loop().time() - begin)
        again = self._again.pop(key, None)
        if after is not None:
            self.add(key, after=after)
        if again is not None:
            self.add(key, after=again - asyncio.get_running_loop().time())
        self._changed.set()

    def _back_off(self, key: RunKey) -> float:
        """Doubling from 1 s to 300 s, spread by up to a quarter."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        seconds = min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures, 16), LAST_BACKOFF_SECONDS)
        return seconds * (1 - 0.25 * self._jitter.random())
