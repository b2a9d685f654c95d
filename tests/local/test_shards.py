"""The rollout queue in shards, one for each reader, on a real Redis and with the real sink."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from time import monotonic
from typing import Any

import msgspec
import redis
from trainingrun_actor.sink import Sink
from trainingrun_contracts.connection import asyncio_client
from trainingrun_contracts.segment import Segment
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.read import RolloutReader, next_epoch
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.batcher import Batcher
from trainingrun_trainer.prefetcher import open_entry

from testkit.roles.learner_process import read_ledger
from testkit.roles.rank_update import make_segment
from testkit.servers.redis_server import RedisServer

KEYS = Keys("sharded", shards=3)
STEPS = make_segment(7).transitions
BATCH = 1000


async def deliver(
    server: RedisServer,
    segments: list[Segment],
    *,
    actor: str = "actor-a",
    at_once: int = 1,
    after: Callable[[Sink], None] = lambda _: None,
) -> None:
    """Send segments through one actor's sink, some at once, until all have arrived."""
    async with asyncio_client(server.url_of("actor")) as client:
        sink = Sink(client, KEYS, actor=actor, batch_transitions=BATCH, now=monotonic)
        sending = asyncio.create_task(sink.run())
        try:
            for start in range(0, len(segments), at_once):
                for segment in segments[start : start + at_once]:
                    sink.offer(segment)
                assert await sink.flush(60)
            after(sink)
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending


def segments_of(count: int) -> list[Segment]:
    """Equally long segments of this run."""
    segment = make_segment(7)
    header = msgspec.structs.replace(segment.header, run_id=KEYS.run_id)
    return [msgspec.structs.replace(segment, header=header)] * count


def first_step(segment: Segment) -> Segment:
    """A segment of one step, as a seat leaves that has decided once in its game."""
    return msgspec.structs.replace(
        segment,
        versions=segment.versions[:1],
        publishes=segment.publishes[:1],
        states=segment.states[:1],
        actions=segment.actions[: segment.offsets[1]],
        offsets=segment.offsets[:2],
        chosen=segment.chosen[:1],
        log_probs=segment.log_probs[:1],
        values=segment.values[:1],
        rewards=segment.rewards[:1],
    )


def train_shard(client: redis.Redis, number: int, *, epoch: int) -> int:
    """Take everything in a shard as its rank does; gives the transitions trained."""
    reader = RolloutReader(client, KEYS.shard(number), consumer=f"learner-{number}", epoch=epoch)
    batcher = Batcher(reader.load_accounts(), batch_transitions=BATCH, max_policy_lag=8)
    entries = [*reader.pending(), *reader.read(count=100, block_milliseconds=10)]
    for entry in entries:
        batcher.add(open_entry(entry, run_id=KEYS.run_id, spec=SPEC), publish=1)
    collected = batcher.collect()
    reader.acknowledge(collected.entries, batcher.accounts, set(collected.actors))
    return collected.transitions


def test_ledger_closes_over_all_shards(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Expect whole segments spread evenly, every rank to find its own, and one ledger of all."""
    asyncio.run(deliver(redis_server, segments_of(9)))
    lengths: list[Any] = [redis_client.xlen(shard.rollouts) for shard in KEYS.all_shards]
    assert lengths == [3, 3, 3]
    ledger = read_ledger(redis_client, KEYS)
    assert (ledger.produced, ledger.queued, ledger.closes) == (9 * STEPS, 9 * STEPS, True)
    epoch = next_epoch(redis_client, KEYS)
    for number in range(3):
        assert train_shard(redis_client, number, epoch=epoch) == 3 * STEPS
        assert read_ledger(redis_client, KEYS).closes
    ledger = read_ledger(redis_client, KEYS)
    assert (ledger.trained, ledger.queued, ledger.lost) == (9 * STEPS, 0, 0)


def test_the_queue_holds_what_short_games_bring(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Expect a queue that is full twice to have every entry, also where each is a single step."""
    short = first_step(segments_of(1)[0])
    filled = 2 * HIGH_WATER_BATCHES * BATCH
    asyncio.run(deliver(redis_server, [short] * filled, at_once=filled))
    lengths: list[Any] = [redis_client.xlen(shard.rollouts) for shard in KEYS.all_shards]
    assert sum(lengths) == filled
    assert read_ledger(redis_client, KEYS).queued == filled


def test_the_shallow_shard_is_filled_first(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Expect what is new to go where least waits, and the depth that actors pause at to be of all
    shards together."""
    asyncio.run(deliver(redis_server, segments_of(3)))
    redis_client.incrby(KEYS.shard(0).depth, 1000)
    redis_client.incrby(KEYS.shard(1).depth, 1000)

    def read_once(sink: Sink) -> None:
        assert sink.depth == 2000 + 9 * STEPS
        assert sink.is_paused

    asyncio.run(deliver(redis_server, segments_of(6), actor="actor-b", after=read_once))
    length: Any = redis_client.xlen(KEYS.shard(2).rollouts)
    assert length >= 4


def test_a_lost_rank_is_taken_over(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """Expect a restarted rank to find what its predecessor had read and not acknowledged."""
    asyncio.run(deliver(redis_server, segments_of(6)))
    epoch = next_epoch(redis_client, KEYS)
    first = RolloutReader(redis_client, KEYS.shard(1), consumer="learner-1", epoch=epoch)
    assert len(first.read(count=1, block_milliseconds=10)) == 1
    epoch = next_epoch(redis_client, KEYS)
    trained = [train_shard(redis_client, number, epoch=epoch) for number in range(3)]
    assert trained == [2 * STEPS] * 3
    assert read_ledger(redis_client, KEYS).closes
