"""Artefacts as objects of a bucket: Amazon S3, and servers that speak as it does.

boto3 blocks and runs in threads; an asynchronous client of S3 was refused as another large
dependency beside the one that the trainer has. Where credentials, region and endpoint come from is
the SDK's matter (``AWS_…`` variables, roles of the machine).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from trainingrun_league.artefacts.names import CHUNK_BYTES, check
from trainingrun_league.artefacts.place import Artefact
from trainingrun_league.errors import Exhausted, NotFound, Unavailable

PART_BYTES: Final = 8 << 20
MOST_PARTS: Final = 1000
"""Of 8 MiB: an artefact has at most 8 GB."""
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})

Answer = TypeVar("Answer")


class Bucket:
    """An ``ArtefactPlace`` below a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        # Path style: servers other than Amazon's have no DNS name for every bucket.
        style = {"addressing_style": "path"}
        self._client: Any = boto3.client(
            "s3",
            config=Config(
                s3=style, retries={"mode": "standard"}, connect_timeout=10, read_timeout=60
            ),
        )

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """See ``ArtefactPlace``. What is more than one part is sent in parts, as it comes.

        Raises:
            Exhausted: it is larger than artefacts may be.
        """
        key = self._prefix + check(name)
        parts = _parts(chunks)
        first = await anext(parts, b"")
        if len(first) < PART_BYTES:
            await self._call(self._client.put_object, Key=key, Body=first)
            return len(first)
        return await self._write_parts(key, first, parts)

    async def _write_parts(self, key: str, first: bytes, parts: AsyncIterator[bytes]) -> int:
        begun = await self._call(self._client.create_multipart_upload, Key=key)
        upload = begun["UploadId"]
        try:
            done = [await self._write_part(key, upload, 1, first)]
            size = len(first)
            async for part in parts:
                if len(done) == MOST_PARTS:
                    raise Exhausted(f"an artefact may have {MOST_PARTS * PART_BYTES} bytes")
                done.append(await self._write_part(key, upload, len(done) + 1, part))
                size += len(part)
            await self._call(
                self._client.complete_multipart_upload,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": done},
            )
        except BaseException:  # a cancelled call, too, leaves no parts that are paid for
            abort = self._call(self._client.abort_multipart_upload, Key=key, UploadId=upload)
            await asyncio.shield(abort)
            raise
        return size

    async def _write_part(self, key: str, upload: str, number: int, part: bytes) -> dict[str, Any]:
        sent = await self._call(
            self._client.upload_part, Key=key, UploadId=upload, PartNumber=number, Body=part
        )
        return {"PartNumber": number, "ETag": sent["ETag"]}

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
            while chunk := await self._in_thread(partial(body.read, CHUNK_BYTES)):
                yield chunk
        finally:
            body.close()

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
            after = {"ContinuationToken": page["NextContinuationToken"]}

    async def delete(self, name: str) -> None:
        """See ``ArtefactPlace``."""
        await self._call(self._client.delete_object, Key=self._prefix + check(name))

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        return await self._in_thread(partial(method, Bucket=self._bucket, **arguments))

    async def _in_thread(self, act: Callable[[], Answer]) -> Answer:
        try:
            return await asyncio.to_thread(act)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise _Refused(self._bucket, code) from error
        except (BotoCoreError, OSError) as error:
            raise Unavailable(
                f"the bucket {self._bucket} cannot be reached ({type(error).__name__}): check"
                " endpoint, region and credentials (AWS_…), or try again"
            ) from error


class _Refused(Unavailable):
    """The bucket's answer is an error; rights and quotas are somebody's to change."""

    def __init__(self, bucket: str, code: str) -> None:
        super().__init__(f"the bucket {bucket} answers {code}: check its rights, or try again")
        self.answer = code


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
