"""Which implementations a process' settings name: where artefacts and live state are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trainingrun_league.artefacts.directory import Directory
from trainingrun_league.artefacts.place import ArtefactPlace
from trainingrun_league.errors import InvalidRequest
from trainingrun_league.live.memory import Memory
from trainingrun_league.live.state import LiveState

_S3: Final = "s3://"


def artefact_place(text: str) -> ArtefactPlace:
    """Return the place of artefacts: a directory, or ``s3://BUCKET/PREFIX``.

    Raises:
        InvalidRequest: it is neither, or boto3 is not installed.
    """
    if not text.startswith(_S3):
        if "://" in text:
            raise InvalidRequest(f"--artefacts {text!r}: write a directory or s3://BUCKET/PREFIX")
        return Directory(Path(text))
    bucket, _, prefix = text.removeprefix(_S3).partition("/")
    if not bucket:
        raise InvalidRequest(f"--artefacts {text!r} names no bucket: write s3://BUCKET/PREFIX")
    try:
        from trainingrun_league.artefacts.s3 import Bucket  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise InvalidRequest("--artefacts s3://…: install trainingrun-league[s3]") from error
    return Bucket(bucket, prefix)


def live_state(url: str | None, league: str) -> LiveState:
    """Return where live state is: a Redis server, or this process' memory.

    Raises:
        InvalidRequest: it is no URL of a Redis server.
    """
    if url is None:
        return Memory()
    from trainingrun_league.live.redis import SharedState  # noqa: PLC0415 - slow to import

    try:
        return SharedState(url, league)
    except ValueError as error:
        raise InvalidRequest(f"--redis: {error}") from error
