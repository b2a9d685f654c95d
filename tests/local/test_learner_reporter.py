"""The reporter beside a Redis in which others have written: one bad document costs itself alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis
from trainingrun_contracts.reports import Evaluation, Intent
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.read import next_epoch
from trainingrun_trainer.link import Epoch
from trainingrun_trainer.reporter import Identity, Reporter
from trainingrun_trainer.status import Status

from testkit.roles.learner_process import learner_report
from testkit.waiting import until

KEYS = Keys("run-1")
GOOD = Evaluation(
    at=1.0,
    version=3,
    training_games=9,
    opponent="random",
    games=2,
    wins=1,
    draws=0,
    rate=0.5,
    low=0.1,
    high=0.9,
)


@pytest.fixture
def reporter(redis_client: redis.Redis, tmp_path: Path) -> Iterator[Reporter]:
    """A reporter that ticks."""
    epoch = Epoch(redis_client, KEYS, next_epoch(redis_client, KEYS))
    identity = Identity("learner-0", KEYS, tmp_path / "health")
    reporter = Reporter(redis_client, identity, status=Status(), epoch=epoch)
    reporter.start()
    yield reporter
    reporter.close()


def bad_evaluations() -> list[bytes]:
    """What no evaluator writes: torn, not a number (null on the wire), beyond 64 bits, not text."""
    good = msgspec.json.encode(GOOD)
    return [
        b"{",
        good.replace(b'"rate":0.5', b'"rate":null'),
        good.replace(b'"version":3', b'"version":99999999999999999999999999'),
        good.replace(b'"rate":0.5', b'"rate":1e400'),
        good.replace(b"random", b"\xff\xfe"),
        b"[" * 100_000,
    ]


def test_outlives_what_others_write(reporter: Reporter, redis_client: redis.Redis) -> None:
    """Expect the evaluation that can be read, the intent, and reports that continue."""
    redis_client.rpush(KEYS.evaluations, *bad_evaluations(), msgspec.json.encode(GOOD))
    redis_client.hset(KEYS.games, "played", b"9" * 5000)
    redis_client.set(KEYS.depth, b"many")
    redis_client.set(KEYS.checkpoint_request, b"\xff")
    redis_client.set(KEYS.intent, Intent.DRAIN.value)
    until(lambda: reporter.intent is Intent.DRAIN, seconds=60, what="the intent")
    redis_client.hdel(KEYS.learner_reports, "learner/learner-0")
    until(lambda: learner_report(redis_client, KEYS) is not None, seconds=60, what="another report")
    reporter.require_alive()
    assert reporter.evaluations == (GOOD,)
    assert reporter.games == 0


def test_no_reply_ends_the_thread(redis_client: redis.Redis) -> None:
    """Expect keys of other kinds than ours to cost one report."""
    epoch = Epoch(redis_client, KEYS, next_epoch(redis_client, KEYS))
    reporter = Reporter(redis_client, Identity("learner-0", KEYS), status=Status(), epoch=epoch)
    redis_client.set(KEYS.evaluations, b"no list")
    redis_client.rpush(KEYS.intent, b"no string")
    reporter.start()
    until(lambda: reporter.failures > 0, seconds=60, what="a report that failed")
    reporter.require_alive()
    redis_client.delete(KEYS.evaluations, KEYS.intent)
    redis_client.set(KEYS.intent, Intent.FLUSH.value)
    until(lambda: reporter.intent is Intent.FLUSH, seconds=60, what="the intent")
    reporter.close()
