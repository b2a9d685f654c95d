"""A worker process: serves the clients that the front desk hands over.

    python -m trainingrun_daemon.worker DESCRIPTOR OPTIONS

Started by ``frontdesk`` and by nobody else. It has no port and no slots of its own; when the front
desk is gone it has no work left and exits.
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
    Ask,
    Channel,
    Counters,
    Departure,
    Drain,
    FromDesk,
    GiveBack,
    Grant,
    Here,
    Inquiry,
    Knock,
    Leave,
    Ready,
    Visit,
)
from trainingrun_daemon.connection import GameConnection
from trainingrun_daemon.house import House
from trainingrun_daemon.listening import raise_file_limit
from trainingrun_daemon.opening import freeze_code, open_house
from trainingrun_daemon.options import ServeOptions, decode_options
from trainingrun_daemon.slots import Seeker, StatusReader


class RemoteDesk:
    """The front desk as this process sees it (``slots.SlotDesk``).

    Tickets make late words harmless: a grant for a game that has been given back meanwhile finds
    no ticket, and the front desk hears of the return right after.
    """

    def __init__(self) -> None:
        self.channel: Channel[FromDesk] | None = None
        self._numbers = count(1)
        self._tickets: dict[Seeker, int] = {}
        self._seekers: dict[int, Seeker] = {}
        self._readers: dict[int, StatusReader] = {}

    def request(self, seeker: Seeker) -> None:
        """See SlotDesk."""
        ticket = next(self._numbers)
        self._tickets[seeker] = ticket
        self._seekers[ticket] = seeker
        self._send(Ask(ticket, seeker.address))

    def release(self, seeker: Seeker) -> None:
        """See SlotDesk."""
        ticket = self._tickets.pop(seeker, None)
        if ticket is not None:
            self._seekers.pop(ticket, None)
            self._send(GiveBack(ticket))

    def ask_status(self, reader: StatusReader) -> None:
        """See SlotDesk."""
        number = next(self._numbers)
        self._readers[number] = reader
        self._send(Inquiry(number))

    def grant(self, ticket: int) -> None:
        """Begin the game of a ticket, if it is still wanted."""
        seeker = self._seekers.pop(ticket, None)
        if seeker is not None:
            seeker.begin_game()

    def tell(self, counters: Counters) -> None:
        """Hand the counters to whoever asked."""
        reader = self._readers.pop(counters.number, None)
        if reader is not None:
            reader(counters.reply)

    def _send(self, message: Ask | GiveBack | Inquiry) -> None:
        assert self.channel is not None
        self.channel.send(message)


class Worker:
    """Turns messages of the front desk into connections, games and the end."""

    def __init__(self, house: House, desk: RemoteDesk, end_point: socket.socket) -> None:
        self._house = house
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[None]] = set()
        self.is_over = asyncio.Event()
        self.channel: Channel[FromDesk] = Channel(
            end_point, msgspec.msgpack.Decoder(FromDesk), self._take, self.is_over.set
        )
        desk.channel = self.channel

    def _take(self, message: FromDesk, client: socket.socket | None) -> None:
        match message:
            case Visit():
                self._welcome(client)
            case Grant(ticket):
                self._desk.grant(ticket)
            case Counters():
                self._desk.tell(message)
            case Knock():
                self.channel.send(Here())
            case Drain():
                self._house.dismiss_guests(even_playing=False)
            case Leave():
                self.is_over.set()

    def _welcome(self, client: socket.socket | None) -> None:
        if client is None:  # this process has no descriptor left for it
            self.channel.send(Departure())
            return
        task = self._loop.create_task(self._connect(client))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _connect(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: _Guest(self._house, self.channel), client
            )
        except OSError:  # the client left before we looked at it
            client.close()
            self.channel.send(Departure())


class _Guest(GameConnection):
    """A connection whose end the front desk is told."""

    def __init__(self, house: House, channel: Channel[FromDesk]) -> None:
        super().__init__(house)
        self._channel = channel

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._channel.send(Departure())


async def work(end_point: socket.socket, options: ServeOptions) -> None:
    """Serve until the front desk says that it is over, or is gone."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # A terminal or a supervisor may signal the whole group: the front desk decides.
        loop.add_signal_handler(number, lambda: None)
    desk = RemoteDesk()
    house = open_house(options, desk)
    worker = Worker(house, desk, end_point)
    freeze_code()
    worker.channel.send(Ready())
    await worker.is_over.wait()
    await house.close()
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
