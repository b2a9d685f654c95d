"""The daemon on a real socket: what clients do to it, and that it serves the others meanwhile."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.cards.define import define
from trainingrun_daemon.connection import MAX_LINE_BYTES, GameConnection
from trainingrun_daemon.decks import DeckRepository
from trainingrun_daemon.magic_games import MagicGames
from trainingrun_daemon.options import ServeError, ServeOptions
from trainingrun_daemon.outcome_cache import OutcomeCache
from trainingrun_daemon.paced_game import Engine
from trainingrun_daemon.rules.model import Game, StackItem
from trainingrun_daemon.server import RunningDaemon, listen
from trainingrun_daemon.server_context import ServerContext, Timeouts
from trainingrun_daemon.slots import LocalSlotAllocator, Slots
from trainingrun_protocol.lines import (
    GameResult,
    StatusReply,
    is_terminal,
    parse_line,
    parse_status,
)

GAME = b"NEWGAME test_red.dck test_blue.dck"


class Client:
    """A client of raw lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        """Write without waiting."""
        self.writer.write(data)

    async def line(self) -> bytes:
        """Give the next line; empty at the end."""
        return await self.reader.readline()

    async def rest(self) -> bytes:
        """Give everything until the daemon closes."""
        return await self.reader.read()

    async def play(self, answer: bytes = b"-1\n") -> list[bytes]:
        """Answer every decision until the terminal line; gives all lines."""
        lines = []
        while line := await self.line():
            lines.append(line)
            if line.startswith(b"DECISION:"):
                self.send(answer)
            elif is_terminal(parse_line(line)):
                break
        return lines


@contextlib.asynccontextmanager
async def client(daemon: RunningDaemon) -> AsyncIterator[Client]:
    """Connect, and leave at the end of the block."""
    reader, writer = await asyncio.open_connection(daemon.host, daemon.port, limit=2**20)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def ask(daemon: RunningDaemon, line: bytes) -> bytes:
    """Send one line and give everything that comes until the daemon closes."""
    async with client(daemon) as guest:
        guest.send(line + b"\n")
        return await guest.rest()


async def status(daemon: RunningDaemon) -> StatusReply:
    """Ask for the counters, within the second that the protocol allows."""
    async with asyncio.timeout(1):
        return parse_status((await ask(daemon, b"STATUS")).splitlines())


async def until(daemon: RunningDaemon, *, active: int, queued: int) -> None:
    """Ask for the counters until they are so."""
    async with asyncio.timeout(5):
        while True:
            reply = await status(daemon)
            if (reply.active, reply.queued) == (active, queued):
                return


Scene = Callable[[RunningDaemon], Awaitable[None]]
Serve = Callable[[Scene], None]


@pytest.fixture
def serve(deck_directory: Path, tmp_path: Path) -> Serve:
    """Run a scene against a daemon with one slot, the shipped decks and those in tmp_path."""

    def run(scene: Scene) -> None:
        options = ServeOptions(
            host="127.0.0.1", port=0, decks=(deck_directory, tmp_path), max_concurrent=1
        )

        async def whole() -> None:
            async with asyncio.timeout(30), listen(options) as daemon:
                await scene(daemon)

        asyncio.run(whole())

    return run


def test_a_quiet_game_is_one_line(serve: Serve) -> None:
    """An AI game with -q is its result, then the daemon closes."""

    async def scene(daemon: RunningDaemon) -> None:
        reply = await ask(daemon, GAME + b" -q")
        assert reply.startswith(b"GAME_RESULT: Ai(")
        assert reply.count(b"\n") == 1

    serve(scene)


def test_an_interactive_game_is_played_to_its_end(serve: Serve) -> None:
    """Each decision is answered once, the result names an agent, then the daemon closes."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as guest:
            guest.send(GAME + b" -i -q -s 3\r\n")
            lines = await guest.play(b"0\r\n")
            assert b"\n" not in lines
            result = parse_line(lines[-1][:-1])
            assert isinstance(result, GameResult)
            assert await guest.rest() == b""

    serve(scene)


def test_status_answers_while_the_slot_is_taken(serve: Serve) -> None:
    """One game runs, one waits; the counters say so and come at once."""

    async def scene(daemon: RunningDaemon) -> None:
        assert await status(daemon) == StatusReply(
            active=0, queued=0, total=0, uptime_seconds=0, max_concurrent=1
        )
        async with client(daemon) as first, client(daemon) as second:
            first.send(GAME + b" -i\n")
            await first.line()
            second.send(GAME + b" -i\n")
            await until(daemon, active=1, queued=1)
        await until(daemon, active=0, queued=0)

    serve(scene)


def test_status_answers_while_ai_games_run(serve: Serve) -> None:
    """A hundred AI games in a row do not keep a STATUS waiting."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as guest:
            guest.send(GAME + b" -q -n 100\n")
            await guest.line()
            assert (await status(daemon)).active == 1
            assert (await guest.rest()).count(b"GAME_RESULT: ") == 99

    serve(scene)


