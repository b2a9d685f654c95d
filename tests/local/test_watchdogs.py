"""Roles that no one needs end by themselves, with a sentence and a code that is not 0."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from trainingrun_contracts import reports, run_config
from trainingrun_contracts.reports import ActorState
from trainingrun_contracts.stream.keys import Keys

from testkit.roles.bandit_run import bandit_config, train, wait_for_weights
from testkit.roles.learner_process import Bandit, learner_report, notice_reasons
from testkit.servers.redis_server import RedisServer
from testkit.tree import TESTKIT
from testkit.waiting import until

ROLES = TESTKIT / "roles"
KEYS = Keys("bandit-1")
USERS = {"play": "actor", "evaluate": "evaluator"}


@contextmanager
def _role(
    program: str, *words: str, url: str, folder: Path, seconds: float
) -> Iterator[subprocess.Popen[str]]:
    """A role that waits this long for what it needs; killed at the end."""
    document = folder / "run.json"
    config = bandit_config((folder / "checkpoints").as_uri())
    document.write_bytes(run_config.encode(config))
    process = subprocess.Popen(
        [sys.executable, ROLES / program, str(seconds), *words],
        env={
            **os.environ,
            run_config.CONFIG_VARIABLE: str(document),
            run_config.REDIS_URL_VARIABLE: url,
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("role", ["play", "evaluate"])
def test_an_actor_without_weights_ends(
    role: str, redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Exit code 1; the sentence has Redis' address, the key, what it is and where to look; the run
    is told."""
    with _role(
        "impatient_actor.py",
        role,
        url=redis_server.url_of(USERS[role]),
        folder=tmp_path,
        seconds=1.5,
    ) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    last = said.strip().splitlines()[-1]
    assert f"127.0.0.1:{redis_server.port}" in last
    assert KEYS.weights in last
    assert "pointer to the newest weights" in last
    assert "see whether the learner runs" in last
    assert "Traceback" not in said
    assert notice_reasons(redis_client, KEYS) == ["WeightsMissing"]


def test_a_learner_without_data_and_actors_saves_and_ends(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Exit code 69 with a sentence; what was trained until then is in a checkpoint."""
    bandit = Bandit(redis_client, KEYS.run_id)
    with _role(
        "impatient_learner.py", url=redis_server.url_of("learner"), folder=tmp_path, seconds=5
    ) as process:
        wait_for_weights(bandit)
        train(bandit, 2)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 69, said
    last = said.strip().splitlines()[-1]
    assert last.startswith("trainingrun-learner: no rollouts came for ")
    assert "the state is saved" in last
    assert "Traceback" not in said
    report = learner_report(redis_client, KEYS)
    assert report is not None
    assert report.checkpoint is not None
    assert report.checkpoint.step == 2
    assert notice_reasons(redis_client, KEYS) == ["NoData"]


def test_a_learner_waits_for_data_while_an_actor_lives(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """A report that changes is a sign of life, whatever its clock says; then the end comes."""
    bandit = Bandit(redis_client, KEYS.run_id)
    said = 0

    def report() -> bool:
        nonlocal said
        said += 1
        told = reports.ActorReport(
            member="actor-0",
            at=float(said),
            state=ActorState.PLAYING,
            running=0,
            games=0,
            decisions=0,
            transitions=0,
            paused_seconds=0.0,
            spooled=0,
            weights_version=0,
            weights_publish=0,
        )
        reports.queue_report(redis_client, KEYS, told)
        return said > 60 or process.poll() is not None

    with _role(
        "impatient_learner.py", url=redis_server.url_of("learner"), folder=tmp_path, seconds=2
    ) as process:
        wait_for_weights(bandit)
        until(report, seconds=60, what="six seconds of life", every=0.1)
        assert process.poll() is None
        assert process.wait(timeout=60) == 69
