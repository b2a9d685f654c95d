"""An evaluation on embedded parts: a Redis, daemons and an evaluator, for as long as it lasts.

The evaluator is the one of a run; here the intent says at once that training has ended, so it
evaluates what is published, takes all slots, and is done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis
import redis.asyncio
from msgspec.structs import replace
from trainingrun_api.run import TrainingRun
from trainingrun_contracts import run_config, slots
from trainingrun_contracts.connection import asyncio_client, blocking_client
from trainingrun_contracts.reports import (
    Evaluation,
    EvaluatorReport,
    EvaluatorState,
    Intent,
    Notice,
    evaluations_from,
    notices_from,
    reports_from,
)
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.read import next_epoch
from trainingrun_contracts.weights import WeightsPublisher
from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.backends import BackendError, SharedResources
from trainingrun_reconciler.desired import run_config as rendering
from trainingrun_reconciler.desired.actions import Apply
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.desired.own_decks import own_decks
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.daemon_token import token_of
from trainingrun_reconciler.roles.workload import Role, Workload
from trainingrun_reconciler.settings import Settings

from trainingrun.commands.eval.weights import Weights
from trainingrun.local.backend import LocalBackend
from trainingrun.local.folder import RunFolder

START_SECONDS: Final = 60.0
STANDSTILL_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.5


class EvalError(Exception):
    """The evaluation failed; the message is one sentence."""


@dataclass(frozen=True)
class EvalPlan:
    """What is evaluated, against whom, and with how many daemons. ``past`` are weights that the
    opponent ``past`` plays with. A run of alphaZero has no daemons: its evaluator plays.
    """

    run: TrainingRun
    folder: RunFolder
    decks: Path
    weights: Weights
    past: tuple[Weights, ...]
    opponents: tuple[str, ...]
    games: int
    daemons: int


@dataclass(frozen=True)
class Played:
    """How far it is: games that ended, and the results so far."""

    games: int
    evaluations: tuple[Evaluation, ...]
    notices: tuple[Notice, ...]
    is_done: bool


class EvalSession:
    """One evaluation; use it once."""

    def __init__(self, plan: EvalPlan, *, show: Callable[[Played], None]) -> None:
        self._plan = plan
        self._run = _with_own_daemons(plan.run)
        self._show = show
        name = plan.run.metadata.name
        self._identity = RunIdentity("local", name, f"eval-{name}")
        self._keys = Keys(self._identity.uid)
        self._backend = LocalBackend(plan.folder, decks=plan.decks)
        self._settings = Settings(default_storage=plan.folder.checkpoints.as_uri())
        self._config = self._rendered()
        self._resources = SharedResources(
            run_config.encode(self._config),
            managed_redis=True,
            redis_roles=tuple(each.role for each in ALGORITHMS.roles_of(self._run)),
            daemon_token=token_of(self._run),
            decks=own_decks(self._run.spec),
        )

    async def play(self) -> Played:
        """Play to the end; all processes are gone when this returns.

        Raises:
            EvalError: a part cannot run, or no game is played for too long.
        """
        try:
            return await self._play()
        except BackendError as error:
            raise EvalError(str(error)) from error
        except (redis.RedisError, OSError) as error:
            raise EvalError(f"the embedded Redis went away: {error}") from error
        finally:
            await self._backend.close(at_once=True)

    async def _play(self) -> Played:
        plan = self._plan
        plan.folder.make()
        await self._backend.prepare(self._identity, self._resources)
        await self._start(self._workload(Role.REDIS))
        url = await self._backend.redis_url(self._identity, self._resources)
        assert url is not None, "a Redis that serves has an address"
        publishing = self._backend.url_of(Role.LEARNER.value)
        assert publishing is not None, "the learner's user is made with the others"
        await asyncio.to_thread(self._publish, publishing)
        async with asyncio_client(url) as client:
            await client.set(self._keys.intent, Intent.EVALUATE.value)
        endpoints = (
            await self._start_daemons() if plan.run.spec.algorithm.alpha_zero is None else []
        )
        async with asyncio_client(url) as client:
            await self._publish_slots(client, endpoints)
            await self._backend.perform(self._identity, Apply(self._workload(Role.EVALUATOR)))
            return await self._follow(client)

    async def _start_daemons(self) -> list[str]:
        """Return the addresses of daemons that serve."""
        served = await self._start(self._workload(Role.DAEMON, self._plan.daemons))
        return [member.endpoint for member in served.ready if member.endpoint is not None]

    def _rendered(self) -> run_config.RunConfig:
        plan = self._plan
        opponents = run_config.EvaluationConfig(games=plan.games, opponents=plan.opponents)
        config = rendering.run_config(plan.run, self._settings)
        return replace(config, run_id=self._identity.uid, evaluation=opponents, tapes=None)

    def _workload(self, role: Role, replicas: int = 1) -> Workload:
        return ROLES[role].workload(self._run, self._settings, replicas=replicas)

    async def _start(self, workload: Workload) -> ObservedRole:
        """Start a role and wait until all its members serve."""
        await self._backend.perform(self._identity, Apply(workload))
        deadline = time.monotonic() + START_SECONDS
        while True:
            roles = await self._backend.observe(self._identity)
            role = roles.get(workload.role)
            if role is not None and len(role.ready) >= workload.replicas:
                return role
            self._refuse_broken(roles.values())
            if time.monotonic() > deadline:
                raise EvalError(
                    f"the {workload.role.value} does not serve after {START_SECONDS:.0f} s"
                )
            await asyncio.sleep(0.05)

    def _publish(self, url: str) -> None:
        """The opponents' weights first: what is published last is evaluated."""
        plan = self._plan
        with blocking_client(url) as client:
            publisher = WeightsPublisher(client, self._keys, epoch=next_epoch(client, self._keys))
            for number, weights in enumerate((*plan.past, plan.weights)):
                publisher.publish(
                    weights.blob,
                    version=weights.version,
                    publish=number,
                    at=time.time(),
                    snapshot=number < len(plan.past),
                )

    async def _publish_slots(self, client: redis.asyncio.Redis, endpoints: list[str]) -> None:
        capacity = self._plan.run.spec.daemon.games_per_daemon
        async with client.pipeline(transaction=True) as pipe:
            found = {endpoint: slots.DaemonSlot(capacity) for endpoint in endpoints}
            slots.publish(pipe, self._keys.daemons, found)
            await pipe.execute()

    async def _follow(self, client: redis.asyncio.Redis) -> Played:
        patience = STANDSTILL_SECONDS + self._plan.run.spec.daemon.game_timeout_seconds
        moved, last = time.monotonic(), -1
        while True:
            found = await self._poll(client)
            self._show(found)
            if found.is_done:
                return found
            self._refuse_broken((await self._backend.observe(self._identity)).values())
            if found.games != last:
                moved, last = time.monotonic(), found.games
            elif time.monotonic() - moved > patience:
                raise EvalError(f"no game has ended for {patience:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)

    async def _poll(self, client: redis.asyncio.Redis) -> Played:
        keys = self._keys
        async with client.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.reports)
            pipe.lrange(keys.evaluations, 0, -1)
            pipe.lrange(keys.notices, 0, -1)
            replies: list[Any] = await pipe.execute()
        reports = [
            report
            for report in reports_from(replies[0], now=time.time())
            if isinstance(report, EvaluatorReport)
        ]
        return Played(
            games=max((report.games for report in reports), default=0),
            evaluations=evaluations_from(replies[1]),
            notices=notices_from(replies[2]),
            is_done=any(report.state is EvaluatorState.DONE for report in reports),
        )

    def _refuse_broken(self, roles: Iterable[ObservedRole]) -> None:
        """See that no member is one that can never run."""
        for role in roles:
            for member in role.members:
                problem = member.problem
                if problem is not None and problem.reason == "Configuration":
                    raise EvalError(f"{member.name}: {problem.message}")


def _with_own_daemons(run: TrainingRun) -> TrainingRun:
    """Return the run on daemons of this machine, whichever it trains on."""
    own = run.spec.daemon.model_copy(update={"external": None, "embedded": False})
    return run.model_copy(update={"spec": run.spec.model_copy(update={"daemon": own})})
