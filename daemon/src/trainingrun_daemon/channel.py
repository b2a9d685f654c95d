"""Messages between the supervisor and its workers, with client sockets inside.

A sequenced-packet socket pair keeps the borders of messages and their order, carries open sockets,
and ends at once on either side when the other process is gone: that end of the channel is the only
sign of death that either side acts on.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec
from trainingrun_protocol.lines import StatusReply

_MAX_MESSAGE: Final = 1024
_MESSAGES_PER_WAKE: Final = 64
"""Messages taken before others are served again."""


class AcceptClient(msgspec.Struct, frozen=True, tag=True):
    """Supervisor: serve this client. Its socket comes with the message."""


class SlotGranted(msgspec.Struct, frozen=True, tag=True):
    """Supervisor: the game of this request may begin."""

    request_id: int


class StatusCounters(msgspec.Struct, frozen=True, tag=True):
    """Supervisor: the answer to a StatusRequest."""

    number: int
    reply: StatusReply


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Supervisor: answer with a Pong."""


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Supervisor: begin no new games."""


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """Supervisor: end the games, close all connections and exit."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Worker: I can serve."""


class AcquireSlot(msgspec.Struct, frozen=True, tag=True):
    """Worker: a client requests a slot; the id names its game from now on."""

    request_id: int
    address: str


class ReleaseSlot(msgspec.Struct, frozen=True, tag=True):
    """Worker: the game of this request, waiting or running, has ended."""

    request_id: int


class StatusRequest(msgspec.Struct, frozen=True, tag=True):
    """Worker: a client requests the counters."""

    number: int


class Pong(msgspec.Struct, frozen=True, tag=True):
    """Worker: the answer to a Ping."""


class ClientClosed(msgspec.Struct, frozen=True, tag=True):
    """Worker: a client has closed its connection."""


FromSupervisor: TypeAlias = AcceptClient | SlotGranted | StatusCounters | Ping | Drain | Shutdown
FromWorker: TypeAlias = Ready | AcquireSlot | ReleaseSlot | StatusRequest | Pong | ClientClosed

Received = TypeVar("Received")


class Channel(Generic[Received]):
    """One end. ``take`` gets each message with the socket that came with it, ``end`` the end.

    ``end`` is called once, also when this side closes; nothing is received after it.
    """

    def __init__(
        self,
        end_point: socket.socket,
        decoder: "msgspec.msgpack.Decoder[Received]",
        take: Callable[[Received, socket.socket | None], None],
        end: Callable[[], None],
    ) -> None:
        self._socket = end_point
        self._decoder = decoder
        self._take = take
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[tuple[bytes, socket.socket | None]] = deque()
        self._is_open = True
        end_point.settimeout(0)
        self._loop.add_reader(end_point, self._read)

    def send(
        self, message: FromSupervisor | FromWorker, client: socket.socket | None = None
    ) -> None:
        """Send a message, with a client's socket, which is closed here. Dropped after the end."""
        if not self._is_open:
            _close(client)
            return
        self._unsent.append((msgspec.msgpack.encode(message), client))
        if len(self._unsent) == 1:
            self._write()

    def close(self) -> None:
        """End the channel; what has not been sent is lost."""
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for _, client in self._unsent:
            _close(client)
        self._unsent.clear()
        self._end()

    def _write(self) -> None:
        while self._unsent:
            data, client = self._unsent[0]
            try:
                if client is None:
                    self._socket.send(data)
                else:
                    socket.send_fds(self._socket, [data], [client.fileno()])
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._socket, self._write)
                return
            except OSError:
                self.close()
                return
            self._unsent.popleft()
            _close(client)
        self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        for _ in range(_MESSAGES_PER_WAKE):
            if not self._is_open:
                return
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, _MAX_MESSAGE, 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                self.close()
                return
            client = socket.socket(fileno=descriptors[0]) if descriptors else None
            self._take(self._decoder.decode(data), client)


def _close(client: socket.socket | None) -> None:
    if client is not None:
        client.close()
