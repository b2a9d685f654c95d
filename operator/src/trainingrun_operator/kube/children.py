"""The objects that resources own, on the API server: watched, written, deleted.

Belongs here: that nothing of somebody else's is taken over, and that only what differs is written.
Does not belong here: what a resource needs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from typing import Any, Final

from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.errors import ApiError, ConflictError, NotFoundError
from trainingrun_reconciler.kinds import (
    CLAIM,
    CONFIG_MAP,
    CONTROLLERS,
    JOB,
    POD,
    SERVICE_ACCOUNT,
    Kind,
)
from trainingrun_reconciler.manifests.metadata import (
    APPLIED_HASH,
    TEMPLATE_HASH,
    UID_LABEL,
    Manifest,
)
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.resources import RESOURCE_KINDS
from trainingrun_reconciler.views import ControllerView, View, controller_of

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.informer import Informer, Scope
from trainingrun_operator.kube.observe import ObjectCache

_TAKEN_SECONDS: Final = 30.0
"""Time for which a name that somebody else has is not asked for again."""
_CREATED: Final = (CONFIG_MAP, SERVICE_ACCOUNT, CLAIM, JOB)
"""Kinds that are made by a plain creation: an apply would not notice that somebody else has made
one of this name, and the resource's end would take it away; and it would suspend again a Job that
was let begin. Of the others, an apply that forces nothing meets a selector that is not ours."""
_INVALID: Final = 422


class KubernetesChildren:
    """Implements ``reconciler.children.Children`` over the API server and the cache.

    ``watched`` are the namespaces that are watched; none: all.
    """

    def __init__(self, client: Client, cache: ObjectCache, watched: tuple[str, ...] = ()) -> None:
        self._client = client
        self._cache = cache
        self._kinds = {each.kind.name: each.kind for each in RESOURCE_KINDS.children}
        self._taken: dict[tuple[str, str], tuple[float, BackendError]] = {}
        scopes = (
            Scope(each.kind, namespace, UID_LABEL, metadata_only=_is_plain(each.kind))
            for each in RESOURCE_KINDS.children
            if each.is_watched
            for namespace in (watched or (None,))
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

    async def observe(self, owner: Owner) -> tuple[View, ...]:
        """The objects of a resource, from the cache."""
        self.check_synced()
        return self._cache.of(owner)

    def check_synced(self) -> None:
        """See that the cache is whole.

        Raises:
            BackendError: it is not yet.
        """
        if not self.is_synced:
            raise BackendError("Starting", "the operator has not seen all objects yet")

    async def remove(self, owner: Owner, views: Iterable[View]) -> None:
        """Delete these; what makes pods stays visible until its pods are gone.

        It goes first, so that its pods keep their network policy until they are being terminated.
        """
        for view in sorted(views, key=lambda each: each.identity.kind not in CONTROLLERS):
            identity = view.identity
            makes_pods = identity.kind in CONTROLLERS
            await self._delete(
                identity.kind.path(owner.namespace, identity.name),
                propagation="Foreground" if makes_pods else "Background",
                uid=identity.uid,
            )

    async def dry_run(self, owner: Owner, manifests: Iterable[Manifest]) -> None:
        """Ask the API server whether it would take what makes pods among these, under other names.

        Raises:
            BackendError: it would not.
        """
        for manifest in manifests:
            kind = self._kinds[manifest["kind"]]
            meta = {key: value for key, value in manifest["metadata"].items() if key != "name"}
            tried = {**manifest, "metadata": {**meta, "generateName": f"{owner.name}-tried-"}}
            if kind in CONTROLLERS:
                await self._client.create(kind.path(owner.namespace), tried, dry_run=True)

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a resource that is gone."""
        self._taken = {key: taken for key, taken in self._taken.items() if key[0] != uid}

    async def apply(self, owner: Owner, manifests: Iterable[Manifest]) -> None:
        """Write what differs: all that pods need or that guards them at once, then what makes pods.

        Raises:
            BackendError: the first refusal; what was written beside it stays.
        """
        differing = [each for each in manifests if self._differs(owner, each)]
        beside = [each for each in differing if self._kinds[each["kind"]] not in CONTROLLERS]
        makers = [each for each in differing if self._kinds[each["kind"]] in CONTROLLERS]
        for those in (beside, makers):
            await _gather(self._write(owner, each) for each in those)

    def _differs(self, owner: Owner, manifest: Manifest) -> bool:
        """Whether it is not there, or not as it was last asked for, or changed by somebody else.

        The number of pods is compared itself: the time of a change is known in whole seconds only.
        """
        kind, name = self._kinds[manifest["kind"]], manifest["metadata"]["name"]
        present = self._cache.find(owner, kind, name)
        if present is None:
            return True
        wanted = manifest["metadata"]["annotations"][APPLIED_HASH]
        if present.identity.applied_hash != wanted or self._cache.is_drifted(present):
            return True
        return isinstance(present, ControllerView) and present.replicas != _replicas(manifest)

    async def _write(self, owner: Owner, manifest: Manifest) -> None:
        kind = self._kinds[manifest["kind"]]
        present = self._cache.find(owner, kind, manifest["metadata"]["name"])
        if present is None:
            await self._create(owner, kind, manifest)
        elif kind is JOB:
            await self._replace_job(owner, manifest, present)
        elif self._only_replicas_changed(present, manifest):
            await self._scale(owner, kind, manifest)
        else:
            await self._apply(owner, kind, manifest)

    def _only_replicas_changed(self, present: View, manifest: Manifest) -> bool:
        """Whether its pods stay as they were begun: nothing was asked that replaces them.

        What else has changed was changed by another version of this program, and would roll them.
        """
        wanted = manifest["metadata"]["annotations"].get(TEMPLATE_HASH)
        same = wanted is not None and present.identity.template_hash == wanted
        return same and not self._cache.is_drifted(present)

    async def _scale(self, owner: Owner, kind: Kind, manifest: Manifest) -> None:
        """Ask for another number of pods, and for nothing else.

        The hash goes with it: it says what was last asked for, and a number that comes back to what
        it was before must not appear to be there already.
        """
        path = kind.path(owner.namespace, manifest["metadata"]["name"])
        asked = {APPLIED_HASH: manifest["metadata"]["annotations"][APPLIED_HASH]}
        body = {
            "metadata": {"annotations": asked},
            "spec": {"replicas": manifest["spec"]["replicas"]},
        }
        self._record(kind, await self._client.merge(path, body))

    async def _create(self, owner: Owner, kind: Kind, manifest: Manifest) -> None:
        """Write what we have not seen to exist; nothing that somebody else made is taken over.

        Raises:
            BackendError: the name is taken, or the object is refused.
        """
        place = owner.uid, kind.path(owner.namespace, manifest["metadata"]["name"])
        if place in self._taken and time.monotonic() - self._taken[place][0] < _TAKEN_SECONDS:
            raise self._taken[place][1]
        try:
            if kind in _CREATED:
                made = await self._client.create(kind.path(owner.namespace), manifest)
            else:
                path = kind.path(owner.namespace, manifest["metadata"]["name"])
                made = await self._client.apply(path, manifest, force=False)
        except ConflictError as error:
            found = await self._explain_refusal(owner, kind, manifest, error)
            if kind is not JOB:  # ours: our cache is late, or it has lost its owner or labels
                await self._apply(owner, kind, manifest)
            elif found is not None:
                await self._take_back_job(owner, manifest, found)
            return
        except ApiError as error:
            if error.status == _INVALID:
                await self._explain_refusal(owner, kind, manifest, error)
            raise
        self._record(kind, made)

    async def _take_back_job(self, owner: Owner, manifest: Manifest, found: dict[str, Any]) -> None:
        """Give our own Job what it has lost; one whose pods must be replaced is seen again then."""
        controller, meta = controller_of(found), manifest["metadata"]
        labels = (found["metadata"].get("labels") or {}).items()
        if controller is None or not meta["labels"].items() <= labels:
            await self._repair_job(owner, manifest)

    async def _repair_job(self, owner: Owner, manifest: Manifest) -> None:
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
        path = JOB.path(owner.namespace, meta["name"])
        self._record(JOB, await self._client.merge(path, body))

    async def _apply(self, owner: Owner, kind: Kind, manifest: Manifest) -> None:
        path = kind.path(owner.namespace, manifest["metadata"]["name"])
        try:
            applied = await self._client.apply(path, manifest)
        except ApiError as error:
            if error.status == _INVALID:
                await self._explain_refusal(owner, kind, manifest, error)
            raise
        self._record(kind, applied)

    def _record(self, kind: Kind, written: dict[str, Any]) -> None:
        self._cache.update(kind, _bare(written) if _is_plain(kind) else written)
        self._cache.mark_applied(written["metadata"]["uid"])

    async def _replace_job(self, owner: Owner, manifest: Manifest, present: View) -> None:
        """A Job's pods cannot be changed: it is deleted, and made again once it is gone.

        What changed may be of no weight for running pods (the same roll hash); then it stays, with
        what somebody else has changed put back.
        """
        if present.identity.deleting:
            return
        if _hash_of_pods(present) == _hash_of_wanted_pods(manifest):
            if self._cache.is_drifted(present):
                await self._repair_job(owner, manifest)
            return
        path = JOB.path(owner.namespace, manifest["metadata"]["name"])
        await self._delete(path, propagation="Foreground", uid=present.identity.uid)

    async def _explain_refusal(
        self, owner: Owner, kind: Kind, manifest: Manifest, error: ApiError
    ) -> dict[str, Any] | None:
        """An object of somebody else may have the name, often of a namesake that is on its way out.

        Returns:
            The object that has the name, and is ours; None where there is none, so that the refusal
            is about something else.

        Raises:
            BackendError: it is somebody else's.
        """
        name = manifest["metadata"]["name"]
        path = kind.path(owner.namespace, name)
        try:
            found = await self._client.get(path)
        except NotFoundError:
            return None
        if _is_ours(found, owner):
            return found
        taken = BackendError("NameTaken", _taken(kind, owner, name))
        self._taken[owner.uid, path] = time.monotonic(), taken
        raise taken from error

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


