"""The backend: prepares and performs on the API server, and observes from the cache."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trainingrun_operator.backends import BackendError, Ground, RunIdentity
from trainingrun_operator.backends.kubernetes.client import Client
from trainingrun_operator.backends.kubernetes.errors import (
    ApiError,
    ConflictError,
    NotFoundError,
)
from trainingrun_operator.backends.kubernetes.informer import Informer, Scope
from trainingrun_operator.backends.kubernetes.kinds import (
    CLAIM,
    CONFIG_MAP,
    CONFIGURATION,
    CONTROLLERS,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    NETWORK_POLICY,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    WATCHED,
    Kind,
)
from trainingrun_operator.backends.kubernetes.kueue import Kueue
from trainingrun_operator.backends.kubernetes.observe import Children
from trainingrun_operator.backends.kubernetes.render.access import (
    URL_KEY,
    SecretKey,
    given_secret,
    managed_secret,
    redis_address,
    redis_url_key,
    secret_name,
)
from trainingrun_operator.backends.kubernetes.render.metadata import (
    APPLIED_HASH,
    ROLL_HASH,
    UID_LABEL,
    Manifest,
)
from trainingrun_operator.backends.kubernetes.render.objects import role_objects, shared_objects
from trainingrun_operator.backends.kubernetes.views import View
from trainingrun_operator.desired.actions import Apply, Remove, RemoveFirst, WorkloadAction
from trainingrun_operator.desired.observed import ObservedRole
from trainingrun_operator.desired.workload import Role, Workload

DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_CHEAPEST: Final = "-1000"
_SECRET_SECONDS: Final = 30.0
_PASSWORD_BYTES: Final = 24
REMOVED: Final = (DEPLOYMENT, JOB, SERVICE, DISRUPTION_BUDGET, NETWORK_POLICY)
"""Kinds that go with their role; Redis and claims stay until the run goes, for their data."""
_CREATED: Final = (CONFIG_MAP, SERVICE_ACCOUNT, CLAIM, JOB)
"""Kinds that are made by a plain creation: an apply would not notice that somebody else has made
one of this name, and the run's end would take it away; and it would suspend again a Job that was
let begin. Of the others, an apply that forces nothing meets a selector that is not ours."""
_INVALID: Final = 422
_KINDS: Final = {kind.name: kind for kind in WATCHED}


@dataclass(frozen=True)
class Site:
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


class KubernetesBackend:
    """Performs workload actions for runs on a cluster; implements ``backends.Backend``."""

    def __init__(self, client: Client, children: Children, site: Site) -> None:
        self._client = client
        self._children = children
        self._site = site
        self._kueue = Kueue(client)
        self._url_keys: dict[str, SecretKey] = {}
        self._urls: dict[str, tuple[float, str]] = {}
        scopes = (
            Scope(kind, namespace, UID_LABEL, metadata_only=kind in CONFIGURATION)
            for kind in WATCHED
            for namespace in (site.watched or (None,))
        )
        self.informers = tuple(
            Informer(client, scope, children.tell, listed=children.listed) for scope in scopes
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
        return await self._kueue.explained(self._children.roles(run))

    async def is_prepared(self, run: RunIdentity) -> bool:
        """Whether account and configuration are there and ours; Secrets are not watched."""
        return self._children.has_shared(run)

    async def prepare(self, run: RunIdentity, ground: Ground) -> None:
        """Account, configuration and Secret; written when they are missing or different."""
        self._url_keys[run.uid] = redis_url_key(run, ground)
        is_new = not self._children.of(run)
        await self._apply_all(run, shared_objects(run, ground))
        if ground.redis_url_secret is None and run.uid not in self._urls:
            await self._ensure_secret(run, ground, is_new=is_new)

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Do one action."""
        match action:
            case Apply(workload):
                await self._apply_all(run, self._objects(run, workload))
            case Remove(role, successor):
                if successor is not None:
                    await self._try(run, successor)
                await self._remove(run, role)
            case RemoveFirst(_, members):
                await self._prefer_to_remove(run, members)

    async def redis_url(self, run: RunIdentity, ground: Ground) -> str | None:
        """The URL out of its Secret; a user's Secret is read again after half a minute."""
        if ground.redis_url is not None:
            return ground.redis_url
        now = time.monotonic()
        known = self._urls.get(run.uid)
        if known is not None and (ground.managed_redis or now - known[0] < _SECRET_SECONDS):
            return known[1]
        entry = redis_url_key(run, ground)
        url = await self._read_url(run, entry)
        if url is None:
            return None
        self._urls[run.uid] = (now, self._reachable(run, ground, url))
        return self._urls[run.uid][1]

    def forget(self, run_uid: str) -> None:
        """Drop what is remembered of a run that is gone."""
        self._urls.pop(run_uid, None)
        self._url_keys.pop(run_uid, None)

    def _objects(self, run: RunIdentity, workload: Workload) -> tuple[Manifest, ...]:
        url = self._url_keys.get(run.uid, SecretKey(secret_name(run), URL_KEY))
        return role_objects(
            run, workload, url,
            operator_namespace=self._site.namespace,
            unsafe_overrides=self._site.unsafe_overrides,
        )  # fmt: skip

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
            await _together(self._write(run, each) for each in those)

    def _differs(self, run: RunIdentity, manifest: Manifest) -> bool:
        """Whether it is not there, or not as it was last asked for, or changed by somebody else."""
        present = self._children.find(run, _KINDS[manifest["kind"]], manifest["metadata"]["name"])
        if present is None:
            return True
        wanted = manifest["metadata"]["annotations"][APPLIED_HASH]
        return present.identity.applied_hash != wanted or self._children.is_drifted(present)

    async def _write(self, run: RunIdentity, manifest: Manifest) -> None:
        kind = _KINDS[manifest["kind"]]
        present = self._children.find(run, kind, manifest["metadata"]["name"])
        if present is None:
            await self._make(run, kind, manifest)
        elif kind is JOB:
            await self._replace_job(run, manifest, present.identity.uid)
        elif self._goes_on(present, manifest):
            await self._resize(run, kind, manifest)
        else:
            await self._apply(run, kind, manifest)

    def _goes_on(self, present: View, manifest: Manifest) -> bool:
        """Whether its pods stay as they were begun: nothing was asked that replaces them.

        What else has changed was changed by another version of this program, and would roll them.
        """
        wanted = manifest["metadata"]["annotations"].get(ROLL_HASH)
        same = wanted is not None and present.identity.roll_hash == wanted
        return same and not self._children.is_drifted(present)

    async def _resize(self, run: RunIdentity, kind: Kind, manifest: Manifest) -> None:
        """Ask for another number of pods, and for nothing else.

        The hash goes with it: it says what was last asked for, and a number that comes back to what
        it was before must not look as if it were there already.
        """
        path = kind.path(run.namespace, manifest["metadata"]["name"])
        asked = {APPLIED_HASH: manifest["metadata"]["annotations"][APPLIED_HASH]}
        body = {
            "metadata": {"annotations": asked},
            "spec": {"replicas": manifest["spec"]["replicas"]},
        }
        self._take_in(kind, await self._client.merge(path, body))

    async def _make(self, run: RunIdentity, kind: Kind, manifest: Manifest) -> None:
        """Write what we have not seen to exist; nothing that somebody else made is taken over.

        Raises:
            BackendError: the name is taken, or the object is refused.
        """
        try:
            if kind in _CREATED:
                made = await self._client.create(kind.path(run.namespace), manifest)
            else:
                path = kind.path(run.namespace, manifest["metadata"]["name"])
                made = await self._client.apply(path, manifest, force=False)
        except ConflictError as error:
            await self._explain_refusal(run, kind, manifest, error)
            if kind is not JOB:  # ours, and our cache is late
                await self._apply(run, kind, manifest)
            return
        except ApiError as error:
            if error.status == _INVALID:
                await self._explain_refusal(run, kind, manifest, error)
            raise
        self._take_in(kind, made)

    async def _try(self, run: RunIdentity, workload: Workload) -> None:
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
        self._take_in(kind, applied)

    def _take_in(self, kind: Kind, written: dict[str, Any]) -> None:
        self._children.tell(kind, _bare(written) if kind in CONFIGURATION else written)
        self._children.settle(written["metadata"]["uid"])

    async def _replace_job(self, run: RunIdentity, manifest: Manifest, uid: str) -> None:
        """A Job's pods cannot be changed: it is deleted, and made again once it is gone.

        What changed may be of no weight for running pods (the same roll hash); then it stays.
        """
        present = self._children.find(run, JOB, manifest["metadata"]["name"])
        roll_hash = manifest["metadata"]["annotations"][ROLL_HASH]
        if present is None or present.identity.deleting or present.identity.roll_hash == roll_hash:
            return
        path = JOB.path(run.namespace, manifest["metadata"]["name"])
        await self._delete(path, propagation="Foreground", uid=uid)

    async def _explain_refusal(
        self, run: RunIdentity, kind: Kind, manifest: Manifest, error: ApiError
    ) -> None:
        """An object of somebody else may have the name, often of a namesake that is on its way out.

        Raises:
            BackendError: it is so.
        """
        name = manifest["metadata"]["name"]
        found = await self._client.get(kind.path(run.namespace, name))
        if (found["metadata"].get("labels") or {}).get(UID_LABEL) != run.uid:
            raise BackendError("NameTaken", _taken(kind, run, name)) from error

    async def _ensure_secret(self, run: RunIdentity, ground: Ground, *, is_new: bool) -> None:
        """Create the Secret if there is none; one that exists is never written.

        A run that has nothing yet has no Secret either, save when we were stopped right there.
        """
        path = SECRET.path(run.namespace, secret_name(run))
        try:
            found = await (self._create_secret(run, ground) if is_new else self._client.get(path))
        except ConflictError:
            found = await self._client.get(path)
        except NotFoundError:
            found = await self._create_secret(run, ground)
        if (found["metadata"].get("labels") or {}).get(UID_LABEL) != run.uid:
            raise BackendError("NameTaken", _taken(SECRET, run, secret_name(run)))
        self._urls[run.uid] = (time.monotonic(), self._reachable(run, ground, _url_in(found)))

    async def _create_secret(self, run: RunIdentity, ground: Ground) -> dict[str, Any]:
        return await self._client.create(SECRET.path(run.namespace), _secret(run, ground))

    async def _remove(self, run: RunIdentity, role: Role) -> None:
        """Delete the objects of a role; what makes pods stays visible until its pods are gone.

        It goes first, so that its pods keep their network policy until they were told to end.
        """
        views = sorted(self._children.of(run), key=lambda view: not _owns_pods(view))
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

    # -- reading -------------------------------------------------------------------------------

    async def _read_url(self, run: RunIdentity, entry: SecretKey) -> str | None:
        """The URL in a Secret; None while our own Secret is not there yet."""
        try:
            secret = await self._client.get(SECRET.path(run.namespace, entry.name))
        except NotFoundError as error:
            if entry.name == secret_name(run):
                return None
            raise _no_url(run, entry, "there is no such Secret") from error
        try:
            return _url_in(secret, entry.key)
        except (KeyError, TypeError) as error:
            raise _no_url(run, entry, f"it has no entry {entry.key}") from error

    def _reachable(self, run: RunIdentity, ground: Ground, url: str) -> str:
        """The URL as the operator itself must use it."""
        if ground.managed_redis and self._site.redis_address:
            return url.replace(redis_address(run), self._site.redis_address)
        return url


