"""The rollout queue on a real Redis: nothing is lost, doubled or counted twice."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import redis
from trainingrun_contracts.connection import blocking_client
from trainingrun_contracts.replies import Bound
from trainingrun_contracts.segment import SegmentError, decode
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.accounts import Fate
from trainingrun_contracts.stream.append import EncodedSegment, append_commands
from trainingrun_contracts.stream.keys import ENTRY_BYTES, Keys
from trainingrun_contracts.stream.read import (
    DEAD_LETTER_BYTES,
    Entry,
    Fenced,
    RolloutReader,
    next_epoch,
)
from trainingrun_contracts.weights import SNAPSHOTS_KEPT, WeightsPublisher
from trainingrun_contracts.weights_pointer import pointer_from

from testkit.roles.learner_process import Bandit, read_ledger
from testkit.servers.redis_server import RedisServer

KEYS = Keys("queue-1")


def new_reader(client: redis.Redis, *, consumer: str = "learner-0") -> RolloutReader:
    """A reader with the next epoch."""
    return RolloutReader(client, KEYS, consumer=consumer, epoch=next_epoch(client, KEYS))


def settle(reader: RolloutReader, actor: Bandit, entries: list[Entry], *, first: int) -> None:
    """Record entries of the actor as trained, from a sequence number on, and acknowledge them."""
    accounts = reader.load_accounts()
    twin = Bandit(actor.client, KEYS.run_id, seq=first, produced=first * actor.steps)
    for _ in entries:
        accounts.record(twin.header(1, "sha"), actor.steps, Fate.TRAINED)
        twin.seq, twin.produced = twin.seq + 1, twin.produced + actor.steps
    reader.acknowledge(entries, accounts, {actor.actor})


@pytest.fixture
def actor(redis_client: redis.Redis) -> Bandit:
    """Names and counts segments."""
    return Bandit(redis_client, KEYS.run_id)


def test_depth_and_ledger_follow_the_queue(redis_client: redis.Redis, actor: Bandit) -> None:
    """Expect the depth to rise with appends and sink with acknowledgement, the ledger to close."""
    reader = new_reader(redis_client)
    assert [actor.append_payload() for _ in range(3)] == [32, 64, 96]
    entries = reader.read(count=2, block_milliseconds=100)
    assert read_ledger(redis_client, KEYS).queued == 96
    settle(reader, actor, entries, first=0)
    ledger = read_ledger(redis_client, KEYS)
    assert (ledger.produced, ledger.trained, ledger.queued) == (96, 64, 32)
    assert ledger.closes
    assert redis_client.xlen(KEYS.rollouts) == 1


def test_acknowledging_twice_counts_once(redis_client: redis.Redis, actor: Bandit) -> None:
    """Expect a repeated acknowledgement (its first reply was lost) to leave the depth alone."""
    reader = new_reader(redis_client)
    for _ in range(2):
        actor.append_payload()
    entries = reader.read(count=1, block_milliseconds=100)
    accounts = reader.load_accounts()
    accounts.record(Bandit(redis_client, "x").header(1, "s"), 32, Fate.TRAINED)
    for _ in range(2):
        reader.acknowledge(entries, accounts, {actor.actor})
    assert read_ledger(redis_client, KEYS).queued == 32
    assert read_ledger(redis_client, KEYS).closes


def test_empty_stream_has_depth_zero(redis_client: redis.Redis) -> None:
    """Expect an entry that came without its count to leave no trace in the depth."""
    reader = new_reader(redis_client)
    redis_client.xadd(KEYS.rollouts, {"s": b"stranger", "n": 50})
    entries = reader.read(count=1, block_milliseconds=100)
    reader.acknowledge(entries, reader.load_accounts(), set())
    assert read_ledger(redis_client, KEYS).queued == 0


def test_next_learner_takes_over_what_was_pending(redis_client: redis.Redis, actor: Bandit) -> None:
    """Expect a killed learner's entries, in order, before new ones, and the old one fenced."""
    first = new_reader(redis_client)
    for _ in range(4):
        actor.append_payload()
    taken = first.read(count=2, block_milliseconds=100)
    second = new_reader(redis_client, consumer="learner-1")
    assert [e.entry_id for e in second.pending()] == [e.entry_id for e in taken]
    rest = second.read(count=10, block_milliseconds=100)
    assert len(rest) == 2
    with pytest.raises(Fenced):
        settle(first, actor, taken, first=0)
    settle(second, actor, [*taken, *rest], first=0)
    ledger = read_ledger(redis_client, KEYS)
    assert (ledger.trained, ledger.queued, ledger.closes) == (128, 0, True)


