"""A learner whose Redis others write to: forged entries, reports, notices and counters.

Anybody with the run's password may write to its keys. Whatever stands there, the learner's process
stays up, its reporter reports, honest segments are trained to the last transition, the ledger
closes, and its memory stays within a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.segment import Segment, encode

from testkit.roles.bandit_run import bandit_config, set_intent, wait_for_weights
from testkit.roles.learner_process import Bandit, LearnerProcess, learner_process, read_ledger
from testkit.servers.redis_server import start_redis
from testkit.waiting import until

STEPS_PER_EXAMPLE: Final = 20
MOST_QUEUED: Final = 400
MOST_GROWTH_KB: Final = 512 * 1024
ACTORS: Final = ("bandit-a", "forged-b", "forged-c", "", "\x00\x1b[31m")

names = st.one_of(st.sampled_from(ACTORS), st.text(max_size=40))
counts = st.one_of(
    st.integers(0, 200),
    st.sampled_from([2**31 - 1, 2**32, 2**53, 2**53 - 1]),
    st.integers(0, 2**53),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "run_id": st.text(max_size=10),
        "schema_hash": st.text(max_size=10),
        "actor": names,
        "seq": counts,
        "produced_before": counts,
        "discarded_before": counts,
        "epoch": st.integers(-(2**40), 2**40),
        "seed": st.integers(-(2**40), 2**40),
        "created_at": st.floats(allow_nan=False),
        "terminated": st.booleans(),
    },
)
numbers = st.sampled_from([np.nan, np.inf, -np.inf, 1e30, 1000.0, -8.5, 8.0, 100.0, -100.0, 0.0])
junk = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"", b"null", b"[" * 5000, b"9" * 5000, b"-1", b"NaN"]),
)
DOCUMENTS: Final = (
    b'{"at":1.0,"version":3,"training_games":9,"opponent":"random","games":2,"wins":1,"draws":0,'
    b'"rate":0.5,"low":0.1,"high":0.9}',
    b'{"at":1.0,"role":"actor","member":"a","reason":"X","message":"m"}',
    b'{"type":"actor","member":"a","at":1.0}',
)


@dataclass
class Soak:
    """A learner, an honest producer, and one sample segment to forge from."""

    bandit: Bandit
    learner: LearnerProcess
    sample: Segment
    baseline_kb: int
    honest: int = 0

    def honest_segment(self) -> None:
        """Append one segment as an actor does."""
        header = self.bandit.header(1, self.sample.header.weights_sha256)
        self.bandit.append(msgspec.structs.replace(self.sample, header=header))
        self.honest += self.sample.transitions

    def add(self, payload: bytes, count: bytes) -> None:
        """An entry that somebody writes past the actors' own way."""
        fields: dict[Any, Any] = {b"s": payload, b"n": count}
        self.bandit.client.xadd(self.bandit.keys.rollouts, fields)


@dataclass(frozen=True)
class Forgery:
    """One step: what is written, and where."""

    kind: str
    header: dict[str, Any]
    number: float
    at: int
    content: bytes
    document: bytes


forgeries = st.builds(
    Forgery,
    kind=st.sampled_from(
        ["header", "number", "payload", "cut", "flip", "fields", "list", "hash", "string", "honest"]
    ),
    header=headers,
    number=numbers,
    at=st.integers(0, 2**20),
    content=junk,
    document=st.sampled_from(DOCUMENTS),
)


def write(soak: Soak, step: Forgery) -> None:
    """Do one step."""
    client, keys = soak.bandit.client, soak.bandit.keys
    count = b"%d" % soak.sample.transitions
    match step.kind:
        case "honest":
            soak.honest_segment()
        case "header":
            soak.add(forged(soak.sample, step), count)
        case "number":
            soak.add(spoilt(soak.sample, step), count)
        case "payload":
            soak.add(step.content, count)
        case "cut":
            whole = encode(soak.sample)
            soak.add(whole[: step.at % len(whole)], count)
        case "flip":
            flipped = bytearray(encode(soak.sample))
            flipped[step.at % 300] ^= 1 + step.at % 255
            soak.add(bytes(flipped), count)
        case "fields":
            client.xadd(keys.rollouts, {step.content[:50] or b"x": step.content})
        case "list":
            place = keys.evaluations if step.at % 2 else keys.notices
            client.rpush(place, half_changed(step))
            client.ltrim(place, -200, -1)
        case "hash":
            client.hset(keys.reports, f"actor/{step.at % 50}", half_changed(step))
            client.hset(keys.games, "played", step.content)
        case _:
            client.set(keys.checkpoint_request, step.content)
            client.set(keys.intent_since, step.content)


