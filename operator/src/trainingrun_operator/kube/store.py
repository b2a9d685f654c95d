"""The resources of one kind on the API server: the latest known, and what is written about them.

kopf watches them (``process``) and updates this store; :meth:`KubernetesStore.resync` lists them
from time to time, because kopf does not report a run that was deleted while its watch was broken.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from trainingrun_api.conditions import EventReason
from trainingrun_api.explanation import Problem
from trainingrun_api.resource import Resource, SpecError
from trainingrun_api.status import ResourceStatus
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.errors import ConflictError, NotFoundError
from trainingrun_reconciler.resources.declaration import Finalizer, ResourceKind
from trainingrun_reconciler.store import ResourceKey

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.documents import (
    Document,
    is_identified,
    why_unreadable,
)
from trainingrun_operator.kube.events import EventWriter, Regarding
from trainingrun_operator.kube.interning import SpecInterner
from trainingrun_operator.kube.invalid_spec import refusal_message, refusal_status

_LOG = logging.getLogger(__name__)
STATUS_MANAGER: Final = "trainingrun-operator-status"
R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class _Refused:
    """One that cannot be read, and why: its document without the spec, which may be large."""

    document: Mapping[str, Any]
    error: SpecError

    @property
    def uid(self) -> str:
        return str(self.document["metadata"]["uid"])

    @property
    def version(self) -> int:
        return int(self.document["metadata"]["resourceVersion"])


class KubernetesStore(Generic[R]):
    """Implements ``reconciler.store.ResourceStore`` over the API server, for one kind.

    ``listener`` is called with what became of a status that differed: written, stale or later.
    ``requeue`` has a run reconciled again after a number of seconds, when counters of it wait to be
    written.
    """

    def __init__(
        self,
        client: Client,
        events: EventWriter,
        declared: ResourceKind,
        *,
        watched: tuple[str, ...] = (),
        requeue: Callable[[ResourceKey, float], None] = lambda _key, _seconds: None,
    ) -> None:
        self._client = client
        self._events = events
        self._declared = declared
        self._kind = declared.kind
        self._watched = watched
        self._requeue = requeue
        self._runs: dict[ResourceKey, R] = {}
        self._sections = SpecInterner()
        self._refused: dict[ResourceKey, _Refused] = {}
        self._written_at: dict[str, float] = {}
        self.listener: Callable[[str], None] = lambda _result: None

    def known(self) -> tuple[ResourceKey, ...]:
        """All runs that are known."""
        return tuple(sorted({*self._runs, *self._refused}))

    def identified(self, namespace: str) -> Iterator[tuple[str, R | None]]:
        """The UIDs of the resources of a namespace, each with the resource, or None where it
        cannot be read."""
        for key, run in self._runs.items():
            if key.namespace == namespace:
                yield run.metadata.uid, run
        for key, refused in self._refused.items():
            if key.namespace == namespace:
                yield refused.uid, None

    def __len__(self) -> int:
        return len(self._runs)

    def update(self, document: Mapping[str, Any], *, gone: bool = False) -> ResourceKey:
        """Cache a resource as it is now, or drop one that is gone; ignore what is no newer."""
        key = self._key_of(document)
        if gone:
            self._forget(key, document["metadata"]["uid"])
        elif not self.has(document):
            self._keep(key, document)
        return key

    def has(self, document: Mapping[str, Any]) -> bool:
        """Whether this state of a resource, or a newer one, is known."""
        return int(document["metadata"]["resourceVersion"]) <= self._version(self._key_of(document))

    async def resync(self) -> None:
        """List all runs again."""
        for namespace in self._watched or (None,):
            version, found = 0, set[ResourceKey]()
            path = self._kind.path(namespace)
            async for page in self._client.pages(path, bookkeeping=False):
                version = int(page.metadata["resourceVersion"])
                known = (each for each in page.objects() if is_identified(each))
                found |= {self.update({**self._type, **document}) for document in known}
            for key in self.known():
                here = namespace is None or key.namespace == namespace
                if here and key not in found and self._version(key) <= version:
                    self._runs.pop(key, None)
                    self._refused.pop(key, None)

    async def get(self, key: ResourceKey) -> R | None:
        """Return the cached resource; None if its spec is invalid, which its status reports."""
        if key in self._refused:
            await self._leave(key, self._refused[key])
            return None
        return self._runs.get(key)

    async def exists(self, run: R) -> bool:
        """Return whether the API server has it now: the watch may report its deletion after the
        watches of what went with it."""
        meta = run.metadata
        path, one = self._kind.path(meta.namespace), f"metadata.name={meta.name}"
        # A list of one, for the operator has no right to get runs.
        pages = self._client.pages(path, metadata_only=True, fieldSelector=one)
        found = [each["metadata"] async for page in pages for each in page.objects()]
        return any(each["uid"] == meta.uid and "deletionTimestamp" not in each for each in found)

    async def write_status(self, run: R, status: ResourceStatus) -> None:
        """Apply the whole status, at once or later (:func:`pause_before_status`).

        The resource version goes with it: a status that was computed from an older state of the
        run is refused, and the newer state comes by the watch.
        """
        meta, now = run.metadata, time.monotonic()
        uid, key = meta.uid, ResourceKey(meta.namespace, meta.name, self._kind.name)
        since = now - self._written_at.get(uid, -math.inf)
        wait = self._declared.status_pause(run.status, status, len(self._runs)) - since
        if wait > 0:
            self.listener("later")
            self._requeue(key, wait)
            return
        wanted = status.document()
        if wanted == run.status.document():
            return
        written = await self._apply_status(key, uid, meta.resource_version, wanted)
        if written is not None:
            self._written_at[uid] = now
            self._take_in(key, run, status, written["metadata"]["resourceVersion"])

    def _take_in(self, key: ResourceKey, run: R, status: ResourceStatus, version: str) -> None:
        """What it is after our own write, which nothing else can have changed: the version
        that it was computed from went with it. Reading the answer would only make a second copy."""
        if int(version) > self._version(key):
            metadata = run.metadata.model_copy(update={"resource_version": version})
            self._runs[key] = run.model_copy(update={"metadata": metadata, "status": status})

    async def _apply_status(
        self, key: ResourceKey, uid: str, version: str, status: Mapping[str, Any]
    ) -> Document | None:
        """Apply a status to this version; return the resource then, None where it was not taken."""
        meta = {"name": key.name, "uid": uid, "resourceVersion": version}
        body = {**self._type, "metadata": meta, "status": status}
        path = self._kind.path(key.namespace, key.name) + "/status"
        try:
            written = await self._client.apply(path, body, manager=STATUS_MANAGER)
        except ConflictError as error:
            _LOG.debug("status of %s: %s", key, error)
            self.listener("stale")
            return None
        except NotFoundError:
            self._forget(key, uid)
            return None
        self.listener("written")
        return written

    async def _leave(self, key: ResourceKey, refused: _Refused) -> None:
        """Do what can be done for one that cannot be read: say so, and let it go when it shall."""
        meta = refused.document["metadata"]
        if not meta.get("deletionTimestamp"):
            await self._report_refusal(key, refused)
        elif (held := self._declared.finalizer) and held.name in meta.get("finalizers", ()):
            await self._let_go(key, refused, held)

    async def _let_go(self, key: ResourceKey, refused: _Refused, held: Finalizer) -> None:
        """Take our finalizer away: what it is for stands in the spec."""
        meta = refused.document["metadata"]
        finalizers = [each for each in meta["finalizers"] if each != held.name]
        head = {"resourceVersion": meta["resourceVersion"], "finalizers": finalizers}
        path = self._kind.path(key.namespace, key.name)
        try:
            await self._client.merge(path, {"metadata": head})
        except (NotFoundError, ConflictError):
            return  # gone, or reported anew in a moment
        message = f"{held.message}: {refusal_message(refused.error)}"
        event = RunEvent(held.reason, message, warning=True)
        await self._events.emit(self._regarding(key, refused.uid), event)

    async def _report_refusal(self, key: ResourceKey, refused: _Refused) -> None:
        """Set a condition and emit an event, once per generation: the status remembers it."""
        status = refusal_status(refused.document, refused.error, now=time.time())
        if status == refused.document.get("status"):
            return
        _LOG.warning("%s %s: it cannot be read: %s", key.kind, key, refusal_message(refused.error))
        event = RunEvent(EventReason.INVALID_SPEC, refusal_message(refused.error), warning=True)
        await self._events.emit(self._regarding(key, refused.uid), event)
        written = await self._apply_status(key, refused.uid, str(refused.version), status)
        if written is not None:
            self.update(written)

    async def emit(self, run: R, event: RunEvent) -> None:
        """Write an event of the resource, or count it again."""
        meta = run.metadata
        await self._events.emit(Regarding(meta.namespace, meta.name, meta.uid, self._kind), event)

    async def set_finalizer(self, run: R, finalizer: str, *, present: bool) -> None:
        """Write the list of finalizers as it was read, with or without this one."""
        meta = run.metadata
        others = [each for each in meta.finalizers if each != finalizer]
        wanted = [*others, finalizer] if present else others
        head = {"resourceVersion": meta.resource_version, "finalizers": wanted}
        try:
            written = await self._client.merge(
                self._kind.path(meta.namespace, meta.name), {"metadata": head}
            )
        except (NotFoundError, ConflictError):
            return  # gone, or read anew at the next reconcile
        if present:
            self.update(written)

    async def delete(self, run: R) -> None:
        """Delete the resource; the garbage collector deletes what it owns."""
        meta = run.metadata
        path = self._kind.path(meta.namespace, meta.name)
        try:
            await self._client.delete(path, propagation="Background", uid=meta.uid)
        except (NotFoundError, ConflictError):
            return

    def _keep(self, key: ResourceKey, document: Mapping[str, Any]) -> None:
        try:
            self._runs[key] = self._with_known_spec(self._parsed(document), self._runs.get(key))
        except SpecError as error:
            self._refuse(key, document, error)
        except Exception as error:  # the boundary of one run: the others need what comes after it
            _LOG.exception("%s %s cannot be read", key.kind, key)
            why = f"cannot be read: {type(error).__name__}: change the spec, or delete it"
            self._refuse(key, document, SpecError((Problem("spec", why),)))
        else:
            self._refused.pop(key, None)

    def _refuse(self, key: ResourceKey, document: Mapping[str, Any], error: SpecError) -> None:
        self._refused[key] = _Refused(_without_spec(document), error)
        self._runs.pop(key, None)

    def _with_known_spec(self, run: R, known: R | None) -> R:
        """The run with the spec object that is known already: most of it, and it rarely changes."""
        if known is not None and run.spec == known.spec:
            return run.model_copy(update={"spec": known.spec})
        return run.model_copy(update={"spec": self._sections.share(run.spec)})

    @property
    def _type(self) -> dict[str, str]:
        """What an item of a list shares with the list."""
        return {"apiVersion": self._kind.api_version, "kind": self._kind.name}

    def _key_of(self, document: Mapping[str, Any]) -> ResourceKey:
        meta = document["metadata"]
        return ResourceKey(meta.get("namespace", "default"), meta["name"], self._kind.name)

    def _regarding(self, key: ResourceKey, uid: str) -> Regarding:
        return Regarding(key.namespace, key.name, uid, self._kind)

    def _parsed(self, document: Mapping[str, Any]) -> R:
        """The resource in a document.

        Raises:
            SpecError: it is not valid, or is one that could not be decoded.
        """
        why = why_unreadable(document)
        if why is not None:
            what = f"cannot be read: {why}: change it, or delete the {self._kind.name}"
            raise SpecError((Problem("spec", what),))
        return cast(R, self._declared.definition.read(document, ignore_unknown=True))

    def _version(self, key: ResourceKey) -> int:
        if key in self._refused:
            return self._refused[key].version
        run = self._runs.get(key)
        return int(run.metadata.resource_version) if run is not None else 0

    def _forget(self, key: ResourceKey, uid: str) -> None:
        self._written_at.pop(uid, None)
        known, refused = self._runs.get(key), self._refused.get(key)
        if known is not None and known.metadata.uid == uid:
            del self._runs[key]
        if refused is not None and refused.uid == uid:
            del self._refused[key]


_KEPT: Final = frozenset(
    {"uid", "resourceVersion", "generation", "finalizers", "deletionTimestamp"}
)


def _without_spec(document: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = {name: each for name, each in document["metadata"].items() if name in _KEPT}
    return {"metadata": meta, "status": document.get("status") or {}}
