"""A bucket that turns the learner away while it trains: training continues, and what was not saved
is saved when the bucket is back."""

from __future__ import annotations

import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec
import pytest
from boto3.session import Session
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.checkpoint.archive import CheckpointArchive, Retention
from trainingrun_trainer.checkpoint.manifest import FORMAT, Checkpoint, Manifest, Progress, sum_of
from trainingrun_trainer.checkpoint.s3 import S3Store
from trainingrun_trainer.checkpoint.store import StorageError

from testkit.roles.bandit_run import bandit_config, train, wait_for_weights
from testkit.roles.learner_process import Bandit, learner_process, notice_reasons
from testkit.servers.held_upload import last_part_held
from testkit.servers.redis_server import RedisServer
from testkit.servers.s3_server import REGION, S3Server
from testkit.servers.small_disk import fill_up, small_file_system
from testkit.waiting import until

MEGA = 1024 * 1024
SIZE = 192 * MEGA
BUCKET = "checkpoints"
MODEL = "model.safetensors"


@contextmanager
def denied(s3: S3Server, _: Path) -> Iterator[None]:
    """The learner's secret key holds no longer."""
    good = s3.secret_key
    s3.stop()
    s3.secret_key = secrets.token_hex(16)
    s3.start()
    yield
    s3.stop()
    s3.secret_key = good
    s3.start()


@contextmanager
def vanished(s3: S3Server, _: Path) -> Iterator[None]:
    """The bucket is gone with all that was in it."""
    shutil.rmtree(s3.data / BUCKET)
    yield
    s3.create_bucket(BUCKET)


@contextmanager
def full(_: S3Server, disk: Path) -> Iterator[None]:
    """The server has no room left."""
    filler = fill_up(disk)
    yield
    filler.unlink()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (denied, "CheckpointStorageDenied"),
        (vanished, "CheckpointBucketMissing"),
        (full, "CheckpointStorageFull"),
    ],
)
def test_training_goes_on_without_the_bucket(
    redis_server: RedisServer,
    bandit: Bandit,
    tmp_path: Path,
    fault: Callable[[S3Server, Path], AbstractContextManager[None]],
    reason: str,
) -> None:
    """Expect a notice with the reason, updates meanwhile, a checkpoint in the bucket at the end,
    and no traceback."""
    with small_file_system(tmp_path / "small", megabytes=48) as disk, S3Server(disk) as s3:
        bucket = s3.create_bucket(BUCKET)
        config = bandit_config(f"s3://{bucket}/run", endpoint_url=s3.endpoint)
        checkpoint = msgspec.structs.replace(config.checkpoint, interval_games=1)
        config = msgspec.structs.replace(config, checkpoint=checkpoint)
        with learner_process(
            config, redis_server.url_of("learner"), tmp_path, **s3.environment()
        ) as learner:
            wait_for_weights(bandit)
            with fault(s3, disk):
                bandit.client.hincrby(bandit.keys.games, "played", 5)
                train(bandit, 1)
                until(
                    lambda: reason in notice_reasons(bandit.client, bandit.keys),
                    seconds=90,
                    what=reason,
                )
                train(bandit, 2)
                assert learner.is_running
            learner.signal(signal.SIGTERM)
            assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        assert "Traceback" not in learner.log.read_text()
        found = s3.client().list_objects_v2(Bucket=bucket, Prefix="run/bandit-0000000003/")
        assert "run/bandit-0000000003/manifest.json" in [each["Key"] for each in found["Contents"]]


def test_bucket_vanishes_during_an_upload(tmp_path: Path) -> None:
    """Expect a failed save with the bucket's name, and a save that works once it is back."""
    with S3Server(tmp_path / "s3") as s3:
        s3.create_bucket(BUCKET)
        session = Session(s3.access_key, s3.secret_key, region_name=REGION)
        failures: list[StorageError] = []

        def upload() -> None:
            try:
                archive.save(checkpoint_of(1, size=SIZE))
            except StorageError as error:
                failures.append(error)

        with last_part_held(session, size=SIZE):
            store = S3Store(f"s3://{BUCKET}/team", endpoint_url=s3.endpoint, session=session)
            archive = CheckpointArchive(store, run="r", retention=Retention(keep=2))
            thread = threading.Thread(target=upload)
            thread.start()
            until(lambda: has_parts(s3), seconds=60, what="the first part")
            (s3.data / BUCKET).rename(tmp_path / "gone")
        thread.join(timeout=300)
        assert not thread.is_alive(), "the upload neither failed nor succeeded"
        # A part on its way may bring an empty bucket back: then the upload is what is lost.
        assert len(failures) == 1
        assert failures[0].reason in ("CheckpointBucketMissing", "CheckpointStorageUnusable")
        assert BUCKET in str(failures[0])
        shutil.rmtree(s3.data / BUCKET, ignore_errors=True)
        s3.create_bucket(BUCKET)
        archive.save(checkpoint_of(2, size=MEGA))
        assert [entry.name for entry in archive.entries()] == ["r-0000000002"]


def has_parts(s3: S3Server) -> bool:
    """Whether a part of an upload is stored.

    An upload that has begun is not enough: the first part may bring an empty bucket back, and with
    all parts in it the upload succeeds.
    """
    client = s3.client()
    uploads = client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return any(
        client.list_parts(Bucket=BUCKET, Key=each["Key"], UploadId=each["UploadId"]).get("Parts")
        for each in uploads
    )


def checkpoint_of(step: int, *, size: int) -> Checkpoint:
    """A checkpoint whose model has this many bytes."""
    files = {MODEL: bytes([step]) * size}
    manifest = Manifest(
        format=FORMAT,
        run="r",
        run_id="r-1",
        schema_hash=SPEC.schema_hash,
        saved_at=1000.0 + step,
        progress=Progress(step=step),
        files={name: sum_of(each) for name, each in files.items()},
        config=msgspec.Raw(b"{}"),
        libraries={},
    )
    return Checkpoint(manifest, files)
