"""The seam between decisions and the world: one Protocol, three implementations.

``kubernetes`` makes pods, ``local`` makes processes, ``memory`` is the fake that ships with the
product; one test suite runs over all three. A backend never decides anything about a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from trainingrun_reconciler.desired.actions import WorkloadAction
from trainingrun_reconciler.desired.observed import ObservedRole, Problem
from trainingrun_reconciler.desired.own_decks import OwnDeck
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import DaemonToken, Role


@dataclass(frozen=True)
class SharedResources:
    """What all roles of a run share, and what must exist before any of them.

    ``managed_redis`` asks the backend to make a password (once; it is kept) and to give the roles
    the URL; otherwise the URL is given, or stands in a secret (name, key).
    """

    config: bytes
    managed_redis: bool
    redis_url: str | None = None
    redis_url_secret: tuple[str, str] | None = None
    redis_roles: tuple[Role, ...] | None = None
    """Those that have a user in a managed Redis; None: every one."""
    redis_tls: bool = False
    """Of a managed Redis, where others can listen in."""
    daemon_token: DaemonToken | None = None
    """What the daemons ask for; one without a secret is made by the backend, once."""
    decks: tuple[OwnDeck, ...] = ()
    """Decks that the backend puts where the daemons find them."""


class ErrorKind(Enum):
    """Who can fix an error. (Anything but a :class:`BackendError` is a bug of ours.)"""

    INVALID_SPEC = "invalid spec"
    """What was asked for is wrong: report it; only a change of the run helps."""
    REJECTED = "rejected"
    """The cluster refuses it now: report it, and try again."""
    TRANSIENT = "transient"
    """Not about the request: retry with growing pauses, and report it in no run's status, so that a
    storm of errors does not become a storm of writes."""


class BackendError(Exception):
    """A request that was refused; ``retry`` says whether trying again later can help."""

    def __init__(self, reason: str, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry = retry

    @property
    def kind(self) -> ErrorKind:
        """The error category: who can fix it."""
        return ErrorKind.REJECTED if self.retry else ErrorKind.INVALID_SPEC


class Backend(Protocol):
    """Performs workload actions for runs, and sees what exists."""

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """The run's roles as they are now.

        Raises:
            BackendError: the world could not be asked.
        """

    async def prepare(self, run: RunIdentity, shared: SharedResources) -> None:
        """Write what all roles share (configuration, secrets); nothing when it is there already.

        Raises:
            BackendError: refused.
        """

    async def is_prepared(self, run: RunIdentity) -> bool:
        """Whether what :meth:`prepare` wrote is still there, and unchanged by others.

        Asked at every reconcile, so it must be cheap.
        """

    def warning(self, run: RunIdentity) -> Problem | None:
        """What of the spec is not followed now, although the run can continue without it."""

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Do one action.

        Raises:
            BackendError: refused.
        """

    async def redis_url(self, run: RunIdentity, shared: SharedResources) -> str | None:
        """Where the operator itself reaches the run's Redis; None while it is not known yet."""
