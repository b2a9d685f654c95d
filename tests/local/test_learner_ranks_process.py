"""A learner of two ranks as processes on a real Redis: they learn, stop and fall together."""

from __future__ import annotations

import ipaddress
import signal
from pathlib import Path

import msgspec
import psutil
import pytest
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import RunConfig

from testkit.roles.bandit_run import bandit_config, set_intent, train, wait_for_weights
from testkit.roles.learner_process import (
    Bandit,
    LearnerProcess,
    learner_process,
    learner_report,
    marked_probability,
    read_ledger,
)
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    """The run, with two ranks."""
    config = bandit_config((tmp_path / "checkpoints").as_uri())
    learner = msgspec.structs.replace(config.learner, ranks=2)
    return msgspec.structs.replace(config, learner=learner)


def rank_process(learner: LearnerProcess, rank: int) -> psutil.Process:
    """One rank of a running learner."""
    children = psutil.Process(learner.pid).children(recursive=True)
    return next(child for child in children if child.environ().get("RANK") == str(rank))


def saved_step(bandit: Bandit) -> int | None:
    """The step of the newest checkpoint that was reported."""
    report = learner_report(bandit.client, bandit.keys)
    return report.checkpoint.step if report and report.checkpoint else None


def test_two_ranks_learn_and_flush(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect the rewarded action to become likely, a last batch of one segment (one rank has none)
    to be trained, the exit code of an orderly end, and a ledger that closes."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 10)
        bandit.produce(1)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    assert marked_probability(bandit) > 0.6
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.closes
    assert ledger.trained == ledger.produced == bandit.produced
    assert saved_step(bandit) == 11


def test_ranks_listen_on_loopback_alone(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect no socket of ranks in training to be reachable from another machine: they are all in
    one pod, and what they exchange has no password."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        launcher = psutil.Process(learner.pid)
        listening = [
            connection.laddr.ip
            for process in (launcher, *launcher.children(recursive=True))
            for connection in process.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
    assert listening
    assert [ip for ip in listening if not ipaddress.ip_address(ip).is_loopback] == []


def test_sigterm_of_any_rank_saves_once(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect both ranks to end and one checkpoint to be there, when the launcher is asked to stop
    and when the second rank alone is; the exit code says that it was saved."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        assert saved_step(bandit) == 1
        learner.start()
        until(
            lambda: (r := learner_report(bandit.client, bandit.keys)) is not None and r.epoch == 2,
            seconds=120,
            what="the second learner's report",
        )
        train(bandit, 1)
        rank_process(learner, 1).send_signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
    assert saved_step(bandit) == 2
    assert read_ledger(bandit.client, bandit.keys).trained == bandit.produced


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_dies_ends_the_others(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path, rank: int
) -> None:
    """Expect no rank to live on, and the other to say in a sentence why it ended."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        other = rank_process(learner, 1 - rank)
        rank_process(learner, rank).kill()
        assert learner.exit_code(seconds=60) not in (0, 2, 75)
        until(lambda: not other.is_running(), seconds=30, what="the end of the other rank")
    said = learner.log.read_text()
    assert "another rank has ended" in said
    assert "Traceback" not in said


def test_ranks_end_with_their_launcher(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect both ranks to end when the process that stands for them is killed."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        ranks = [rank_process(learner, 0), rank_process(learner, 1)]
        learner.kill()
        for each in ranks:
            until(lambda p=each: not p.is_running(), seconds=30, what="the end of a rank")


def test_torchrun_starts_the_ranks_as_well(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect the same learner under torchrun, which ends with 0 after a flush."""
    learner = LearnerProcess(config, redis_server.url_of("learner"), tmp_path, launcher=TORCHRUN)
    learner.start()
    try:
        wait_for_weights(bandit)
        train(bandit, 2)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    finally:
        learner.kill()
    assert saved_step(bandit) == 2
    assert read_ledger(bandit.client, bandit.keys).closes
