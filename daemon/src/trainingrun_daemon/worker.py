"""A worker process: serves the clients that the supervisor hands over.

    python -m trainingrun_daemon.worker DESCRIPTOR OPTIONS

Started by ``supervisor`` alone. It has no port and no slots of its own; when the supervisor is gone
it has no work left and exits.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from itertools import count

import msgspec

from trainingrun_daemon.channel import (
    AcceptClient,
    AcquireSlot,
    Channel,
    ClientClosed,
    Drain,
    FromSupervisor,
    Ping,
    Pong,
    Ready,
    ReleaseSlot,
    Shutdown,
    SlotGranted,
    StatusCounters,
    StatusRequest,
)
from trainingrun_daemon.connection import GameConnection
from trainingrun_daemon.factory import freeze_code, make_context
from trainingrun_daemon.listening import raise_file_limit
from trainingrun_daemon.options import ServeOptions, decode_options
from trainingrun_daemon.server_context import ServerContext
from trainingrun_daemon.slots import Seeker, StatusReader


class RemoteSlotAllocator:
    """The supervisor's slots as this process sees them (``slots.SlotAllocator``).

    Request ids make late messages harmless: a grant for a game that was released meanwhile finds no
    request, and the supervisor gets the release right after.
    """

    def __init__(self) -> None:
        self.channel: Channel[FromSupervisor] | None = None
        self._numbers = count(1)
        self._request_ids: dict[Seeker, int] = {}
        self._seekers: dict[int, Seeker] = {}
        self._readers: dict[int, StatusReader] = {}

    def request(self, seeker: Seeker) -> None:
        """See SlotAllocator."""
        request_id = next(self._numbers)
        self._request_ids[seeker] = request_id
        self._seekers[request_id] = seeker
        self._send(AcquireSlot(request_id, seeker.address))

    def release(self, seeker: Seeker) -> None:
        """See SlotAllocator."""
        request_id = self._request_ids.pop(seeker, None)
        if request_id is not None:
            self._seekers.pop(request_id, None)
            self._send(ReleaseSlot(request_id))

    def ask_status(self, reader: StatusReader) -> None:
        """See SlotAllocator."""
        number = next(self._numbers)
        self._readers[number] = reader
        self._send(StatusRequest(number))

    def grant(self, request_id: int) -> None:
        """Begin the game of a request, if it is still wanted."""
        seeker = self._seekers.pop(request_id, None)
        if seeker is not None:
            seeker.begin_game()

    def deliver(self, counters: StatusCounters) -> None:
        """Hand the counters to the connection that requested them."""
        reader = self._readers.pop(counters.number, None)
        if reader is not None:
            reader(counters.reply)

    def _send(self, message: AcquireSlot | ReleaseSlot | StatusRequest) -> None:
        assert self.channel is not None
        self.channel.send(message)


class Worker:
    """Turns messages of the supervisor into connections, games and the end."""

    def __init__(
        self, context: ServerContext, allocator: RemoteSlotAllocator, end_point: socket.socket
    ) -> None:
        self._context = context
        self._allocator = allocator
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[None]] = set()
        self.is_over = asyncio.Event()
        self.channel: Channel[FromSupervisor] = Channel(
            end_point, msgspec.msgpack.Decoder(FromSupervisor), self._take, self.is_over.set
        )
        allocator.channel = self.channel

    def _take(self, message: FromSupervisor, client: socket.socket | None) -> None:
        match message:
            case AcceptClient():
                self._welcome(client)
            case SlotGranted(request_id):
                self._allocator.grant(request_id)
            case StatusCounters():
                self._allocator.deliver(message)
            case Ping():
                self.channel.send(Pong())
            case Drain():
                self._context.dismiss_all(even_playing=False)
            case Shutdown():
                self.is_over.set()

    def _welcome(self, client: socket.socket | None) -> None:
        if client is None:  # this process has no descriptor left for it
            self.channel.send(ClientClosed())
            return
        task = self._loop.create_task(self._connect(client))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _connect(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: _ReportingConnection(self._context, self.channel), client
            )
        except OSError:  # the client left before it was connected
            client.close()
            self.channel.send(ClientClosed())


class _ReportingConnection(GameConnection):
    """A connection that reports its end to the supervisor."""

    def __init__(self, context: ServerContext, channel: Channel[FromSupervisor]) -> None:
        super().__init__(context)
        self._channel = channel

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._channel.send(ClientClosed())


async def work(end_point: socket.socket, options: ServeOptions) -> None:
    """Serve until the supervisor orders the end, or is gone."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # A terminal may signal the whole group: the supervisor decides.
        loop.add_signal_handler(number, lambda: None)
    allocator = RemoteSlotAllocator()
    context = make_context(options, allocator)
    worker = Worker(context, allocator, end_point)
    freeze_code()
    worker.channel.send(Ready())
    await worker.is_over.wait()
    await context.close()
    worker.channel.close()


def main() -> int:
    """Run the worker; gives the exit code."""
    descriptor, options = sys.argv[1:]
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    raise_file_limit()
    asyncio.run(work(socket.socket(fileno=int(descriptor)), decode_options(options, os.environ)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
