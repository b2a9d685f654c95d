"""Requests of a soak to the API server: refusals are answers, and what breaks off is sent again."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any, Final

from testkit.control_plane.api_connections import Answer, Request
from testkit.control_plane.plane import ControlPlane

_ATTEMPTS: Final = 3
_METADATA: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
MERGE: Final = "application/merge-patch+json"


class Clerk:
    """An administrator who is refused without complaint."""

    def __init__(self, plane: ControlPlane) -> None:
        self._connections = plane.connections

    def ask(self, request: Request) -> Answer:
        """Make a request, again where the connection broke off."""
        for attempt in range(_ATTEMPTS):
            try:
                return self._connections.send(request)
            except (http.client.HTTPException, OSError):
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def names(self, path: str) -> list[str]:
        """The names of the objects below a path; their contents are not sent."""
        found = self.ask(Request("GET", f"{path}?limit=100", accept=_METADATA)).document
        return [each["metadata"]["name"] for each in found["items"] or ()]

    def watch(self, path: str) -> Iterator[dict[str, Any]]:
        """The objects of a watch's events, on a connection of its own, until the server ends it."""
        with self._connections.stream(path) as stream:
            while line := stream.answer.readline():
                yield json.loads(line)["object"]
