"""An algorithm that is declared in a test alone runs as processes, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from trainingrun.local.backend import LocalBackend
from trainingrun.local.folder import RunFolder
from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_reconciler.controller.loop import Reconciler
from trainingrun_reconciler.memory import MemoryRunStore
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.operator.second_algorithm import ARENA, SEED, TRAINER, WORKERS, a_second_algorithm
from testkit.operator.simulated_run import training_run
from testkit.tree import DECKS

WAIT_SECONDS = 120
STEP_SECONDS = 0.2
ENDLESS = 1_000_000
ALL = {"workers": "2/2", "trainer": "1/1", "arena": "1/1"}


class Led:
    """A run of the algorithm with a real Redis and processes, led by the control loop."""

    def __init__(self, folder: RunFolder) -> None:
        self._changed = asyncio.Event()
        self.backend = LocalBackend(folder, decks=DECKS, on_change=self._changed.set)
        self._store = MemoryRunStore()
        self._loop = Reconciler(self._store, self.backend, Settings())
        self._key = self._store.put(training_run(seed=SEED, games=ENDLESS))

    @property
    def run(self) -> TrainingRun:
        """Spec and status."""
        return self._store.runs[self._key]

    @property
    def played(self) -> int:
        """Games that have ended."""
        games = self.run.status.games
        return (games.played or 0) if games is not None else 0

    @property
    def counted(self) -> dict[str, str]:
        """Members of each role, as people see them."""
        return {each.name: each.display for each in self.run.status.roles}

    def holds(self, kind: ConditionType) -> bool:
        """Whether a condition holds, about the spec as it is."""
        found = self.run.status.condition(kind)
        newest = self.run.metadata.generation
        return found is not None and found.is_true and found.observed_generation == newest

    def change(self, **spec: object) -> None:
        """Edit the spec."""
        before = self.run
        self._store.put(
            before.model_copy(update={"spec": before.spec.model_copy(update=dict(spec))})
        )

    async def until(self, reached: Callable[[], bool]) -> None:
        """Reconcile until it is reached."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not reached():
                await self._loop.reconcile(self._key)
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), STEP_SECONDS)

    def running(self) -> set[Role]:
        """Roles with processes now."""
        return {role for role, pids in self.backend.pids().items() if pids}

    async def close(self) -> None:
        """End all processes."""
        await self._loop.close()
        await self.backend.close()


async def walked(folder: RunFolder) -> None:
    """Run, suspend, resume, complete."""
    led = Led(folder)
    try:
        await led.until(lambda: led.holds(ConditionType.READY) and led.played > 0)
        await led.until(lambda: led.counted == {"workers": "2/2", "trainer": "1/1", "arena": "1/1"})
        assert led.running() == {Role.REDIS, WORKERS, TRAINER, ARENA}
        led.change(suspend=True)
        await led.until(lambda: led.holds(ConditionType.SUSPENDED))
        assert led.running() == {Role.REDIS}
        before = led.played
        led.change(suspend=False)
        await led.until(lambda: led.holds(ConditionType.READY) and led.played > before)
        led.change(games=led.played)
        await led.until(lambda: led.holds(ConditionType.COMPLETE))
        await led.until(lambda: led.running() == {Role.REDIS})
    finally:
        await led.close()


def test_its_processes_walk_through_a_whole_life(tmp_path: Path) -> None:
    """Its workers are drained by what they report, its trainer flushes; no other role is there."""
    folder = RunFolder(tmp_path / "run")
    folder.make()
    with a_second_algorithm():
        asyncio.run(walked(folder))
