"""One local run from its start to its end: loop, backend and store in one event loop.

The control loop is the cluster's own. What is added here is when to stop: the run is over, somebody
asked (a suspend, as on a cluster, so that nothing is lost), time is up, or a role can never run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_reconciler.controller.loop import ReconcileError, Reconciler
from trainingrun_reconciler.controller.run_metrics import RunCollector
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.observed import Signals
from trainingrun_reconciler.desired.rates import learner_report
from trainingrun_reconciler.desired.stage import Stage
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.settings import Settings

from trainingrun.commands.local.members import note_members
from trainingrun.commands.local.samples import (
    DecisionCount,
    SampleFile,
    actor_reports,
    sample_of,
)
from trainingrun.commands.local.screen import Screen
from trainingrun.commands.local.snapshot import take_snapshot
from trainingrun.commands.local.usage import UsageMeter
from trainingrun.local.backend import LocalBackend
from trainingrun.local.folder import RunFolder
from trainingrun.local.probes import HOST
from trainingrun.local.store import LocalStore
from trainingrun.local.targets import MetricsTargets

_LOG: Final = logging.getLogger(__name__)
_SHOW_SECONDS: Final = 1.0
_SAMPLE_SECONDS: Final = 5.0
_AFTER_FAILURE_SECONDS: Final = 1.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PLAYING: Final = frozenset({Stage.RUNNING, Stage.DRAINING, Stage.WAITING})


class Outcome(Enum):
    """Why a local run ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    STOPPED = "stopped"
    KILLED = "killed"
    TIME_OVER = "time over"
    RESTING = "resting"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True)
class LocalRunEnding:
    """The outcome, and the sentence about what went wrong."""

    outcome: Outcome
    message: str = ""


@dataclass(frozen=True)
class RunPlan:
    """All that a runtime is given. ``begun_at`` is the start of the command, in Unix seconds."""

    run: TrainingRun
    folder: RunFolder
    decks: Path
    settings: Settings
    begun_at: float
    time_limit: float | None = None
    serves_metrics: bool = False