def test_a_queued_game_begins_when_the_slot_is_free(serve: Serve) -> None:
    """When the first client leaves, the second gets its game."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as second:
            async with client(daemon) as first:
                first.send(GAME + b" -i\n")
                await first.line()
                second.send(GAME + b" -q\n")
                await until(daemon, active=1, queued=1)
            assert (await second.line()).startswith(b"GAME_RESULT: ")

    serve(scene)


@pytest.mark.parametrize("cut", [0, 3, 10, len(GAME) + 3, len(GAME) + 4])
def test_a_client_may_leave_at_any_byte(serve: Serve, cut: int) -> None:
    """Whatever part of the command came, the slot is free afterwards."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as guest:
            guest.send((GAME + b" -i\n")[:cut])
            await guest.writer.drain()
        await until(daemon, active=0, queued=0)
        assert (await ask(daemon, GAME + b" -q")).startswith(b"GAME_RESULT: ")

    serve(scene)


def test_a_client_may_leave_mid_game_and_mid_queue(serve: Serve) -> None:
    """Both places are given back, one after a half-written answer."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as first:
            first.send(GAME + b" -i -q\n")
            await first.line()
            async with client(daemon) as second:
                second.send(GAME + b" -i\n")
                await until(daemon, active=1, queued=1)
            await until(daemon, active=1, queued=0)
            first.send(b"1")
        await until(daemon, active=0, queued=0)

    serve(scene)


def test_a_kept_connection_plays_two_games(serve: Serve) -> None:
    """With -k the same seed twice on one connection gives the same decisions twice."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as guest:
            games = []
            for _ in range(2):
                guest.send(GAME + b" -i -q -k -s 5\n")
                games.append(await guest.play(b"0\n"))
            assert games[0][:-1] == games[1][:-1]
            guest.send(b"STATUS\n")
            assert b"Total games: 2" in await guest.rest()

    serve(scene)


def test_a_client_may_write_ahead(serve: Serve) -> None:
    """Answers that come before their questions are taken in order; so is the next command."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as guest:
            guest.send(GAME + b" -i -q -k -s 5\n" + b"0\n" * 2000)
            lines = []
            while not (lines and b"GAME_RESULT" in lines[-1]):
                lines.append(await guest.line())
            asked = sum(line.startswith(b"DECISION") for line in lines)
        async with client(daemon) as guest:
            guest.send(GAME + b" -i -q -s 5\n")
            assert len(await guest.play(b"0\n")) - 2 == asked

    serve(scene)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"HELLO", b"ERROR: unknown command 'HELLO'; say STATUS or NEWGAME\n"),
        (b"NEWGAME nope.dck test_red.dck -q", b"ERROR: deck nope.dck not found in "),
        (b"NEWGAME lotus.dck test_red.dck -q", b"ERROR: deck P: unknown cards: Black Lotus\n"),
        (GAME + b" -i -n 2", b"ERROR: -n plays AI games"),
        (b"GET / HTTP/1.1", b"ERROR: unknown command 'GET'"),
    ],
)
def test_refusals_say_why_and_close(
    serve: Serve, tmp_path: Path, line: bytes, expected: bytes
) -> None:
    """A command that cannot be obeyed gets one ERROR line."""
    (tmp_path / "lotus.dck").write_text("[metadata]\nName=P\n[Main]\n1 Black Lotus\n")

    async def scene(daemon: RunningDaemon) -> None:
        reply = await ask(daemon, line)
        assert reply.startswith(expected)
        assert reply.count(b"\n") == 1

    serve(scene)


def test_a_line_without_end_is_refused(serve: Serve) -> None:
    """Above the cap the daemon says so and closes; its memory does not grow."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as guest:
            guest.send(b"x" * (MAX_LINE_BYTES + 100_000))
            assert (await guest.rest()).startswith(b"ERROR: a line is longer than")
        await until(daemon, active=0, queued=0)

    serve(scene)


