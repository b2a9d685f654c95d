"""The API server as tests read it: objects now, and waiting for what they will be.

Every read is a request and no cache, so that a test reads what it or anybody has written. kubectl
stays where a test is about kubectl: what it prints, checks, completes and explains.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode

from testkit.control_plane.api_changes import Changes
from testkit.control_plane.api_connections import MERGE, ApiConnections, ApiError, Request
from testkit.control_plane.api_discovery import Discovery, Resource
from testkit.servers.server_process import BedError
from testkit.waiting import BUSY

LOOK_SECONDS: Final = 0.25
"""What is waited for may lie in Redis, in a log or in a file, from which no change wakes."""
_BURST_SECONDS: Final = 0.03
"""Changes come several at a time; one look is for all of them."""
_APPLY: Final = "application/apply-patch+yaml"
_MANAGER: Final = "test"
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
Document = dict[str, Any]


class WaitError(BedError):
    """What was waited for did not come in time."""


class ApiClient:
    """An administrator of the control plane; threads may share it.

    Kinds are named as for kubectl: ``pods``, ``deploy``, ``trainingruns.trainingrun.dev``.
    """

    def __init__(self, connections: ApiConnections, *, look_seconds: float = LOOK_SECONDS) -> None:
        """``look_seconds``: how long a wait continues unwoken."""
        self._connections = connections
        self._look_seconds = look_seconds
        self._discovery = Discovery(connections)
        self._changes = Changes(connections)
        self._wait = threading.local()

    # -- reading -------------------------------------------------------------------------------

    def get(self, kind: str, name: str, namespace: str = "") -> Document:
        """One object.

        Raises:
            ApiError: it is not there.
        """
        resource = self._discovery.named(kind)
        self._follow(resource, namespace)
        return self._document("GET", resource.path(namespace, name))

    def find(self, kind: str, name: str, namespace: str = "") -> Document | None:
        """One object; None when it is not there."""
        try:
            return self.get(kind, name, namespace)
        except ApiError as error:
            if not error.is_not_found:
                raise
            return None

    def list(
        self, kinds: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Document]:
        """The objects of some kinds (``pods,jobs``) in a namespace or in all, by selectors."""
        given = {"labelSelector": labels, "fieldSelector": fields}
        query = urlencode({key: value for key, value in given.items() if value})
        found: list[Document] = []
        for kind in kinds.split(","):
            resource = self._discovery.named(kind)
            self._follow(resource, namespace)
            items = self._document("GET", f"{resource.path(namespace)}?{query}")["items"]
            # Those of a list do not say themselves what they are.
            about = {"apiVersion": resource.api_version, "kind": resource.kind}
            found += ({**about, **each} for each in items)
        return found

    def may(self, user: str, verb: str, kind: str, namespace: str, *, part: str = "") -> bool:
        """Whether a user may do something with the objects of a kind (or with their ``status``, a
        part), as ``kubectl auth can-i`` asks it. A new right is known a moment later."""
        resource = self._discovery.named(kind)
        wanted = {
            "verb": verb,
            "group": resource.group,
            "resource": resource.plural,
            "namespace": namespace,
            "subresource": part,
        }
        review = {"spec": {"user": user, "resourceAttributes": wanted}}
        return bool(self._document("POST", _REVIEWS, review)["status"]["allowed"])

    # -- writing -------------------------------------------------------------------------------

    def ask(self, request: Request) -> Document:
        """Make any request; returns what was answered.

        Raises:
            ApiError: it was refused.
        """
        return self._connections.ask(request).document

    def create(
        self, document: Mapping[str, Any], *, strict: bool = True, dry_run: bool = False
    ) -> Document:
        """Create an object, unknown fields refused by default; ``dry_run``: only answer what it
        would be."""
        path = self._discovery.of(document).path(_namespace_of(document))
        options = f"fieldValidation={'Strict' if strict else 'Ignore'}"
        options += "&dryRun=All" if dry_run else ""
        return self._document("POST", f"{path}?{options}", document)

    def apply(self, document: Mapping[str, Any]) -> Document:
        """Apply an object server-side and take over what others own, unknown fields refused."""
        resource, name = self._discovery.of(document), document["metadata"]["name"]
        options = f"fieldManager={_MANAGER}&force=true&fieldValidation=Strict"
        path = f"{resource.path(_namespace_of(document), name)}?{options}"
        return self._document("PATCH", path, document, content=_APPLY)

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        change: Mapping[str, Any],
        manager: str = _MANAGER,
    ) -> Document:
        """Change an object by a merge patch."""
        path = self._discovery.named(kind).path(namespace, name)
        return self._document("PATCH", f"{path}?fieldManager={manager}", change, content=MERGE)

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Ask for an object's deletion; what it owns goes after it."""
        path = self._discovery.named(kind).path(namespace, name)
        self._document("DELETE", path, {"propagationPolicy": "Background"})

    # -- waiting -------------------------------------------------------------------------------

    def wait_until(self, holds: Callable[[], bool], what: str, *, seconds: float) -> None:
        """Wait until something holds; checked anew when an object changed that it has asked for.

        Raises:
            WaitError: it does not hold in time.
        """
        limit = BUSY * seconds
        deadline = time.monotonic() + limit
        while not self._holds(holds):
            left = deadline - time.monotonic()
            if left <= 0:
                raise WaitError(f"{what}: not within {limit:g} s")
            self._changes.wait(self._wait.seen, min(left, self._look_seconds))
            threading.Event().wait(_BURST_SECONDS)

    def wait_for_condition(
        self, kind: str, name: str, namespace: str, condition: str, *, seconds: float
    ) -> Document:
        """Wait until an object has ``Type=Status`` (or ``Type``, which is True); returns it.

        As ``kubectl wait`` does: what is said of an older generation does not count, and an object
        that is not there is a mistake.

        Raises:
            ApiError: the object is not there.
            WaitError: it has no such condition in time.
        """
        found: list[Document] = []

        def has() -> bool:
            found[:] = [self.get(kind, name, namespace)]
            return has_condition(found[0], condition)

        self.wait_until(has, f"{kind}/{name} {condition}", seconds=seconds)
        return found[0]

    def wait_for_resource(self, name: str, *, seconds: float) -> None:
        """Wait until objects of a kind can be asked for, and every client can see them."""

        def is_served() -> bool:
            self._discovery.ask_again()
            try:
                self._document("GET", f"{self._discovery.named(name).path()}?limit=1")
            except BedError:
                return False
            return True

        self.wait_until(is_served, f"{name} is served", seconds=seconds)

    def leave(self, namespace: str) -> None:
        """Stop waiting for what is in a namespace."""
        self._changes.leave(f"/namespaces/{namespace}/")

    def close(self) -> None:
        """Stop waiting for anything."""
        self._changes.leave("/")

    # -- the inside ----------------------------------------------------------------------------

    def _holds(self, holds: Callable[[], bool]) -> bool:
        self._wait.seen = self._changes.count
        with self._following():
            return holds()

    @contextmanager
    def _following(self) -> Iterator[None]:
        self._wait.follows = True
        try:
            yield
        finally:
            self._wait.follows = False

    def _follow(self, resource: Resource, namespace: str) -> None:
        if getattr(self._wait, "follows", False):
            self._changes.follow(resource.path(namespace))

    def _document(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content: str = "application/json",
    ) -> Document:
        text = None if body is None else json.dumps(body)
        return self.ask(Request(method, path, text, content))


def has_condition(document: Mapping[str, Any], wanted: str) -> bool:
    """Whether an object has a condition ``Type=Status`` that is about its newest generation."""
    kind, _, status = wanted.partition("=")
    told = document.get("status") or {}
    for each in told.get("conditions") or ():  # a new definition has null
        if each["type"].lower() == kind.lower():
            is_so = each["status"].lower() == (status or "True").lower()
            generation = document["metadata"].get("generation", 0)
            return bool(is_so and _generation_of(each, told, otherwise=generation) >= generation)
    return False


def _generation_of(condition: Mapping[str, Any], status: Mapping[str, Any], otherwise: int) -> int:
    """The generation that a condition is about; one that says nothing is of the present one."""
    for told in (condition, status):
        if "observedGeneration" in told:
            return int(told["observedGeneration"])
    return otherwise


def _namespace_of(document: Mapping[str, Any]) -> str:
    return str(document["metadata"].get("namespace", "default"))
