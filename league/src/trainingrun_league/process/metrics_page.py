"""Prometheus' page on its port, with an end to what one who connects can take.

The library's server has a thread for each connection, for as long as the client likes to say
nothing: connections without end would be threads without end. Here a client that is silent is cut
off, and there is a bound of those that are served at once.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Thread
from typing import Any, ClassVar, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

SILENT_SECONDS: Final = 10.0
MOST_CONNECTIONS: Final = 32


class _Handler(WSGIRequestHandler):
    timeout: ClassVar[float] = SILENT_SECONDS
    """Of one read; ``socketserver`` sets it on the connection."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of requests, nor of those that never came."""


class _Server(ThreadingWSGIServer):
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._free = BoundedSemaphore(MOST_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is cut off is no error of ours."""


class _Server6(_Server):
    address_family = socket.AF_INET6


@contextmanager
def served_metrics(host: str, port: int, registry: CollectorRegistry) -> Iterator[int]:
    """Serve the page, and yield its port; raises ``OSError`` where it cannot be had."""
    kind = _Server6 if ":" in host else _Server
    server: WSGIServer = make_server(
        host, port, make_wsgi_app(registry), server_class=kind, handler_class=_Handler
    )
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
