"""The keyed work queue: each run is worked on by one worker at a time, and as soon as due.

A heap of due times and not one timer per run, because a thousand runs ask for a reconcile every few
seconds. Adding a key that waits already only moves it forward; adding one that is being worked on
makes it due again afterwards. Nothing here knows what a reconcile does.

There are two tracks with workers of their own. What people wait for, a run that is new or was
changed by them, goes by the first; all that a run under way asks for goes by the second. So a
thousand runs that start together are all begun before the steps of their pods are followed, and
runs whose Redis does not answer hold up no new one. While urgent keys wait, the second track has
only two workers: its reconciles ask the API server for the answers that the others wait for.

A namespace may use every worker that is free. Where none is, one that uses fewer than its quota
gets more: however many reconciles of one tenant hang, another's new run is reconciled.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

from trainingrun_contracts.backoff import Backoff

from trainingrun_reconciler.controller.loop import ReconcileError
from trainingrun_reconciler.store import ResourceKey

_LOG: Final = logging.getLogger(__name__)
URGENT_AT_ONCE: Final = 20
ROUTINE_AT_ONCE: Final = 10
ROUTINE_BESIDE_URGENT: Final = 2
_QUOTA: Final = 4
"""A namespace has this part of a track's workers for certain; a divisor."""
_MOST: Final = 4
"""Times the workers of a track: that number of reconciles is never exceeded, whatever the
quotas add up to."""
BACKOFF: Final = Backoff(first=1.0, longest=300.0, spread=0.25)

Reconcile = Callable[[ResourceKey], Awaitable[float | None]]


class Result(Enum):
    """How a reconcile ended."""

    DONE = "done"
    FAILED = "failed"
    """The world could not be asked; it is tried again."""
    BUG = "bug"


Listener = Callable[[ResourceKey, Result, float], None]
"""Called with what was reconciled, how that ended, and how many seconds it took."""


