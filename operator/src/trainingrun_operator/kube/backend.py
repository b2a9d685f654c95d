"""The backend: prepares and performs on the API server, and observes from the cache."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from trainingrun_reconciler.backends import BackendError, RunIdentity, SharedResources
from trainingrun_reconciler.desired.actions import Apply, Remove, RemoveFirst, WorkloadAction
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.errors import (
    ApiError,
    ConflictError,
    NotFoundError,
)
from trainingrun_reconciler.kinds import (
    CLAIM,
    CONFIG_MAP,
    CONFIGURATION,
    CONTROLLERS,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    NETWORK_POLICY,
    POD,
    SERVICE,
    SERVICE_ACCOUNT,
    WATCHED,
    Kind,
)
from trainingrun_reconciler.manifests.access import (
    redis_url_key,
)
from trainingrun_reconciler.manifests.metadata import (
    APPLIED_HASH,
    TEMPLATE_HASH,
    UID_LABEL,
    Manifest,
)
from trainingrun_reconciler.manifests.objects import role_objects, shared_objects
from trainingrun_reconciler.roles.workload import DaemonToken, Role, Workload
from trainingrun_reconciler.views import ControllerView, View, controller_of

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.informer import Informer, Scope
from trainingrun_operator.kube.kueue import Kueue
from trainingrun_operator.kube.observe import ObjectCache
from trainingrun_operator.kube.passwords import Passwords
from trainingrun_operator.kube.run_secrets import RunSecrets
from trainingrun_operator.kube.token_secrets import TokenSecrets

DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_CHEAPEST: Final = "-1000"
_TAKEN_SECONDS: Final = 30.0
"""Time for which a name that somebody else has is not asked for again."""
_MANAGED: Final = SharedResources(config=b"", managed_redis=True)
REMOVED: Final = (DEPLOYMENT, JOB, SERVICE, DISRUPTION_BUDGET, NETWORK_POLICY)
"""Kinds that go with their role; Redis and claims stay until the run goes, for their data."""
_CREATED: Final = (CONFIG_MAP, SERVICE_ACCOUNT, CLAIM, JOB)
"""Kinds that are made by a plain creation: an apply would not notice that somebody else has made
one of this name, and the run's end would take it away; and it would suspend again a Job that was
let begin. Of the others, an apply that forces nothing meets a selector that is not ours."""
_INVALID: Final = 422
_KINDS: Final = {kind.name: kind for kind in WATCHED}


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


class KubernetesBackend:
    """Performs workload actions for runs on a cluster; implements ``backends.Backend``."""

    def __init__(self, client: Client, cache: ObjectCache, config: BackendConfig) -> None:
        self._client = client
        self._cache = cache
        self._config = config
        self._kueue = Kueue(client)
        self._shared: dict[str, SharedResources] = {}
        passwords = Passwords(client, config.key)
        self._secrets = RunSecrets(client, passwords, redis_address=config.redis_address)
        self._tokens = TokenSecrets(client, passwords)
        self._taken: dict[tuple[str, str], tuple[float, BackendError]] = {}
        scopes = (
            Scope(kind, namespace, UID_LABEL, metadata_only=kind in CONFIGURATION)
            for kind in WATCHED
            for namespace in (config.watched or (None,))
        )
        self.informers = tuple(
            Informer(client, scope, cache.update, listed=cache.listed) for scope in scopes
        )

    async def run(self) -> None:
        """Keep the cache true until cancelled."""
        async with asyncio.TaskGroup() as group:
            for informer in self.informers:
                group.create_task(informer.run())

    async def synced(self) -> None:
        """Wait until everything that exists is in the cache."""
        for informer in self.informers:
            await informer.synced.wait()

    @property
    def is_synced(self) -> bool:
        """Whether everything that exists is in the cache."""
        return all(informer.synced.is_set() for informer in self.informers)

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """The run's roles from the cache."""
        if not self.is_synced:
            raise BackendError("Starting", "the operator has not seen all objects yet")
        return await self._kueue.explained(self._cache.roles(run))

    async def is_prepared(self, run: RunIdentity) -> bool:
        """Whether account, configuration and Secrets are there and ours."""
        if not self._cache.has_shared(run):
            return False
        members = (each for role in self._cache.roles(run).values() for each in role.members)
        has_problem = any(each.problem is not None for each in members)
        return await self._secrets.is_there(
            run, has_problem=has_problem
        ) and await self._tokens.is_there(run, has_problem=has_problem)

    async def prepare(self, run: RunIdentity, shared: SharedResources) -> None:
        """Account, configuration and Secrets; written when they are missing or different."""
        self._shared[run.uid] = replace(shared, config=b"")
        is_new = not self._cache.of(run)
        await self._apply_all(run, shared_objects(run, shared))
        if shared.redis_url_secret is None:
            await self._secrets.ensure(run, shared, is_new=is_new)
        if shared.daemon_token == DaemonToken():
            await self._tokens.ensure(run, is_new=is_new)

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Do one action."""
        match action:
            case Apply(workload):
                await self._apply_all(run, self._objects(run, workload))
            case Remove(role, successor):
                if successor is not None:
                    await self._dry_run(run, successor)
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
        self._taken = {key: taken for key, taken in self._taken.items() if key[0] != run_uid}
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

    # -- writing -------------------------------------------------------------------------------

    async def _apply_all(self, run: RunIdentity, manifests: Iterable[Manifest]) -> None:
        """Write what differs: all that pods need or that guards them at once, then what makes pods.

        Raises:
            BackendError: the first refusal; what was written beside it stays.
        """
        differing = [each for each in manifests if self._differs(run, each)]
        beside = [each for each in differing if _KINDS[each["kind"]] not in CONTROLLERS]
        makers = [each for each in differing if _KINDS[each["kind"]] in CONTROLLERS]
        for those in (beside, makers):
            await _gather(self._write(run, each) for each in those)

    def _differs(self, run: RunIdentity, manifest: Manifest) -> bool:
        """Whether it is not there, or not as it was last asked for, or changed by somebody else.

        The number of pods is compared itself: the time of a change is known in whole seconds only.
        """
        present = self._cache.find(run, _KINDS[manifest["kind"]], manifest["metadata"]["name"])
        if present is None:
            return True
        wanted = manifest["metadata"]["annotations"][APPLIED_HASH]
        if present.identity.applied_hash != wanted or self._cache.is_drifted(present):
            return True
        return isinstance(present, ControllerView) and present.replicas != _replicas(manifest)

    async def _write(self, run: RunIdentity, manifest: Manifest) -> None:
        kind = _KINDS[manifest["kind"]]
        present = self._cache.find(run, kind, manifest["metadata"]["name"])
        if present is None:
            await self._create(run, kind, manifest)
        elif kind is JOB:
            await self._replace_job(run, manifest, present)
        elif self._only_replicas_changed(present, manifest):
            await self._scale(run, kind, manifest)
        else:
            await self._apply(run, kind, manifest)

    def _only_replicas_changed(self, present: View, manifest: Manifest) -> bool:
        """Whether its pods stay as they were begun: nothing was asked that replaces them.

        What else has changed was changed by another version of this program, and would roll them.
        """
        wanted = manifest["metadata"]["annotations"].get(TEMPLATE_HASH)
        same = wanted is not None and present.identity.template_hash == wanted
        return same and not self._cache.is_drifted(present)

    async def _scale(self, run: RunIdentity, kind: Kind, manifest: Manifest) -> None:
        """Ask for another number of pods, and for nothing else.

        The hash goes with it: it says what was last asked for, and a number that comes back to what
        it was before must not appear to be there already.
        """
        path = kind.path(run.namespace, manifest["metadata"]["name"])
        asked = {APPLIED_HASH: manifest["metadata"]["annotations"][APPLIED_HASH]}
        body = {
            "metadata": {"annotations": asked},
            "spec": {"replicas": manifest["spec"]["replicas"]},
        }
        self._record(kind, await self._client.merge(path, body))

    async def _create(self, run: RunIdentity, kind: Kind, manifest: Manifest) -> None:
        """Write what we have not seen to exist; nothing that somebody else made is taken over.

        Raises:
            BackendError: the name is taken, or the object is refused.
        """
        place = run.uid, kind.path(run.namespace, manifest["metadata"]["name"])
        if place in self._taken and time.monotonic() - self._taken[place][0] < _TAKEN_SECONDS:
            raise self._taken[place][1]
        try:
            if kind in _CREATED:
                made = await self._client.create(kind.path(run.namespace), manifest)
            else:
                path = kind.path(run.namespace, manifest["metadata"]["name"])
                made = await self._client.apply(path, manifest, force=False)
        except ConflictError as error:
            found = await self._explain_refusal(run, kind, manifest, error)
            if kind is not JOB:  # ours: our cache is late, or it has lost its owner or labels
                await self._apply(run, kind, manifest)
            elif found is not None:
                await self._take_back_job(run, manifest, found)
            return
        except ApiError as error:
            if error.status == _INVALID:
                await self._explain_refusal(run, kind, manifest, error)
            raise
        self._record(kind, made)

    async def _take_back_job(
        self, run: RunIdentity, manifest: Manifest, found: dict[str, Any]
    ) -> None:
        """Give our own Job what it has lost; one whose pods must be replaced is seen again then."""
        owner, meta = controller_of(found), manifest["metadata"]
        labels = (found["metadata"].get("labels") or {}).items()
        if owner is None or not meta["labels"].items() <= labels:
            await self._repair_job(run, manifest)

    async def _repair_job(self, run: RunIdentity, manifest: Manifest) -> None:
        """Put back those fields of a Job that can be changed at all."""
        meta, spec = manifest["metadata"], manifest["spec"]
        back: dict[str, Any] = {
            key: spec.get(key)
            for key in (
                "parallelism",
                "backoffLimit",
                "activeDeadlineSeconds",
                "ttlSecondsAfterFinished",
            )
        }
        if "suspend" not in spec:
            back["suspend"] = False
        body = {
            "metadata": {"labels": meta["labels"], "ownerReferences": meta["ownerReferences"]},
            "spec": back,
        }
        path = JOB.path(run.namespace, meta["name"])
        self._record(JOB, await self._client.merge(path, body))

    async def _dry_run(self, run: RunIdentity, workload: Workload) -> None:
        """Ask the API server whether it would take what shall follow, before anything goes.

        Raises:
            BackendError: it would not.
        """
        for manifest in self._objects(run, workload):
            kind = _KINDS[manifest["kind"]]
            meta = {key: value for key, value in manifest["metadata"].items() if key != "name"}
            tried = {**manifest, "metadata": {**meta, "generateName": f"{run.name}-tried-"}}
            if kind in CONTROLLERS:
                await self._client.create(kind.path(run.namespace), tried, dry_run=True)

    async def _apply(self, run: RunIdentity, kind: Kind, manifest: Manifest) -> None:
        path = kind.path(run.namespace, manifest["metadata"]["name"])
        try:
            applied = await self._client.apply(path, manifest)
        except ApiError as error:
            if error.status == _INVALID:
                await self._explain_refusal(run, kind, manifest, error)
            raise
        self._record(kind, applied)

    def _record(self, kind: Kind, written: dict[str, Any]) -> None:
        self._cache.update(kind, _bare(written) if kind in CONFIGURATION else written)
        self._cache.mark_applied(written["metadata"]["uid"])

    async def _replace_job(self, run: RunIdentity, manifest: Manifest, present: View) -> None:
        """A Job's pods cannot be changed: it is deleted, and made again once it is gone.

        What changed may be of no weight for running pods (the same roll hash); then it stays, with
        what somebody else has changed put back.
        """
        if present.identity.deleting:
            return
        if present.identity.template_hash == manifest["metadata"]["annotations"][TEMPLATE_HASH]:
            if self._cache.is_drifted(present):
                await self._repair_job(run, manifest)
            return
        path = JOB.path(run.namespace, manifest["metadata"]["name"])
        await self._delete(path, propagation="Foreground", uid=present.identity.uid)

    async def _explain_refusal(
        self, run: RunIdentity, kind: Kind, manifest: Manifest, error: ApiError
    ) -> dict[str, Any] | None:
        """An object of somebody else may have the name, often of a namesake that is on its way out.

        Returns:
            The object that has the name, and is ours; None where there is none, so that the refusal
            is about something else.

        Raises:
            BackendError: it is somebody else's.
        """
        name = manifest["metadata"]["name"]
        path = kind.path(run.namespace, name)
        try:
            found = await self._client.get(path)
        except NotFoundError:
            return None
        if _is_ours(found, run):
            return found
        taken = BackendError("NameTaken", _taken(kind, run, name))
        self._taken[run.uid, path] = time.monotonic(), taken
        raise taken from error

    async def _remove(self, run: RunIdentity, role: Role) -> None:
        """Delete the objects of a role; what makes pods stays visible until its pods are gone.

        It goes first, so that its pods keep their network policy until they are being terminated.
        """
        views = sorted(self._cache.of(run), key=lambda view: not _owns_pods(view))
        for view in views:
            identity = view.identity
            if identity.role != role.value or identity.kind not in REMOVED or identity.deleting:
                continue
            await self._delete(
                identity.kind.path(run.namespace, identity.name),
                propagation="Foreground" if _owns_pods(view) else "Background",
                uid=identity.uid,
            )

    async def _prefer_to_remove(self, run: RunIdentity, members: Sequence[str]) -> None:
        """Make a Deployment that shrinks take these pods first."""
        body = {"metadata": {"annotations": {DELETION_COST: _CHEAPEST}}}
        for name in members:
            try:
                await self._client.merge(POD.path(run.namespace, name), body)
            except NotFoundError:
                continue  # gone already, which is what is wanted

    async def _delete(self, path: str, *, propagation: str, uid: str) -> None:
        try:
            await self._client.delete(path, propagation=propagation, uid=uid)
        except (NotFoundError, ConflictError):
            return  # gone, or a namesake that is not meant


async def _gather(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of them, whatever becomes of the others; then raise the first failure."""
    for result in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _owns_pods(view: View) -> bool:
    return view.identity.kind in CONTROLLERS


def _is_ours(found: dict[str, Any], run: RunIdentity) -> bool:
    """Whether an object of a name of ours is one that we made: the run controls it, or no owner
    does and it still bears the run's UID."""
    owner = controller_of(found)
    if owner is not None:
        return bool(owner["uid"] == run.uid)
    return (found["metadata"].get("labels") or {}).get(UID_LABEL) == run.uid


def _replicas(manifest: Manifest) -> int:
    spec = manifest["spec"]
    return int(spec.get("replicas", spec.get("parallelism", 1)))


def _taken(kind: Kind, run: RunIdentity, name: str) -> str:
    return (
        f"{kind.name} {run.namespace}/{name} belongs to something else: delete it, or give the"
        " TrainingRun another name"
    )


def _bare(document: dict[str, Any]) -> dict[str, Any]:
    """Return it as a watch by metadata alone would have sent it."""
    return {"metadata": document["metadata"]}
