"""Idle runs: how seldom a run is reconciled about which nothing moves.

A thousand runs share one process, and most of them wait. What a run's objects do wakes it by their
watch. What its Redis says is polled for all idle runs of an address at once, as digests: one round
trip every few seconds, whatever the number of runs. Only what time alone brings is left (deadlines,
reports that grow old). For that, a run is reconciled the more seldom the longer it has been idle: a
deadline is seen late by at most a quarter of that time.

Whether time alone brings something is asked of the decision itself, about a later moment. So
deadlines are written down where they are decided, and nowhere else.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from trainingrun_api.run import TrainingRun
from trainingrun_api.status import TrainingRunStatus

from trainingrun_reconciler.controller.signals import SignalReader
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.decide import Decision, decide
from trainingrun_reconciler.desired.observed import Observed, Signals
from trainingrun_reconciler.desired.stage import Stage
from trainingrun_reconciler.settings import Settings
from trainingrun_reconciler.store import ResourceKey

RECONCILES_PER_SECOND: Final = 40.0
"""Of runs that move, all together: about a tenth of a core. A thousand are still reconciled about
as often as autoscalers poll, every half of a minute."""
IDLE_RECONCILES_PER_SECOND: Final = 8.0
"""Of idle runs, all together."""
UNCHANGING_RECONCILES_PER_SECOND: Final = 2.0
"""Of idle runs that time alone will not change, all together."""
POLLS_PER_SECOND: Final = 40.0
"""Of Redis addresses, all together."""
POLL_INTERVAL: Final = 5.0
_IDLE_AFTER_SECONDS: Final = 60.0
"""The averages have settled by then."""
_BATCH_SECONDS: Final = 0.2
_WAKES_PER_SECOND: Final = 500.0
_LATENESS: Final = 0.25
_UNCHANGING_FACTOR: Final = 4.0
_UNREACHABLE_SECONDS: Final = 10.0
_SPREAD: Final = 0.1
_PARTS: Final = 5
"""Of a poll interval: addresses are asked in turn and not all at one moment."""
_AT_ONCE: Final = 32
"""Addresses: one that is silent takes its own time limit, and no other's turn."""


def requeue_delay(
    idle_seconds: float, *, active: float, longest: float, runs: int, is_blind: bool = False
) -> float:
    """Seconds until the next reconcile of a run under way.

    Args:
        idle_seconds: for how long nothing about the run has moved.
        active: the shortest delay, of a run that moves.
        longest: the longest delay where there are few runs.
        runs: how many share the process.
        is_blind: whether its Redis cannot be asked, so that no poll can wake it.
    """
    shortest = max(active, runs / RECONCILES_PER_SECOND)
    longest = max(longest, runs / IDLE_RECONCILES_PER_SECOND)
    if is_blind:
        longest = min(longest, max(shortest, _UNREACHABLE_SECONDS))
    return max(shortest, min(longest, idle_seconds * _LATENESS))


def unchanging_delay(delay: float, *, longest: float, runs: int) -> float:
    """Seconds that an idle run may be left alone instead, if time changes nothing within them.

    Several times as long at most: to ask costs half a reconcile, and a deadline that is near
    would make it in vain each time.
    """
    bound = max(longest, runs / UNCHANGING_RECONCILES_PER_SECOND)
    return max(delay, min(_UNCHANGING_FACTOR * delay, bound))


def poll_interval(addresses: int) -> float:
    """Seconds between two polls of the same Redis address, by their number."""
    return max(POLL_INTERVAL, addresses / POLLS_PER_SECOND)


def batch_delay(runs: int) -> float:
    """Seconds between a change of a run's objects and its reconcile: other changes join it."""
    return max(_BATCH_SECONDS, runs / _WAKES_PER_SECOND)


def changes_nothing(
    run: TrainingRun, observed: Observed, settings: Settings, decision: Decision, *, until: float
) -> bool:
    """Whether a reconcile at ``until`` (Unix seconds) would change nothing but counters, were the
    world as it is now; ``decision`` is the one about it. False where roles report: a decision does
    not see reports grow old."""
    if not isinstance(observed.signals, Signals) or observed.signals.reports or decision.actions:
        return False
    later = decide(
        run.model_copy(update={"status": decision.status}),
        replace(observed, signals=replace(observed.signals, at=until)),
        settings,
        decision.memory,
        now=until,
    )
    same = _awaited(later.status) == _awaited(decision.status)
    return same and not (later.actions or later.events or later.expired != decision.expired)


