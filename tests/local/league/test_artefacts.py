"""Places of artefacts: the directory and a real S3 server, held against the same expectations."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from trainingrun_league.artefacts.directory import Directory
from trainingrun_league.artefacts.place import ArtefactPlace
from trainingrun_league.artefacts.s3 import PART_BYTES, Bucket
from trainingrun_league.errors import Exhausted, InvalidRequest, NotFound, Unavailable

from testkit.servers.s3_server import S3Server


@pytest.fixture(params=["directory", "bucket"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ArtefactPlace]:
    """A place of each kind."""
    if request.param == "directory":
        yield Directory(tmp_path / "artefacts")
        return
    with S3Server(tmp_path / "s3") as server:
        server.create_bucket("league")
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield Bucket("league", "demo")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """The parts, one by one."""
    for part in parts:
        yield part


async def read(place: ArtefactPlace, name: str, offset: int = 0) -> bytes:
    """All of an artefact."""
    return b"".join([part async for part in place.read(name, offset)])


async def names(place: ArtefactPlace, prefix: str) -> list[str]:
    """What stands below a prefix."""
    return [each.name async for each in place.list(prefix)]


def test_what_is_written_is_read(place: ArtefactPlace) -> None:
    """Expect bytes from any offset, sizes in the list in order of names, and a later write to
    replace the earlier one; deleting twice is no error."""

    async def use() -> None:
        assert await place.write("models/b/weights.bin", chunks(b"old")) == 3
        assert await place.write("models/b/weights.bin", chunks(b"new ", b"bytes")) == 9
        await place.write("models/a", chunks(b"x"))
        await place.write("replays/1", chunks(b""))
        assert await read(place, "models/b/weights.bin") == b"new bytes"
        assert await read(place, "models/b/weights.bin", 4) == b"bytes"
        assert await read(place, "models/b/weights.bin", 9) == b""
        assert await names(place, "models/") == ["models/a", "models/b/weights.bin"]
        assert [each.size async for each in place.list("models/")] == [1, 9]
        await place.delete("models/a")
        await place.delete("models/a")
        assert await names(place, "") == ["models/b/weights.bin", "replays/1"]

    asyncio.run(use())


def test_large_ones_go_in_parts(place: ArtefactPlace) -> None:
    """Expect two and a half parts to come back as they were."""
    whole = os.urandom(1 << 20) * (PART_BYTES // (1 << 20) * 2 + 4)

    async def use() -> None:
        pieces = chunks(*(whole[i : i + 1_000_000] for i in range(0, len(whole), 1_000_000)))
        assert await place.write("large", pieces) == len(whole)
        assert await read(place, "large") == whole

    asyncio.run(use())


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_a_write_that_fails_leaves_nothing(place: ArtefactPlace, size: int) -> None:
    """Expect the name to be free, and what it had before to stay."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * size
        raise RuntimeError("the sender is gone")

    async def use() -> None:
        await place.write("kept", chunks(b"before"))
        for name in ("kept", "fresh"):
            with pytest.raises(RuntimeError):
                await place.write(name, broken())
        assert await read(place, "kept") == b"before"
        assert await names(place, "") == ["kept"]
        with pytest.raises(NotFound):
            await read(place, "fresh")

    asyncio.run(use())


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../up", "a/../../b", "a//b", ".hidden", "a/.b", "a\0b", "a" * 600]
)
def test_names_stay_inside(place: ArtefactPlace, name: str) -> None:
    """Expect a name that could stand for something else to be refused, by every method."""

    async def use() -> None:
        with pytest.raises(InvalidRequest):
            await place.write(name, chunks(b"x"))
        with pytest.raises(InvalidRequest):
            await read(place, name)
        with pytest.raises(InvalidRequest):
            await place.delete(name)

    asyncio.run(use())


def test_a_directory_is_bounded(tmp_path: Path) -> None:
    """Expect more bytes than an artefact may have to be refused while they come."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000

    place = Directory(tmp_path, most_bytes=10_000)
    with pytest.raises(Exhausted, match="10000"):
        asyncio.run(place.write("large", endless()))
    assert list(tmp_path.rglob("*")) == []


def test_what_a_killed_process_was_writing_is_removed(tmp_path: Path) -> None:
    """By the next one, before it writes; not what another process writes now."""

    async def held(begun: asyncio.Event, gate: asyncio.Event) -> AsyncIterator[bytes]:
        yield b"x"
        begun.set()
        await gate.wait()

    async def use() -> None:
        left = tmp_path / "models" / ".unfinished-0123"
        left.parent.mkdir()
        left.write_bytes(b"half")
        begun, gate = asyncio.Event(), asyncio.Event()
        other = asyncio.create_task(Directory(tmp_path).write("models/slow", held(begun, gate)))
        await begun.wait()
        assert not left.exists()
        await Directory(tmp_path).write("models/fresh", chunks(b"y"))
        gate.set()
        assert await other == 1
        assert await names(Directory(tmp_path), "") == ["models/fresh", "models/slow"]

    asyncio.run(use())


def test_a_server_that_is_gone_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expect the league's own error that names the bucket, and none of the key."""
    with S3Server(tmp_path / "s3") as server:
        server.create_bucket("league")
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        place = Bucket("league")
        asyncio.run(place.write("a", chunks(b"x")))
        server.stop()
        with pytest.raises(Unavailable, match="bucket league") as gone:
            asyncio.run(place.write("b", chunks(b"x")))
        assert server.secret_key not in str(gone.value)
        server.start()
        assert asyncio.run(read(place, "a")) == b"x"