def test_a_silent_client_is_timed_out(serve: Serve) -> None:
    """Without an answer within -c seconds the game ends, and even a kept connection is closed."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as guest:
            guest.send(GAME + b" -i -q -k -c 1\n")
            lines = (await guest.rest()).splitlines()
            assert lines[-1].startswith(b"GAME_TIMEOUT: ")
        await until(daemon, active=0, queued=0)

    serve(scene)


def test_a_client_that_does_not_read_does_not_fill_the_daemon(serve: Serve) -> None:
    """An observed game waits for its reader, and continues to its end when it is read."""

    async def scene(daemon: RunningDaemon) -> None:
        async with client(daemon) as guest:
            guest.send(b"NEWGAME red_aggro white_weenie -o -q -k -s 3\n" * 50)
            assert (await status(daemon)).active <= 1
            results = 0
            while results < 50:
                results += (await guest.line()).startswith(b"GAME_RESULT: ")

    serve(scene)


def test_a_stopping_daemon_ends_games_with_a_line(deck_directory: Path) -> None:
    """A running game gets GAME_ERROR, a queued one ERROR, an idle client just the end."""
    options = ServeOptions(host="127.0.0.1", port=0, decks=(deck_directory,), max_concurrent=1)

    async def scene() -> list[bytes]:
        async with contextlib.AsyncExitStack() as connections:
            async with listen(options) as daemon:
                playing, queued, idle = [
                    await connections.enter_async_context(client(daemon)) for _ in range(3)
                ]
                playing.send(GAME + b" -i -q\n")
                await playing.line()
                await playing.line()
                queued.send(GAME + b" -i\n")
                await until(daemon, active=1, queued=1)
            return [await guest.rest() for guest in (playing, queued, idle)]

    assert asyncio.run(scene()) == [
        b"GAME_ERROR: the daemon is stopping\n",
        b"ERROR: the daemon is stopping\n",
        b"",
    ]


def test_an_idle_connection_is_closed(deck_directory: Path) -> None:
    """A client that sends no command does not keep its socket for ever."""
    options = ServeOptions(
        host="127.0.0.1", port=0, decks=(deck_directory,), patience=Timeouts(idle=0.05)
    )

    async def scene() -> None:
        async with asyncio.timeout(10), listen(options) as daemon, client(daemon) as guest:
            assert await guest.rest() == b""

    asyncio.run(scene())


def test_a_failing_game_is_a_line_and_its_neighbours_live(tmp_path: Path) -> None:
    """A fault in a card ends its game with GAME_ERROR; the daemon plays on."""
    (tmp_path / "bad.dck").write_text("[Main]\n20 Mountain\n20 Broken Bolt\n")
    (tmp_path / "good.dck").write_text("[Main]\n20 Mountain\n20 Raging Goblin\n")

    def break_down(game: Game, item: StackItem) -> None:
        raise ZeroDivisionError(item.text)

    broken = define("Broken Bolt", "{R}", "Sorcery", text="Fails.", spell=break_down)

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        cards = {**KNOWN_CARDS, "broken bolt": broken}
        context = ServerContext(
            allocator=LocalSlotAllocator(Slots(max_concurrent=1), loop.time),
            games=MagicGames(DeckRepository([tmp_path], cards=cards)),
            engine=Engine(outcomes=OutcomeCache()),
        )
        server = await loop.create_server(lambda: GameConnection(context), "127.0.0.1", 0)
        async with asyncio.timeout(10), server:
            daemon = RunningDaemon("127.0.0.1", server.sockets[0].getsockname()[1], context.close)
            assert (await ask(daemon, b"NEWGAME bad bad -q")).startswith(b"GAME_ERROR: the engine")
            assert (await ask(daemon, b"NEWGAME good good -q")).startswith(b"GAME_RESULT: ")
            assert (await status(daemon)).active == 0

    asyncio.run(scene())


def test_an_occupied_port_is_a_sentence(deck_directory: Path) -> None:
    """Two daemons on one port: the second says what to do."""
    options = ServeOptions(host="127.0.0.1", port=0, decks=(deck_directory,))

    async def scene() -> None:
        async with listen(options) as daemon:
            second = ServeOptions(host="127.0.0.1", port=daemon.port, decks=(deck_directory,))
            with pytest.raises(ServeError, match="give another --port"):
                async with listen(second):
                    pass

    asyncio.run(scene())


def test_random_bytes_do_no_harm(serve: Serve) -> None:
    """Garbage at the start, inside a game and without line ends: the daemon stays sound."""
    generator = random.Random(9)

    async def scene(daemon: RunningDaemon) -> None:
        for _ in range(60):
            async with client(daemon) as guest:
                if generator.random() < 0.5:
                    guest.send(GAME + b" -i -q\n")
                guest.send(generator.randbytes(generator.randrange(200)))
                guest.send(generator.choice([b"", b"\n", b"\r\n\n"]))
                await guest.writer.drain()
        await until(daemon, active=0, queued=0)
        assert (await ask(daemon, GAME + b" -q")).startswith(b"GAME_RESULT: ")

    serve(scene)
