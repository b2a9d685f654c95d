"""Messages with sockets inside, between two ends that may be slow or gone."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from trainingrun_daemon.channel import (
    AcceptClient,
    AcquireSlot,
    Channel,
    ClientClosed,
    Drain,
    FromSupervisor,
    FromWorker,
    Ping,
    Pong,
    Ready,
    ReleaseSlot,
    Shutdown,
    SlotGranted,
    StatusCounters,
    StatusRequest,
)
from trainingrun_protocol.lines import StatusReply

REPLY = StatusReply(active=1, queued=2, total=3, uptime_seconds=4, max_concurrent=5)


class Ends:
    """A channel from a dispatcher to a worker, and what each end received."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.at_desk: list[FromWorker] = []
        self.at_worker: list[FromSupervisor] = []
        self.clients: list[socket.socket] = []
        self.ended: list[str] = []
        self.allocator: Channel[FromWorker] = Channel(
            ours,
            msgspec.msgpack.Decoder(FromWorker),
            lambda message, _: self.at_desk.append(message),
            lambda: self.ended.append("desk"),
        )
        self.worker: Channel[FromSupervisor] = Channel(
            theirs,
            msgspec.msgpack.Decoder(FromSupervisor),
            self._take,
            lambda: self.ended.append("worker"),
        )

    def _take(self, message: FromSupervisor, client: socket.socket | None) -> None:
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
            ends.allocator.close()
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
    down: list[FromSupervisor] = [
        AcceptClient(),
        SlotGranted(2**60),
        StatusCounters(7, REPLY),
        Ping(),
        Drain(),
        Shutdown(),
    ]
    up: list[FromWorker] = [
        Ready(),
        AcquireSlot(1, "192.0.2.1"),
        ReleaseSlot(1),
        StatusRequest(9),
        Pong(),
        ClientClosed(),
    ]

    async def scene(ends: Ends) -> None:
        for message in down:
            ends.allocator.send(message)
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
            ends.allocator.send(AcceptClient(), near)
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
                ends.allocator.send(SlotGranted(number))
                if number % 500 == 0:
                    near, far = socket.socketpair()
                    far_ends.enter_context(far)
                    ends.allocator.send(AcceptClient(), near)
            await until(lambda: len(ends.at_worker) == count + count // 500)
            tickets = [
                message.request_id for message in ends.at_worker if isinstance(message, SlotGranted)
            ]
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
            ends.allocator.send(AcceptClient(), near)
            assert far.recv(1) == b""
        ends.allocator.close()
        assert ends.ended == ["worker", "desk"]

    act(scene)
