"""Hostile and careless clients: each gets a line or is cut, and leaves no slot behind."""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from trainingrun_daemon.connection import MAX_LINE_BYTES
from trainingrun_daemon.options import ServeOptions
from trainingrun_daemon.server import RunningDaemon, listen
from trainingrun_daemon.server_context import Timeouts
from trainingrun_protocol.lines import StatusReply, parse_status

GAME = b"NEWGAME test_red.dck test_blue.dck"
RESET = struct.pack("ii", 1, 0)

Scene = Callable[[RunningDaemon], Awaitable[None]]
Serve = Callable[[Scene], None]


@pytest.fixture
def serve(deck_directory: Path, tmp_path: Path) -> Serve:
    """Run a scene against a daemon with one slot and little patience."""
    (tmp_path / "short.dck").write_text("[Main]\n8 Mountain\n")

    def run(scene: Scene) -> None:
        options = ServeOptions(
            host="127.0.0.1",
            port=0,
            decks=(deck_directory, tmp_path),
            max_concurrent=1,
            patience=Timeouts(idle=30, command=0.2, stall=0.2),
        )

        async def whole() -> None:
            async with asyncio.timeout(30), listen(options) as daemon:
                await scene(daemon)
                await until_empty(daemon)
                assert (await ask(daemon, GAME + b" -q\n")).startswith(b"GAME_RESULT: ")

        asyncio.run(whole())

    return run


async def ask(daemon: RunningDaemon, data: bytes) -> bytes:
    """Send bytes and give everything that comes until the daemon closes."""
    reader, writer = await asyncio.open_connection(daemon.host, daemon.port, limit=2**20)
    try:
        writer.write(data)
        return await reader.read()
    finally:
        writer.close()


async def status(daemon: RunningDaemon) -> StatusReply:
    """Ask for the counters, within the second that the protocol allows."""
    async with asyncio.timeout(1):
        return parse_status((await ask(daemon, b"STATUS\n")).splitlines())


async def until_empty(daemon: RunningDaemon) -> None:
    """Ask for the counters until no one plays or waits."""
    async with asyncio.timeout(5):
        while (reply := await status(daemon)).active or reply.queued:
            pass


@pytest.mark.parametrize(
    "line",
    [
        b"\0",
        b"STATUS\0",
        b"\xff\xfe\xfd",
        b"NEWGAME",
        b"NEWGAME a",
        b"NEWGAME /\0.dck b -q",
        b"NEWGAME " + b"x" * 300 + b" b -q",
        b"NEWGAME /" + b"x/" * 4000 + b".dck b -q",
        b"NEWGAME /dev/null b -q",
        b"NEWGAME \xf0\x9f\x83\x8f.dck b",
        b"NEWGAME .. . -q",
        GAME + b" -c 99999999999999999999999999",
        GAME + b" -s " + b"9" * 5000,
        GAME + b" -n 1e9",
        GAME + b" -a 3",
        GAME + b" -c",
    ],
    ids=range(16),
)
def test_a_bad_line_is_one_error_and_the_end(serve: Serve, line: bytes) -> None:
    """NUL bytes, names that no file can have, numbers without measure: ERROR, then closed."""

    async def scene(daemon: RunningDaemon) -> None:
        reply = await ask(daemon, line + b"\n")
        assert reply.startswith(b"ERROR: ")
        assert reply.count(b"\n") == 1

    serve(scene)


@pytest.mark.parametrize("line", [b"STAT", b"STATUS\r", GAME, b"\n\n \nSTAT"])
def test_a_command_without_end_times_out(serve: Serve, line: bytes) -> None:
    """A line that stays unfinished, also one that ends in a lone CR, is refused after a while."""

    async def scene(daemon: RunningDaemon) -> None:
        assert await ask(daemon, line) == b"ERROR: the command did not end within 0.2 s\n"

    serve(scene)


def test_a_dribbled_command_times_out(serve: Serve) -> None:
    """One byte after another does not renew the patience."""

    async def scene(daemon: RunningDaemon) -> None:
        reader, writer = await asyncio.open_connection(daemon.host, daemon.port)
        reply = asyncio.ensure_future(reader.read())
        for byte in GAME:
            writer.write(bytes([byte]))
            if (await asyncio.wait([reply], timeout=0.02))[0]:
                break
        assert (await reply).startswith(b"ERROR: the command did not end")
        writer.close()

    serve(scene)


