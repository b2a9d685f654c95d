"""What a learner cannot reach at its start, or does not recover from: which end it takes."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import PpoConfig, ResumeFromConfig, RunConfig

from testkit.roles.bandit_run import BATCH, bandit_config, set_intent, train, wait_for_weights
from testkit.roles.learner_process import (
    Bandit,
    LearnerProcess,
    learner_process,
    learner_report,
    notice_reasons,
)
from testkit.servers.lying_server import lying_server
from testkit.servers.redis_server import RedisServer
from testkit.servers.s3_server import S3Server
from testkit.tree import TESTKIT
from testkit.waiting import until

IMPATIENT = TESTKIT / "roles" / "impatient_learner.py"


def has_said(bandit: Bandit, reason: str, *, times: int = 1) -> None:
    """Wait for a notice."""
    until(
        lambda: notice_reasons(bandit.client, bandit.keys).count(reason) >= times,
        seconds=300,
        what=reason,
    )


def test_waits_for_a_bucket_that_does_not_answer_yet(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect the reason to be reported, signs of life meanwhile, and training once the server is
    there: never an end for good."""
    bucket = s3.create_bucket("checkpoints")
    config = bandit_config(f"s3://{bucket}/run", endpoint_url=s3.endpoint)
    s3.stop()
    with learner_process(
        config, redis_server.url_of("learner"), tmp_path, **s3.environment()
    ) as learner:
        has_said(bandit, "CheckpointStorageUnreachable")
        until((tmp_path / "health").exists, seconds=300, what="a sign of life")
        assert learner.is_running
        s3.start()
        wait_for_weights(bandit)
        assert learner.is_running


def impatient(config: RunConfig, url: str, folder: Path, **environment: str) -> LearnerProcess:
    """A learner that waits a second for what does not answer."""
    return LearnerProcess(config, url, folder, environment, program=(str(IMPATIENT), "1"))


def test_a_bucket_that_never_answers_is_no_end_for_good(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect the code that lets the learner be started again."""
    bucket = s3.create_bucket("checkpoints")
    config = bandit_config(f"s3://{bucket}/run", endpoint_url=s3.endpoint)
    s3.stop()
    learner = impatient(config, redis_server.url_of("learner"), tmp_path, **s3.environment())
    learner.start()
    assert learner.exit_code(seconds=300) == ExitCode.UNREACHABLE, learner.log.read_text()
    assert notice_reasons(bandit.client, bandit.keys) == ["CheckpointStorageUnreachable"]


def test_a_redis_that_never_answers_is_no_end_for_good(tmp_path: Path) -> None:
    """Expect the same of a port on which nothing listens."""
    learner = impatient(bandit_config(tmp_path.as_uri()), "redis://127.0.0.1:1/0", tmp_path)
    learner.start()
    assert learner.exit_code(seconds=300) == ExitCode.UNREACHABLE, learner.log.read_text()


def test_the_first_signal_ends_a_start_that_waits_for_a_bucket(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """Expect an orderly end at once, in the midst of a request that would take half a minute, and
    be made again."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        config = bandit_config("s3://bucket/run", endpoint_url=endpoint)
        rights = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        with learner_process(config, redis_server.url_of("learner"), tmp_path, **rights) as learner:
            silent.settimeout(300)
            connection, _ = silent.accept()
            with connection:
                learner.signal(signal.SIGTERM)
                assert learner.exit_code(seconds=20) == ExitCode.INTERRUPTED
        assert "Traceback" not in learner.log.read_text()


def test_an_environment_that_is_not_installed_is_an_end_for_good(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """Expect the code of a wrong configuration, with its name and what there is."""
    config = msgspec.structs.replace(bandit_config(tmp_path.as_uri()), environment=BuiltIn("chess"))
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        assert learner.exit_code(seconds=300) == ExitCode.WRONG, learner.log.read_text()
        said = learner.log.read_text().splitlines()[-1]
    assert said.startswith("trainingrun-learner: no environment is called 'chess': installed are")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"network": Network("deep")}, "no network is called 'deep': installed are mlp,"),
        ({"ppo": PpoConfig(loss="soft")}, "no loss is called 'soft': installed are ppo;"),
    ],
)
def test_a_part_that_is_not_installed_is_an_end_for_good(
    redis_server: RedisServer, tmp_path: Path, part: dict[str, Any], said: str
) -> None:
    """Expect the code of a wrong configuration, with its name and what there is."""
    config = bandit_config(tmp_path.as_uri())
    learner_config = msgspec.structs.replace(config.learner, **part)
    config = msgspec.structs.replace(config, learner=learner_config)
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        assert learner.exit_code(seconds=300) == ExitCode.WRONG, learner.log.read_text()
        line = learner.log.read_text().splitlines()[-1]
    assert line.startswith(f"trainingrun-learner: {said}")