def _is_ours(found: dict[str, Any], owner: Owner) -> bool:
    """Whether an object of a name of ours is one that we made: the resource controls it, or no
    owner does and it still bears its UID."""
    controller = controller_of(found)
    if controller is not None:
        return bool(controller["uid"] == owner.uid)
    return (found["metadata"].get("labels") or {}).get(UID_LABEL) == owner.uid


def _hash_of_pods(present: View) -> str:
    """The hash that a Job's pods are compared by; by default, that of all that was applied."""
    return present.identity.template_hash or present.identity.applied_hash


def _hash_of_wanted_pods(manifest: Manifest) -> str:
    annotations = manifest["metadata"]["annotations"]
    return str(annotations.get(TEMPLATE_HASH, annotations[APPLIED_HASH]))


def _replicas(manifest: Manifest) -> int:
    spec = manifest["spec"]
    return int(spec.get("replicas", spec.get("parallelism", 1)))


def _taken(kind: Kind, owner: Owner, name: str) -> str:
    return (
        f"{kind.name} {owner.namespace}/{name} belongs to something else: delete it, or give the"
        f" {owner.kind.name} another name"
    )


def _bare(document: dict[str, Any]) -> dict[str, Any]:
    """Return it as a watch by metadata alone would have sent it."""
    return {"metadata": document["metadata"]}


def _is_plain(kind: Kind) -> bool:
    """Whether it has no status that matters, so that its metadata is all that is watched."""
    return kind is not POD and kind not in CONTROLLERS
