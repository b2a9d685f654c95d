"""Games on daemons that keep a connection, that hang up after each game, and that refuse ``-k``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeAlias

from trainingrun_actor.arena import Arena
from trainingrun_actor.game import End
from trainingrun_actor.leases import Leases
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_contracts import slots
from trainingrun_contracts.connection import asyncio_client
from trainingrun_contracts.stream.keys import Keys
from trainingrun_environments.magic.environment import MAGIC
from trainingrun_protocol.commands import NewGame

from testkit.servers.redis_server import RedisServer

KEYS = Keys("r")
GAME = NewGame(deck1="a", deck2="b", interactive=True, keep_open=True)
GAMES = 5
DRAW = b"GAME_RESULT: Draw in 5ms\n"
Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def ends_of_games(server: RedisServer, talk: Talk) -> tuple[list[End], int]:
    """How five games in a row end on a daemon that talks so, and how many connections it got."""

    async def run() -> tuple[list[End], int]:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            try:
                await talk(reader, writer)
            finally:
                writer.close()

        daemon = await asyncio.start_server(serve, "127.0.0.1", 0)
        endpoint = f"127.0.0.1:{daemon.sockets[0].getsockname()[1]}"
        with server.client() as admin, admin.pipeline() as pipe:
            slots.publish(pipe, KEYS.daemons, {endpoint: slots.DaemonSlot(1)})
            pipe.execute()
        async with daemon, asyncio_client(server.url_of("actor")) as client:
            arena = Arena(
                Leases(client, KEYS, member="m"), MAGIC, metrics=PlayMetrics(), random=Random(0)
            )
            outcomes = [await arena.play(GAME, {}, may_start=lambda: True) for _ in range(GAMES)]
            arena.close()
        return [outcome.end for outcome in outcomes if outcome is not None], connections

    return asyncio.run(run())


def test_a_daemon_that_keeps_the_connection(redis_server: RedisServer) -> None:
    """All games go over one connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            assert b" -k" in line
            writer.write(DRAW)

    assert ends_of_games(redis_server, talk) == ([End.DRAW] * GAMES, 1)


def test_a_daemon_that_hangs_up_after_each_game(redis_server: RedisServer) -> None:
    """A daemon that ignores ``-k`` costs a connection a game and no game."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(DRAW)

    assert ends_of_games(redis_server, talk) == ([End.DRAW] * GAMES, GAMES)


def test_a_daemon_that_refuses_the_flag(redis_server: RedisServer) -> None:
    """It is asked once with ``-k``, and from then on without."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_pooled = b" -k" in await reader.readline()
        writer.write(b"ERROR: unknown flag -k\n" if is_pooled else DRAW)

    assert ends_of_games(redis_server, talk) == ([End.DRAW] * GAMES, GAMES + 1)
