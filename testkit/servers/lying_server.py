"""A TCP server that speaks Redis' protocol and answers commands as a test says, true or not."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import hiredis

Answer = Callable[[list[bytes]], bytes | Iterator[bytes] | None]
"""The bytes sent for a command, at once or in pieces; None: nothing, however long one waits."""
_CHUNK = 65536
_GREETINGS = (b"CLIENT", b"SELECT", b"AUTH", b"PING")


def _pieces(reply: bytes | Iterator[bytes] | None) -> Iterator[bytes]:
    if isinstance(reply, bytes):
        yield reply
    elif reply is not None:
        yield from reply


@dataclass
class LyingServer:
    """Where it listens, and how many commands it got beside those of a connection's start."""

    port: int
    commands: list[list[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address as a Redis URL, with a password."""
        return f"redis://:s3cret@127.0.0.1:{self.port}/0"


@contextmanager
def lying_server(answer: Answer) -> Iterator[LyingServer]:
    """A server that answers all but a connection's first commands by ``answer``."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            reader: Any = hiredis.Reader()
            with contextlib.suppress(OSError, hiredis.ProtocolError):  # TLS, for instance
                while data := self.request.recv(_CHUNK):
                    reader.feed(data)
                    while (command := reader.gets()) is not False:
                        self._reply(command)

        def _reply(self, command: list[bytes]) -> None:
            if command[0].upper() in _GREETINGS:
                self.request.sendall(b"+OK\r\n")
                return
            made.commands.append(command)
            reply = answer(command)
            for piece in _pieces(reply):
                self.request.sendall(piece)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False
        address_family = socket.AF_INET

    with Server(("127.0.0.1", 0), Handler) as server:
        made = LyingServer(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