def _awaited(status: TrainingRunStatus) -> tuple[object, ...]:
    """What people wait for."""
    return status.verdicts, status.stop, status.finished_at, status.curriculum


@dataclass(frozen=True)
class IdleRun:
    """Where an idle run's Redis is, and the digest that its latest reconcile took."""

    url: str
    run_id: str
    digest: str


class IdleRunPoller:
    """Wakes idle runs whose digest is another one than at their latest reconcile."""

    def __init__(self, reader: SignalReader) -> None:
        self._reader = reader
        self._runs: dict[ResourceKey, IdleRun] = {}

    def add(self, key: ResourceKey, run: IdleRun) -> None:
        """Poll a run that has become idle, or stays so."""
        self._runs[key] = run

    def remove(self, key: ResourceKey) -> None:
        """Stop polling a run that moves again, or is gone."""
        self._runs.pop(key, None)

    def __len__(self) -> int:
        return len(self._runs)

    async def run(self, wake: Callable[[ResourceKey], None]) -> None:
        """Poll until cancelled."""
        part = 0
        while True:
            addresses = len({each.url for each in self._runs.values()})
            await asyncio.sleep(poll_interval(addresses) / _PARTS)
            part = (part + 1) % _PARTS
            await self.poll(wake, part=part, parts=_PARTS)

    async def poll(
        self, wake: Callable[[ResourceKey], None], *, part: int = 0, parts: int = 1
    ) -> None:
        """Ask the addresses of one part, some of them at once."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def ask(url: str, runs: dict[ResourceKey, IdleRun]) -> None:
            async with room:
                await self._ask(url, runs, wake)

        addresses = self._by_address().items()
        await asyncio.gather(
            *(ask(url, runs) for url, runs in addresses if hash(url) % parts == part)
        )

    async def _ask(
        self, url: str, runs: dict[ResourceKey, IdleRun], wake: Callable[[ResourceKey], None]
    ) -> None:
        digests = await self._reader.digests(url, [each.run_id for each in runs.values()])
        for key, run in runs.items():
            if digests is None or digests[run.run_id] != run.digest:
                self._runs.pop(key, None)
                wake(key)

    def _by_address(self) -> dict[str, dict[ResourceKey, IdleRun]]:
        found: defaultdict[str, dict[ResourceKey, IdleRun]] = defaultdict(dict)
        for key, run in self._runs.items():
            found[run.url][key] = run
        return found


@dataclass(frozen=True)
class Reconciled:
    """A reconcile that is over: what it saw and decided, and for how long nothing has moved."""

    view: RunView
    decision: Decision
    url: str | None
    run_id: str
    idle_seconds: float
    now: float


class IdleRuns:
    """Says when each run is due again, and polls those that are idle."""

    def __init__(self, reader: SignalReader, settings: Settings) -> None:
        self.poller = IdleRunPoller(reader)
        self._settings = settings

    def delay(self, key: ResourceKey, last: Reconciled, *, runs: int) -> float:
        """Seconds for which a run may be left alone; 0 where it may become idle at no time."""
        self.poller.remove(key)
        longest, signals = self._settings.idle_interval, last.view.observed.signals
        if longest is None or not _may_idle(last.view):
            return 0.0
        delay = requeue_delay(
            last.idle_seconds,
            active=self._settings.active_interval,
            longest=longest,
            runs=runs,
            is_blind=not isinstance(signals, Signals),
        )
        is_idle = last.idle_seconds >= _IDLE_AFTER_SECONDS
        if isinstance(signals, Signals) and last.url is not None and is_idle:
            self.poller.add(key, IdleRun(last.url, last.run_id, signals.digest))
            delay = self._while_unchanging(last, delay, longest=longest, runs=runs)
        return delay * random.uniform(1 - _SPREAD, 1)

    def _while_unchanging(
        self, last: Reconciled, delay: float, *, longest: float, runs: int
    ) -> float:
        """A longer delay, if time alone changes nothing within it."""
        longer = unchanging_delay(delay, longest=longest, runs=runs)
        run, observed, until = last.view.run, last.view.observed, last.now + longer
        if longer > delay and changes_nothing(
            run, observed, self._settings, last.decision, until=until
        ):
            return longer
        return delay


def _may_idle(view: RunView) -> bool:
    """Whether only a change, or a deadline minutes away, can bring something new."""
    signals = view.observed.signals
    drains = isinstance(signals, Signals) and any(each.draining for each in signals.slots.values())
    return view.stage is Stage.RUNNING and not drains
