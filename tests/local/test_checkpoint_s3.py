"""Checkpoints in a real S3 server that is killed, emptied, filled up or turns the keys down."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from boto3.session import Session
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.checkpoint.archive import CheckpointArchive, Retention
from trainingrun_trainer.checkpoint.manifest import (
    FORMAT,
    Checkpoint,
    Manifest,
    Progress,
    sum_of,
)
from trainingrun_trainer.checkpoint.s3 import S3Store
from trainingrun_trainer.checkpoint.store import StorageError, StorageRefused

from testkit.servers.held_upload import last_part_held
from testkit.servers.s3_server import REGION, S3Server
from testkit.servers.small_disk import small_file_system
from testkit.waiting import until

MEGA = 1024 * 1024
MODEL = "model.safetensors"


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """A bucket in it."""
    return s3.create_bucket("checkpoints")


def session_of(s3: S3Server, *, access_key: str | None = None) -> Session:
    """A session with the server's keys, or with another one."""
    return Session(access_key or s3.access_key, s3.secret_key, region_name=REGION)


def archive_at(s3: S3Server, storage: str, *, session: Session | None = None) -> CheckpointArchive:
    """An archive of the run ``r`` that uses the server with its keys, or with a session's."""
    session = session or session_of(s3)
    store = S3Store(storage, endpoint_url=s3.endpoint, session=session)
    return CheckpointArchive(store, run="r", retention=Retention(keep=2))


def checkpoint_of(step: int, *, size: int = 100) -> Checkpoint:
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


def failure_of(archive: CheckpointArchive, checkpoint: Checkpoint) -> StorageError:
    """What saving fails with."""
    with pytest.raises(StorageError) as caught:
        archive.save(checkpoint)
    return caught.value


def test_large_files_go_up_in_parts(s3: S3Server, bucket: str) -> None:
    """Expect parts, each with a SHA-256 that the server has checked, and the same bytes back."""
    archive = archive_at(s3, f"s3://{bucket}/team")
    archive.check()
    saved = checkpoint_of(1, size=20 * MEGA)
    uri = archive.save(saved)
    assert uri == f"s3://{bucket}/team/r-0000000001"
    found = archive.newest_valid().checkpoint
    assert found is not None
    assert found.files == saved.files
    head: Any = s3.client().head_object(
        Bucket=bucket, Key=f"team/r-0000000001/{MODEL}", ChecksumMode="ENABLED"
    )
    assert head["ETag"].strip('"').endswith("-3")
    assert head["ChecksumSHA256"].endswith("-3")


def test_keeps_the_newest(s3: S3Server, bucket: str) -> None:
    """Expect two checkpoints to stay, and remains without a manifest to be cleared."""
    archive = archive_at(s3, f"s3://{bucket}")
    for step in (1, 2, 3, 4):
        archive.save(checkpoint_of(step))
        if step == 2:
            key = "r-0000000002/manifest.json"
            s3.client().delete_object(Bucket=bucket, Key=key)
    archive.tidy()
    assert [entry.name for entry in archive.entries()] == ["r-0000000004", "r-0000000003"]


def test_server_killed_during_an_upload(s3: S3Server, bucket: str) -> None:
    """Expect a failed save, no torn checkpoint to be seen, and the older one to be the newest."""
    session, size = session_of(s3), 192 * MEGA
    failures: list[str] = []

    def upload() -> None:
        failures.append(failure_of(archive, checkpoint_of(2, size=size)).reason)

    with last_part_held(session, size=size):
        archive = archive_at(s3, f"s3://{bucket}/team", session=session)
        archive.save(checkpoint_of(1))
        thread = threading.Thread(target=upload)
        thread.start()
        until(lambda: has_parts(s3, bucket), seconds=60, what="the first part")
        s3.stop()
    thread.join(timeout=120)
    assert failures == ["CheckpointStorageUnreachable"]
    s3.start()
    found = archive.newest_valid()
    assert found.checkpoint is not None
    assert found.checkpoint.manifest.progress.step == 1
    assert found.skipped == ()


def has_parts(s3: S3Server, bucket: str) -> bool:
    """Whether an upload in parts has begun."""
    return bool(s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads"))


def test_remains_of_a_killed_upload_are_swept(s3: S3Server, bucket: str) -> None:
    """Expect the parts of this run's cut-off upload to go at the next start, and others to stay."""
    client = s3.client()
    for key in (f"team/r-0000000007/{MODEL}", f"team/r-two-0000000007/{MODEL}"):
        upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x" * 9)
    archive_at(s3, f"s3://{bucket}/team").check()
    left = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [each["Key"] for each in left] == [f"team/r-two-0000000007/{MODEL}"]


def test_bucket_vanishes(s3: S3Server, bucket: str) -> None:
    """Expect a sentence with the bucket's name."""
    archive = archive_at(s3, f"s3://{bucket}")
    archive.check()
    s3.client().delete_bucket(Bucket=bucket)
    failure = failure_of(archive, checkpoint_of(1, size=20 * MEGA))
    assert failure.reason == "CheckpointBucketMissing"
    assert f"there is no bucket {bucket}" in str(failure)


@pytest.mark.parametrize("size", [100, 20 * MEGA])
def test_keys_are_turned_down(s3: S3Server, bucket: str, size: int) -> None:
    """Expect a sentence about the credentials, for small files and for parts."""
    archive = archive_at(s3, f"s3://{bucket}", session=session_of(s3, access_key="nobody"))
    failure = failure_of(archive, checkpoint_of(1, size=size))
    assert failure.reason == "CheckpointStorageDenied"
    assert "access denied" in str(failure)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "no credentials: set AWS_ACCESS_KEY_ID"),
        ({"AWS_ACCESS_KEY_ID": "key"}, "missing: AWS_SECRET_ACCESS_KEY"),
        ({"AWS_PROFILE": "nobody"}, r"The config profile \(nobody\) could not be found"),
        (
            {"AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/not/there"},
            "No such file or directory: '/not/there'",
        ),
    ],
)
def test_nobody_says_who_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], told: str
) -> None:
    """Expect a refusal for good, before a server is asked, that names the variables to set."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    none = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    for name, value in {**none, **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageRefused, match=told) as caught:
        S3Store("s3://bucket/run", endpoint_url="http://127.0.0.1:1").check()
    assert caught.value.reason == "CheckpointStorageDenied"
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in str(caught.value)


def test_who_gives_credentials_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect a failure that passes: the machine's own service may be there a moment later."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/credentials")
    with pytest.raises(StorageError, match="no credentials now") as caught:
        S3Store("s3://bucket/run", endpoint_url="http://127.0.0.1:1").check()
    assert caught.value.exit_code is ExitCode.UNREACHABLE


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes, where this user may mount one."""
    with small_file_system(tmp_path / "small", megabytes=4) as folder:
        yield folder


def test_bucket_fills_up(small_disk: Path) -> None:
    """Expect a failed save that leaves the older checkpoint to be the newest, and nothing torn."""
    with S3Server(small_disk) as s3:
        bucket = s3.create_bucket("checkpoints")
        archive = archive_at(s3, f"s3://{bucket}")
        archive.save(checkpoint_of(1))
        failure = failure_of(archive, checkpoint_of(2, size=20 * MEGA))
        found = archive.newest_valid()
    assert failure.reason == "CheckpointStorageFull", str(failure)
    assert found.checkpoint is not None
    assert found.checkpoint.manifest.progress.step == 1
