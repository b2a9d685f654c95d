"""The seam between decisions and the world: one Protocol, three implementations.

``kubernetes`` makes pods, ``local`` makes processes, ``memory`` is the fake that ships with the
product; one test suite runs over all three. A backend never decides anything about a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from trainingrun_operator.desired.actions import WorkloadAction
from trainingrun_operator.desired.observed import ObservedRole
from trainingrun_operator.desired.workload import DaemonToken, Role


@dataclass(frozen=True)
class RunIdentity:
    """Which run: ``uid`` never repeats, ``namespace`` is "local" on a laptop."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True)
class Ground:
    """What all roles of a run share and needs before any of them: the rendered configuration.

    ``managed_redis`` asks the backend to make a password (once; it is kept) and to tell the roles
    the URL; otherwise the URL is given, or stands in a secret (name, key).
    """

    config: bytes
    managed_redis: bool
    redis_url: str | None = None
    redis_url_secret: tuple[str, str] | None = None
    redis_tls: bool = False
    """Of a managed Redis, where others can listen in."""
    daemon_token: DaemonToken | None = None
    """What the daemons ask for; one without a secret is made by the backend, once."""


class Blame(Enum):
    """Whose matter a refusal is. (Whatever is no :class:`BackendError` is a bug of ours.)"""

    USER = "user"
    """What was asked for is wrong: people are told, and nothing helps but a change."""
    CLUSTER = "cluster"
    """The cluster does not let it be now: people are told, and it is tried again."""
    PASSING = "passing"
    """Nothing about the request: it is tried again with growing pauses, and no run's status tells
    of it, so that a storm of errors does not become a storm of writes."""


class BackendError(Exception):
    """The world refused; ``retry`` tells whether trying again later can help."""

    def __init__(self, reason: str, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry = retry

    @property
    def blame(self) -> Blame:
        """Whose matter it is."""
        return Blame.CLUSTER if self.retry else Blame.USER


class Backend(Protocol):
    """Performs workload actions for runs, and sees what exists."""

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """The run's roles as they are now.

        Raises:
            BackendError: the world could not be asked.
        """

    async def prepare(self, run: RunIdentity, ground: Ground) -> None:
        """Write what all roles share (configuration, secrets); nothing when it is there already.

        Raises:
            BackendError: refused.
        """

    async def is_prepared(self, run: RunIdentity) -> bool:
        """Whether what :meth:`prepare` wrote is still there, and changed by nobody else.

        Asked at every look, so it must be cheap.
        """

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Do one action.

        Raises:
            BackendError: refused.
        """

    async def redis_url(self, run: RunIdentity, ground: Ground) -> str | None:
        """Where the operator itself reaches the run's Redis; None while it is not known yet."""
