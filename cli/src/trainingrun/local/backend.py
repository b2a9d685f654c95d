"""The local backend: a Backend that makes processes.

Actions return at once; processes start and end in their supervisors' tasks, and ``observe`` sees
how far they are. Images, resources, secrets and claims of a workload mean nothing here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trainingrun_contracts.role_environment import LeagueAccess, LeagueFolder
from trainingrun_contracts.run_config import (
    CONFIG_VARIABLE,
    HEALTH_FILE_VARIABLE,
    INFERENCE_ADDRESS_VARIABLE,
    LEAGUE_AUTHORITY_VARIABLE,
    LEAGUE_FOLDER_VARIABLE,
    LEAGUE_TOKEN_VARIABLE,
    MEMBER_VARIABLE,
    METRICS_PORT_VARIABLE,
    REDIS_URL_VARIABLE,
)
from trainingrun_protocol.access import TOKEN_VARIABLE, Token, TokenError, read_token
from trainingrun_protocol.given_token import token_in_environment
from trainingrun_reconciler.backends import BackendError, SharedResources
from trainingrun_reconciler.desired.actions import Apply, Remove, RemoveFirst, WorkloadAction
from trainingrun_reconciler.desired.observed import ObservedRole, Problem
from trainingrun_reconciler.desired.own_decks import OwnDeck, OwnDeckError, inline_files
from trainingrun_reconciler.desired.redis_config import OPERATOR, url_for, users
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Life
from trainingrun_reconciler.roles.workload import DaemonToken, Probe, Role, Workload, filled

from trainingrun.local.backoff import Rules
from trainingrun.local.files import secret_in, write_atomically
from trainingrun.local.folder import RunFolder
from trainingrun.local.forge import FAILED_START, ForgeDaemons
from trainingrun.local.probes import (
    HOST,
    HealthFileProbe,
    PortProbe,
    ReadinessProbe,
)
from trainingrun.local.redis import find_redis_server, free_port, write_config
from trainingrun.local.supervisor import Launch, Supervisor
from trainingrun.local.targets import NO_PORT, MetricsTargets

_REDIS_END_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 10.0
"""Grace of processes that still run when the runtime ends; a task has its own, to save."""
_LEAGUE_VARIABLES: Final = (
    LEAGUE_TOKEN_VARIABLE,
    LEAGUE_AUTHORITY_VARIABLE,
    LEAGUE_FOLDER_VARIABLE,
)
_FREE_PORT: Final = "0"


@dataclass
class _LocalRole:
    """A role that exists: how it should be, and its members, those that end included."""

    workload: Workload
    members: list[Supervisor] = field(default_factory=list)
    first: tuple[str, ...] = ()
    removed: bool = False

    @property
    def staying(self) -> list[Supervisor]:
        return [member for member in self.members if not member.is_ending]

    def forget_gone(self) -> None:
        self.members = [member for member in self.members if not member.is_gone]

    def next_name(self) -> str:
        taken = {member.name for member in self.members}
        names = (f"{self.workload.role.value}-{index}" for index in range(len(taken) + 1))
        return next(name for name in names if name not in taken)

    def observed(self) -> ObservedRole:
        finished = next((each.finished for each in self.members if each.finished), None)
        return ObservedRole(
            replicas=self.workload.replicas,
            template_hash=self.workload.template_hash,
            members=tuple(member.observed() for member in self.members),
            finished=finished,
            removing=self.removed,
        )


class LocalBackend:
    """Performs the actions of one run as processes of this machine.

    ``on_change`` is called whenever a member became ready, ended or changed otherwise, so that the
    control loop need not wait for its next reconcile. With ``targets`` the roles serve metrics.
    With ``forge`` the daemons are of that build. ``place`` is this machine's name, where
    the run has members of the same names on others. ``league`` is what a league of the run wants
    to know of it; None leaves what the environment says.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        decks: Path,
        on_change: Callable[[], None] = lambda: None,
        targets: MetricsTargets | None = None,
        forge: ForgeDaemons | None = None,
        place: str = "",
        league: LeagueAccess | LeagueFolder | None = None,
    ) -> None:
        self._folder = folder
        self._place = place
        self._targets = targets
        self._forge = forge
        self._league = league
        self._decks = decks
        self._on_change = on_change
        self._roles: dict[Role, _LocalRole] = {}
        self._redis_port: int | None = None
        self._urls: dict[str, str] = {}
        self._token: Token | None = None

    async def observe(self, _run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """See Backend."""
        for role, local in list(self._roles.items()):
            local.forget_gone()
            if local.removed and not local.members:
                del self._roles[role]
        return {role: self._roles[role].observed() for role in ROLES.names if role in self._roles}

    async def prepare(self, run: RunIdentity, shared: SharedResources) -> None:
        """See Backend."""
        try:
            if (
                not self._folder.config.exists()
                or self._folder.config.read_bytes() != shared.config
            ):
                write_atomically(self._folder.config, shared.config)
            self._write_decks(shared.decks)
            self._urls = self._addresses(run, shared)
            self._token = self._token_for(shared.daemon_token)
        except OSError as error:
            raise BackendError(
                "StateFolderUnusable",
                f"state folder {self._folder.root}: {error.strerror}: free space or make it"
                " writable",
            ) from error

    async def is_prepared(self, _run: RunIdentity) -> bool:
        """See Backend."""
        return self._folder.config.exists()

    def warning(self, _run: RunIdentity) -> Problem | None:
        """See Backend."""
        return None

    async def perform(self, _run: RunIdentity, action: WorkloadAction) -> None:
        """See Backend."""
        match action:
            case Apply(workload=workload):
                self._apply(workload)
            case Remove(role=role):
                self._remove(role)
            case RemoveFirst(role=role, members=members):
                if role in self._roles:
                    self._roles[role].first = members

    async def redis_url(self, _run: RunIdentity, shared: SharedResources) -> str | None:
        """See Backend."""
        if not shared.managed_redis:
            return _given_url(shared)
        return self.url_of(OPERATOR) if Role.REDIS in self._roles else None

    def url_of(self, user: str) -> str | None:
        """Return where a role, by its name, reaches Redis; None before :meth:`prepare`."""
        return self._urls.get(user)

    def pids(self) -> Mapping[Role, tuple[int, ...]]:
        """Return the running processes by role."""
        return {
            role: tuple(member.pid for member in local.members if member.pid is not None)
            for role, local in self._roles.items()
        }

    async def close(self, *, at_once: bool = False) -> None:
        """End all processes, Redis last, because the others may still write to it."""
        redis = self._roles.pop(Role.REDIS, None)
        others = []
        for role, local in self._roles.items():
            others += local.members
            for member in local.members:
                if at_once:
                    member.kill()
                else:
                    member.end(grace=None if _is(Life.TASK, role) else _CLOSE_SECONDS)
        await asyncio.gather(*(member.ended() for member in others))
        self._roles.clear()
        for member in redis.members if redis is not None else []:
            member.end(grace=_REDIS_END_SECONDS)  # at once or not: it writes its file, and ends
            await member.ended()

    def kill(self) -> None:
        """Shorten a :meth:`close` that is under way."""
        for role, local in self._roles.items():
            if not _is(Life.STORE, role):
                for member in local.members:
                    member.kill()

    def _addresses(self, run: RunIdentity, shared: SharedResources) -> dict[str, str]:
        """Return the URL of each user of Redis; one that is not ours has the same for all."""
        if not shared.managed_redis:
            return dict.fromkeys(users(shared.redis_roles), _given_url(shared))
        self._redis_port = self._redis_port or free_port()
        secret = write_config(self._folder.redis_config, run.uid, roles=shared.redis_roles)
        address = f"{HOST}:{self._redis_port}"
        return {user: url_for(user, secret, address) for user in users(shared.redis_roles)}

    def _token_for(self, token: DaemonToken | None) -> Token | None:
        """Return the token of the run's daemons: kept in the folder, or given in the environment.

        Raises:
            BackendError: the file or the environment holds none.
        """
        file = self._folder.daemon_token
        try:
            if token == DaemonToken():
                return read_token(secret_in(file), where=str(file))
            found = token_in_environment()
        except TokenError as error:
            raise BackendError("TokenInvalid", str(error), retry=False) from error
        if token is not None and found is None:
            raise BackendError(
                "SecretNotFound",
                "spec.daemon.external.tokenSecretRef: there are no Secrets on this machine: set"
                f" {TOKEN_VARIABLE} to the token of the daemons",
                retry=False,
            )
        return found

    def _write_decks(self, decks: tuple[OwnDeck, ...]) -> None:
        """Write the decks of the run's own; those that it had before and no longer has go.

        Raises:
            BackendError: one cannot be understood, or stands in a ConfigMap.
        """
        away = next((deck for deck in decks if deck.source is not None), None)
        if away is not None and away.source is not None:
            raise BackendError(
                "DeckNotFound",
                f"{away.field}: there are no ConfigMaps on this machine: put ConfigMap"
                f" {away.source[0]} into the run's file behind a line ---, or the list into inline",
                retry=False,
            )
        try:
            files = inline_files(decks)
        except OwnDeckError as error:
            raise BackendError("DeckUnreadable", str(error), retry=False) from error
        folder = self._folder.decks
        if files or folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob("*.dck"):
                if old.name not in files:
                    old.unlink()
        for name, text in files.items():
            write_atomically(folder / name, text.encode())

    def _apply(self, workload: Workload) -> None:
        local = self._roles.setdefault(workload.role, _LocalRole(workload))
        local.workload, local.removed = workload, False
        local.forget_gone()
        for member in local.staying:
            if member.template_hash != workload.template_hash:
                member.end()
        for member in _leaving(local, len(local.staying) - workload.replicas):
            member.end()
        for _ in range(workload.replicas - len(local.staying)):
            launch = self._launch(workload, local.next_name())
            local.members.append(
                Supervisor(launch, template_hash=workload.template_hash, on_change=self._on_change)
            )

    def _remove(self, role: Role) -> None:
        local = self._roles.get(role)
        if local is not None:
            local.removed = True
            for member in local.members:
                member.end()

    def _launch_forge(self, forge: ForgeDaemons, workload: Workload, name: str) -> Launch:
        try:
            forge.prepare(name, self._decks, self._folder.decks)
        except OSError as error:
            raise BackendError(
                "StateFolderUnusable",
                f"{forge.homes}: {error.strerror}: free space or make it writable",
            ) from error
        port = free_port()
        return Launch(
            name=name,
            command=forge.command(name, port),
            environment=self._environment(workload, name),
            log=self._folder.logs / f"{name}.log",
            probe=PortProbe(port=port),
            rules=Rules(workload.restart, workload.backoff_limit),
            grace_seconds=workload.grace_seconds,
            folder=forge.build.folder,
            failed_start=FAILED_START,
        )

    def _launch(self, workload: Workload, name: str) -> Launch:
        if workload.role == Role.DAEMON and self._forge is not None:
            return self._launch_forge(self._forge, workload, name)
        values = {
            "{host}": HOST,
            "{port}": _FREE_PORT,
            "{decks}": str(self._decks),
            "{own_decks}": str(self._folder.decks),
            "{data}": str(self._folder.redis_data),
            "{redis_config}": str(self._folder.redis_config),
        }
        probe: ReadinessProbe
        extra: tuple[str, ...] = ()
        if workload.role == Role.REDIS:
            values["{port}"] = str(self._redis_port)
            probe = PortProbe(port=self._redis_port)
        elif workload.probe is not Probe.HEALTH_FILE:
            port_file = self._folder.live / f"{name}.port"
            probe, extra = PortProbe(port_file=port_file), ("--port-file", str(port_file))
        else:
            probe = HealthFileProbe(self._folder.live / f"{name}.health")
        program, *arguments = filled(workload.command, values)
        return Launch(
            name=name,
            command=(_program(workload.role, program), *arguments, *extra),
            environment=self._environment(workload, name),
            log=self._folder.logs / f"{name}.log",
            probe=probe,
            rules=Rules(workload.restart, workload.backoff_limit),
            grace_seconds=workload.grace_seconds,
        )

    def _environment(self, workload: Workload, name: str) -> dict[str, str]:
        environment = {**os.environ, **dict(workload.environment), "PYTHONUNBUFFERED": "1"}
        environment.pop(TOKEN_VARIABLE, None)
        environment = _with_league(environment, workload, self._league)
        if self._token is not None and _may_know_the_token(workload):
            environment[TOKEN_VARIABLE] = self._token.text
        if workload.uses_config:
            environment |= {
                CONFIG_VARIABLE: str(self._folder.config),
                REDIS_URL_VARIABLE: self._urls.get(workload.role.value, ""),
                MEMBER_VARIABLE: f"{name}.{self._place}" if self._place else name,
                METRICS_PORT_VARIABLE: str(self._metrics_port(workload.role, name)),
                HEALTH_FILE_VARIABLE: str(self._folder.live / f"{name}.health"),
            }
        if workload.role == Role.INFERENCE and self._redis_port is not None:
            # All who ask are on this machine, where several servers need a port each.
            environment.setdefault(INFERENCE_ADDRESS_VARIABLE, f"{HOST}:{_FREE_PORT}")
        return environment

    def _metrics_port(self, role: Role, name: str) -> int:
        return NO_PORT if self._targets is None else self._targets.port_of(role.value, name)


def _without(environment: dict[str, str], left_out: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in left_out}


def _with_league(
    environment: dict[str, str], workload: Workload, access: LeagueAccess | LeagueFolder | None
) -> dict[str, str]:
    """Members that have nothing to do with the league know nothing of it."""
    if workload.league is None:
        return _without(environment, _LEAGUE_VARIABLES)
    if access is None:
        return environment
    environment = _without(environment, _LEAGUE_VARIABLES)
    if isinstance(access, LeagueFolder):  # whose token may change while the run trains
        return {**environment, LEAGUE_FOLDER_VARIABLE: str(access.path)}
    authority = (
        {} if access.authority is None else {LEAGUE_AUTHORITY_VARIABLE: access.authority.decode()}
    )
    return {**environment, LEAGUE_TOKEN_VARIABLE: access.token, **authority}


def _may_know_the_token(workload: Workload) -> bool:
    """Daemons that ask for it, and who plays: also on daemons of others that `--daemons` names."""
    return workload.daemon_token is not None or Role.DAEMON in ROLES[workload.role].connects_to


def _is(life: Life, role: Role) -> bool:
    return ROLES[role].life is life


def _given_url(shared: SharedResources) -> str:
    """Return the URL of a Redis that is not ours.

    Raises:
        BackendError: it stands in a Secret, and the environment names no URL in its place.
    """
    url = shared.redis_url or os.environ.get(REDIS_URL_VARIABLE)
    if url is None:
        raise BackendError(
            "SecretNotFound",
            "spec.redis.urlSecretRef: there are no Secrets on this machine: set"
            f" {REDIS_URL_VARIABLE} to the address of the Redis",
            retry=False,
        )
    return url


def _leaving(local: _LocalRole, surplus: int) -> list[Supervisor]:
    """Who goes first: those that were named, then the youngest."""
    if surplus <= 0:
        return []
    staying = list(reversed(local.staying))
    return sorted(staying, key=lambda member: member.name not in local.first)[:surplus]


def _program(role: Role, name: str) -> str:
    """Return where a role's program is: beside our own interpreter first, then on PATH."""
    if role == Role.REDIS:
        return find_redis_server()
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name
