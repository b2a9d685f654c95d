"""The learner as a process on a real Redis: it learns, accounts for all, saves and comes back."""

from __future__ import annotations

import signal
from pathlib import Path

import msgspec
import pytest
from trainingrun_contracts.reports import Intent, LearnerState
from trainingrun_contracts.run_config import RunConfig

from testkit.roles.bandit_run import BATCH, set_intent, train, wait_for_weights
from testkit.roles.learner_process import (
    Bandit,
    LearnerProcess,
    learner_process,
    learner_report,
    marked_probability,
    notice_reasons,
    read_ledger,
    started,
)
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until


def test_learns_and_flushes(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect the rewarded action to become likely, and a flush to end with 0, saved and closed, of
    the command as it is started in a container."""
    learner = LearnerProcess(config, redis_server.url_of("learner"), tmp_path)
    with started(learner):
        wait_for_weights(bandit)
        before = marked_probability(bandit)
        train(bandit, 15)
        bandit.produce(3)  # less than a batch: the flush trains it too
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    assert before == pytest.approx(0.25, abs=0.02)
    assert marked_probability(bandit) > 0.8
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.closes
    assert ledger.trained == ledger.produced == bandit.produced
    report = learner_report(bandit.client, bandit.keys)
    assert report is not None
    assert report.state is LearnerState.SAVED
    assert report.checkpoint is not None
    assert report.checkpoint.step == report.version == 16
    assert report.first_update_at is not None


def test_resumes_after_kill(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect a learner that saved on SIGTERM (75) and one that was killed to come back where the
    checkpoint was, with rising publish numbers, and to train what the killed one had not."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 3)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        found = bandit.newest_weights()
        assert found is not None
        bandit.produce(4)
        learner.start()
        until(
            lambda: (r := learner_report(bandit.client, bandit.keys)) is not None and r.epoch == 2,
            seconds=120,
            what="the second learner's report",
        )
        learner.kill()
        learner.start()
        wait_for_weights(bandit)
        bandit.produce(BATCH // bandit.steps - 4)
        wait_for_weights(bandit, version=4)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    after = bandit.newest_weights()
    assert after is not None
    assert after[0].version == 4
    assert after[0].publish > found[0].publish
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.closes
    assert ledger.trained == bandit.produced


def test_counts_what_it_drops(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect a poisoned entry in the dead letters, and poison, duplicates and stale rollouts in
    the ledger, which closes."""
    learner_config = msgspec.structs.replace(config.learner, max_policy_lag=1)
    config = msgspec.structs.replace(config, learner=learner_config)
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        bandit.client.xadd(bandit.keys.rollouts, {"s": b"\x93no segment", "n": 5})
        twice = bandit.segment()
        bandit.append(twice)
        bandit.append(twice)
        bandit.append(bandit.segment(publish=0))
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.dropped == {"stale": 32, "duplicate": 32, "poison": 5, "spool": 0}
    assert ledger.trained == BATCH + 32
    assert ledger.closes
    assert bandit.client.xlen(bandit.keys.dead_letters) == 1
    assert "RolloutUnreadable" in notice_reasons(bandit.client, bandit.keys)
