"""Operators that die after every single thing that they do, one after the other, over any backend.

The hardest case of a restart: no operator lives to see what it did, none writes a status in a look
in which it acted twice, and each begins without memory. What they reach together is what one that
lives would reach. The walk is the same for every backend: start, every way of stopping and going
on, completion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.limits import Cost, StopWhen
from trainingrun_api.requests import WAKE
from trainingrun_api.run import TrainingRun
from trainingrun_contracts.reports import Evaluation, queue_evaluation
from trainingrun_reconciler.backends import Backend, SharedResources
from trainingrun_reconciler.controller.loop import Reconciler
from trainingrun_reconciler.desired.actions import WorkloadAction
from trainingrun_reconciler.desired.observed import ObservedRole, Problem
from trainingrun_reconciler.memory import MemoryRunStore
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings
from trainingrun_reconciler.store import ResourceKey

from testkit.roles.learner_process import learner_report

_PAUSE_SECONDS: Final = 0.05
_RECORDING = "written beside the checkpoints"
_LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Death(Exception):
    """An operator ends where it stands."""


class _Life:
    """One action long."""

    def __init__(self) -> None:
        self._left = 1

    def spend(self) -> None:
        """Act, if there is life for it.

        Raises:
            Death: there is none.
        """
        if not self._left:
            raise Death
        self._left -= 1


class Relayed:
    """A backend that passes everything on; who is built on it changes what is performed."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """See Backend."""
        return await self._inner.observe(run)

    async def prepare(self, run: RunIdentity, shared: SharedResources) -> None:
        """See Backend."""
        await self._inner.prepare(run, shared)

    async def is_prepared(self, run: RunIdentity) -> bool:
        """See Backend."""
        return await self._inner.is_prepared(run)

    def warning(self, run: RunIdentity) -> Problem | None:
        """See Backend."""
        return self._inner.warning(run)

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """See Backend."""
        await self._inner.perform(run, action)

    async def redis_url(self, run: RunIdentity, shared: SharedResources) -> str | None:
        """See Backend."""
        return await self._inner.redis_url(run, shared)


class _Mortal(Relayed):
    """A backend as one operator has it: seeing, and writing what was written, cost nothing."""

    def __init__(self, inner: Backend, life: _Life) -> None:
        super().__init__(inner)
        self._life = life

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Act, once in a life."""
        self._life.spend()
        await super().perform(run, action)


@dataclass
class Course:
    """A run, the world it is in, and its course. ``end_learner`` lets the learner end well,
    and what comes in its place, if there is one;
    ``between`` lets time go by in a world that has none of its own."""

    store: MemoryRunStore
    key: ResourceKey
    backend: Backend
    fleet: Any
    redis: Any
    end_learner: Callable[[], None]
    between: Callable[[], None] = lambda: None
    seconds: float = 120.0
    deaths: int = 0

    @property
    def run(self) -> TrainingRun:
        """The run as it is now."""
        return self.store.runs[self.key]

    def change(self, **spec: Any) -> None:
        """Edit the spec as a user would."""
        self.store.put(self.run.model_copy(update={"spec": self.run.spec.model_copy(update=spec)}))

    def reason(self, kind: ConditionType) -> str:
        """The reason of a condition that holds; empty while it does not."""
        found = self.run.status.condition(kind)
        told = found is not None and found.observed_generation == self.run.metadata.generation
        return found.reason if found is not None and told and found.is_true else ""

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """One operator after the other, until something holds."""
        try:
            async with asyncio.timeout(self.seconds):
                while not holds():
                    await self._one_life()
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError as error:
            summary = self.run.status.summary
            raise AssertionError(f"not within {self.seconds:g} s: {what}; {summary}") from error

    async def _one_life(self) -> None:
        life = _Life()
        loop = Reconciler(self.store, _Mortal(self.backend, life), Settings(), may_act=life.spend)
        try:
            await loop.reconcile(self.key)
        except Death:
            self.deaths += 1
        finally:
            await loop.close()
        self.between()

    # -- the walk ------------------------------------------------------------------------------

    async def walk(self) -> None:
        """Start; suspend, spend, idle, each with its way back; be strong enough."""
        await self._plays("the start")
        self.change(suspend=True)
        await self._rests("Suspended")
        self.change(suspend=False)
        await self._plays("the end of suspend")
        self.change(cost=Cost(learner_hourly=1_000_000.0, budget=200.0))
        await self._rests("BudgetExhausted")
        self.change(cost=Cost(learner_hourly=1_000_000.0, budget=900_000_000.0))
        await self._plays("more money")
        await self._idle()
        self.change(stop_when=StopWhen(win_rate=0.8))
        result = Evaluation(self.now, 1, 9, "random", 400, 360, 0, 0.9, 0.87, 0.93)
        queue_evaluation(self.redis, self.fleet.keys.evaluations, result)
        await self._ends(ConditionType.COMPLETE, "WinRateReached", records=True)

    async def _idle(self) -> None:
        await self._stand_still()
        self.change(idle_shutdown_seconds=3600)
        played = self.fleet.games
        await self.until(lambda: self._played() == played, "the last game")
        status = self.run.status.model_copy(update={"progressed_at": _LONG_AGO})
        self.store.runs[self.key] = self.run.model_copy(update={"status": status})
        await self._rests("Idle")
        self.fleet.games_per_tick = 2
        metadata = self.run.metadata.model_copy(update={"annotations": {WAKE: "now"}})
        self.store.runs[self.key] = self.run.model_copy(update={"metadata": metadata})
        await self._plays("the call to wake")

    async def _stand_still(self) -> None:
        """No game any longer, not even of the tick that is under way now: what a later tick says of
        the learner came after that one's games."""
        self.fleet.games_per_tick = 0
        now = self.now

        def has_ticked() -> bool:
            told = learner_report(self.redis, self.fleet.keys)
            return told is not None and told.at > now

        await self.until(has_ticked, "a tick without a game")

    async def _plays(self, after: str) -> None:
        before = self._played()
        await self.until(
            lambda: self._played() > before and bool(self.reason(ConditionType.READY)),
            f"games after {after}",
        )

    async def _rests(self, reason: str) -> None:
        await self._ends(ConditionType.SUSPENDED, reason)

    async def _ends(self, kind: ConditionType, reason: str, *, records: bool = False) -> None:
        """The learner flushes as soon as it is asked to; what records in its place ends soon."""
        await self.until(lambda: self.fleet.intent.value == "flush", f"flush for {reason}")
        self.end_learner()
        if records:
            await self.until(self._is_recording, "the record of the last evaluation")

        def is_over() -> bool:
            if records and self._is_recording():
                self.end_learner()
            return self.reason(kind) == reason

        await self.until(is_over, reason)

    def _is_recording(self) -> bool:
        return any(_RECORDING in each.message for each in self.run.status.conditions)

    def _played(self) -> int:
        games = self.run.status.games
        return (games.played or 0) if games is not None else 0

    @property
    def now(self) -> float:
        """Unix seconds, as the operators have them."""
        return datetime.now(UTC).timestamp()