async def _together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of them, whatever becomes of the others; then raise the first failure."""
    for result in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _owns_pods(view: View) -> bool:
    return view.identity.kind in CONTROLLERS


def _secret(run: RunIdentity, ground: Ground) -> Manifest:
    if ground.redis_url is not None:
        return given_secret(run, ground.redis_url)
    return managed_secret(run, secrets.token_urlsafe(_PASSWORD_BYTES))


def _url_in(secret: dict[str, Any], key: str = URL_KEY) -> str:
    """The URL in a Secret.

    Raises:
        KeyError: the Secret has no such entry.
    """
    return base64.b64decode(secret["data"][key]).decode().strip()


def _no_url(run: RunIdentity, entry: SecretKey, why: str) -> BackendError:
    return BackendError(
        "SecretNotFound",
        f"spec.redis.urlSecretRef: Secret {run.namespace}/{entry.name}: {why}: create it with the"
        f" Redis URL under the key {entry.key}",
    )


def _taken(kind: Kind, run: RunIdentity, name: str) -> str:
    return (
        f"{kind.name} {run.namespace}/{name} belongs to something else: delete it, or give the"
        " TrainingRun another name"
    )


def _bare(document: dict[str, Any]) -> dict[str, Any]:
    """As a watch by metadata alone would have told it."""
    return {"metadata": document["metadata"]}
