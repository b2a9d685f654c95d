"""A run on several machines without a cluster: which roles are here, and the talk between them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final

import msgspec
import redis
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Redis, SecretKey
from trainingrun_contracts.connection import AddressError, asyncio_client, parse_url
from trainingrun_contracts.run_config import REDIS_URL_VARIABLE
from trainingrun_contracts.segment import SCHEMA_VERSION
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.registry import spec_of
from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.roles.environment import environment_config
from trainingrun_reconciler.roles.workload import Role

from trainingrun.commands.errors import UserError
from trainingrun.commands.local.usage import Usage
from trainingrun.local.machines import (
    Lead,
    Machine,
    RoleOnMachine,
    lead_from,
    lead_key,
    machines_from,
    machines_key,
    queue_lead,
    queue_machine,
    stop_key,
)
from trainingrun.local.open_redis import address_to_serve

MACHINE_VARIABLE: Final = "TRAININGRUN_MACHINE"
"""Name of this machine, where two would have the same."""
_REPLAY: Final = "replay"
"""Another name of the queue's place."""
_GPU_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Share:
    """This machine's part of a run: its roles, and the Redis by which the machines meet."""

    roles: tuple[str, ...]
    url: str

    @property
    def leads(self) -> bool:
        """Whether the run is led from here: where the learner is, whose end is the run's."""
        return Role.LEARNER.value in self.roles

    @property
    def serves_redis(self) -> bool:
        """Whether the Redis is started here."""
        return Role.REDIS.value in self.roles

    @property
    def declared(self) -> frozenset[Role]:
        """The roles whose members are started here, but for Redis."""
        return frozenset(Role(name) for name in self.roles if name != Role.REDIS.value)


def share_of(run: TrainingRun, roles: str | None, url: str | None) -> Share | None:
    """Return this machine's part by ``--roles`` and ``--redis``; None: all of the run is here.

    Raises:
        UserError: they do not fit together, or the run.
    """
    if roles is None and url is None:
        return None
    if roles is None or url is None:
        raise UserError(
            "--roles and --redis go together: name this machine's roles, and the Redis by which the"
            " machines of the run meet, such as --redis redis://:PASSWORD@cpu-box:6379"
        )
    possible = _possible(run)
    names = [name.strip() for name in roles.split(",") if name.strip()]
    found = tuple(dict.fromkeys(Role.REDIS.value if n == _REPLAY else n for n in names))
    unknown = [name for name in found if name not in possible]
    if unknown or not found:
        wrong = f"this run has no role {unknown[0]}" if unknown else "names no role"
        raise UserError(f"--roles: {wrong}: choose among {', '.join(possible)}")
    share = Share(found, url)
    try:
        address = address_to_serve(url) if share.serves_redis else parse_url(url)
    except AddressError as error:
        raise UserError(f"--redis: {error}") from error
    if address.certificate is not None:
        raise UserError("--redis: write it without ?ca=: trust the certificate on this machine")
    return share


def _possible(run: TrainingRun) -> tuple[str, ...]:
    declared = ALGORITHMS.roles_of(run)
    if any(each.role == Role.DAEMON and each.exists(run) for each in declared):
        raise UserError(
            "--roles: daemons that are started here are reached from this machine alone: choose an"
            " algorithm without them (alphaZero), daemon.embedded, or start them there and name"
            " them with --daemons"
        )
    there = (each for each in declared if each.exists(run) or each.role == Role.REDIS)
    return tuple(each.role.value for each in there)


def for_several(run: TrainingRun, share: Share) -> TrainingRun:
    """Return the run with the Redis that all its machines reach.

    Raises:
        UserError: it names another one.
    """
    if run.spec.redis.url is not None or run.spec.redis.url_secret_ref is not None:
        raise UserError("spec.redis: names a Redis, and --redis another: leave one of both out")
    os.environ[REDIS_URL_VARIABLE] = share.url
    named = Redis(url_secret_ref=SecretKey(name="environment", key=REDIS_URL_VARIABLE))
    return run.model_copy(update={"spec": run.spec.model_copy(update={"redis": named})})


