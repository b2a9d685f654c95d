"""Leadership through a Lease: who of several operators works, and since when.

The protocol is that of Kubernetes' own components, so that ``kubectl get lease`` reads as usual: a
leader renews every ``retry_seconds``; a candidate takes a lease that was given back, or that it has
itself seen unchanged for the lease's whole duration. Times of day in the lease are for people and
are never compared: a wrong clock on one machine can neither steal nor keep a lease. Every taking
counts ``leaseTransitions`` up, also where a container follows itself, so that the number names one
leadership (a *term*) and nothing else.

Belongs here: winning, keeping and giving back. Does not belong here: what a loss means for writes
(``fence``) and for the process (``process.leader_election``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.errors import ConflictError, NotFoundError
from trainingrun_reconciler.kinds import LEASE

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.documents import Document
from trainingrun_operator.kube.fence import Fence, Term, steady_seconds

_LOG: Final = logging.getLogger(__name__)
_SOONEST: Final = 0.05


@dataclass(frozen=True)
class Timing:
    """Seconds: a lease lives ``duration``, a leader gives up after ``deadline`` without renewal."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    @classmethod
    def of(cls, duration: float) -> Timing:
        """The usual proportions."""
        return cls(duration, duration * 2 / 3, duration * 2 / 15)


@dataclass(frozen=True)
class LeaseConfig:
    """The lease's name, its holder (``identity``) and its timing."""

    namespace: str
    name: str
    identity: str
    timing: Timing = Timing()


@dataclass(frozen=True)
class ObservedLease:
    """A version of the lease that a candidate has observed, and since when (steady seconds)."""

    version: str
    since: float


class LeaseLostError(Exception):
    """This operator no longer leads; the message says why."""


def seconds_until_free(
    lease: Mapping[str, Any], observed: ObservedLease, identity: str, *, now: float
) -> float:
    """For how long a candidate must leave this lease alone; 0 when it may take it.

    A lease without holder was given back. One of our own name is that of our container before its
    restart: no two processes of one name run at once. Any other is free once it was seen unchanged
    for as long as its holder said that it lives.
    """
    spec = lease.get("spec") or {}
    if not spec.get("holderIdentity") or spec["holderIdentity"] == identity:
        return 0.0
    duration = float(spec.get("leaseDurationSeconds") or 0)
    return max(0.0, observed.since + duration - now)


