"""The store on S3 and what speaks its API. Credentials come from the usual ``AWS_*`` variables.

Objects have no rename; the manifest is put last instead, and a checkpoint without one is not there.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from trainingrun_trainer.checkpoint.manifest import MANIFEST_FILE
from trainingrun_trainer.checkpoint.store import FileMissing, StorageError

_PROBE: Final = ".writable"
_MISSING: Final = {"NoSuchKey", "404", "NotFound"}
_DENIED: Final = {
    "AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch",
    "ExpiredToken", "InvalidToken", "AllAccessDisabled",
}  # fmt: skip


class S3Store:
    """Checkpoints as objects ``PREFIX/NAME/FILE`` of one bucket."""

    def __init__(self, storage: str, *, endpoint_url: str | None) -> None:
        parts = urlsplit(storage)
        if parts.scheme != "s3" or not parts.netloc:
            raise StorageError(
                "CheckpointStorageInvalid",
                f"checkpoint storage {storage}: give file:///directory or s3://bucket/prefix",
            )
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        self._where = f"{storage} at {endpoint_url}" if endpoint_url else storage
        try:
            self._s3: Any = boto3.client("s3", endpoint_url=endpoint_url, config=_client_config())
        except (BotoCoreError, ValueError) as error:
            raise self._translated(error) from error

    def check(self) -> None:
        """See CheckpointStore."""
        self.names()
        key = f"{self._prefix}{_PROBE}"
        self._call("put_object", Key=key, Body=b"")
        self._call("delete_object", Key=key)

    def names(self) -> list[str]:
        """See CheckpointStore."""
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            reply = self._call("list_objects_v2", Prefix=self._prefix, Delimiter="/", **token)
            for group in reply.get("CommonPrefixes", []):
                found.append(group["Prefix"][len(self._prefix) :].rstrip("/"))
            if not reply.get("IsTruncated"):
                return found
            token = {"ContinuationToken": reply["NextContinuationToken"]}

    def read(self, name: str, file: str) -> bytes:
        """See CheckpointStore."""
        reply = self._call("get_object", Key=self._key(name, file))
        try:
            content: bytes = reply["Body"].read()
        except BotoCoreError as error:
            raise self._translated(error) from error
        return content

    def write(self, name: str, files: dict[str, bytes]) -> None:
        """See CheckpointStore."""
        for file in sorted(files, key=lambda file: file == MANIFEST_FILE):
            self._call("put_object", Key=self._key(name, file), Body=files[file])

    def remove(self, name: str) -> None:
        """See CheckpointStore; the manifest goes first, so that no torn checkpoint is seen."""
        prefix = f"{self._prefix}{name}/"
        reply = self._call("list_objects_v2", Prefix=prefix)
        keys = [item["Key"] for item in reply.get("Contents", [])]
        for key in sorted(keys, key=lambda key: not key.endswith(f"/{MANIFEST_FILE}")):
            self._call("delete_object", Key=key)

    def uri(self, name: str) -> str:
        """See CheckpointStore."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def _key(self, name: str, file: str) -> str:
        return f"{self._prefix}{name}/{file}"

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._s3, operation)(Bucket=self._bucket, **arguments)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and _code(error) in _MISSING:
                raise FileMissing(f"{arguments.get('Key')} is missing") from error
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> StorageError:
        """The one place where errors of boto3 become ours."""
        where = f"checkpoint storage {self._where}"
        if isinstance(error, NoCredentialsError):
            return StorageError(
                "CheckpointStorageDenied",
                f"{where}: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        if isinstance(error, ClientError):
            code = _code(error)
            if code == "NoSuchBucket":
                return StorageError(
                    "CheckpointBucketMissing",
                    f"{where}: there is no bucket {self._bucket}: create it, or correct the name",
                )
            if code in _DENIED:
                return StorageError(
                    "CheckpointStorageDenied",
                    f"{where}: access denied ({code}): check the credentials and their rights to"
                    " list, read and write there",
                )
            return StorageError("CheckpointStorageUnusable", f"{where}: {error}: check the storage")
        return StorageError(
            "CheckpointStorageUnreachable",
            f"{where}: {error}: check the endpoint and the network",
        )


def _client_config() -> Config:
    return Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "path"},
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
