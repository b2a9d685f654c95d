"""Actors that are gone are folded into one sum: whatever is interrupted, the ledger closes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import redis
from trainingrun_contracts.stream.accounts import Accounts, Fate, LedgerSnapshot, resumed_ledger
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.read import RolloutReader, next_epoch
from trainingrun_trainer.folding import FOLD_SECONDS, SILENT_SECONDS, Folding

from testkit.roles.learner_process import Bandit, read_ledger

KEYS = Keys("fold-1")
DAY = SILENT_SECONDS + 1
MAX_LAG = 8
HASHES = (KEYS.produced, KEYS.appended, KEYS.marks, KEYS.accounts)


def new_reader(client: redis.Redis, *, consumer: str = "learner-0") -> RolloutReader:
    """A reader with the next epoch."""
    return RolloutReader(client, KEYS, consumer=consumer, epoch=next_epoch(client, KEYS))


def bandit(client: redis.Redis, name: str) -> Bandit:
    """An actor of which one start is over."""
    return Bandit(client, KEYS.run_id, actor=f"{name}-abc123")


def train(
    reader: RolloutReader,
    accounts: Accounts,
    *,
    publish: int = 1,
    at: int = 0,
    fate: Fate = Fate.TRAINED,
    actors: tuple[Bandit, ...] = (),
) -> None:
    """Account for all that the actors (none: no one) have in the queue, one segment each."""
    entries = reader.read(count=100, block_milliseconds=10)
    for actor in actors:
        header = msgspec.structs.replace(
            actor.header(1, "sha"), seq=actor.seq - 1, produced_before=actor.produced - actor.steps
        )
        accounts.record(header, actor.steps, fate, publish=publish, at=at)
    reader.acknowledge(entries, accounts, {actor.actor for actor in actors})


def fields(client: redis.Redis, key: str) -> set[str]:
    """The actors of a hash."""
    found: Any = client.hkeys(key)
    return {name.decode() for name in found}


def as_of_now(client: redis.Redis) -> dict[str, dict[bytes, bytes]]:
    """What Redis has of the accounts."""
    pipe: Any = client.pipeline(transaction=True)
    for key in HASHES:
        pipe.hgetall(key)
    return dict(zip(HASHES, pipe.execute(), strict=True))


def come_back_older(client: redis.Redis, before: dict[str, dict[bytes, bytes]]) -> None:
    """Be a Redis that was killed and has forgotten its last second."""
    for key, mapping in before.items():
        client.delete(key)
        client.hset(key, mapping=mapping)  # type: ignore[arg-type]


@pytest.fixture
def gone(redis_client: redis.Redis) -> Bandit:
    """An actor that has appended one segment."""
    actor = bandit(redis_client, "gone")
    actor.append_payload()
    return actor


@pytest.fixture
def alive(redis_client: redis.Redis) -> Bandit:
    """Another one."""
    actor = bandit(redis_client, "alive")
    actor.append_payload()
    return actor


@pytest.fixture
def reader(redis_client: redis.Redis) -> RolloutReader:
    """Of the only learner."""
    return new_reader(redis_client)


@pytest.fixture
def accounts(reader: RolloutReader, gone: Bandit, alive: Bandit) -> Accounts:
    """In which one segment of each is trained; the fold of one is begun and not acknowledged."""
    accounts = reader.load_accounts()
    train(reader, accounts, actors=(gone, alive))
    accounts.retire([gone.actor], at=DAY)
    return accounts


def check(client: redis.Redis, *, produced: int, trained: int) -> None:
    """The ledger closes, with these counts."""
    ledger = read_ledger(client, KEYS)
    assert ledger.closes, ledger
    assert (ledger.produced, ledger.trained, ledger.queued) == (produced, trained, 0)


def test_a_fold_takes_the_actor_away_and_leaves_the_sum(
    redis_client: redis.Redis, reader: RolloutReader, accounts: Accounts, alive: Bandit
) -> None:
    """Expect one field less in each hash, also when the reply was lost and it is sent again, and
    also after the next fold has made it final."""
    for _ in range(2):
        train(reader, accounts)
        assert {*map(frozenset, (fields(redis_client, key) for key in HASHES[:3]))} == {
            frozenset({alive.actor})
        }
        check(redis_client, produced=64, trained=64)
    accounts.retire([], at=2 * DAY)
    train(reader, accounts)
    check(redis_client, produced=64, trained=64)
    assert accounts.ledger == LedgerSnapshot(
        accounts.totals, {alive.actor: accounts.mark_of(alive.actor)}, 32
    )


def test_a_redis_that_comes_back_a_second_older_is_followed_by_no_wrong_sum(
    redis_client: redis.Redis, reader: RolloutReader, accounts: Accounts, alive: Bandit
) -> None:
    """Expect the fold to be done again with the next acknowledgement."""
    before = as_of_now(redis_client)
    train(reader, accounts)
    come_back_older(redis_client, before)
    check(redis_client, produced=64, trained=64)
    train(reader, accounts)
    check(redis_client, produced=64, trained=64)
    assert fields(redis_client, KEYS.marks) == {alive.actor}


def test_a_redis_without_its_data_is_told_the_sum(
    redis_client: redis.Redis, reader: RolloutReader, accounts: Accounts
) -> None:
    """Expect the folded actors in the sum, during their fold and after it."""
    for _ in range(2):
        train(reader, accounts)
        redis_client.delete(*HASHES)
        reader.acknowledge([], accounts, set(accounts.marks))
        check(redis_client, produced=64, trained=64)
        accounts.retire([], at=2 * DAY)


@pytest.mark.parametrize("written", [False, True])
def test_a_learner_that_dies_during_a_fold_is_followed_by_one_with_the_same_books(
    redis_client: redis.Redis, reader: RolloutReader, accounts: Accounts, *, written: bool
) -> None:
    """Expect it to close, whether the fold had arrived, and whether the next learner goes by Redis
    or by a checkpoint that was saved meanwhile."""
    saved = accounts.ledger
    if written:
        train(reader, accounts)
    check(redis_client, produced=64, trained=64)
    second = new_reader(redis_client, consumer="learner-1")
    for ledger in (second.load_ledger(), saved):
        again = Accounts(ledger.totals, ledger.marks, folded=ledger.folded)
        second.acknowledge([], again, set(again.marks))
        check(redis_client, produced=64, trained=64)


def test_a_redis_older_than_the_checkpoint_gives_its_actors_back(
    redis_client: redis.Redis, reader: RolloutReader, accounts: Accounts, alive: Bandit
) -> None:
    """Expect no actor both in the sum and by itself, where a backup of Redis is played back and
    the checkpoint knows of the fold."""
    before = as_of_now(redis_client)
    train(reader, accounts)
    accounts.retire([], at=2 * DAY)
    alive.append_payload()
    train(reader, accounts, actors=(alive,))
    saved = accounts.ledger
    come_back_older(redis_client, before)
    second = new_reader(redis_client, consumer="learner-1")
    ledger = resumed_ledger(second.load_ledger(), saved)
    again = Accounts(ledger.totals, ledger.marks, folded=ledger.folded)
    second.acknowledge([], again, set(again.marks))
    check(redis_client, produced=96, trained=96)


def test_an_actor_that_sends_more_before_the_fold_arrives_is_kept(
    redis_client: redis.Redis, reader: RolloutReader, accounts: Accounts, gone: Bandit
) -> None:
    """Expect its mark in Redis and in the accounts, and its segment trained once."""
    gone.append_payload()
    reader.acknowledge([], accounts, set())
    assert gone.actor in fields(redis_client, KEYS.marks)
    assert not accounts.leaving
    ledger = read_ledger(redis_client, KEYS)
    assert (ledger.closes, ledger.queued) == (True, 32)
    train(reader, accounts, actors=(gone,))
    check(redis_client, produced=96, trained=96)


def test_an_actor_that_comes_back_during_its_fold_is_as_before(
    redis_client: redis.Redis, reader: RolloutReader, accounts: Accounts, gone: Bandit
) -> None:
    """Expect what it has sent again to be a duplicate, and what is new to be trained."""
    train(reader, accounts)
    gone.seq, gone.produced = 0, 0
    for _ in range(2):
        gone.append_payload()
        train(reader, accounts, actors=(gone,))
    ledger = read_ledger(redis_client, KEYS)
    assert ledger.closes, ledger
    assert (ledger.produced, ledger.trained, ledger.dropped["duplicate"]) == (128, 96, 32)


def test_an_actor_that_comes_back_after_its_fold_is_counted_twice_on_both_sides(
    redis_client: redis.Redis, reader: RolloutReader, accounts: Accounts, gone: Bandit
) -> None:
    """Expect the ledger to close: what it had made before is made and lost once more."""
    train(reader, accounts)
    accounts.retire([], at=2 * DAY)
    gone.append_payload()
    train(reader, accounts, fate=Fate.STALE, actors=(gone,))
    ledger = read_ledger(redis_client, KEYS)
    assert ledger.closes, ledger
    assert (ledger.produced, ledger.trained, ledger.lost) == (128, 64, 32)
    assert ledger.dropped["stale"] == 32


def test_months_of_restarts_leave_what_a_day_holds(
    redis_client: redis.Redis, reader: RolloutReader
) -> None:
    """Expect the hashes to hold the actors of the last day or two, out of a hundred days."""
    accounts, clock = reader.load_accounts(), [0.0]
    folding = Folding(lambda: {}, max_lag=MAX_LAG, clock=lambda: clock[0])
    for start in range(400):
        now = start * SILENT_SECONDS // 4
        clock[0] += FOLD_SECONDS
        actor = bandit(redis_client, f"actor-{start}")
        actor.append_payload()
        folding.retire(accounts, publish=100 * start, now=now)
        train(reader, accounts, publish=100 * start, at=now, actors=(actor,))
        check(redis_client, produced=32 * (start + 1), trained=32 * (start + 1))
    for key in HASHES[:3]:
        assert len(fields(redis_client, key)) <= 8
