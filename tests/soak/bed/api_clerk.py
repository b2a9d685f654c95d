"""Requests to the API server over one open connection: a soak makes more than kubectl could."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import yaml
from control_plane import ControlPlane

_SECONDS: Final = 120.0
_ATTEMPTS: Final = 3
_METADATA: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
MERGE: Final = "application/merge-patch+json"


@dataclass(frozen=True)
class Request:
    """One request; the body is text, since some of what is sent here no encoder would write."""

    method: str
    path: str
    body: str | None = None
    content: str = "application/json"


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    status: int
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as an object."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Clerk:
    """An administrator with one connection; not for two threads at once."""

    def __init__(self, plane: ControlPlane) -> None:
        config = yaml.safe_load(plane.kubeconfig.read_text())
        self._token = config["users"][0]["user"]["token"]
        self._address = urlsplit(plane.url)
        self._trust = ssl.create_default_context(cafile=str(plane.certificate))
        self._open = self._connection()

    def ask(self, request: Request, *, accept: str = "application/json") -> Answer:
        """Make a request, again where the connection broke off; refusals are answers, too."""
        for attempt in range(_ATTEMPTS):
            try:
                self._send(self._open, request, accept)
                answer = self._open.getresponse()
                return Answer(answer.status, answer.read())
            except (http.client.HTTPException, OSError):
                self._open.close()
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def names(self, path: str) -> list[str]:
        """The names of the objects below a path; their contents are not sent."""
        found = self.ask(Request("GET", f"{path}?limit=100"), accept=_METADATA).document
        return [each["metadata"]["name"] for each in found["items"] or ()]

    def watch(self, path: str) -> Iterator[dict[str, Any]]:
        """The objects of a watch's events, on a connection of its own, until the server ends it."""
        connection = self._connection()
        try:
            self._send(connection, Request("GET", path), "application/json")
            answer = connection.getresponse()
            assert answer.status == http.client.OK, answer.read()
            while line := answer.readline():
                yield json.loads(line)["object"]
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connection."""
        self._open.close()

    def _send(self, connection: http.client.HTTPConnection, request: Request, accept: str) -> None:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": accept,
            "Content-Type": request.content,
        }
        body = None if request.body is None else request.body.encode("utf-8", "surrogatepass")
        connection.request(request.method, request.path, body, headers)

    def _connection(self) -> http.client.HTTPSConnection:
        host, port = self._address.hostname or "", self._address.port
        return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=self._trust)