def this_machine(run: TrainingRun, share: Share) -> Machine:
    """Return what this machine says of itself before its members run.

    Raises:
        UserError: the environment is not installed here.
    """
    try:
        schema = spec_of(environment_config(run.spec.environment)).schema_hash
    except UnknownEnvironment as error:
        raise UserError(str(error)) from error
    return Machine(
        name=machine_name(),
        at=time.time(),
        version=version("trainingrun"),
        formats=f"segments {SCHEMA_VERSION}",
        schema=schema,
        roles=share.roles,
        cores=os.cpu_count() or 1,
        gpus=gpus_here(),
    )


def machine_name() -> str:
    """The name of this machine."""
    return os.environ.get(MACHINE_VARIABLE) or platform.node() or "this-machine"


def gpus_here() -> tuple[str, ...]:
    """Names of NVIDIA's GPUs, by the driver's own tool; none where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        done = subprocess.run(
            [tool, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_GPU_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    names = [line.strip()[:200] for line in done.stdout.splitlines() if line.strip()]
    return tuple(names[:64]) if done.returncode == 0 else ()


def members_here(
    roles: Mapping[Role, ObservedRole], usage: Mapping[str, Usage]
) -> tuple[RoleOnMachine, ...]:
    """What is said of the members on this machine."""
    found = []
    for role, there in roles.items():
        used = usage.get(role.value)
        problems = (each.problem.message for each in there.members if each.problem)
        found.append(
            RoleOnMachine(
                role=role.value,
                desired=there.replicas,
                ready=len(there.ready),
                restarts=sum(each.restarts for each in there.members),
                cpu=round(used.cpu, 2) if used is not None else 0.0,
                memory=used.memory if used is not None else 0,
                problem=next(problems, "")[:2000],
            )
        )
    return tuple(found)


class Talk:
    """The talk of one machine with the others; what was heard last stays while Redis is away."""

    def __init__(self, run: str, share: Share, own: Machine) -> None:
        self.own = own
        self.machines: tuple[Machine, ...] = (own,)
        self.lead: Lead | None = None
        self.stop_at = 0.0
        self.is_heard = False
        """Whether Redis answered the last time."""
        self._run = run
        self._client = asyncio_client(share.url, max_connections=2)

    def others(self) -> tuple[Machine, ...]:
        """The other machines that are there now."""
        now = time.time()
        return tuple(
            each for each in self.machines if each.name != self.own.name and each.is_fresh(now)
        )

    async def exchange(
        self, members: tuple[RoleOnMachine, ...], *, lead: Lead | None = None
    ) -> None:
        """Say what is here, and hear what is there."""
        self.own = msgspec.structs.replace(self.own, at=time.time(), members=members)
        pipe = self._client.pipeline(transaction=False)
        queue_machine(pipe, self._run, self.own)
        if lead is not None:
            queue_lead(pipe, self._run, lead)
        pipe.hgetall(machines_key(self._run))
        pipe.get(lead_key(self._run))
        pipe.get(stop_key(self._run))
        try:
            *_, machines, asked, stop = await pipe.execute()
        except (redis.RedisError, OSError):
            self.is_heard = False
            return
        self.is_heard = True
        self.machines, self.lead = machines_from(machines), lead_from(asked)
        self.stop_at = _moment(stop)

    async def ask_to_stop(self) -> None:
        """Ask the machine that leads to save and stop the run."""
        try:
            await self._client.set(stop_key(self._run), f"{time.time():.3f}")
        except (redis.RedisError, OSError):
            self.is_heard = False

    async def leave(self) -> None:
        """Remove what this machine said of itself: it is gone from the run."""
        try:
            await self._client.hdel(machines_key(self._run), self.own.name)
        except (redis.RedisError, OSError):
            self.is_heard = False
        await self._client.aclose()

    def with_role(self, role: Role) -> None:
        """This machine takes one more role."""
        if role.value not in self.own.roles:
            roles = (*self.own.roles, role.value)
            self.own = msgspec.structs.replace(self.own, roles=roles)


def with_evaluator(share: Share, talk: Talk) -> Share:
    """The part of the machine that leads, with the evaluator where no other has it."""
    name = Role.EVALUATOR.value
    if name in share.roles or any(name in each.roles for each in talk.others()):
        return share
    talk.with_role(Role.EVALUATOR)
    return replace(share, roles=(*share.roles, name))


def _moment(reply: bytes | None) -> float:
    try:
        return float(reply or 0)
    except ValueError:
        return 0.0
