"""The store on S3 and what speaks its API. Credentials come from the usual ``AWS_*`` variables,
unless a session brings others.

Objects have no rename; the manifest is put last instead, and a checkpoint without one is not there.
Files above a few megabytes go up in parts. Every part and object carries a SHA-256 that the server
checks, so that what arrives damaged is refused there and sent again. Parts of an upload that a kill
cut off are invisible but cost money: they are removed at the next start.
"""

from __future__ import annotations

import io
import re
from typing import Any, Final
from urllib.parse import urlsplit

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidConfigError,
    LoginError,
    MetadataRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)

from trainingrun_trainer.checkpoint.manifest import MANIFEST_FILE
from trainingrun_trainer.checkpoint.store import (
    FileMissing,
    StorageError,
    StorageGone,
    StorageRefused,
)

_PROBE: Final = ".writable"
_CHECKSUM: Final = "SHA256"
_PART_BYTES: Final = 8 * 1024 * 1024
_TRANSFER: Final = TransferConfig(
    multipart_threshold=_PART_BYTES,
    multipart_chunksize=_PART_BYTES,
    max_concurrency=4,
)
_MISSING: Final = {"NoSuchKey", "404", "NotFound"}
_DENIED: Final = {
    "AccessDenied",
    "403",
    "Forbidden",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AllAccessDisabled",
    "XAdminUserNotFound",
}
_EXPIRED: Final = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "RequestTimeTooSkewed"}
"""Credentials that somebody renews, or a clock that somebody sets: a later request may pass."""
_FULL: Final = {
    "QuotaExceeded",
    "XQuotaExceeded",
    "XMinioStorageFull",
    "XMinioAdminBucketQuotaExceeded",
    "InsufficientStorage",
    "InsufficientCapacity",
    "507",
}
_WITHOUT_CREDENTIALS: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ConfigNotFound,
    ConfigParseError,
    InvalidConfigError,
    SSOError,
    LoginError,
    FileNotFoundError,
    PermissionError,
)
"""What is wrong here and not there, before anything is asked; a file of credentials that cannot be
read, too."""
_PASSING: Final = (CredentialRetrievalError, MetadataRetrievalError)
"""The provider of this machine's credentials fails for now."""
_UNUSABLE: Final = "CheckpointStorageUnusable"
_OVER: Final = {"NoSuchUpload", "404", "NotFound", "NoSuchKey"}


