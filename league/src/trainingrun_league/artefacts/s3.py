"""Artefacts as objects of a bucket: Amazon S3, and servers that speak as it does.

boto3 blocks and runs in threads; an asynchronous client of S3 was refused as another large
dependency beside the one that the trainer has. Where credentials, region and endpoint come from is
the SDK's matter (``AWS_…`` variables, roles of the machine).

A bucket that does not answer holds its callers alone, and for a bounded time: the threads are the
bucket's own, and no response is closed in the event loop, where closing waits for a read of another
thread. What the SDK tries again (three attempts, with pauses) is calls; a body that breaks off is
the caller's to ask for from where it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from trainingrun_league.artefacts.names import CHUNK_BYTES, check
from trainingrun_league.artefacts.place import Artefact
from trainingrun_league.errors import Exhausted, NotFound, Unavailable

PART_BYTES: Final = 8 << 20
MOST_PARTS: Final = 1000
"""Of 8 MiB: an artefact has at most 8 GB."""
CONNECT_SECONDS: Final = 5.0
SILENT_SECONDS: Final = 20.0
"""Without a byte, after which an answer is given up."""
CHUNK_SECONDS: Final = 60.0
"""For a chunk of a body, which may come byte by byte."""
ATTEMPTS: Final = 3
_THREADS: Final = 32
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_BUSY: Final = frozenset({"SlowDown", "RequestTimeout", "Throttling", "RequestLimitExceeded"})
_REMEDIES: Final[Mapping[str, str]] = {
    "AccessDenied": "give the league's credentials the rights on it",
    "NoSuchBucket": "make the bucket, or name another one with --artefacts",
    "QuotaExceeded": "free space there, or raise its quota",
    "InvalidAccessKeyId": "check the credentials (AWS_…)",
    "SignatureDoesNotMatch": "check the credentials (AWS_…)",
    "ExpiredToken": "renew the credentials (AWS_…)",
    "RequestTimeTooSkewed": "set this machine's clock",
}
_ERROR_STATUS: Final = 500
_log: Final = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Bucket:
    """An ``ArtefactPlace`` below a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        # Path style: servers other than Amazon's have no DNS name for every bucket.
        style = {"addressing_style": "path"}
        self._client: Any = boto3.session.Session().client(  # with credentials as they are now
            "s3",
            config=Config(
                s3=style,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=SILENT_SECONDS,
                max_pool_connections=_THREADS,
            ),
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bucket")

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """See ``ArtefactPlace``. What is more than one part is sent in parts, as it comes.

        Raises:
            Exhausted: it is larger than artefacts may be.
        """
        key = self._prefix + check(name)
        parts = _parts(chunks)
        first = await anext(parts, b"")
        if len(first) < PART_BYTES:
            put = await self._call(self._client.put_object, Key=key, Body=first)
            self._required(put, "ETag")
            return len(first)
        return await self._write_parts(key, first, parts)

    async def _write_parts(self, key: str, first: bytes, parts: AsyncIterator[bytes]) -> int:
        begun = await self._call(self._client.create_multipart_upload, Key=key)
        upload = self._required(begun, "UploadId")
        try:
            done = [await self._write_part(key, upload, 1, first)]
            size = len(first)
            async for part in parts:
                if len(done) == MOST_PARTS:
                    raise Exhausted(f"an artefact may have {MOST_PARTS * PART_BYTES} bytes")
                done.append(await self._write_part(key, upload, len(done) + 1, part))
                size += len(part)
            whole = await self._call(
                self._client.complete_multipart_upload,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": done},
            )
            self._required(whole, "ETag")
        except BaseException:  # a cancelled call, too, leaves no parts that are paid for
            abort = self._call(self._client.abort_multipart_upload, Key=key, UploadId=upload)
            with suppress(Unavailable):  # what went wrong first is what is said
                await asyncio.shield(abort)
            raise
        return size

    async def _write_part(self, key: str, upload: str, number: int, part: bytes) -> dict[str, Any]:
        sent = await self._call(
            self._client.upload_part, Key=key, UploadId=upload, PartNumber=number, Body=part
        )
        return {"PartNumber": number, "ETag": self._required(sent, "ETag")}

    async def read(self, name: str, offset: int = 0) -> AsyncIterator[bytes]:
        """See ``ArtefactPlace``."""
        ranged = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            found = await self._call(
                self._client.get_object, Key=self._prefix + check(name), **ranged
            )
        except _Refused as refused:
            if refused.answer == "InvalidRange":
                return  # all of it was read before
            if refused.answer in _MISSING:
                raise NotFound(f"there is no artefact {name}") from None
            raise
        body = found["Body"]
        try:
            while chunk := await self._chunk_of(body):
                yield chunk
        finally:
            self._give_up(body)

    async def _chunk_of(self, body: Any) -> bytes:
        try:
            async with asyncio.timeout(CHUNK_SECONDS):
                chunk: bytes = await self._in_thread(partial(body.read, CHUNK_BYTES))
        except TimeoutError as error:
            raise self._away(f"1 MiB took longer than {CHUNK_SECONDS:g} s") from error
        return chunk

    def _give_up(self, body: Any) -> None:
        """Let go of a response, whose next chunk a thread may be reading."""
        raw: Any = getattr(body, "_raw_stream", None)
        with suppress(AttributeError, OSError, RuntimeError, ValueError):
            raw.shutdown()  # ends that read; it is not there once all was read
        self._threads.submit(_close, body)

    async def list(self, prefix: str) -> AsyncIterator[Artefact]:
        """See ``ArtefactPlace``."""
        after: dict[str, str] = {}
        while True:
            page = await self._call(
                self._client.list_objects_v2, Prefix=self._prefix + prefix, **after
            )
            for each in page.get("Contents", []):
                yield Artefact(
                    each["Key"].removeprefix(self._prefix),
                    each["Size"],
                    each["LastModified"].timestamp(),
                )
            if not page.get("IsTruncated"):
                return
            after = {"ContinuationToken": self._required(page, "NextContinuationToken")}

    async def delete(self, name: str) -> None:
        """See ``ArtefactPlace``."""
        await self._call(self._client.delete_object, Key=self._prefix + check(name))

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        return await self._in_thread(partial(method, Bucket=self._bucket, **arguments))

    async def _in_thread(self, act: Callable[[], Answer]) -> Answer:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, act)
        except ClientError as error:
            raise _Refused(self._bucket, error.response) from error
        except (BotoCoreError, HTTPError, OSError) as error:
            raise self._away(type(error).__name__) from error
        except ResponseParserError as error:  # a proxy's page, or an answer that was cut off
            raise self._away("its answer is not one of S3") from error

    def _required(self, answer: Mapping[str, Any], name: str) -> Any:
        """Return what an answer of S3 must have: a page of a proxy that wants a login is 200, too,
        and nothing was kept."""
        try:
            return answer[name]
        except KeyError as error:
            raise self._away(f"its answer has no {name}") from error

    def _away(self, why: str) -> Unavailable:
        return Unavailable(
            f"the bucket {self._bucket} cannot be reached ({why}): check endpoint, region and"
            " credentials (AWS_…), or try again"
        )


class _Refused(Unavailable):
    """The bucket's answer is an error; rights and quotas are somebody's to change."""

    def __init__(self, bucket: str, response: Mapping[str, Any]) -> None:
        self.answer = str(response.get("Error", {}).get("Code", ""))
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        remedy = _REMEDIES.get(self.answer, "check its rights, or try again")
        if self.answer in _BUSY or status >= _ERROR_STATUS:
            remedy = "it has too much to do, or is down: try again later"
        super().__init__(f"the bucket {bucket} answers {self.answer}: {remedy}")


def _close(body: Any) -> None:
    try:
        body.close()
    except (BotoCoreError, HTTPError, OSError) as error:
        _log.info("a response of the bucket was not closed in order: %s", type(error).__name__)


async def _parts(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Gather chunks to parts of at least ``PART_BYTES``, the last one left out."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        if len(gathered) >= PART_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