class LeaderElector:
    """Takes one lease, keeps it and gives it back; the fence follows.

    Its ``client`` is its own, so that renewals wait behind nothing and are fenced by nothing.

    Attributes:
        holder: who led when the lease was last seen; None before it was.
    """

    def __init__(
        self,
        client: Client,
        claim: LeaseConfig,
        fence: Fence,
        *,
        clock: Callable[[], float] = steady_seconds,
    ) -> None:
        self.holder: str | None = None
        self._client = client
        self._config = claim
        self._fence = fence
        self._clock = clock
        self._lease: Document = {}
        self._term = 0
        self._renewed_at = 0.0

    async def acquire(self) -> int:
        """Wait until the lease is ours; returns the number of the term."""
        observed: ObservedLease | None = None
        while True:
            wait = self._config.timing.retry
            try:
                observed = await self._read(observed)
                free = seconds_until_free(
                    self._lease, observed, self._config.identity, now=self._clock()
                )
                if free == 0.0 and await self._take():
                    return self._term
                wait = min(wait, max(free, _SOONEST))
            except BackendError as error:
                _LOG.warning("the lease %s: %s", self._name, error)
            await asyncio.sleep(wait)

    async def keep(self) -> None:
        """Renew until cancelled.

        Raises:
            LeaseLostError: it was taken, or could not be renewed in time. The fence is shut.
        """
        try:
            while True:
                await asyncio.sleep(self._config.timing.retry)
                await self._renew_in_time()
        except LeaseLostError:
            self._fence.shut()
            raise

    async def release(self) -> None:
        """Give the lease back, so that a successor need not wait; only after the last write.

        A renewal that was cancelled may have reached the server: then the lease is not as it was
        last seen, and is read once more.
        """
        self._fence.shut()
        try:
            async with asyncio.timeout(self._config.timing.deadline):
                try:
                    await self._give_back()
                except ConflictError:
                    await self._reread()
                    await self._give_back()
        except (BackendError, LeaseLostError, TimeoutError) as error:
            _LOG.warning("the lease %s was not given back, it runs out: %s", self._name, error)

    async def _give_back(self) -> None:
        await self._write(self._spec(holder="", duration=1))

    @property
    def _name(self) -> str:
        return f"{self._config.namespace}/{self._config.name}"

    async def _read(self, before: ObservedLease | None) -> ObservedLease:
        """Read the lease, made anew (without holder) where there is none."""
        path = LEASE.path(self._config.namespace, self._config.name)
        try:
            self._lease = await self._client.get(path)
        except NotFoundError:
            self._lease = await self._create()
        version = self._lease["metadata"]["resourceVersion"]
        self._note_holder()
        if before is not None and before.version == version:
            return before
        return ObservedLease(version, self._clock())

    async def _create(self) -> Document:
        meta = {"name": self._config.name, "namespace": self._config.namespace}
        body = {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": meta, "spec": {}}
        return await self._client.create(LEASE.path(self._config.namespace), body)

    async def _take(self) -> bool:
        """Write us into the lease as it was seen; False when somebody was faster."""
        begin = self._clock()
        term = int((self._lease.get("spec") or {}).get("leaseTransitions") or 0) + 1
        now = _written_now()
        duration = int(self._config.timing.duration)
        spec = self._spec(holder=self._config.identity, duration=duration)
        taken = {**spec, "leaseTransitions": term, "acquireTime": now, "renewTime": now}
        try:
            await self._write(taken)
        except ConflictError:
            return False
        self._term = term
        self._open(begin)
        self._note_holder()
        return True

    async def _renew_in_time(self) -> None:
        """Renew, trying again until the deadline.

        Raises:
            LeaseLostError: it was too late, or the lease is somebody else's.
        """
        timing = self._config.timing
        while True:
            left = self._renewed_at + timing.deadline - self._clock()
            if left <= 0:
                raise LeaseLostError(f"the lease {self._name} could not be renewed in time")
            try:
                async with asyncio.timeout(min(left, timing.deadline / 2)):
                    return await self._renew()
            except NotFoundError as error:
                raise LeaseLostError(f"the lease {self._name} was deleted") from error
            except TimeoutError:
                continue
            except BackendError as error:
                _LOG.warning("renewing the lease %s: %s", self._name, error)
            await asyncio.sleep(min(timing.retry / 2, max(left / 4, _SOONEST)))

    async def _renew(self) -> None:
        begin = self._clock()
        spec = self._spec(holder=self._config.identity, duration=int(self._config.timing.duration))
        try:
            await self._write({**spec, "renewTime": _written_now()})
        except ConflictError:  # somebody wrote it, perhaps we: an answer may have been lost
            await self._reread()
            raise
        self._open(begin)

    async def _reread(self) -> None:
        """Read the lease as it is now.

        Raises:
            LeaseLostError: it is somebody else's.
        """
        path = LEASE.path(self._config.namespace, self._config.name)
        self._lease = await self._client.get(path)
        spec = self._lease.get("spec") or {}
        self._note_holder()
        is_ours = spec.get("holderIdentity") == self._config.identity
        if not is_ours or spec.get("leaseTransitions") != self._term:
            raise LeaseLostError(
                f"the lease {self._name} was taken by {self.holder or 'no holder'}"
            )

    async def _write(self, spec: Mapping[str, Any]) -> None:
        """Replace the lease, if it is still as it was seen."""
        path = LEASE.path(self._config.namespace, self._config.name)
        self._lease = await self._client.replace(path, {**self._lease, "spec": dict(spec)})

    def _spec(self, *, holder: str, duration: int) -> dict[str, Any]:
        """The lease's spec with another holder; what others keep in it stays."""
        spec = dict(self._lease.get("spec") or {})
        return {**spec, "holderIdentity": holder, "leaseDurationSeconds": max(duration, 1)}

    def _open(self, begin: float) -> None:
        """Open the fence from the moment at which the renewal was sent, not answered."""
        timing = self._config.timing
        self._renewed_at = begin
        self._fence.open(Term(self._term, begin + timing.deadline, begin + timing.duration))

    def _note_holder(self) -> None:
        holder = (self._lease.get("spec") or {}).get("holderIdentity") or ""
        if holder != self.holder:
            _LOG.info("the lease %s is held by %s", self._name, holder or "nobody")
        self.holder = holder


def _written_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