def test_the_first_signal_ends_a_start_that_waits_for_redis(tmp_path: Path) -> None:
    """Expect the same of a Redis that accepts, and then says nothing."""
    with (
        lying_server(lambda _command: None) as redis,
        learner_process(bandit_config(tmp_path.as_uri()), redis.url, tmp_path) as learner,
    ):
        until(lambda: bool(redis.commands), seconds=300, what="a question that waits")
        learner.signal(signal.SIGINT)
        assert learner.exit_code(seconds=20) == ExitCode.INTERRUPTED
    assert "Traceback" not in learner.log.read_text()


def test_a_flushed_run_waits_for_its_storage(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect the last checkpoint to be written again and again, until the server is back."""
    bucket = s3.create_bucket("checkpoints")
    config = bandit_config(f"s3://{bucket}/run", endpoint_url=s3.endpoint)
    with learner_process(
        config, redis_server.url_of("learner"), tmp_path, **s3.environment()
    ) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        s3.stop()
        set_intent(bandit, Intent.FLUSH)
        has_said(bandit, "CheckpointStorageUnreachable", times=2)
        assert learner.is_running
        s3.start()
        assert learner.exit_code(seconds=300) == ExitCode.DONE, learner.log.read_text()


def test_weights_that_do_not_recover_fail_the_run(
    redis_server: RedisServer, bandit: Bandit, tmp_path: Path
) -> None:
    """Expect a learner whose steps overflow to go back to its checkpoint, twice, and then to end
    with the code of it: never silence, and never such weights in a checkpoint."""
    storage = tmp_path / "checkpoints"
    config = bandit_config(storage.as_uri())
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        sample = bandit.segment(publish=500)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=300) == ExitCode.DONE, learner.log.read_text()
    set_intent(bandit, Intent.RUN)
    learning = msgspec.structs.replace(config.learner, ppo=PpoConfig(learning_rate=1e37))
    broken = msgspec.structs.replace(config, learner=learning)
    for _ in range(30 * BATCH // bandit.steps):
        header = bandit.header(1, sample.header.weights_sha256)
        bandit.append(msgspec.structs.replace(sample, header=header))
    with learner_process(broken, redis_server.url_of("learner"), tmp_path) as learner:
        code = learner.exit_code(seconds=300)
        assert code == ExitCode.NON_FINITE, learner.log.read_text()
    reasons = notice_reasons(bandit.client, bandit.keys)
    assert (reasons.count("RolledBack"), reasons.count("NonFiniteWeights")) == (2, 1)
    assert [path.name for path in storage.glob("bandit-*")] == ["bandit-0000000001"]
    found = bandit.newest_weights()
    assert found is not None
    assert all(np.isfinite(tensor).all() for tensor in found[1].values())


def test_a_run_begins_with_the_weights_of_another(
    redis_server: RedisServer, bandit: Bandit, tmp_path: Path
) -> None:
    """Expect a namesake with another id to pass the first one's checkpoints over, to adopt them
    where it is asked to, to count from 0, and an end for good where what it names is not there."""
    storage = tmp_path / "checkpoints"
    config = bandit_config(storage.as_uri())
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 2)
        first = bandit.newest_weights()
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=300) == ExitCode.DONE, learner.log.read_text()
    assert first is not None
    again = Bandit(bandit.client, "bandit-2")
    source = ResumeFromConfig(storage.as_uri(), run="bandit")
    fresh = msgspec.structs.replace(config, run_id="bandit-2")
    adopting = msgspec.structs.replace(fresh, resume_from=source)
    with learner_process(adopting, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(again)
        found = again.newest_weights()
        assert found is not None
        assert found[0].version == 0
        assert all((found[1][name] == tensor).all() for name, tensor in first[1].items())
        until(
            lambda: (
                (report := learner_report(again.client, again.keys)) is not None
                and report.adopted_from == (storage / "bandit-0000000002").as_uri()
            ),
            seconds=300,
            what="the report",
        )
    missing = msgspec.structs.replace(source, run="nobody")
    wrong = msgspec.structs.replace(fresh, resume_from=missing)
    with learner_process(wrong, redis_server.url_of("learner"), tmp_path) as learner:
        assert learner.exit_code(seconds=300) == ExitCode.GONE, learner.log.read_text()
    assert "spec.resumeFrom" in learner.log.read_text().splitlines()[-1]
