"""The learner of AlphaZero as a process on a real Redis: it learns, accounts for all, and comes
back with its window."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import redis
from msgspec.structs import replace
from trainingrun_contracts.reports import Intent, LearnerState
from trainingrun_contracts.run_config import RunConfig
from trainingrun_trainer.alphazero.window_file import WINDOW_FILE, read_window

from testkit.roles.bandit_run import set_intent, wait_for_weights
from testkit.roles.learner_process import (
    LearnerProcess,
    learner_process,
    learner_report,
    notice_reasons,
    read_ledger,
    started,
)
from testkit.roles.searched_run import BATCH, SPEC, Searched, best_share, searched_config
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

ONE_BATCH = 16
"""Segments of the producer that make a batch."""


@pytest.fixture
def searched_run(tmp_path: Path) -> RunConfig:
    """The run, with its checkpoints in a temporary folder."""
    return searched_config((tmp_path / "checkpoints").as_uri())


@pytest.fixture
def producer(redis_client: redis.Redis, searched_run: RunConfig) -> Searched:
    """The producer of that run's rollouts."""
    assert ONE_BATCH * Searched(redis_client, "").steps == BATCH
    return Searched(redis_client, searched_run.run_id)


def train(producer: Searched, updates: int) -> None:
    """Produce batch after batch, each after the weights of the one before."""
    for _ in range(updates):
        found = producer.newest_weights()
        assert found is not None
        producer.produce(ONE_BATCH)
        wait_for_weights(producer, version=found[0].version + 1)


def newest_window(config: RunConfig) -> tuple[int, int]:
    """Positions in the window of the newest checkpoint, and all that ever came."""
    folder = Path(config.checkpoint.storage.removeprefix("file://"))
    newest = max(folder.glob("searched-*"), key=lambda each: each.name)
    rows, counters = read_window((newest / WINDOW_FILE).read_bytes(), SPEC)
    return len(rows.counts), counters.total


def test_learns_and_flushes(
    redis_server: RedisServer, producer: Searched, searched_run: RunConfig, tmp_path: Path
) -> None:
    """Expect the share of what should be played to rise, and a flush to end with 0, saved and
    closed, of the command as it is started in a container."""
    learner = LearnerProcess(searched_run, redis_server.url_of("learner"), tmp_path)
    with started(learner):
        wait_for_weights(producer)
        before = best_share(producer.blob)
        train(producer, 6)
        producer.produce(3)  # less than a batch: the flush takes it into the window, too
        set_intent(producer, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    assert before == pytest.approx(1 / 9, abs=0.05)
    assert best_share(producer.blob) > 0.5
    ledger = read_ledger(producer.client, producer.keys)
    assert ledger.closes
    assert ledger.trained == ledger.produced == producer.produced
    report = learner_report(producer.client, producer.keys)
    assert report is not None
    assert report.state is LearnerState.SAVED
    assert report.checkpoint is not None
    assert report.checkpoint.step == report.version == 7
    assert {"policy", "value", "kl", "replay_rows", "samples_per_row"} <= report.losses.keys()
    grown = 2048 + (producer.produced - 2048) // 2
    assert newest_window(searched_run) == (grown, producer.produced)


def test_resumes_after_kill_with_its_window(
    redis_server: RedisServer, producer: Searched, searched_run: RunConfig, tmp_path: Path
) -> None:
    """Expect a learner that saved on SIGTERM (75) and one that was killed to come back with the
    window of the checkpoint, so that the next batch is trained at once, and to account for all."""
    with learner_process(searched_run, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(producer)
        train(producer, 3)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        assert newest_window(searched_run) == (3 * BATCH, 3 * BATCH)
        producer.produce(4)
        learner.start()
        until(
            lambda: (
                (report := learner_report(producer.client, producer.keys)) is not None
                and report.epoch == 2
            ),
            seconds=120,
            what="the second learner's report",
        )
        learner.kill()
        learner.start()
        wait_for_weights(producer)
        producer.produce(ONE_BATCH - 4)
        wait_for_weights(producer, version=4)
        set_intent(producer, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    assert newest_window(searched_run) == (4 * BATCH, 4 * BATCH)
    ledger = read_ledger(producer.client, producer.keys)
    assert ledger.closes
    assert ledger.trained == producer.produced


def test_what_no_search_made_is_dead_lettered(
    redis_server: RedisServer, producer: Searched, searched_run: RunConfig, tmp_path: Path
) -> None:
    """Expect a segment without targets in the dead letters and in the ledger."""
    with learner_process(searched_run, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(producer)
        producer.append(replace(producer.segment(), targets=None))
        train(producer, 1)
        set_intent(producer, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    ledger = read_ledger(producer.client, producer.keys)
    assert ledger.dropped["poison"] == producer.steps
    assert ledger.closes
    assert "RolloutUnreadable" in notice_reasons(producer.client, producer.keys)


@pytest.mark.parametrize("field", ["ranks", "gpus"])
def test_several_ranks_are_refused(
    field: str, redis_server: RedisServer, searched_run: RunConfig, tmp_path: Path
) -> None:
    """Expect exit code 2 and a sentence."""
    learner_config = replace(searched_run.learner, **{field: 2})
    config = replace(searched_run, learner=learner_config)
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        assert learner.exit_code(seconds=120) == 2
        assert f"learner.{field} is 2" in learner.log.read_text()
