"""A machine that has roles of a run which another one leads.

It starts its roles when the other asks for them and ends them when they are no longer asked for, by
what stands in Redis. While the other is away its members continue: training needs no leader.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Final

from trainingrun_api.run import TrainingRun
from trainingrun_reconciler.backends import BackendError, SharedResources
from trainingrun_reconciler.desired.actions import Apply, Remove
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role, Workload

from trainingrun.commands.errors import UserError
from trainingrun.commands.local.several import Share, Talk, members_here
from trainingrun.commands.local.usage import UsageMeter
from trainingrun.local.backend import LocalBackend
from trainingrun.local.folder import RunFolder
from trainingrun.local.host import Outcome, RunEnding, Timer, host_settings
from trainingrun.local.machines import BEAT_SECONDS, Lead, RoleOnMachine, described, misfits
from trainingrun.local.open_redis import address_to_serve, open_redis
from trainingrun.local.store import NAMESPACE
from trainingrun.local.supervisor import Supervisor

_STEP_SECONDS: Final = 0.5
_LINE_SECONDS: Final = 10.0
_LEAVING_SECONDS: Final = 20.0


class Step(Enum):
    """What a machine does about what it is asked."""

    WAIT = "wait"
    """No machine has asked yet."""
    KEEP = "keep"
    """The leader is away: what runs continues."""
    FOLLOW = "follow"
    END = "end"
    """The run is over, or was stopped."""


def step_for(lead: Lead | None, *, began: float, now: float) -> Step:
    """Decide what to do; what was asked before this machine ``began`` ended another start of the
    run."""
    if lead is None:
        return Step.WAIT
    if lead.is_over:
        return Step.END if lead.at >= began else Step.WAIT
    return Step.FOLLOW if lead.is_fresh(now) else Step.KEEP


class Follower:
    """The roles of this machine; use it once."""

    def __init__(
        self, run: TrainingRun, folder: RunFolder, share: Share, talk: Talk, *, decks: Path
    ) -> None:
        self._run = run
        self._folder = folder
        self._share = share
        self._talk = talk
        self._changed = asyncio.Event()
        self._backend = LocalBackend(
            folder, decks=decks, on_change=self._changed.set, place=talk.own.name
        )
        self._redis: Supervisor | None = None
        self._usage = UsageMeter()
        self._began = time.time()
        self._signals = 0

    async def run(self, say: Callable[[str], None]) -> RunEnding:
        """Follow until the end; all processes are gone when this returns.

        Raises:
            UserError: the machines do not fit together, or a role can never run here.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        try:
            if self._share.serves_redis:
                address = address_to_serve(self._share.url)
                self._redis = open_redis(self._folder, address, self._changed.set)
            return await self._follow(say)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)
            await self._close()

    async def _follow(self, say: Callable[[str], None]) -> RunEnding:
        beating, printing, asked = Timer(BEAT_SECONDS), Timer(_LINE_SECONDS), False
        say(
            f"{self._talk.own.name} has {', '.join(self._share.roles)}; the learner's machine leads"
        )
        while True:
            if beating.is_due() or self._signals:
                await self._talk.exchange(await self._members())
            self._check_fit()
            ending = await self._step()
            if ending is not None:
                return ending
            if self._signals == 1 and not asked:
                asked = True
                if not self._share.serves_redis:
                    return RunEnding(Outcome.STOPPED)
                say("Asked the learner's machine to save and stop. Ctrl-C again ends at once.")
                await self._talk.ask_to_stop()
            if self._signals > 1:
                return RunEnding(Outcome.KILLED)
            if printing.is_due():
                for line in self._lines():
                    say(line)
            await asyncio.sleep(_STEP_SECONDS)

    def _lines(self) -> list[str]:
        now, lead = time.time(), self._talk.lead
        if not self._talk.is_heard:
            return ["Redis does not answer yet; what runs continues"]
        if lead is None or not lead.is_fresh(now):
            return ["no machine with the learner is there; what runs continues"]
        return [lead.line, *(f"  {described(each, now=now)}" for each in self._talk.machines)]

    def _check_fit(self) -> None:
        found = misfits(self._talk.own, self._talk.machines, now=time.time())
        if found:
            raise UserError("\n".join(found))

    async def _step(self) -> RunEnding | None:
        lead = self._talk.lead
        match step_for(lead, began=self._began, now=time.time()):
            case Step.FOLLOW:
                assert lead is not None
                await self._obey(lead)
            case Step.END:
                assert lead is not None
                return RunEnding(Outcome.COMPLETE, lead.line)
            case Step.WAIT | Step.KEEP:
                pass
        for role, there in (await self._backend.observe(self._identity())).items():
            for member in there.members:
                if member.problem is not None and member.problem.reason == "Configuration":
                    raise UserError(f"{role.value}: {member.problem.message}")
        return None

    async def _obey(self, lead: Lead) -> None:
        identity = self._identity()
        shared = SharedResources(config=lead.config, managed_redis=False, redis_url=self._share.url)
        try:
            await self._backend.prepare(identity, shared)
            there = await self._backend.observe(identity)
            for role, workload in self._workloads(lead).items():
                if role.value in lead.wanted:
                    await self._backend.perform(identity, Apply(workload))
                elif role in there:
                    await self._backend.perform(identity, Remove(role))
        except BackendError as error:
            raise UserError(str(error)) from error

    def _workloads(self, lead: Lead) -> dict[Role, Workload]:
        metadata = self._run.metadata.model_copy(update={"uid": lead.uid, "namespace": NAMESPACE})
        run = self._run.model_copy(update={"metadata": metadata})
        settings = replace(
            host_settings(self._folder.checkpoints.as_uri()), daemon_limit=os.cpu_count() or 1
        )
        made = workloads(run, settings, scaled=1)
        return {role: each for role, each in made.items() if role in self._share.declared}

    def _identity(self) -> RunIdentity:
        uid = self._talk.lead.uid if self._talk.lead is not None else ""
        return RunIdentity(NAMESPACE, self._run.metadata.name, uid)

    async def _members(self) -> tuple[RoleOnMachine, ...]:
        there = dict(await self._backend.observe(self._identity()))
        pids = {role.value: each for role, each in self._backend.pids().items()}
        if self._redis is not None:
            there[Role.REDIS] = ObservedRole(1, "", (self._redis.observed(),))
            pids[Role.REDIS.value] = () if self._redis.pid is None else (self._redis.pid,)
        return members_here(there, self._usage.measure(pids))

    def _on_signal(self) -> None:
        self._signals += 1
        if self._signals > 1:
            self._backend.kill()

    async def _close(self) -> None:
        await self._backend.close(at_once=self._signals > 1)
        if self._redis is not None and self._signals < 2:
            await self._wait_for_the_others()
        await self._talk.leave()
        if self._redis is not None:
            self._redis.end()
            await self._redis.ended()

    async def _wait_for_the_others(self) -> None:
        """They may still write; who leads does until it has left."""
        until = time.monotonic() + _LEAVING_SECONDS
        while time.monotonic() < until:
            await self._talk.exchange(())
            if not self._talk.is_heard or not self._talk.others():
                return
            await asyncio.sleep(_STEP_SECONDS)
