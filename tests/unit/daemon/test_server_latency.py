"""The latency profile on a real socket: waiting takes no slot too long and can be cut short."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from trainingrun_daemon.latency import FORGE, GameLatency, LatencyProfile
from trainingrun_daemon.options import ServeOptions
from trainingrun_daemon.server import RunningDaemon, listen
from trainingrun_protocol.lines import GameResult, StatusReply, parse_line, parse_status

GAME = b"NEWGAME test_red.dck test_blue.dck"

Scene = Callable[[RunningDaemon], Awaitable[None]]
Serve = Callable[[LatencyProfile, Scene], None]


@pytest.fixture
def serve(deck_directory: Path) -> Serve:
    """Run a scene against a daemon with a latency profile."""

    def run(profile: LatencyProfile, scene: Scene) -> None:
        options = ServeOptions(
            host="127.0.0.1", port=0, decks=(deck_directory,), max_concurrent=50, latency=profile
        )

        async def whole() -> None:
            async with asyncio.timeout(30), listen(options) as daemon:
                await scene(daemon)

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
    """Ask for the counters."""
    return parse_status((await ask(daemon, b"STATUS\n")).splitlines())


def test_fifty_games_take_the_time_of_their_seeds(serve: Serve) -> None:
    """Fifty games at once, a hundredth of the real times: each reports its own length."""
    profile = FORGE.scaled(0.05)

    async def scene(daemon: RunningDaemon) -> None:
        await asyncio.gather(*[ask(daemon, GAME + b" -q -s %d\n" % seed) for seed in range(8)])
        replies = await asyncio.gather(
            *[ask(daemon, GAME + b" -q -s %d\n" % seed) for seed in range(50)]
        )
        for seed, reply in enumerate(replies):
            line = parse_line(reply.rstrip(b"\n"))
            assert isinstance(line, GameResult)
            meant = 1000 * GameLatency(profile, seed=seed).game_seconds
            assert meant - 1 <= line.milliseconds < meant + 500

    serve(profile, scene)


def test_the_time_limit_cuts_a_long_game(serve: Serve) -> None:
    """A game that would take minutes ends after -c seconds."""

    async def scene(daemon: RunningDaemon) -> None:
        assert (await ask(daemon, GAME + b" -q -c 1\n")).startswith(b"GAME_TIMEOUT: ")
        assert (await status(daemon)).active == 0

    serve(FORGE.scaled(100), scene)


def test_a_client_that_leaves_ends_the_wait(serve: Serve) -> None:
    """Its slot is free at once, not when the imitated game would be over."""

    async def scene(daemon: RunningDaemon) -> None:
        for flags in (b" -q\n", b" -i -q\n"):
            _, writer = await asyncio.open_connection(daemon.host, daemon.port)
            writer.write(GAME + flags)
            while not (await status(daemon)).active:
                pass
            writer.transport.abort()
            async with asyncio.timeout(5):
                while (await status(daemon)).active:
                    pass

    serve(FORGE.scaled(100), scene)


def test_answers_written_ahead_wait_for_their_prompts(serve: Serve) -> None:
    """An interactive game under latency is the game of its seed, line for line."""

    async def play(daemon: RunningDaemon) -> list[bytes]:
        reply = await ask(daemon, GAME + b" -i -q -k -s 5\n" + b"0\n" * 3000 + b"STATUS\n")
        return [line for line in reply.splitlines() if line.startswith(b"DECISION")]

    found: list[list[bytes]] = []

    async def scene(daemon: RunningDaemon) -> None:
        found.append(await play(daemon))

    for factor in (0.001, 0.2):
        serve(FORGE.scaled(factor), scene)
    assert len(found[0]) > 20
    assert found[0] == found[1]