def test_a_pooled_connection_may_rest(serve: Serve) -> None:
    """After a game with -k a stray line end does not start the clock of a command."""

    async def scene(daemon: RunningDaemon) -> None:
        reader, writer = await asyncio.open_connection(daemon.host, daemon.port)
        writer.write(GAME + b" -q -k\n\n")
        assert (await reader.readline()).startswith(b"GAME_RESULT: ")
        waited = asyncio.ensure_future(reader.read())
        assert not (await asyncio.wait([waited], timeout=0.5))[0]
        writer.write(b"STATUS\n")
        assert b"Total games: 1" in await waited
        writer.close()

    serve(scene)


def test_a_client_that_never_reads_is_cut(serve: Serve) -> None:
    """An observed game fills the socket; the daemon gives up and the slot is free again."""

    async def scene(daemon: RunningDaemon) -> None:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((daemon.host, daemon.port))
            deaf.sendall(b"NEWGAME red_aggro white_weenie -o -k -s 3\n" * 200)
            await until_empty(daemon)
            assert (await status(daemon)).total < 200

    serve(scene)


def test_writing_ahead_without_measure_is_not_read(serve: Serve) -> None:
    """Megabytes of early answers stay with their sender; a STATUS is answered meanwhile."""

    async def scene(daemon: RunningDaemon) -> None:
        reader, writer = await asyncio.open_connection(daemon.host, daemon.port, limit=2**20)
        writer.write(GAME + b" -i -q -k\n")
        await reader.readline()
        await reader.readline()
        writer.write(b"0\n" * 4_000_000)
        assert (await status(daemon)).active == 1
        assert writer.transport.get_write_buffer_size() > 0
        writer.transport.abort()

    serve(scene)


def test_a_long_line_is_refused_inside_a_game_and_in_the_queue(serve: Serve) -> None:
    """A client that sends a line without end loses the game or the place, with a sentence."""

    async def scene(daemon: RunningDaemon) -> None:
        first, playing = await asyncio.open_connection(daemon.host, daemon.port, limit=2**20)
        playing.write(GAME + b" -i -q\n")
        await first.readline()
        await first.readline()
        reply = await ask(daemon, GAME + b" -i\n" + b"y" * (MAX_LINE_BYTES + 10_000))
        assert reply.startswith(b"ERROR: a line is longer than")
        playing.write(b"x" * (MAX_LINE_BYTES + 10_000))
        assert (await first.read()).startswith(b"ERROR: a line is longer than")
        playing.close()

    serve(scene)


@pytest.mark.parametrize("cut", [0, 4, len(GAME) + 2, len(GAME) + 8, len(GAME) + 9])
def test_a_reset_in_any_place_frees_the_slot(serve: Serve, cut: int) -> None:
    """RST in mid line, mid answer or mid game is a client that left."""

    async def scene(daemon: RunningDaemon) -> None:
        with socket.create_connection((daemon.host, daemon.port)) as guest:
            guest.sendall((GAME + b" -i -q\n1")[:cut])
            await status(daemon)
            guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await until_empty(daemon)

    serve(scene)


def test_status_is_answered_to_a_client_that_ends_its_input(serve: Serve) -> None:
    """A client that shuts down its side after STATUS still gets the counters, at once."""

    async def scene(daemon: RunningDaemon) -> None:
        reader, writer = await asyncio.open_connection(daemon.host, daemon.port)
        writer.write(b"STATUS\n")
        writer.write_eof()
        async with asyncio.timeout(1):
            assert (await reader.read()).endswith(b"Max concurrent: 1\n")
        writer.close()

    serve(scene)


def test_a_thousand_clients_at_once_are_served(serve: Serve) -> None:
    """All connect before any is answered; one slot serves every one of them in turn.

    The games are short: their decks are empty after a turn or two.
    """

    async def scene(daemon: RunningDaemon) -> None:
        replies = await asyncio.gather(
            *[ask(daemon, b"NEWGAME short short -q\n") for _ in range(1000)]
        )
        assert all(reply.startswith(b"GAME_RESULT: ") for reply in replies)
        assert (await status(daemon)).total == 1000

    serve(scene)


def test_random_bytes_get_an_error_line(serve: Serve) -> None:
    """A line of garbage is answered by one ERROR line, whatever its bytes."""
    generator = random.Random(3)

    async def scene(daemon: RunningDaemon) -> None:
        for _ in range(200):
            garbage = b"?" + generator.randbytes(generator.randrange(60)).replace(b"\n", b"")
            reply = await ask(daemon, garbage + b"\n")
            assert reply.startswith(b"ERROR: ")
            assert reply.count(b"\n") == 1

    serve(scene)
