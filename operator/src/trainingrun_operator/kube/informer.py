"""An informer: knows all objects of one kind, by listing once and then watching.

One per kind and watched namespace. It lists again only when the API server has forgotten the place
where it left off (410), and then says which objects went away meanwhile; kopf's own watcher does
not report that, and keeps whole objects, which is why the children are not watched through it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random
from sys import intern
from typing import Final, Protocol

from trainingrun_contracts.backoff import Backoff
from trainingrun_reconciler.errors import (
    ApiError,
    BrokenOffError,
    ExpiredError,
    error_from,
)
from trainingrun_reconciler.kinds import Kind

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.documents import (
    Document,
    is_identified,
    why_unreadable,
)

_LOG = logging.getLogger(__name__)
_WATCH_SECONDS: Final = (240, 300)
_BACKOFF: Final = Backoff(first=0.75, longest=15.0, spread=2 / 3)
_ANSWERED_BACKOFF: Final = Backoff(first=0.75, longest=6.0, spread=2 / 3)
"""Where the API server answers, but each watch is cut or refused as too old."""
_AT_ONCE_SECONDS: Final = 0.5
_NOT_UNDERSTOOD: Final = 400
_RANDOM: Final = Random()


@dataclass(frozen=True)
class Scope:
    """What an informer watches: ``namespace`` None is the whole cluster."""

    kind: Kind
    namespace: str | None
    selector: str
    metadata_only: bool = False


class Listener(Protocol):
    """What changes are reported to."""

    def __call__(self, kind: Kind, document: Document, *, gone: bool = False) -> None:
        """Take in an object as it is now, or that it is gone."""


class Informer:
    """Lists and watches one scope until cancelled, and reports to a listener.

    Attributes:
        synced: set once the first list was reported.
        seen_at: monotonic seconds of the last word from the API server, for /livez.
    """

    def __init__(
        self,
        client: Client,
        scope: Scope,
        listener: Listener,
        *,
        listed: Callable[[Kind, str | None, Collection[str], int], None] | None = None,
    ) -> None:
        """``listed`` gets the kind, the namespace, the UIDs and the version of each list."""
        self.scope = scope
        self.synced = asyncio.Event()
        self.seen_at = time.monotonic()
        self._client = client
        self._listener = listener
        self._listed = listed
        self._known: dict[str, tuple[str, str]] = {}

    async def run(self) -> None:
        """Follow the API server; its outages are waited out with growing, random pauses."""
        version: str | None = None
        failures = 0
        while True:
            begin = time.monotonic()
            try:
                if version is None:
                    version = await self.list_all()
                    self.synced.set()
                version = await self.watch_from(version)
                failures = 0
            except ExpiredError:  # at once, unless what was just listed is said to be too old again
                version = None
                if time.monotonic() - begin < _AT_ONCE_SECONDS:
                    failures += 1
                    await asyncio.sleep(_ANSWERED_BACKOFF.seconds(failures, _RANDOM))
            except BrokenOffError as error:
                _LOG.warning("watching %s: %s", self.scope.kind.plural, error)
                failures += 1
                await asyncio.sleep(_ANSWERED_BACKOFF.seconds(failures, _RANDOM))
            except ApiError as error:
                _LOG.warning("watching %s: %s", self.scope.kind.plural, error)
                if error.status == _NOT_UNDERSTOOD:  # most likely the version to continue from
                    version = None
                failures += 1
                pause = _BACKOFF.seconds(failures, _RANDOM)
                await asyncio.sleep(max(pause, error.retry_after or 0.0))

    async def list_all(self) -> str:
        """Report all objects, and those gone since the last list; return their version."""
        found: dict[str, tuple[str, str]] = {}
        meta: Document = {}
        async for page in self._client.pages(
            self.scope.kind.path(self.scope.namespace),
            metadata_only=self.scope.metadata_only,
            labelSelector=self.scope.selector,
        ):
            meta = page.metadata
            for document in page.objects():
                if is_identified(document):
                    found[_uid(document)] = _names(document)
                    self._take_in(document, gone=False)
        for uid in self._known.keys() - found.keys():
            self._take_in(_tombstone(uid, *self._known[uid]), gone=True)
        self._known = found
        if self._listed is not None:
            version = int(meta["resourceVersion"])
            self._listed(self.scope.kind, self.scope.namespace, found.keys(), version)
        self.seen_at = time.monotonic()
        return str(meta["resourceVersion"])

    async def watch_from(self, version: str) -> str:
        """Report changes until the API server ends the watch; return where to continue.

        Raises:
            ExpiredError: the version is too old.
        """
        changes = self._client.watch(
            self.scope.kind.path(self.scope.namespace),
            seconds=random.randint(*_WATCH_SECONDS),
            metadata_only=self.scope.metadata_only,
            labelSelector=self.scope.selector,
            resourceVersion=version,
        )
        async for kind, document in changes:
            self.seen_at = time.monotonic()
            if kind == "ERROR":
                raise _error_in(document, f"watch {self.scope.kind.plural}")
            version = _version(document) or version
            if kind != "BOOKMARK" and is_identified(document):
                self._report(document, gone=kind == "DELETED")
        return version

    def _report(self, document: Document, *, gone: bool) -> None:
        uid = _uid(document)
        if gone:
            self._known.pop(uid, None)
        else:
            self._known[uid] = _names(document)
        self._take_in(document, gone=gone)

    def _take_in(self, document: Document, *, gone: bool) -> None:
        """Report one object to the listener. An error costs that object alone: any user may write
        what is watched here, and all runs need what comes after it."""
        why = why_unreadable(document)
        if why is not None and not gone:
            _LOG.warning("%s %s: %s", self.scope.kind.name, "/".join(_names(document)), why)
            return
        try:
            self._listener(self.scope.kind, document, gone=gone)
        except Exception:  # the boundary of one object
            name = "/".join(_names(document))
            _LOG.exception("%s %s cannot be understood", self.scope.kind.name, name)


def _error_in(document: Document, request: str) -> ApiError:
    """The error that a watch was sent, whatever stands in it."""
    code, message = document.get("code"), document.get("message")
    return error_from(code if isinstance(code, int) else 500, str(message).encode(), request)


def _version(document: Document) -> str | None:
    """The version of a changed object; None where there is none."""
    version = document["metadata"].get("resourceVersion")
    return version if isinstance(version, str) else None


def _uid(document: Document) -> str:
    """The same object as in the view of it that the listener keeps, and so are the names."""
    return intern(document["metadata"]["uid"])


def _names(document: Document) -> tuple[str, str]:
    meta = document["metadata"]
    return intern(meta.get("namespace", "")), intern(meta["name"])


def _tombstone(uid: str, namespace: str, name: str) -> Document:
    """Return what is left to report of an object that went away unseen."""
    return {"metadata": {"uid": uid, "namespace": namespace, "name": name}}
