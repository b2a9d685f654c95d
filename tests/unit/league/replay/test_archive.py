"""The archive: what cannot be taken away waits, for as long as it takes, and holds no training."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import numpy as np
import pytest
from trainingrun_contracts.backoff import Backoff
from trainingrun_league.artefacts.directory import Directory
from trainingrun_league.errors import Exhausted, Unavailable
from trainingrun_league.replay import archive
from trainingrun_league.replay.archive import Archiver
from trainingrun_league.replay.journal import Journal, read_records
from trainingrun_league.replay.recorder import Recorder
from trainingrun_league.replay.records import Batch, framed
from trainingrun_league.replay.state import ReplayState
from trainingrun_league.replay.table import NewItems, TableBounds


class Away(Directory):
    """A place that cannot be reached while it is away."""

    is_away = True

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Refuse, or write."""
        if self.is_away:
            raise Unavailable("the bucket cannot be reached")
        return await super().write(name, chunks)


class World:
    """A table of two items, and files of one each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "archive"
        self.place = Away(self.folder)
        self.state = ReplayState(TableBounds(items=2, bytes=10**6))
        self.journal = Journal.open(folder / "journal", file_bytes=1)
        self.recorder = Recorder(self.state, self.journal, applied=lambda: None)
        self.archiver = Archiver(
            self.state, self.journal, self.recorder, place=self.place, most_waiting=10**9
        )

    def archived(self) -> list[int]:
        """Sequences of the batches in the archive."""
        return [
            record.sequence
            for path in sorted(self.folder.rglob("*.journal"))
            for record, _ in read_records(path)
            if isinstance(record, Batch)
        ]


def played(folder: Path, scene: Callable[[World], Coroutine[None, None, None]]) -> None:
    """Record four items, two of which are evicted, and run the scene beside the recorder."""

    async def whole() -> None:
        world = World(folder)
        running = asyncio.create_task(world.recorder.run())
        try:
            for number in range(1, 5):
                items = NewItems([b"%d" % number], np.array([1]), np.array([1.0]))
                await world.recorder.submit(Batch("a", number, 0, items), size=1)
            await scene(world)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await world.recorder.close()

    asyncio.run(whole())


def test_a_place_that_is_away_for_days_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After more failures than a float has doublings the rounds go on; with the place there again
    all is archived."""
    monkeypatch.setattr(archive, "_BACKOFF", Backoff(first=1e-9, longest=1e-9))

    async def scene(world: World) -> None:
        rounds = asyncio.create_task(world.archiver.run())
        while world.archiver.failures < 1100 and not rounds.done():  # noqa: ASYNC110 - a number
            await asyncio.sleep(0)
        assert not rounds.done()
        rounds.cancel()
        world.place.is_away = False
        await world.archiver.take_away()
        assert world.archived() == [1, 2]

    played(tmp_path, scene)


def test_the_pause_between_rounds_is_bounded() -> None:
    """Whatever the number of failures."""
    assert archive.pause_after(0) == archive.EVERY_SECONDS
    assert [archive.pause_after(n) for n in (1, 5, 2000)] == [2.0, 30.0, 30.0]


def test_a_full_disk_is_freed_of_what_waits_for_the_archive(tmp_path: Path) -> None:
    """Files wait for a place that is away, until their own disk is full: then the oldest go."""

    async def scene(world: World) -> None:
        await world.archiver.take_away()
        assert world.archiver.unarchived == 0
        oldest = world.journal.files[0].path
        assert oldest.exists()
        world.recorder.failure = Exhausted("the disk is full")
        await world.archiver.take_away()
        assert not oldest.exists()
        assert world.archiver.unarchived == 1

    played(tmp_path, scene)


def test_a_file_that_cannot_be_read_waits(tmp_path: Path) -> None:
    """A disk that fails stops neither the archive nor the service."""

    async def scene(world: World) -> None:
        world.place.is_away = False
        first = world.journal.files[0].path
        away = first.rename(first.with_suffix(".away"))
        await world.archiver.take_away()
        assert world.archiver.failures == 1
        assert world.archived() == []
        away.rename(first)
        await world.archiver.take_away()
        assert world.archived() == [1, 2]

    played(tmp_path, scene)


def test_what_was_refused_is_not_archived(tmp_path: Path) -> None:
    """The end of a file that does not count stays out of the archive."""

    async def scene(world: World) -> None:
        world.place.is_away = False
        items = NewItems([b"refused"], np.array([1]), np.array([1.0]))
        with world.journal.files[0].path.open("ab") as doubtful:
            doubtful.write(framed(Batch("a", 99, 2, items)))
        await world.archiver.take_away()
        assert world.archived() == [1, 2]

    played(tmp_path, scene)
