"""Messages with sockets inside, between two ends that may be slow or gone."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from trainingrun_contracts.protocol.lines import StatusReply
from trainingrun_daemon.channel import (
    Ask,
    Channel,
    Counters,
    Departure,
    Drain,
    FromDesk,
    FromWorker,
    GiveBack,
    Grant,
    Here,
    Inquiry,
    Knock,
    Leave,
    Ready,
    Visit,
)

REPLY = StatusReply(active=1, queued=2, total=3, uptime_seconds=4, max_concurrent=5)


class Ends:
    """A channel from a front desk to a worker, and what each end received."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.at_desk: list[FromWorker] = []
        self.at_worker: list[FromDesk] = []
        self.clients: list[socket.socket] = []
        self.ended: list[str] = []
        self.desk: Channel[FromWorker] = Channel(
            ours,
            msgspec.msgpack.Decoder(FromWorker),
            lambda message, _: self.at_desk.append(message),
            lambda: self.ended.append("desk"),
        )
        self.worker: Channel[FromDesk] = Channel(
            theirs,
            msgspec.msgpack.Decoder(FromDesk),
            self._take,
            lambda: self.ended.append("worker"),
        )

    def _take(self, message: FromDesk, client: socket.socket | None) -> None:
        self.at_worker.append(message)
        if client is not None:
            self.clients.append(client)


Scene = Callable[[Ends], Awaitable[None]]


@pytest.fixture
def act() -> Callable[[Scene], None]:
    """Run a scene between two ends, and close them."""

    async def whole(scene: Scene) -> None:
        ends = Ends()
        try:
            async with asyncio.timeout(10):
                await scene(ends)
        finally:
            ends.desk.close()
            ends.worker.close()
            for client in ends.clients:
                client.close()

    return lambda scene: asyncio.run(whole(scene))


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    while not is_so():  # noqa: ASYNC110 - what is waited for are plain lists
        await asyncio.sleep(0)


def test_every_message_arrives_as_it_was_sent(act: Callable[[Scene], None]) -> None:
    """Both ways, in order."""
    down: list[FromDesk] = [Visit(), Grant(2**60), Counters(7, REPLY), Knock(), Drain(), Leave()]
    up: list[FromWorker] = [
        Ready(),
        Ask(1, "192.0.2.1"),
        GiveBack(1),
        Inquiry(9),
        Here(),
        Departure(),
    ]

    async def scene(ends: Ends) -> None:
        for message in down:
            ends.desk.send(message)
        for answer in up:
            ends.worker.send(answer)
        await until(lambda: len(ends.at_worker) == len(down) and len(ends.at_desk) == len(up))
        assert ends.at_worker == down
        assert ends.at_desk == up

    act(scene)


def test_a_socket_travels_with_its_message(act: Callable[[Scene], None]) -> None:
    """What is written on the other side of a pair comes out of the socket that arrived."""

    async def scene(ends: Ends) -> None:
        near, far = socket.socketpair()
        with far:
            ends.desk.send(Visit(), near)
            await until(lambda: bool(ends.clients))
            assert near.fileno() == -1
            far.sendall(b"hello")
            assert ends.clients[0].recv(5) == b"hello"

    act(scene)


def test_a_full_channel_keeps_order_and_sockets(act: Callable[[Scene], None]) -> None:
    """More than the system buffers, sent before the other end reads: all arrive in order."""
    count = 5000

    async def scene(ends: Ends) -> None:
        with contextlib.ExitStack() as far_ends:
            for number in range(count):
                ends.desk.send(Grant(number))
                if number % 500 == 0:
                    near, far = socket.socketpair()
                    far_ends.enter_context(far)
                    ends.desk.send(Visit(), near)
            await until(lambda: len(ends.at_worker) == count + count // 500)
            tickets = [message.ticket for message in ends.at_worker if isinstance(message, Grant)]
            assert tickets == list(range(count))
            assert len(ends.clients) == count // 500

    act(scene)


def test_the_end_of_one_side_is_noticed_by_the_other(act: Callable[[Scene], None]) -> None:
    """Each side hears of the end once; what is sent afterwards is dropped, its socket closed."""

    async def scene(ends: Ends) -> None:
        ends.worker.close()
        await until(lambda: len(ends.ended) == 2)
        near, far = socket.socketpair()
        with far:
            ends.desk.send(Visit(), near)
            assert far.recv(1) == b""
        ends.desk.close()
        assert ends.ended == ["worker", "desk"]

    act(scene)
