"""A learner that is asked to end, or whose storage fails: what it saves, and resumes from."""

from __future__ import annotations

import signal
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from trainingrun_contracts.run_config import RunConfig

from testkit.roles.bandit_run import bandit_config, train, wait_for_weights
from testkit.roles.learner_process import (
    Bandit,
    LearnerProcess,
    learner_process,
    learner_report,
    notice_reasons,
)
from testkit.roles.stops import ForkedLearner
from testkit.servers.instance_metadata import InstanceMetadataServer
from testkit.servers.redis_server import RedisServer
from testkit.servers.s3_server import S3Server
from testkit.servers.small_disk import fill_up, small_file_system
from testkit.waiting import until


def changed(config: RunConfig, **changes: object) -> RunConfig:
    """The configuration with other checkpoint settings."""
    checkpoint = msgspec.structs.replace(config.checkpoint, **changes)
    return msgspec.structs.replace(config, checkpoint=checkpoint)


def has_said(bandit: Bandit, reason: str) -> None:
    """Wait for a notice."""
    until(lambda: reason in notice_reasons(bandit.client, bandit.keys), seconds=60, what=reason)


def wait_for_learner(bandit: Bandit, learner: LearnerProcess, *, epoch: int) -> None:
    """Wait until the learner of this epoch has reported."""

    def is_there() -> bool:
        report = learner_report(bandit.client, bandit.keys)
        return report is not None and report.epoch == epoch

    until(is_there, seconds=120, what=f"epoch {epoch}")
    assert learner.is_running


def test_a_spot_notice_saves_at_once(
    redis_server: RedisServer, bandit: Bandit, tmp_path: Path
) -> None:
    """Expect a checkpoint and a notice without any other reason, and training to continue."""
    storage = tmp_path / "checkpoints"
    config = changed(bandit_config(storage.as_uri()), spot_notice=True)
    with InstanceMetadataServer() as metadata:
        address = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint}
        with learner_process(
            config, redis_server.url_of("learner"), tmp_path, **address
        ) as learner:
            wait_for_weights(bandit)
            train(bandit, 1)
            assert not list(storage.glob("bandit-*"))
            metadata.give_notice("terminate", at=datetime.now(tz=UTC) + timedelta(minutes=2))
            saved = storage / "bandit-0000000001" / "manifest.json"
            until(saved.exists, seconds=30, what="the checkpoint of the notice")
            train(bandit, 1)
            has_said(bandit, "SpotNotice")
            learner.signal(signal.SIGTERM)
            assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
    assert (storage / "bandit-0000000002" / "manifest.json").exists()


def test_a_learner_whose_machine_goes_ends_before_it(
    redis_server: RedisServer, bandit: Bandit, tmp_path: Path
) -> None:
    """Expect an end half a minute before the announced moment, without a signal: saved, with the
    exit code of one that was asked to; one that starts on the same machine ends again; one that
    starts elsewhere continues from what was saved, and what was queued is there for it."""
    storage = tmp_path / "checkpoints"
    config = changed(bandit_config(storage.as_uri()), spot_notice=True)
    with InstanceMetadataServer() as metadata:
        address = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint}
        with learner_process(
            config, redis_server.url_of("learner"), tmp_path, **address
        ) as learner:
            wait_for_weights(bandit)
            train(bandit, 1)
            metadata.give_notice("terminate", at=datetime.now(tz=UTC) + timedelta(seconds=29))
            assert learner.exit_code(seconds=25) == 75, learner.log.read_text()
        assert (storage / "bandit-0000000001" / "manifest.json").exists()
        bandit.produce(2)
        with learner_process(
            config, redis_server.url_of("learner"), tmp_path, **address
        ) as learner:
            assert learner.exit_code(seconds=60) == 75, learner.log.read_text()
    with learner_process(bandit_config(storage.as_uri()), redis_server.url_of("learner"), tmp_path):
        wait_for_weights(bandit)
        train(bandit, 1)
        wait_for_weights(bandit, version=2)


