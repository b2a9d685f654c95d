"""Requests to the API server over connections that stay open.

kubectl costs a process and a tenth of a second of processor for each request; a test makes hundreds
of times. No library: what is sent here is a path and JSON, and the test of the operator should
share no code with the client that the operator has.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from testkit.servers.server_process import BedError

_SECONDS: Final = 120.0
_ATTEMPTS: Final = 10
_BUSY: Final = frozenset({429, 503})
_NAMES: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
MERGE: Final = "application/merge-patch+json"
"""The content of a merge patch."""


@dataclass(frozen=True)
class Request:
    """One request; the body is text, since some of what is sent here no encoder would write."""

    method: str
    path: str
    body: str | None = None
    content: str = "application/json"
    accept: str = "application/json"


@dataclass(frozen=True)
class Answer:
    """What the API server said; ``retry_after`` is in seconds, None where it asks for no wait."""

    status: int
    body: bytes
    retry_after: float | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The body as an object."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Stream:
    """An answer that continues; one thread reads it, another may end it."""

    answer: http.client.HTTPResponse
    _socket: socket.socket

    def end(self) -> None:
        """Have the reader find its end; to close the connection would not wake it."""
        with suppress(OSError):  # the server was first
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not TLS's: two threads use it


class ApiError(BedError):
    """The API server refused; ``told`` is what it said."""

    def __init__(self, request: Request, answer: Answer) -> None:
        self.status = answer.status
        self.told = _message(answer.body)
        super().__init__(f"{request.method} {request.path}: {self.told}")

    @property
    def is_not_found(self) -> bool:
        """Whether what was asked about is not there."""
        return self.status == http.client.NOT_FOUND


class ApiConnections:
    """The administrator's connections: one for each thread that asks at the same time."""

    def __init__(self, url: str, token: str, certificate: Path) -> None:
        self._address = urlsplit(url)
        self._token = token
        self._trust = ssl.create_default_context(cafile=str(certificate))
        self._idle: deque[http.client.HTTPSConnection] = deque()

    def ask(self, request: Request) -> Answer:
        """Make a request, again where the server asks for a pause (as client-go does).

        Raises:
            ApiError: it was refused.
            OSError: the server is away.
        """
        for _ in range(_ATTEMPTS):
            answer = self.send(request)
            if answer.status not in _BUSY or answer.retry_after is None:
                break
            threading.Event().wait(answer.retry_after)
        if answer.status >= http.client.BAD_REQUEST:
            raise ApiError(request, answer)
        return answer

    def send(self, request: Request, *, attempts: int = 1) -> Answer:
        """Make a request once, or again where the connection breaks off; a refusal is an answer,
        too.

        Raises:
            OSError, http.client.HTTPException: the server is away, or broke off.
        """
        for _ in range(attempts - 1):
            with suppress(OSError, http.client.HTTPException):
                return self._send_once(request)
        return self._send_once(request)

    def names(self, path: str, *, attempts: int = 1) -> list[str]:
        """The names of the first hundred objects below a path; their contents are not sent."""
        answer = self.send(Request("GET", f"{path}?limit=100", accept=_NAMES), attempts=attempts)
        return [each["metadata"]["name"] for each in answer.document["items"] or ()]

    @contextmanager
    def stream(self, path: str) -> Iterator[Stream]:
        """An answer that continues, on a connection of its own.

        Raises:
            ApiError: it was refused.
        """
        connection, request = self._connection(), Request("GET", path)
        connection.timeout = None  # nothing may happen for long
        try:
            self._send(connection, request)
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise ApiError(request, Answer(response.status, response.read()))
            yield Stream(response, connection.sock)
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connections that no one uses now."""
        while self._idle:
            self._idle.pop().close()

    def _send_once(self, request: Request) -> Answer:
        connection = self._take()
        try:
            self._send(connection, request)
            response = connection.getresponse()
            body, pause = response.read(), response.getheader("Retry-After")
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return Answer(response.status, body, None if pause is None else float(pause))

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> None:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": request.accept,
            "Content-Type": request.content,
        }
        body = None if request.body is None else request.body.encode("utf-8", "surrogatepass")
        connection.request(request.method, request.path, body, headers)

    def _take(self) -> http.client.HTTPSConnection:
        while self._idle:
            connection = self._idle.pop()
            if not _is_closed(connection):
                return connection
            connection.close()
        return self._connection()

    def _connection(self) -> http.client.HTTPSConnection:
        host, port = self._address.hostname or "", self._address.port
        return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=self._trust)


def _is_closed(connection: http.client.HTTPSConnection) -> bool:
    """Whether the server has closed an idle connection: it says nothing else unasked."""
    if connection.sock is None:
        return False  # it connects when it is used
    readable, _, _ = select.select([connection.sock], [], [], 0)
    return bool(readable)


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()