class LocalRuntime:
    """Runs one TrainingRun on this machine; use it once."""

    def __init__(self, plan: RunPlan, screen: Screen) -> None:
        self._plan = plan
        self._screen = screen
        self._wake = asyncio.Event()
        self._asked: Outcome | None = None
        self._at_once = False
        self._has_learned = False
        self._now = asyncio.Event()
        self._store = LocalStore(
            plan.run, plan.folder, on_event=screen.show_event, on_problem=screen.say
        )
        self._targets = MetricsTargets(plan.folder.metrics, run=plan.run.metadata.name)
        self._backend = LocalBackend(
            plan.folder,
            decks=plan.decks,
            on_change=self._wake.set,
            targets=self._targets if plan.serves_metrics else None,
        )
        self._reconciler = Reconciler(self._store, self._backend, plan.settings)
        self._samples = SampleFile(plan.folder.samples)
        self._decisions = DecisionCount(self._samples.decisions_before)
        self._usage = UsageMeter()

    @property
    def run_now(self) -> TrainingRun:
        """The run with its latest status."""
        return self._store.run

    async def run(self) -> LocalRunEnding:
        """Run until the end; all processes are gone when this returns."""
        showing = asyncio.create_task(self._show())
        if self._plan.serves_metrics:
            self._serve_metrics()
        try:
            with self._signals():
                try:
                    ending = await self._loop(showing)
                finally:
                    self._sample()
                    await self._close()
        finally:
            showing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await showing
        return ending

    async def _loop(self, showing: asyncio.Task[None]) -> LocalRunEnding:
        sampled = 0.0
        while True:
            if showing.done():
                showing.result()  # a bug in what is shown must not go unseen
            self._wake.clear()
            delay = await self._unless_over(self._reconcile())
            ending = self._ending()
            if ending is not None:
                return ending
            if time.monotonic() - sampled >= _SAMPLE_SECONDS:
                sampled = time.monotonic()
                self._sample()
            self._check_time()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), delay)

    async def _unless_over(self, step: Coroutine[None, None, float]) -> float:
        """Return the reconcile's answer; do not wait for it when an immediate end is requested."""
        stepping, over = asyncio.create_task(step), asyncio.create_task(self._now.wait())
        try:
            await asyncio.wait({stepping, over}, return_when=asyncio.FIRST_COMPLETED)
            return stepping.result() if stepping.done() else 0.0
        finally:
            for task in (stepping, over):
                task.cancel()
            await asyncio.wait({stepping, over})

    async def _reconcile(self) -> float:
        try:
            delay = await self._reconciler.reconcile(self._store.key)
        except ReconcileError:  # logged there
            return _AFTER_FAILURE_SECONDS
        view = self._view
        if view is not None and isinstance(view.observed.signals, Signals):
            self._decisions.note(actor_reports(view.observed.signals))
            learner = learner_report(view.observed.signals)
            since = self._plan.begun_at
            self._has_learned |= learner is not None and learner.at >= since
        limit = self._plan.settings.active_interval
        return min(delay, limit) if delay is not None else limit

    def _ending(self) -> LocalRunEnding | None:
        view = self._view
        if self._at_once:
            return LocalRunEnding(Outcome.KILLED)
        if self._now.is_set():
            return LocalRunEnding(Outcome.STOPPED)
        if view is None:
            return None
        broken = _never_runs(view)
        if broken is not None:
            return LocalRunEnding(Outcome.MISCONFIGURED, broken)
        status = self._store.run.status
        if status.is_complete:
            return LocalRunEnding(Outcome.COMPLETE)
        if status.failure is not None:
            return LocalRunEnding(Outcome.FAILED, status.failure.message)
        suspended = status.condition(ConditionType.SUSPENDED)
        if self._asked is not None and suspended is not None and suspended.is_true:
            return LocalRunEnding(self._asked)
        if status.stop is not None and suspended is not None and suspended.is_true:
            return LocalRunEnding(Outcome.RESTING, status.stop.message)
        return None

    @property
    def _view(self) -> RunView | None:
        return self._reconciler.view(self._store.key)

    @property
    def _elapsed(self) -> float:
        return self._samples.elapsed_before + max(0.0, time.time() - self._plan.begun_at)

    def _check_time(self) -> None:
        limit = self._plan.time_limit
        if limit is not None and time.time() - self._plan.begun_at >= limit:
            self._stop(Outcome.TIME_OVER, "The time limit is reached")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        if self._asked is Outcome.STOPPED:
            self._screen.say("Stopping at once; the next start resumes from the last checkpoint.")
            self._at_once = True
            self._backend.kill()
            self._now.set()
        elif self._has_learned:
            self._stop(Outcome.STOPPED, "Stopping")
        else:
            self._screen.say("Stopping: the learner has not begun, so there is nothing to save.")
            self._asked = Outcome.STOPPED
            self._now.set()
        self._wake.set()

    def _stop(self, outcome: Outcome, why: str) -> None:
        if self._asked is None:
            self._screen.say(
                f"{why}: running games end, the queue is trained, a checkpoint is written."
                " Ctrl-C again stops at once."
            )
            self._store.suspend()
        if self._asked is not Outcome.STOPPED:
            self._asked = outcome

    def _sample(self) -> None:
        view = self._view
        if view is None:
            return
        sample = sample_of(
            view,
            at=time.time(),
            elapsed=self._elapsed,
            playing=view.stage in _PLAYING,
            decisions=self._decisions.total,
        )
        signals = view.observed.signals
        if sample is not None and isinstance(signals, Signals):
            learner = learner_report(signals)
            saved = learner.checkpoint if learner is not None else None
            with contextlib.suppress(OSError):  # a full disk, which the store reports
                self._samples.add(sample, signals.evaluations, checkpoint=saved)

    async def _show(self) -> None:
        while True:
            view = self._view
            pids = {role.value: each for role, each in self._backend.pids().items()}
            usage, own = self._usage.measure(pids), self._usage.own()
            if view is not None:
                now = time.time()
                snapshot = take_snapshot(
                    view, usage, own, self._store.events, now=now, elapsed=self._elapsed
                )
                self._screen.show(snapshot)
                note_members(self._plan.folder.members, view)
            await asyncio.sleep(_SHOW_SECONDS)

    def _serve_metrics(self) -> None:
        """Serve the metrics that the operator has of a run, as long as the process lives."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(RunCollector(lambda: [self._view] if self._view is not None else []))
        port = self._targets.port_of("run", self._plan.run.metadata.name)
        start_http_server(port, addr=HOST, registry=registry)

    async def _close(self) -> None:
        await self._reconciler.close()
        await self._backend.close(at_once=self._at_once)
        self._store.all_gone()
        self._targets.forget()


def _never_runs(view: RunView) -> str | None:
    """Return why a role can never run; starting it again would not help."""
    for role in ROLES.names:
        there = view.observed.roles.get(role)
        for member in there.members if there is not None else ():
            if member.problem is not None and member.problem.reason == "Configuration":
                return f"{member.name}: {member.problem.message}"
    return None
