"""Ends of games: behind all of their segments, and said again to a Redis that forgot them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
import redis
from trainingrun_actor.sink import BATCH_BYTES, GameEnd, Sink
from trainingrun_contracts.connection import asyncio_client
from trainingrun_contracts.segment import SCHEMA_VERSION, Segment
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.keys import Keys

from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

KEYS = Keys("run-1")
STEPS, WIDTH = 64, 2048
SEGMENTS = 12


def _segment() -> Segment:
    """A large one: a transaction takes two of them."""
    steps = np.arange(STEPS, dtype=np.int32)
    zeros = np.zeros(STEPS, np.float32)
    return Segment(
        header=SegmentHeader(
            run_id=KEYS.run_id,
            schema=SCHEMA_VERSION,
            schema_hash="hash",
            epoch=1,
            actor="actor-0",
            seq=0,
            produced_before=0,
            discarded_before=0,
            game_id="actor-0/1",
            seat=1,
            seed=0,
            decks=("", ""),
            opponent="latest",
            weights_sha256="",
            terminated=True,
            truncated=False,
            created_at=0.0,
        ),
        versions=np.zeros(STEPS, np.int32),
        publishes=np.zeros(STEPS, np.int32),
        states=np.zeros((STEPS, WIDTH), np.float16),
        actions=np.zeros((STEPS, 1), np.float16),
        offsets=np.arange(STEPS + 1, dtype=np.int32),
        chosen=np.zeros_like(steps),
        log_probs=zeros,
        values=zeros,
        rewards=zeros,
        bootstrap_state=None,
    )


def test_ends_go_behind_the_segments(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """Expect every entry in the queue before the first end of a game is said: a process that is
    killed between two transactions has counted no game whose moves are missing.
    """
    assert SEGMENTS * _segment().states.nbytes > 2 * BATCH_BYTES

    async def send() -> None:
        async with asyncio_client(redis_server.admin_url) as client:
            sink = Sink(client, KEYS, actor="actor-0", batch_transitions=10**6, now=monotonic)
            for number in range(SEGMENTS):
                sink.offer(_segment())
                sink.end_game(GameEnd(number, is_over=True, counters=("played",)))
            task = asyncio.create_task(sink.run())
            assert await sink.flush(60)
            task.cancel()

    with redis_client.monitor() as monitor:
        asyncio.run(send())
        with redis_server.client() as client:
            client.echo("all is sent")
        commands: list[str] = []
        while not any("all is sent" in command for command in commands[-1:]):
            commands.append(monitor.next_command()["command"])
    named = [command.split(" ", 1)[0].upper() for command in commands]
    entries = [at for at, name in enumerate(named) if name == "XADD"]
    ends = [at for at, name in enumerate(named) if name == "EVAL"]
    transactions = [at for at, name in enumerate(named) if name == "EXEC"]
    assert (len(entries), len(ends)) == (SEGMENTS, SEGMENTS)
    assert len([at for at in transactions if entries[0] < at < entries[-1]]) >= 2
    assert max(entries) < min(ends)


@dataclass(frozen=True)
class Played:
    """What Redis knows of games."""

    open: frozenset[bytes]
    played: bytes | None


def test_the_end_of_a_game_that_redis_forgot_is_said_again(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Expect a game that counted, and is open again in a Redis that comes back a second older, to
    count; and one that it still knows not to count twice.
    """

    def known() -> Played:
        members: Any = redis_client.zrange(KEYS.open_games, 0, -1)
        played: Any = redis_client.hget(KEYS.games, "played")
        return Played(frozenset(members), played)

    def is_known_again() -> bool:
        return known() == Played(frozenset(), b"2")

    async def play() -> None:
        async with asyncio_client(redis_server.admin_url) as client:
            sink = Sink(client, KEYS, actor="actor-0", batch_transitions=10**6, now=monotonic)
            for number in (1, 2):
                sink.end_game(GameEnd(number, is_over=True, counters=("played",)))
            async with asyncio.timeout(300):
                task = asyncio.create_task(sink.run())
                assert await sink.flush(60)
                assert is_known_again()
                redis_client.zadd(KEYS.open_games, {"2": 1e12})  # as before the second end
                redis_client.hset(KEYS.games, "played", 1)
                redis_client.client_kill_filter(_type="normal", skipme=True)
                await asyncio.to_thread(until, is_known_again, seconds=30, what="both count")
                sink.end_game(GameEnd(3, is_over=True, counters=("played",)))  # of somebody else
                assert await sink.flush(60)
                task.cancel()
        assert is_known_again()

    redis_client.zadd(KEYS.open_games, {"1": 1e12, "2": 1e12})
    asyncio.run(play())
