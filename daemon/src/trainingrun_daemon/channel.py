"""Messages between the front desk and its workers, with client sockets inside.

A sequenced-packet socket pair keeps the borders of messages and their order, carries open sockets,
and tells either side at once when the other process is gone: that end of the channel is the only
sign of death that anybody acts on.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec
from trainingrun_contracts.protocol.lines import StatusReply

_MAX_MESSAGE: Final = 1024
_MESSAGES_PER_WAKE: Final = 64
"""Messages taken before others are served again."""


class Visit(msgspec.Struct, frozen=True, tag=True):
    """Desk: serve this client. Its socket comes with the message."""


class Grant(msgspec.Struct, frozen=True, tag=True):
    """Desk: the game of this ticket may begin."""

    ticket: int


class Counters(msgspec.Struct, frozen=True, tag=True):
    """Desk: the answer to an Inquiry."""

    number: int
    reply: StatusReply


class Knock(msgspec.Struct, frozen=True, tag=True):
    """Desk: are you there?"""


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Desk: begin no more games."""


class Leave(msgspec.Struct, frozen=True, tag=True):
    """Desk: end the games, send everybody away and exit."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Worker: I can serve."""


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Worker: a client wants a slot; the ticket names its game from now on."""

    ticket: int
    address: str


class GiveBack(msgspec.Struct, frozen=True, tag=True):
    """Worker: the game of this ticket, waiting or running, is no more."""

    ticket: int


class Inquiry(msgspec.Struct, frozen=True, tag=True):
    """Worker: a client wants the counters."""

    number: int


class Here(msgspec.Struct, frozen=True, tag=True):
    """Worker: the answer to a Knock."""


class Departure(msgspec.Struct, frozen=True, tag=True):
    """Worker: a client is gone."""


FromDesk: TypeAlias = Visit | Grant | Counters | Knock | Drain | Leave
FromWorker: TypeAlias = Ready | Ask | GiveBack | Inquiry | Here | Departure

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

    def send(self, message: FromDesk | FromWorker, client: socket.socket | None = None) -> None:
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
