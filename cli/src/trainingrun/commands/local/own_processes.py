"""A local run from its start to its end: a host whose roles are processes of its own.

What ends it: the run is over, somebody asked (a suspend, as on a cluster, so that nothing is lost),
time is up, or a role can never run. All processes are gone when the host has ended.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.settings import Settings

from trainingrun.commands.local.members import note_members
from trainingrun.commands.local.sampler import Sampler
from trainingrun.commands.local.screen import Screen
from trainingrun.commands.local.snapshot import take_snapshot
from trainingrun.commands.local.usage import UsageMeter
from trainingrun.local.backend import LocalBackend
from trainingrun.local.folder import RunFolder
from trainingrun.local.forge import ForgeDaemons
from trainingrun.local.host import Outcome, RunEnding, RunHost, Timer
from trainingrun.local.probes import HOST
from trainingrun.local.store import LocalStore
from trainingrun.local.targets import MetricsTargets

_SHOW_SECONDS: Final = 1.0
_SAMPLE_SECONDS: Final = 5.0


@dataclass(frozen=True)
class RunPlan:
    """What a local run is started with. ``begun_at`` is the start of the command, in Unix
    seconds."""

    run: TrainingRun
    folder: RunFolder
    decks: Path
    settings: Settings
    begun_at: float
    time_limit: float | None = None
    serves_metrics: bool = False
    forge: ForgeDaemons | None = None


class OwnProcesses:
    """Runs one TrainingRun on this machine; use it once. A :class:`HostStrategy`."""

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, plan: RunPlan, screen: Screen) -> None:
        self._plan = plan
        self._screen = screen
        self._requested: Outcome | None = None
        self._at_once = False
        self._ends_now = False
        self._store = LocalStore(
            plan.run, plan.folder, on_event=screen.show_event, on_problem=screen.say
        )
        self._targets = MetricsTargets(plan.folder.metrics, run=plan.run.metadata.name)
        changed = asyncio.Event()
        self._backend = LocalBackend(
            plan.folder,
            decks=plan.decks,
            on_change=changed.set,
            targets=self._targets if plan.serves_metrics else None,
            forge=plan.forge,
        )
        self._host = RunHost(self._store, self._backend, plan.settings, changed=changed)
        self._sampler = Sampler(plan.folder.samples, begun_at=plan.begun_at)
        self._usage = UsageMeter()

    @property
    def run_now(self) -> TrainingRun:
        """The run with its latest status."""
        return self._store.run

    async def run(self) -> RunEnding:
        """Run until the end; all processes are gone when this returns."""
        if self._plan.serves_metrics:
            port = self._targets.port_of("run", self._plan.run.metadata.name)
            self._host.serve_metrics(port, HOST)
        return await self._host.run(self)

    # A host's strategy.

    def on_signal(self) -> None:
        """See HostStrategy. The first one saves, the second one does not."""
        if self._requested is Outcome.STOPPED:
            self._screen.say("Stopping at once; the next start resumes from the last checkpoint.")
            self._at_once = True
            self._backend.kill()
            self._end_now()
        elif self._sampler.has_learned:
            self._stop(Outcome.STOPPED, "Stopping")
        else:
            self._screen.say("Stopping: the learner has not begun, so there is nothing to save.")
            self._requested = Outcome.STOPPED
            self._end_now()

    async def attend(self) -> None:
        """See HostStrategy. Show the run, write its curves, and watch the time."""
        sampling = Timer(_SAMPLE_SECONDS)
        while True:
            view = self._host.view
            pids = {role.value: each for role, each in self._backend.pids().items()}
            usage, own = self._usage.measure(pids), self._usage.own()
            if view is not None:
                snapshot = take_snapshot(
                    view,
                    usage,
                    own,
                    self._store.events,
                    now=time.time(),
                    elapsed=self._sampler.elapsed,
                )
                self._screen.show(snapshot)
                note_members(self._plan.folder.members, view)
                if sampling.is_due():
                    self._sampler.add(view)
            self._check_time()
            await asyncio.sleep(_SHOW_SECONDS)

    def on_reconciled(self, view: RunView) -> None:
        """See HostStrategy."""
        self._sampler.note(view)

    def ending(self, view: RunView | None) -> RunEnding | None:
        """See HostStrategy."""
        if self._at_once:
            return RunEnding(Outcome.KILLED)
        if self._ends_now:
            return RunEnding(Outcome.STOPPED)
        if view is None:
            return None
        broken = _never_runs(view)
        if broken is not None:
            return RunEnding(Outcome.MISCONFIGURED, broken)
        return self._ending_of_run()

    async def close(self) -> None:
        """See HostStrategy."""
        if self._host.view is not None:
            self._sampler.add(self._host.view)
        await self._backend.close(at_once=self._at_once)
        self._store.all_gone()
        self._targets.forget()

    def _ending_of_run(self) -> RunEnding | None:
        status = self._store.run.status
        if status.is_complete:
            return RunEnding(Outcome.COMPLETE)
        if status.failure is not None:
            return RunEnding(Outcome.FAILED, status.failure.message)
        suspended = status.condition(ConditionType.SUSPENDED)
        if suspended is None or not suspended.is_true:
            return None
        if self._requested is not None:
            return RunEnding(self._requested)
        return RunEnding(Outcome.RESTING, status.stop.message) if status.stop is not None else None

    def _check_time(self) -> None:
        limit = self._plan.time_limit
        if limit is not None and time.time() - self._plan.begun_at >= limit:
            self._stop(Outcome.TIME_OVER, "The time limit is reached")

    def _stop(self, outcome: Outcome, why: str) -> None:
        if self._requested is None:
            self._screen.say(
                f"{why}: running games end, the queue is trained, a checkpoint is written."
                " Ctrl-C again stops at once."
            )
            self._store.suspend()
            self._host.wake()
        if self._requested is not Outcome.STOPPED:
            self._requested = outcome

    def _end_now(self) -> None:
        self._ends_now = True
        self._host.end_now()


def _never_runs(view: RunView) -> str | None:
    """Return why a role can never run; starting it again would not help."""
    for role in ROLES.names:
        there = view.observed.roles.get(role)
        for member in there.members if there is not None else ():
            if member.problem is not None and member.problem.reason == "Configuration":
                return f"{member.name}: {member.problem.message}"
    return None