def test_deleted_pending_entries_are_left_out(redis_client: redis.Redis, actor: Bandit) -> None:
    """Expect entries that were deleted under a reader not to be taken over."""
    reader = new_reader(redis_client)
    for _ in range(3):
        actor.append_payload()
    taken = reader.read(count=3, block_milliseconds=100)
    redis_client.xdel(KEYS.rollouts, taken[1].entry_id)
    assert [e.entry_id for e in reader.pending()] == [taken[0].entry_id, taken[2].entry_id]


def test_group_comes_back_after_data_loss(redis_client: redis.Redis, actor: Bandit) -> None:
    """Expect reading to continue when Redis has forgotten the group."""
    reader = new_reader(redis_client)
    redis_client.flushall()
    assert list(reader.pending()) == []
    redis_client.flushall()
    assert reader.read(count=1, block_milliseconds=10) == []
    actor.append_payload()
    assert len(reader.read(count=1, block_milliseconds=100)) == 1


def test_the_fuse_cuts_and_the_ledger_knows(redis_client: redis.Redis, actor: Bandit) -> None:
    """Expect a stream that no one reads to stay bounded, what the fuse cut, also of what was
    delivered, to be lost to the transition, and the depth to come back to 0."""
    reader, fuse = new_reader(redis_client), 100
    accounts = reader.load_accounts()
    held = []
    for number in range(4 * fuse):
        header = actor.header(1, "sha")
        parcel = EncodedSegment(header, actor.steps, msgspec.msgpack.encode(header))
        pipe = redis_client.pipeline(transaction=True)
        for command in append_commands(KEYS, [parcel], fuse=fuse):
            pipe.execute_command(*command)
        pipe.execute()
        actor.seq, actor.produced = actor.seq + 1, actor.produced + actor.steps
        if number == 1:
            held = reader.read(count=2, block_milliseconds=100)
    length: Any = redis_client.xlen(KEYS.rollouts)
    assert length <= 2 * fuse
    entries = [*held, *reader.read(count=1000, block_milliseconds=100)]
    for entry in entries:
        header = msgspec.msgpack.decode(entry.payload, type=SegmentHeader)
        accounts.record(header, entry.transitions, Fate.TRAINED)
    reader.acknowledge(entries, accounts, {actor.actor})
    ledger = read_ledger(redis_client, KEYS)
    assert ledger.closes, ledger
    assert (ledger.produced, ledger.queued) == (4 * fuse * actor.steps, 0)
    assert ledger.lost == (4 * fuse - len(entries)) * actor.steps > 0


def test_dead_letters_hold_the_reason(redis_client: redis.Redis) -> None:
    """Expect a dead-lettered entry with its reason and its payload."""
    reader = new_reader(redis_client)
    reader.dead_letter(Entry(b"1-0", b"\x00garbage", 3), "not MessagePack")
    [(_, fields)] = redis_client.xrange(KEYS.dead_letters)  # type: ignore[misc]
    assert fields == {b"reason": b"not MessagePack", b"s": b"\x00garbage"}