def forged(sample: Segment, step: Forgery) -> bytes:
    """The sample with another header. One in the honest actor's name jumps or repeats: a forger
    that guesses its very next number is an actor that lies, which the queue cannot see."""
    changes = dict(step.header)
    if changes.get("actor", "bandit-a") == "bandit-a":
        changes["actor"] = "bandit-a"
        changes["seq"] = 2**53 if step.at % 2 else 0
        changes["produced_before"] = 2**53 if step.at % 2 else 0
    header = msgspec.structs.replace(sample.header, **changes)
    return encode(msgspec.structs.replace(sample, header=header))


def spoilt(sample: Segment, step: Forgery) -> bytes:
    """The sample with one number of one array replaced; of another actor, where that is sound."""
    name = ("states", "actions", "log_probs", "values", "rewards")[step.at % 5]
    array = np.array(getattr(sample, name))
    with np.errstate(over="ignore"):
        array.flat[step.at % array.size] = step.number
    header = msgspec.structs.replace(sample.header, actor=f"forged-{step.at}")
    return encode(msgspec.structs.replace(sample, header=header, **{name: array}))


def half_changed(step: Forgery) -> bytes:
    """A document of a role with something written into it, or junk."""
    if step.at % 3 == 0:
        return step.content
    place = step.at % len(step.document)
    return step.document[:place] + step.content[:20] + step.document[place + 3 :]


def memory_kb(pid: int) -> int:
    """The most memory that a process has held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soak]:
    """A learner that trains, and what it takes to forge for it."""
    folder = tmp_path_factory.mktemp("soak")
    (folder / "redis").mkdir()
    config = bandit_config((folder / "checkpoints").as_uri())
    learner_config = msgspec.structs.replace(config.learner, max_policy_lag=100_000)
    config = msgspec.structs.replace(config, learner=learner_config)
    with ExitStack() as stack:
        server = stack.enter_context(start_redis(folder / "redis"))
        client = stack.enter_context(server.client())
        bandit = Bandit(client, config.run_id)
        learner = stack.enter_context(learner_process(config, server.url_of("learner"), folder))
        wait_for_weights(bandit)
        sample = bandit.segment()
        made = Soak(bandit, learner, sample, 0)
        for _ in range(2 * config.learner.batch_transitions // sample.transitions):
            made.honest_segment()
        wait_for_weights(bandit, version=1)
        made.baseline_kb = memory_kb(learner.pid)
        yield made


def wait_for_room(soak: Soak) -> None:
    """Wait while the queue is long, as actors do."""

    def has_room() -> bool:
        assert soak.learner.is_running, soak.learner.log.read_text()[-4000:]
        length: int = soak.bandit.client.xlen(soak.bandit.keys.rollouts)
        return length < MOST_QUEUED

    until(has_room, seconds=600, what="room in the queue")


def test_forged_rollouts_and_reports(soak: Soak, soak_steps: int) -> None:
    """Expect the learner to take every step, and then to flush with a ledger that closes."""

    @settings(
        max_examples=max(1, soak_steps // STEPS_PER_EXAMPLE),
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.lists(forgeries, min_size=STEPS_PER_EXAMPLE, max_size=STEPS_PER_EXAMPLE))
    def outlives(steps: list[Forgery]) -> None:
        for step in steps:
            write(soak, step)
        soak.honest_segment()
        wait_for_room(soak)

    outlives()
    bandit, learner = soak.bandit, soak.learner
    bandit.client.hdel(bandit.keys.learner_reports, "learner/learner-0")
    until(
        lambda: bool(bandit.client.hexists(bandit.keys.learner_reports, "learner/learner-0")),
        seconds=300,
        what="another report",
    )
    grown = memory_kb(learner.pid) - soak.baseline_kb
    set_intent(bandit, Intent.FLUSH)
    assert learner.exit_code(seconds=600) == ExitCode.DONE, learner.log.read_text()[-4000:]
    ledger = read_ledger(bandit.client, bandit.keys)
    marks: Any = bandit.client.hget(bandit.keys.marks, bandit.actor)
    print(f"{soak_steps} steps: {ledger}; memory grew by {grown / 1024:.0f} MiB")
    assert ledger.closes
    assert msgspec.json.decode(marks)[:2] == [bandit.seq - 1, bandit.produced]
    assert ledger.trained >= soak.honest
    assert ledger.dropped["stale"] == 0
    assert grown < MOST_GROWTH_KB
