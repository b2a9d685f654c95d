"""A TCP link between two roles that can be broken on purpose: cut, or silent.

A link listens on a port of its own and passes everything on to one target. While it is *cut*, the
connections are reset and new ones are refused after they are accepted. While it is *silent*,
nothing passes, not even the end of a connection, and everything that was held goes on afterwards:
what a network does whose packets are lost and sent again.

Not here: which links there are and when they break (``chaos/local.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final

_CHUNK: Final = 256 * 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Fault(Enum):
    """How a link is broken."""

    CUT = "cut"
    SILENT = "silent"


class Link:
    """One link; its methods may be called from any thread.

    ``connections`` counts those that reached the target, ``passed`` the bytes in both directions.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, target: int) -> None:
        self._loop = loop
        self._target = target
        self._port = 0
        self._is_cut = False
        self._passing = asyncio.Event()
        self._passing.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.passed = 0

    @property
    def endpoint(self) -> str:
        """Where to connect instead of to the target."""
        return f"127.0.0.1:{self._port}"

    async def listen(self) -> None:
        """Begin to pass connections on."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_CHUNK)
        self._port = server.sockets[0].getsockname()[1]

    def break_(self, fault: Fault) -> None:
        """Break it now."""
        self._loop.call_soon_threadsafe(self._cut if fault is Fault.CUT else self._passing.clear)

    def heal(self) -> None:
        """Let everything pass again."""
        self._loop.call_soon_threadsafe(self._heal)

    def _cut(self) -> None:
        self._is_cut = True
        for end in self._ends:
            _reset(end)

    def _heal(self) -> None:
        self._is_cut = False
        self._passing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            _reset(writer)
            return
        await self._passing.wait()
        try:
            upstream, other = await asyncio.open_connection("127.0.0.1", self._target, limit=_CHUNK)
        except OSError:  # the target is down: the client must see that at once
            _reset(writer)
            return
        self.connections += 1
        self._ends |= {writer, other}
        try:
            await asyncio.gather(self._pump(reader, other), self._pump(upstream, writer))
        finally:
            self._ends -= {writer, other}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one direction on until its end, and then the end."""
        try:
            while chunk := await reader.read(_CHUNK):
                await self._passing.wait()
                writer.write(chunk)
                self.passed += len(chunk)
                await writer.drain()
            await self._passing.wait()
        except OSError:
            _reset(writer)
        else:
            writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST, as a dead peer does."""
    found: socket.socket | None = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


class Links:
    """Makes links; they live in one thread with an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def to(self, target: int) -> Link:
        """A link to a port of this machine."""
        link = Link(self._loop, target)
        self._do(link.listen())
        return link

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)


@contextmanager
def open_links() -> Iterator[Links]:
    """Links that pass until the context is left."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_forever(loop), name="links", daemon=True)
    thread.start()
    try:
        yield Links(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)


def _forever(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()

    return run