def test_segments_survive_the_queue(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """Expect a client of the contracts to read the bytes that were appended."""
    publisher = Bandit(redis_client, KEYS.run_id)
    with blocking_client(redis_server.url_of("learner"), retries=0) as client:
        reader = new_reader(client)
        publisher.append_payload()
        [entry] = reader.read(count=1, block_milliseconds=100)
    assert (entry.payload, entry.transitions) == (b"payload", 32)
    with pytest.raises(SegmentError, match="too few"):
        decode(entry.payload)


def test_entries_too_large_for_a_reply_are_read_by_their_beginning(
    redis_server: RedisServer, redis_client: redis.Redis, actor: Bandit
) -> None:
    """Expect honest entries whole, the others cut, and all pending until they are acknowledged."""
    huge = {b"s": b"x" * (ENTRY_BYTES + 1), b"n": b"5"}
    actor.append_payload()
    redis_client.xadd(KEYS.rollouts, huge)  # type: ignore[arg-type]
    actor.append_payload()
    bound = Bound(size=ENTRY_BYTES)
    with blocking_client(redis_server.url_of("learner"), retries=0, bound=bound) as client:
        reader = new_reader(client)
        entries = reader.read(count=16, block_milliseconds=100)
        sizes = [len(each.payload) for each in entries]
        assert sizes == [len(b"payload"), DEAD_LETTER_BYTES, len(b"payload")]
        assert [each.transitions for each in entries] == [32, 5, 32]
        other = new_reader(client, consumer="learner-1")
        assert list(other.pending()) == entries
        with pytest.raises(SegmentError):
            decode(entries[1].payload)
        other.acknowledge(entries, other.load_accounts(), set())
        assert list(other.pending()) == []


def test_weights_that_are_published_again_stay(redis_client: redis.Redis) -> None:
    """A learner that starts again publishes what it restored: the blob is no previous one."""
    publisher = WeightsPublisher(redis_client, KEYS, epoch=next_epoch(redis_client, KEYS))
    for publish in (1, 2):
        pointer = publisher.publish(b"same", version=3, publish=publish, at=0.0, snapshot=False)
    assert redis_client.ttl(KEYS.blob(pointer.sha256)) > 3600


def test_zombie_cannot_publish(redis_client: redis.Redis) -> None:
    """Expect the pointer to stay with the newer learner."""
    old, new = (next_epoch(redis_client, KEYS) for _ in range(2))
    WeightsPublisher(redis_client, KEYS, epoch=new).publish(
        b"new", version=5, publish=2, at=1.0, snapshot=False
    )
    with pytest.raises(Fenced):
        WeightsPublisher(redis_client, KEYS, epoch=old).publish(
            b"old", version=9, publish=9, at=2.0, snapshot=False
        )
    pointer = pointer_from(redis_client.hgetall(KEYS.weights))  # type: ignore[arg-type]
    assert pointer is not None
    assert (pointer.version, pointer.epoch) == (5, new)


def test_old_weights_expire_and_snapshots_stay(redis_client: redis.Redis) -> None:
    """Expect superseded weights to expire soon, the newest snapshots to stay for ever."""
    epoch = next_epoch(redis_client, KEYS)
    publisher = WeightsPublisher(redis_client, KEYS, epoch=epoch)
    pointers = [
        publisher.publish(b"weights %d" % n, version=n, publish=n, at=0.0, snapshot=n % 2 == 0)
        for n in range(2 * SNAPSHOTS_KEPT + 6)
    ]
    seconds = [redis_client.ttl(KEYS.blob(pointer.sha256)) for pointer in pointers]
    kept = [bytes(sha).decode() for sha in redis_client.zrange(KEYS.snapshots, 0, -1)]
    assert kept == [pointer.sha256 for pointer in pointers if pointer.version % 2 == 0][-16:]
    for pointer, left in zip(pointers[:-1], seconds[:-1], strict=True):
        if pointer.sha256 in kept:
            assert left == -1
        else:
            assert 0 < left <= 60
