"""A local run from its start to its end: a host whose roles are processes of its own.

What ends it: the run is over, somebody asked (a suspend, as on a cluster, so that nothing is lost),
time is up, or a role can never run. All processes are gone when the host has ended.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_contracts.role_environment import LeagueAccess, LeagueFolder
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from trainingrun.commands.local.lines import line_of
from trainingrun.commands.local.members import note_members
from trainingrun.commands.local.sampler import Sampler
from trainingrun.commands.local.screen import Screen
from trainingrun.commands.local.several import Share, Talk, members_here
from trainingrun.commands.local.snapshot import take_snapshot
from trainingrun.commands.local.usage import Usage, UsageMeter
from trainingrun.local.backend import LocalBackend
from trainingrun.local.divided import DividedBackend
from trainingrun.local.folder import RunFolder
from trainingrun.local.forge import ForgeDaemons
from trainingrun.local.host import Outcome, RunEnding, RunHost, Timer
from trainingrun.local.machines import BEAT_SECONDS, Lead, described, misfits
from trainingrun.local.open_redis import address_to_serve, open_redis
from trainingrun.local.probes import HOST
from trainingrun.local.store import NAMESPACE, LocalStore
from trainingrun.local.supervisor import Supervisor
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
    share: Share | None = None
    """This machine's part of the run; None: all of it is here."""
    league: LeagueAccess | LeagueFolder | None = None
    """What the run's league wants to know of it; None where it joins none."""


class OwnProcesses:
    """Runs one TrainingRun on this machine; use it once. A :class:`HostStrategy`."""

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, plan: RunPlan, screen: Screen, talk: Talk | None = None) -> None:
        self._plan = plan
        self._screen = screen
        self._requested: Outcome | None = None
        self._at_once = False
        self._ends_now = False
        self._is_over = False
        self._line = ""
        self._said: set[str] = set()
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
            place=talk.own.name if talk is not None else "",
            league=plan.league,
        )
        self._talk = talk
        self._divided: DividedBackend | None = None
        if talk is not None and plan.share is not None:
            self._divided = DividedBackend(self._backend, plan.share.declared, talk.others)
        self._redis: Supervisor | None = None
        self._changed = changed
        self._host = RunHost(
            self._store, self._divided or self._backend, plan.settings, changed=changed
        )
        self._sampler = Sampler(plan.folder.samples, begun_at=plan.begun_at)
        self._usage = UsageMeter()

    @property
    def run_now(self) -> TrainingRun:
        """The run with its latest status."""
        return self._store.run

    async def run(self) -> RunEnding:
        """Run until the end; all processes are gone when this returns."""
        share = self._plan.share
        if share is not None and share.serves_redis:
            address = address_to_serve(share.url)
            self._redis = open_redis(self._plan.folder, address, self._changed.set)
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
        sampling, beating = Timer(_SAMPLE_SECONDS), Timer(BEAT_SECONDS)
        while True:
            view = self._host.view
            usage, own = self._usage.measure(self._pids()), self._usage.own()
            if self._talk is not None and beating.is_due():
                await self._exchange(usage)
            if view is not None:
                snapshot = take_snapshot(
                    view,
                    usage,
                    own,
                    self._store.events,
                    now=time.time(),
                    elapsed=self._sampler.elapsed,
                    machines=self._machines(),
                )
                self._line = line_of(replace(snapshot, machines=()))
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
        self._is_over = True
        if self._talk is not None:
            await self._exchange({})
        await self._backend.close(at_once=self._at_once)
        if self._talk is not None:
            await self._talk.leave()
        if self._redis is not None:
            self._redis.end()
            await self._redis.ended()
        self._store.all_gone()
        self._targets.forget()

    def _pids(self) -> dict[str, tuple[int, ...]]:
        found = {role.value: each for role, each in self._backend.pids().items()}
        if self._redis is not None and self._redis.pid is not None:
            found[Role.REDIS.value] = (self._redis.pid,)
        return found

    def _machines(self) -> tuple[str, ...]:
        """A line for each machine of the run, where there are several."""
        if self._talk is None:
            return ()
        return tuple(described(each, now=time.time()) for each in self._talk.machines)

    async def _exchange(self, usage: Mapping[str, Usage]) -> None:
        """Ask the other machines for their roles, and hear how they are."""
        talk, divided = self._talk, self._divided
        assert talk is not None, "the run is on several machines"
        assert divided is not None, "the run is on several machines"
        run = self._store.run
        there = dict(await self._backend.observe(RunIdentity(NAMESPACE, "", "")))
        if self._redis is not None:
            there[Role.REDIS] = ObservedRole(1, "", (self._redis.observed(),))
        lead = Lead(
            machine=talk.own.name,
            at=time.time(),
            uid=run.metadata.uid,
            config=divided.config,
            wanted=tuple(role.value for role in divided.wanted),
            is_over=self._is_over,
            line=self._line,
        )
        asks = bool(divided.config)
        await talk.exchange(members_here(there, usage), lead=lead if asks else None)
        for sentence in misfits(talk.own, talk.machines, now=time.time()):
            if sentence not in self._said:
                self._said.add(sentence)
                self._screen.say(sentence)
        if talk.stop_at > self._plan.begun_at:
            self._stop(Outcome.STOPPED, "Another machine of the run was asked to stop")

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
