"""The learner with its checkpoints in a real S3 server."""

from __future__ import annotations

import signal
from pathlib import Path

from trainingrun_contracts.exit_codes import ExitCode

from testkit.roles.bandit_run import bandit_config, train, wait_for_weights
from testkit.roles.learner_process import Bandit, learner_process, learner_report, notice_reasons
from testkit.servers.redis_server import RedisServer
from testkit.servers.s3_server import S3Server
from testkit.waiting import until


def test_resumes_from_s3(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect a checkpoint to be uploaded on SIGTERM and taken up at the next start."""
    bucket = s3.create_bucket("checkpoints")
    config = bandit_config(f"s3://{bucket}/team/run", endpoint_url=s3.endpoint)
    with learner_process(
        config, redis_server.url_of("learner"), tmp_path, **s3.environment()
    ) as learner:
        wait_for_weights(bandit)
        train(bandit, 2)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        learner.start()
        until(
            lambda: (r := learner_report(bandit.client, bandit.keys)) is not None and r.epoch == 2,
            seconds=120,
            what="the second learner's report",
        )
    report = learner_report(bandit.client, bandit.keys)
    assert report is not None
    assert report.version == 2
    assert report.checkpoint is not None
    assert report.checkpoint.uri == f"s3://{bucket}/team/run/bandit-0000000002"


def test_missing_bucket(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect a sentence that names the bucket, a notice and the exit code of what is gone."""
    config = bandit_config("s3://nowhere/run", endpoint_url=s3.endpoint)
    with learner_process(
        config, redis_server.url_of("learner"), tmp_path, **s3.environment()
    ) as learner:
        assert learner.exit_code(seconds=120) == ExitCode.GONE
    assert "there is no bucket nowhere" in learner.log.read_text().splitlines()[-1]
    assert notice_reasons(bandit.client, bandit.keys) == ["CheckpointBucketMissing"]


def test_refused_credentials(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect a sentence about the credentials, a notice and exit code 2."""
    bucket = s3.create_bucket("checkpoints")
    config = bandit_config(f"s3://{bucket}/run", endpoint_url=s3.endpoint)
    wrong = {**s3.environment(), "AWS_SECRET_ACCESS_KEY": "wrong"}
    with learner_process(config, redis_server.url_of("learner"), tmp_path, **wrong) as learner:
        assert learner.exit_code(seconds=120) == 2
    assert "access denied" in learner.log.read_text().splitlines()[-1]
    assert notice_reasons(bandit.client, bandit.keys) == ["CheckpointStorageDenied"]


def test_outage_of_s3_does_not_stop_training(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect a notice when a checkpoint cannot be uploaded, and training to have gone on."""
    bucket = s3.create_bucket("checkpoints")
    config = bandit_config(f"s3://{bucket}/run", endpoint_url=s3.endpoint)
    with learner_process(
        config, redis_server.url_of("learner"), tmp_path, **s3.environment()
    ) as learner:
        wait_for_weights(bandit)
        s3.stop()
        train(bandit, 2)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
    assert "CheckpointStorageUnreachable" in notice_reasons(bandit.client, bandit.keys)
