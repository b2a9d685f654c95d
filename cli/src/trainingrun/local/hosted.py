"""A backend for roles that somebody else starts: Docker Compose, systemd, a batch system.

It makes no process. It writes the run configuration that the roles read, and believes of a role
what its members report to Redis; so the control loop, which is the cluster's own, leads such a run
through all its stages. A role that must go is not ended: it does nothing under the intent that
stands in Redis, and what started it ends it.

A learner counts as ended when it says under the intent to flush that all is saved and the queue is
empty: it exits with success at that moment, and its exit code is seen by its starter alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import redis
from trainingrun_contracts.connection import asyncio_client
from trainingrun_contracts.reports import (
    Intent,
    LearnerReport,
    LearnerState,
    Report,
    combined_reports,
    intent_from,
    reports_from,
)
from trainingrun_contracts.run_config import decode
from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.backends import BackendError, SharedResources
from trainingrun_reconciler.desired.actions import Apply, Remove, WorkloadAction
from trainingrun_reconciler.desired.observed import Finished, Member, ObservedRole, Problem
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Life
from trainingrun_reconciler.roles.workload import Role, Workload

from trainingrun.local.files import write_atomically


class HostedBackend:
    """The roles of one run, as they report themselves; ``clock`` gives Unix seconds.

    What is wanted of each role is remembered in memory alone: after a restart the control loop asks
    for it again.
    """

    def __init__(self, config: Path, redis_url: str, *, clock: Callable[[], float]) -> None:
        self._config = config
        self._url = redis_url
        self._clock = clock
        self._client = asyncio_client(redis_url, max_connections=2)
        self._wanted: dict[Role, Workload] = {}
        self._shards = 1

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """See Backend. A Redis that is away shows in the signals; here no member is seen then."""
        keys = Keys(run.uid, self._shards)
        pipe = self._client.pipeline(transaction=False)
        pipe.hgetall(keys.reports)
        pipe.hgetall(keys.learner_reports)
        pipe.mget(keys.intent, keys.intent_since)
        pipe.mget([shard.depth for shard in keys.all_shards])
        try:
            of_players, of_learner, (intent, since), depths = await pipe.execute()
        except (redis.RedisError, OSError):
            return {role: _observed(each, ()) for role, each in self._wanted.items()}
        reports = combined_reports(of_players, of_learner)
        fresh = reports_from(reports, now=self._clock())
        is_over = intent_from(intent) is Intent.FLUSH and not any(
            int(depth or 0) for depth in depths
        )
        every = reports_from(reports, now=float("-inf"))
        finished = Finished(succeeded=True) if is_over and _is_saved(every, since) else None
        return {
            role: _observed(each, fresh, finished if ROLES[role].life is Life.TASK else None)
            for role, each in self._wanted.items()
        }

    async def prepare(self, _run: RunIdentity, shared: SharedResources) -> None:
        """See Backend."""
        self._shards = decode(shared.config).learner.shards
        if shared.decks:
            raise BackendError(
                "DeckNotFound",
                f"{shared.decks[0].field}: what others start holds its decks itself: put the deck"
                " into the daemons' folder, and give its name alone",
                retry=False,
            )
        try:
            self._config.parent.mkdir(parents=True, exist_ok=True)
            if not self._config.exists() or self._config.read_bytes() != shared.config:
                write_atomically(self._config, shared.config)
        except OSError as error:
            raise BackendError(
                "ConfigUnwritable",
                f"{self._config}: {error.strerror}: the roles read the run configuration there, so"
                " make its folder writable",
            ) from error

    async def is_prepared(self, _run: RunIdentity) -> bool:
        """See Backend."""
        return self._config.exists()

    def warning(self, _run: RunIdentity) -> Problem | None:
        """See Backend."""
        return None

    async def perform(self, _run: RunIdentity, action: WorkloadAction) -> None:
        """See Backend."""
        match action:
            case Apply(workload=workload):
                self._wanted[workload.role] = workload
            case Remove(role=role):
                self._wanted.pop(role, None)
            case _:
                pass  # the order is for the backend that ends members

    async def redis_url(self, _run: RunIdentity, _resources: SharedResources) -> str | None:
        """See Backend."""
        return self._url

    async def close(self) -> None:
        """Let go of Redis."""
        await self._client.aclose()


def _observed(
    workload: Workload, fresh: Sequence[Report], finished: Finished | None = None
) -> ObservedRole:
    kind = ROLES[workload.role].report
    members = tuple(
        Member(report.member, ready=True)
        for report in fresh
        if kind is not None and isinstance(report, kind)
    )
    return ObservedRole(
        replicas=workload.replicas,
        template_hash=workload.template_hash,
        members=() if finished is not None else members,
        finished=finished,
    )


def _is_saved(reports: Sequence[Report], since: bytes | None) -> bool:
    """Return whether a learner has said so after the intent changed."""
    asked = float(since or 0)
    return any(
        isinstance(report, LearnerReport)
        and report.state is LearnerState.SAVED
        and report.at >= asked
        for report in reports
    )