class S3Store:
    """Checkpoints as objects ``PREFIX/NAME/FILE`` of one bucket."""

    def __init__(
        self, storage: str, *, endpoint_url: str | None, session: Session | None = None
    ) -> None:
        parts = urlsplit(storage)
        if parts.scheme != "s3" or not parts.netloc:
            raise StorageRefused(
                "CheckpointStorageInvalid",
                f"checkpoint storage {storage}: give file:///directory or s3://bucket/prefix",
            )
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        self._where = f"{storage} at {endpoint_url}" if endpoint_url else storage
        try:
            self._s3: Any = (session or Session()).client(
                "s3", endpoint_url=endpoint_url, config=_client_config()
            )
        except (*_WITHOUT_CREDENTIALS, *_PASSING) as error:
            raise self._translated(error) from error
        except (BotoCoreError, ValueError) as error:
            raise StorageRefused(
                "CheckpointStorageInvalid",
                f"checkpoint storage {self._where}: {error}: correct storage and endpointUrl",
            ) from error

    def check(self) -> None:
        """See CheckpointStore."""
        self.names()
        key = f"{self._prefix}{_PROBE}"
        self._call("put_object", Key=key, Body=b"")
        self._call("delete_object", Key=key)

    def sweep(self, run: str) -> None:
        """See CheckpointStore."""
        left = re.compile(re.escape(f"{self._prefix}{run}-") + r"\d{10}\D.*")
        reply = self._call("list_multipart_uploads", Prefix=f"{self._prefix}{run}-")
        for upload in reply.get("Uploads") or ():
            if left.fullmatch(upload["Key"]):
                self._abort(upload["Key"], upload["UploadId"])

    def names(self) -> list[str]:
        """See CheckpointStore."""
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            reply = self._call("list_objects_v2", Prefix=self._prefix, Delimiter="/", **token)
            for group in reply.get("CommonPrefixes") or ():
                found.append(group["Prefix"][len(self._prefix) :].rstrip("/"))
            if not reply.get("IsTruncated"):
                return found
            token = {"ContinuationToken": reply["NextContinuationToken"]}

    def read(self, name: str, file: str, *, limit: int) -> bytes:
        """See CheckpointStore."""
        reply = self._call("get_object", Key=self._key(name, file), ChecksumMode="ENABLED")
        try:
            content: bytes = reply["Body"].read(limit + 1)
        except (BotoCoreError, OSError) as error:
            raise self._translated(error) from error
        return content

    def write(self, name: str, files: dict[str, bytes]) -> None:
        """See CheckpointStore."""
        for file in sorted(files, key=lambda file: file == MANIFEST_FILE):
            self._upload(self._key(name, file), files[file])

    def put(self, name: str, file: str, content: bytes) -> None:
        """See CheckpointStore."""
        self._upload(self._key(name, file), content)

    def remove(self, name: str) -> None:
        """See CheckpointStore; the manifest goes first, so that no torn checkpoint is seen."""
        prefix = f"{self._prefix}{name}/"
        reply = self._call("list_objects_v2", Prefix=prefix)
        keys = [item["Key"] for item in reply.get("Contents") or ()]
        for key in sorted(keys, key=lambda key: not key.endswith(f"/{MANIFEST_FILE}")):
            self._call("delete_object", Key=key)

    def uri(self, name: str) -> str:
        """See CheckpointStore."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def _key(self, name: str, file: str) -> str:
        return f"{self._prefix}{name}/{file}"

    def _upload(self, key: str, content: bytes) -> None:
        extra = {"ChecksumAlgorithm": _CHECKSUM}
        try:
            self._s3.upload_fileobj(
                io.BytesIO(content), self._bucket, key, ExtraArgs=extra, Config=_TRANSFER
            )
        except (ClientError, BotoCoreError, Boto3Error, OSError) as error:
            found = self._translated(error)
            if found.reason == _UNUSABLE:
                self.check()  # a server without the bucket speaks of lost uploads; this is clear
            raise found from error

    def _abort(self, key: str, upload: str) -> None:
        try:
            self._s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)
        except ClientError as error:
            if _code(error) not in _OVER:
                raise self._translated(error) from error
        except (BotoCoreError, OSError) as error:
            raise self._translated(error) from error

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._s3, operation)(Bucket=self._bucket, **arguments)
        except (ClientError, BotoCoreError, OSError) as error:
            if isinstance(error, ClientError) and _code(error) in _MISSING:
                raise FileMissing(f"{arguments.get('Key')} is missing") from error
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> StorageError:
        """Return the one place where errors of boto3 become ours."""
        where = f"checkpoint storage {self._where}"
        cause = error.__cause__ or error.__context__
        if isinstance(error, Boto3Error) and isinstance(cause, ClientError | BotoCoreError):
            error = cause  # a transfer wraps what happened to one of its requests
        if isinstance(error, _WITHOUT_CREDENTIALS):
            return _without_credentials(where, error)
        if isinstance(error, _PASSING):
            return StorageError(
                "CheckpointStorageDenied",
                f"{where}: no credentials now ({error}): see what gives them to this machine",
            )
        if isinstance(error, ClientError):
            return _refusal(where, self._bucket, error)
        if isinstance(error, ParamValidationError):
            return StorageRefused("CheckpointStorageInvalid", f"{where}: {error}: correct it")
        return StorageError(
            "CheckpointStorageUnreachable",
            f"{where}: {error}: check the endpoint and the network",
        )


def _without_credentials(where: str, error: Exception) -> StorageRefused:
    """Nothing here says who asks. What botocore says of it ends in a full stop, or does not."""
    why = "" if isinstance(error, NoCredentialsError) else f" ({str(error).rstrip('.')})"
    return StorageRefused(
        "CheckpointStorageDenied",
        f"{where}: no credentials{why}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or correct"
        " what AWS_PROFILE and the other AWS_ variables name",
    )


def _refusal(where: str, bucket: str, error: ClientError) -> StorageError:
    """Return what the service answered, as ours."""
    code = _code(error)
    if code == "NoSuchBucket":
        return StorageGone(
            "CheckpointBucketMissing",
            f"{where}: there is no bucket {bucket}: create it, or correct the name",
        )
    if code in _DENIED:
        return StorageRefused(
            "CheckpointStorageDenied",
            f"{where}: access denied ({code}): check the credentials and their rights to list,"
            " read and write there",
        )
    if code in _EXPIRED:
        return StorageError(
            "CheckpointStorageDenied",
            f"{where}: the credentials are not valid now ({code}): renew them, or set the clock",
        )
    if code in _FULL:
        return StorageError(
            "CheckpointStorageFull",
            f"{where}: no room left ({code}): free some space or raise the quota",
        )
    return StorageError(_UNUSABLE, f"{where}: {error}: check the storage")


def _client_config() -> Config:
    return Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "path"},
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