class _Track:
    """Keys by when they are due, and how many of them may be worked on at once.

    ``again`` has those that are being worked on, by when they are due afterwards.
    """

    def __init__(self, at_once: int) -> None:
        self.due: dict[ResourceKey, float] = {}
        self.again: dict[ResourceKey, float] = {}
        self.at_once = at_once
        self._heap: list[tuple[float, ResourceKey]] = []
        self._waiting: Counter[str] = Counter()
        self._working: Counter[str] = Counter()
        self.working = 0

    def add(self, key: ResourceKey, at: float) -> bool:
        """Make a key due at a time; False where it is due no later already."""
        if self.due.get(key, math.inf) <= at:
            return False
        self._waiting[key.namespace] += key not in self.due
        self.due[key] = at
        heapq.heappush(self._heap, (at, key))
        return True

    def drop(self, key: ResourceKey) -> None:
        """Remove a waiting key."""
        if self.due.pop(key, None) is not None:
            _take_one(self._waiting, key.namespace)

    def begin(self, key: ResourceKey) -> None:
        """Work on a key begins."""
        self.drop(key)
        self.working += 1
        self._working[key.namespace] += 1

    def end(self, key: ResourceKey) -> None:
        """Work on a key has ended."""
        self.working -= 1
        _take_one(self._working, key.namespace)

    def next_due(self) -> tuple[float, ResourceKey] | None:
        """The next key that a worker is free for, and when it is due."""
        while self._heap and self.due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # it was moved forward, worked on, or forgotten
        if not self._heap or self.working >= _MOST * self.at_once:
            return None
        head = self._heap[0]
        if self.working < self.at_once or self._has_quota(head[1].namespace):
            return head
        if not any(map(self._has_quota, self._waiting)):
            return None
        return min(
            ((at, key) for key, at in self.due.items() if self._has_quota(key.namespace)),
            default=None,
        )

    def _has_quota(self, namespace: str) -> bool:
        return self._working[namespace] < max(1, self.at_once // _QUOTA)


def _take_one(counts: Counter[str], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]


class ReconcileQueue:
    """Calls ``look`` for keys when they are due; ``look`` returns the seconds until the next."""

    def __init__(
        self,
        reconcile: Reconcile,
        *,
        urgent_at_once: int = URGENT_AT_ONCE,
        routine_at_once: int = ROUTINE_AT_ONCE,
        jitter: random.Random | None = None,
        listener: Listener = lambda _key, _result, _seconds: None,
    ) -> None:
        self._reconcile = reconcile
        self._jitter = jitter if jitter is not None else random.Random()
        self._listener = listener
        self._urgent, self._routine = _Track(urgent_at_once), _Track(routine_at_once)
        self._routine_at_once = routine_at_once
        self._working: dict[ResourceKey, float] = {}
        self._failures: dict[ResourceKey, int] = {}
        self._changed = asyncio.Event()
        self._reconciles = 0
        self._ended_at = -math.inf

    def add(self, key: ResourceKey, *, after: float = 0.0, urgent: bool = False) -> None:
        """Make a key due; the earliest of several calls counts. Must run on the loop's thread."""
        track = self._urgent if urgent else self._routine
        self._add(track, key, asyncio.get_running_loop().time() + after)

    def _add(self, track: _Track, key: ResourceKey, at: float) -> None:
        if key in self._working:
            track.again[key] = min(at, track.again.get(key, math.inf))
        elif track.add(key, at):
            self._changed.set()

    def forget(self, key: ResourceKey) -> None:
        """Drop a key that no longer exists."""
        self._drop(key)
        self._urgent.again.pop(key, None)
        self._routine.again.pop(key, None)
        self._failures.pop(key, None)

    def _drop(self, key: ResourceKey) -> None:
        self._urgent.drop(key)
        self._routine.drop(key)

    @property
    def reconciles(self) -> int:
        """How many reconciles have ended."""
        return self._reconciles

    def overdue(self) -> int:
        """How many keys are due and wait for a worker."""
        now = asyncio.get_running_loop().time()
        return len({key for key, at in self._waiting() if at <= now})

    def oldest_seconds(self) -> float:
        """For how long the longest waiting key is overdue, or being worked on."""
        now = asyncio.get_running_loop().time()
        moments = (at for _, at in (*self._waiting(), *self._working.items()))
        return max(0.0, max((now - at for at in moments), default=0.0))

    def stuck_seconds(self) -> float:
        """For how long one reconcile has been under way, or keys have been due and none has ended.
        A queue that is long but moves is not stuck."""
        now = asyncio.get_running_loop().time()
        working = max((now - at for at in self._working.values()), default=0.0)
        return max(working, min(self.oldest_seconds(), now - self._ended_at))

    def _waiting(self) -> tuple[tuple[ResourceKey, float], ...]:
        return (*self._urgent.due.items(), *self._routine.due.items())

    async def run(self) -> None:
        """Work until cancelled; running reconciles are then cancelled too."""
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
        """Start reconciles of what is due; returns the seconds until more is."""
        now = asyncio.get_running_loop().time()
        self._start_track(self._urgent, group, now)
        is_busy = self._urgent.working >= self._urgent.at_once
        beside = min(ROUTINE_BESIDE_URGENT, self._routine_at_once)
        self._routine.at_once = beside if is_busy else self._routine_at_once
        self._start_track(self._routine, group, now)
        heads = (self._urgent.next_due(), self._routine.next_due())
        soonest = min((head[0] for head in heads if head is not None), default=None)
        return None if soonest is None else soonest - now

    def _start_track(self, track: _Track, group: asyncio.TaskGroup, now: float) -> None:
        while (head := track.next_due()) is not None and head[0] <= now:
            key = head[1]
            self._drop(key)  # whatever it waited for in the other track, this reconcile sees
            track.begin(key)
            self._working[key] = now
            group.create_task(self._work(key, track))

    async def _work(self, key: ResourceKey, track: _Track) -> None:
        result, begin = Result.DONE, asyncio.get_running_loop().time()
        try:
            after = await self._reconcile(key)
            self._failures.pop(key, None)
        except ReconcileError as error:
            result = Result.FAILED
            _LOG.warning("%s", error)
            after = self._back_off(key)
        except Exception:  # the top of the work on one run: a bug must not stop the other runs
            result = Result.BUG
            _LOG.exception("%s %s: this is a bug of the operator", key.kind, key)
            after = self._back_off(key)
        finally:
            self._working.pop(key, None)
            track.end(key)
        self._reconciles += 1
        self._ended_at = asyncio.get_running_loop().time()
        self._listener(key, result, self._ended_at - begin)
        if after is not None:
            self.add(key, after=after)
        for each in (self._urgent, self._routine):
            if key in each.again:
                each.add(key, each.again.pop(key))
        self._changed.set()

    def _back_off(self, key: ResourceKey) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        return BACKOFF.seconds(failures, self._jitter)
