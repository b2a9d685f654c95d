"""The backend: prepares and performs on the API server, and observes from the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.controller.reach import Network, Reach
from trainingrun_reconciler.desired.actions import Apply, Remove, RemoveFirst, WorkloadAction
from trainingrun_reconciler.desired.observed import ObservedRole, Problem
from trainingrun_reconciler.errors import (
    NotFoundError,
)
from trainingrun_reconciler.kinds import (
    POD,
)
from trainingrun_reconciler.manifests.access import (
    redis_url_key,
)
from trainingrun_reconciler.manifests.metadata import (
    Manifest,
)
from trainingrun_reconciler.manifests.objects import role_objects, shared_objects
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.resources.training_run import TRAINING_RUN
from trainingrun_reconciler.roles.workload import DaemonToken, Role, Workload

from trainingrun_operator.kube.children import KubernetesChildren
from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.deck_maps import DeckMaps
from trainingrun_operator.kube.kueue import Kueue
from trainingrun_operator.kube.leagues import KubernetesLeagues
from trainingrun_operator.kube.observe import ObjectCache
from trainingrun_operator.kube.passwords import Passwords
from trainingrun_operator.kube.run_secrets import RunSecrets
from trainingrun_operator.kube.token_secrets import TokenSecrets

DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_CHEAPEST: Final = "-1000"
_MANAGED: Final = SharedResources(config=b"", managed_redis=True)


@dataclass(frozen=True)
class BackendConfig:
    """Where the operator stands: which namespaces are its own to watch, and where it is itself.

    ``namespace`` is that of the operator's pod, None outside the cluster. ``redis_address``
    (host:port) replaces the address of managed Redis servers for an operator outside the cluster,
    which cannot resolve the names of services.
    """

    watched: tuple[str, ...] = ()
    namespace: str | None = None
    redis_address: str | None = None
    unsafe_overrides: bool = False
    """Whether users may weaken the pods of their runs."""
    key: tuple[str, str] | None = None
    """Namespace and name of the Secret with the key that passwords are derived from."""
    metrics_from: tuple[Mapping[str, Any], ...] = ()
    """Peers of a NetworkPolicy that may read the metrics of roles."""
    league_address: str | None = None
    """Where leagues are asked by an operator outside the cluster, as ``redis_address``."""
    refused: tuple[Network, ...] = ()
    """Networks that are not connected to."""


class KubernetesBackend:
    """Performs workload actions for runs on a cluster; implements ``backends.Backend``."""

    def __init__(self, client: Client, cache: ObjectCache, config: BackendConfig) -> None:
        self._client = client
        self._cache = cache
        self.children = KubernetesChildren(client, cache, config.watched)
        self._config = config
        self._kueue = Kueue(client)
        self._shared: dict[str, SharedResources] = {}
        passwords = Passwords(client, config.key)
        self.leagues = KubernetesLeagues(
            client, passwords, address=config.league_address, reach=Reach(config.refused)
        )
        self._secrets = RunSecrets(client, passwords, redis_address=config.redis_address)
        self._tokens = TokenSecrets(client, passwords)
        self._decks = DeckMaps(client, cache, self.children)

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """The run's roles from the cache."""
        self.children.check_synced()
        return await self._kueue.explained(self._cache.roles(run))

    async def is_prepared(self, run: RunIdentity) -> bool:
        """Whether account, configuration, decks and Secrets are there and ours."""
        if not self._cache.has_shared(run) or not await self._decks.is_current(run):
            return False
        members = (each for role in self._cache.roles(run).values() for each in role.members)
        has_problem = any(each.problem is not None for each in members)
        return await self._secrets.is_there(
            run, has_problem=has_problem
        ) and await self._tokens.is_there(run, has_problem=has_problem)

    async def prepare(self, run: RunIdentity, shared: SharedResources) -> None:
        """Account, configuration, decks, Secrets; written when they are missing or different."""
        self._shared[run.uid] = replace(shared, config=b"", decks=())
        is_new = not self._cache.of(run)
        await self._decks.ensure(run, shared.decks)
        await self.children.apply(run, shared_objects(run, shared))
        if shared.redis_url_secret is None:
            await self._secrets.ensure(run, shared, is_new=is_new)
        if shared.daemon_token == DaemonToken():
            await self._tokens.ensure(run, is_new=is_new)

    def warning(self, run: RunIdentity) -> Problem | None:
        """A deck that is not where the spec says, and is played as it was before."""
        return self._decks.problem(run)

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Do one action."""
        match action:
            case Apply(workload):
                await self.children.apply(run, self._objects(run, workload))
            case Remove(role, successor):
                if successor is not None:
                    await self.children.dry_run(run, self._objects(run, successor))
                await self._remove(run, role)
            case RemoveFirst(_, members):
                await self._prefer_to_remove(run, members)

    async def redis_url(self, run: RunIdentity, shared: SharedResources) -> str | None:
        """The URL out of its Secret; a user's Secret is read again after half a minute."""
        return await self._secrets.url(run, shared)

    def forget(self, run_uid: str) -> None:
        """Drop what is remembered of a run that is gone."""
        self._secrets.forget(run_uid)
        self._tokens.forget(run_uid)
        self._decks.forget(run_uid)
        self.children.forget(run_uid)
        self._shared.pop(run_uid, None)

    def _objects(self, run: RunIdentity, workload: Workload) -> tuple[Manifest, ...]:
        shared = self._shared.get(run.uid, _MANAGED)
        url = redis_url_key(run, shared, user=workload.role.value)
        return role_objects(
            run,
            workload,
            url,
            operator_namespace=self._config.namespace,
            metrics_from=self._config.metrics_from,
            unsafe_overrides=self._config.unsafe_overrides,
        )

    async def _remove(self, run: RunIdentity, role: Role) -> None:
        """Delete the objects of a role, but for Redis and claims: they stay for their data."""
        await self.children.remove(
            run,
            [
                view
                for view in self._cache.of(run)
                if view.identity.role == role.value
                and view.identity.kind in TRAINING_RUN.removed
                and not view.identity.deleting
            ],
        )

    async def _prefer_to_remove(self, run: RunIdentity, members: Sequence[str]) -> None:
        """Make a Deployment that shrinks take these pods first."""
        body = {"metadata": {"annotations": {DELETION_COST: _CHEAPEST}}}
        for name in members:
            try:
                await self._client.merge(POD.path(run.namespace, name), body)
            except NotFoundError:
                continue  # gone already, which is what is wanted
