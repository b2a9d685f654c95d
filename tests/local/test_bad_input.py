"""Bad input under a real learner: it is dead-lettered with its cause, counted, and training
continues."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from trainingrun_contracts import reports
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.segment import MAX_BYTES, Segment, encode
from trainingrun_contracts.stream.append import EncodedSegment, append_commands

from testkit.roles.bandit_run import BATCH, set_intent, train, wait_for_weights
from testkit.roles.learner_process import Bandit, learner_process, notice_reasons, read_ledger
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

PER_BATCH = BATCH // 32


def changed(segment: Segment, **arrays: Any) -> bytes:
    """The segment with other arrays, encoded."""
    return encode(msgspec.structs.replace(segment, **arrays))


def renamed(segment: Segment, **fields: Any) -> bytes:
    """The segment with other fields of its header, encoded."""
    header = msgspec.structs.replace(segment.header, **fields)
    return encode(msgspec.structs.replace(segment, header=header))


def with_number(array: Any, number: float) -> Any:
    """The array with one number replaced."""
    copy = np.array(array)
    copy.flat[copy.size // 2] = number
    return copy


BAD: dict[str, tuple[Callable[[Segment], bytes], str]] = {
    "empty": (lambda _s: b"", "too few"),
    "garbage": (lambda _s: b"\x00\xff" * 500, "begin like a segment"),
    "pickle": (lambda _s: b"\x80\x04\x95cos\nsystem\n", "begin like a segment"),
    "truncated": (lambda s: encode(s)[:-100], "its sizes say"),
    "half an envelope": (lambda s: encode(s)[:40], "too long"),
    "too long": (lambda s: encode(s) + b"\x00", "its sizes say"),
    "oversized": (lambda _s: bytes(MAX_BYTES + 1), "at most"),
    "old schema": (lambda s: renamed(s, schema=1), "schema 1"),
    "other encoding": (lambda s: renamed(s, schema_hash="beef"), "encoding beef"),
    "other run": (lambda s: renamed(s, run_id="other"), "belongs to the run other"),
    "NaN state": (lambda s: changed(s, states=with_number(s.states, np.nan)), "state or an action"),
    "inf action": (
        lambda s: changed(s, actions=with_number(s.actions, -np.inf)),
        "state or an action",
    ),
    "NaN reward": (lambda s: changed(s, rewards=with_number(s.rewards, np.nan)), "not finite"),
    "huge reward": (lambda s: changed(s, rewards=with_number(s.rewards, 1e30)), "beyond 100"),
    "inf log-prob": (
        lambda s: changed(s, log_probs=with_number(s.log_probs, -np.inf)),
        "not finite",
    ),
    "NaN value": (lambda s: changed(s, values=with_number(s.values, np.nan)), "not finite"),
    "negative publish": (lambda s: changed(s, publishes=s.publishes - 1000), "negative"),
    "offsets that lie": (lambda s: changed(s, offsets=s.offsets[::-1].copy()), "partition"),
    "choice out of range": (lambda s: changed(s, chosen=s.chosen + 100), "outside"),
}


def damage_on_the_way(bandit: Bandit, spoil: Callable[[Segment], bytes]) -> None:
    """Append as an actor does, with the payload spoilt: its counts are right."""
    segment = bandit.segment()
    parcel = EncodedSegment(segment.header, segment.transitions, spoil(segment))
    pipe: Any = bandit.client.pipeline(transaction=True)
    for command in append_commands(bandit.keys, [parcel], fuse=10_000):
        pipe.execute_command(*command)
    pipe.execute()
    bandit.seq, bandit.produced = bandit.seq + 1, bandit.produced + segment.transitions


def test_every_kind_is_buried_with_its_cause(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect 19 kinds of bad entries between good ones, and entries of a stranger, to be in the
    dead letters with their causes; finite weights; a ledger that closes to the transition."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        for spoil, _ in BAD.values():
            damage_on_the_way(bandit, spoil)
        for fields in ({"x": "y"}, {"s": b"", "n": b"9" * 5000}, {"s": b"x", "n": "-3"}):
            bandit.client.xadd(bandit.keys.rollouts, fields)
        train(bandit, 2)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
        assert "Traceback" not in learner.log.read_text()
    letters: Any = bandit.client.xrange(bandit.keys.dead_letters)
    causes = [fields[b"reason"].decode() for _, fields in letters]
    assert len(causes) == len(BAD) + 3
    for cause, (name, (_, expected)) in zip(causes, BAD.items(), strict=False):
        assert expected in cause, name
    assert max(len(fields[b"s"]) for _, fields in letters) <= 8192
    found = bandit.newest_weights()
    assert found is not None
    assert found[0].version >= 3
    assert all(np.isfinite(tensor).all() for tensor in found[1].values())
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.closes, ledger
    assert (ledger.trained, ledger.queued) == (3 * BATCH, 0)
    assert ledger.dropped["poison"] == ledger.lost == 32 * len(BAD)
    reply: Any = bandit.client.lrange(bandit.keys.notices, 0, -1)
    notices = [each for each in reports.notices_from(reply) if each.reason == "RolloutUnreadable"]
    assert any("too few" in each.message for each in notices)


def test_goes_on_when_redis_is_full(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect a learner to empty the queue of a Redis that takes no more bytes, although it cannot
    publish, and to publish when there is room again."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        learner.signal(signal.SIGSTOP)
        bandit.produce(2 * PER_BATCH)
        damage_on_the_way(bandit, BAD["garbage"][0])
        bandit.client.config_set("maxmemory", 1)
        learner.signal(signal.SIGCONT)
        until(
            lambda: bandit.client.hget(bandit.keys.accounts, "trained") == b"%d" % (2 * BATCH),
            seconds=60,
            what="two batches are trained",
        )
        bandit.client.config_set("maxmemory", 0)
        bandit.produce(PER_BATCH)
        wait_for_weights(bandit, version=3)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
        assert "Traceback" not in learner.log.read_text()
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.closes, ledger
    assert (ledger.trained, ledger.dropped["poison"]) == (3 * BATCH, 32)
    assert "RolloutUnreadable" in notice_reasons(bandit.client, bandit.keys)