def test_a_wish_saves_at_once_and_once(
    redis_server: RedisServer, bandit: Bandit, tmp_path: Path
) -> None:
    """Expect a checkpoint of the newest weights without any other reason, and none for a request
    that was followed, nor for one where nothing is new."""
    storage = tmp_path / "checkpoints"
    with learner_process(
        bandit_config(storage.as_uri()), redis_server.url_of("learner"), tmp_path
    ) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        assert not list(storage.glob("bandit-*"))
        bandit.client.set(bandit.keys.checkpoint_request, "first")
        saved = storage / "bandit-0000000001" / "manifest.json"
        until(saved.exists, seconds=30, what="the checkpoint that was asked for")
        train(bandit, 1)
        assert len(list(storage.glob("bandit-*"))) == 1
        bandit.client.set(bandit.keys.checkpoint_request, "second")
        newer = storage / "bandit-0000000002" / "manifest.json"
        until(newer.exists, seconds=30, what="the second one")
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
    assert len(list(storage.glob("bandit-*"))) == 2


def test_training_goes_on_when_the_bucket_goes(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect a plain reason, updates meanwhile, a copy on this machine, and a restart from it with
    the server still away."""
    bucket, cache = s3.create_bucket("checkpoints"), tmp_path / "cache"
    config = changed(
        bandit_config(f"s3://{bucket}/run", endpoint_url=s3.endpoint), cache=str(cache)
    )
    with learner_process(
        config, redis_server.url_of("learner"), tmp_path, **s3.environment()
    ) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        s3.stop()
        train(bandit, 1)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        assert "CheckpointStorageUnreachable" in notice_reasons(bandit.client, bandit.keys)
        assert (cache / "bandit-0000000002" / "manifest.json").exists()
        learner.start()
        wait_for_learner(bandit, learner, epoch=2)
        train(bandit, 1)
        s3.start()
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
    report = learner_report(bandit.client, bandit.keys)
    assert report is not None
    assert report.checkpoint is not None
    assert report.checkpoint.uri == f"s3://{bucket}/run/bandit-0000000003"


def test_takes_the_newer_of_machine_and_bucket(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect the bucket's copy with an event when the machine's newest is damaged."""
    bucket, cache = s3.create_bucket("checkpoints"), tmp_path / "cache"
    config = changed(
        bandit_config(f"s3://{bucket}/run", endpoint_url=s3.endpoint), cache=str(cache)
    )
    with learner_process(
        config, redis_server.url_of("learner"), tmp_path, **s3.environment()
    ) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        model = cache / "bandit-0000000001" / "model.safetensors"
        model.write_bytes(model.read_bytes()[:-1])
        learner.start()
        wait_for_learner(bandit, learner, epoch=2)
        has_said(bandit, "CheckpointSkipped")
    report = learner_report(bandit.client, bandit.keys)
    assert report is not None
    assert report.version == 1
    assert report.checkpoint is not None
    assert report.checkpoint.uri.startswith("s3://")


def test_disk_fills_up(redis_server: RedisServer, bandit: Bandit, tmp_path: Path) -> None:
    """Expect a plain reason, updates meanwhile, and a checkpoint when there is room again."""
    with small_file_system(tmp_path / "small", megabytes=24) as disk:
        config = changed(bandit_config(disk.as_uri()), interval_games=1)
        learner = ForkedLearner(config, redis_server.url_of("learner"), tmp_path)
        with closing(learner):
            learner.start()
            wait_for_weights(bandit)
            filler = fill_up(disk)
            bandit.client.hincrby(bandit.keys.games, "played", 5)
            train(bandit, 1)
            has_said(bandit, "CheckpointStorageFull")
            train(bandit, 2)
            assert learner.is_running
            filler.unlink()
            learner.signal(signal.SIGTERM)
            assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        assert "Traceback" not in learner.log.read_text()
        assert (disk / "bandit-0000000003" / "manifest.json").exists()
