"""A TCP proxy before a real server that fails as networks and busy servers do, when told to.

    with FaultyProxy(s3.endpoint) as proxy:
        proxy.fault = Fault.STALLED             # for answers from now on
        proxy.after_bytes = 300_000             # of an answer, headers included

Requests pass as they are, each on a connection of its own to the server. Not here: what only the
server can do wrong, such as objects that are damaged on its disk.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from enum import Enum
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_CHUNK = 65536
_WAIT_SECONDS = 0.05


def _answer(status: str, kind: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body


_SLOW_DOWN = _answer(
    "503 Slow Down",
    "application/xml",
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>slower</Message></Error>",
)
_PAGE = _answer("200 OK", "text/html", b"<html>Please log in first <p></html>")


class Fault(Enum):
    """What happens to answers."""

    NONE = "none"
    STALLED = "stalled"
    """Nothing comes any longer, and the connection stays open."""
    CUT = "cut"
    """The connection ends."""
    SLOW_DOWN = "slow down"
    """Requests are answered with 503, as S3 does of too many."""
    PAGE = "page"
    """Requests are answered with a page, as a proxy does that wants a login."""
    FLIPPED = "flipped"
    """One byte is another."""


class FaultyProxy:
    """Listens on a free port of loopback while the context is open."""

    def __init__(self, endpoint: str) -> None:
        target = urlsplit(endpoint)
        assert target.hostname is not None
        assert target.port is not None
        self._target = target.hostname, target.port
        self.fault = Fault.NONE
        self.after_bytes = 0
        self.requests = 0
        self._ends = threading.Event()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    proxy._serve(self.request)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _serve(self, client: socket.socket) -> None:
        first = client.recv(_CHUNK)
        if not first:
            return
        self.requests += 1
        canned = {Fault.SLOW_DOWN: _SLOW_DOWN, Fault.PAGE: _PAGE}.get(self.fault)
        if canned is not None:
            client.sendall(canned)
            return
        with socket.create_connection(self._target) as server:
            up = threading.Thread(target=self._pass_requests, args=(client, server, first))
            up.daemon = True
            up.start()
            self._pass_answers(server, client)
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _pass_requests(self, client: socket.socket, server: socket.socket, first: bytes) -> None:
        with contextlib.suppress(OSError):
            data = first
            while data:
                server.sendall(data)
                data = client.recv(_CHUNK)

    def _pass_answers(self, server: socket.socket, client: socket.socket) -> None:
        passed = 0
        while data := server.recv(_CHUNK):
            left = self.after_bytes - passed
            if self.fault in {Fault.STALLED, Fault.CUT, Fault.FLIPPED} and left < len(data):
                left = max(0, left)
                client.sendall(data[:left])
                if self.fault is Fault.CUT:
                    return
                if self.fault is Fault.STALLED:
                    while self.fault is Fault.STALLED and not self._ends.wait(_WAIT_SECONDS):
                        pass
                    return
                data = bytes([data[left] ^ 1]) + data[left + 1 :]
                self.fault = Fault.NONE
            client.sendall(data)
            passed += len(data)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes in the middle is what is wanted."""
