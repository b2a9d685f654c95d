"""The recorder: durable before answered, in one order, and nothing half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import numpy as np
import pytest
from trainingrun_league.errors import Unavailable
from trainingrun_league.replay.journal import Journal
from trainingrun_league.replay.recorder import Recorder
from trainingrun_league.replay.records import Batch, Update
from trainingrun_league.replay.state import ReplayState
from trainingrun_league.replay.table import NewItems, Sampling, TableBounds

BOUNDS = TableBounds(items=1000, bytes=10**6)


def batch(sequence: int) -> Batch:
    """One item that says which batch it is of."""
    items = NewItems([b"%d" % sequence], np.array([1]), np.array([1.0]))
    return Batch("a", sequence, 0, items)


class World:
    """A recorder on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = ReplayState(BOUNDS, seed=1)
        self.journal = Journal.open(folder)
        self.recorder = Recorder(self.state, self.journal, applied=lambda: None)


def played(folder: Path, scene: Callable[[World], Coroutine[None, None, None]]) -> ReplayState:
    """Run a scene beside the recorder, close, and return what a restart finds."""

    async def whole() -> None:
        world = World(folder)
        running = asyncio.create_task(world.recorder.run())
        try:
            await scene(world)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await world.recorder.close()

    asyncio.run(whole())
    return restarted(folder)


def restarted(folder: Path) -> ReplayState:
    """What a new process finds."""
    journal = Journal.open(folder)
    state = ReplayState(BOUNDS)
    state.restore(journal.read())
    journal.close()
    return state


def test_what_is_answered_is_in_the_journal(tmp_path: Path) -> None:
    """At the moment of the answer, in the table and in the files."""

    async def scene(world: World) -> None:
        for number in range(1, 6):
            await world.recorder.submit(batch(number), size=1)
            assert len(world.state.table) == number
            content = b"".join(file.path.read_bytes() for file in world.journal.files)
            assert content.count(b"\xa1a") >= number

    assert len(played(tmp_path, scene).table) == 5


def test_a_caller_that_goes_away_has_recorded(tmp_path: Path) -> None:
    """Its batch was in the row: it is in the table and in the journal, under the same id."""

    async def scene(world: World) -> None:
        gone = asyncio.create_task(_waiting(world, 1))
        await asyncio.sleep(0)
        gone.cancel()
        await world.recorder.submit(batch(2), size=1)
        assert world.state.table.data(np.array([1, 2])) == [b"1", b"2"]

    assert played(tmp_path, scene).table.data(np.array([1, 2])) == [b"1", b"2"]


async def _waiting(world: World, number: int) -> None:
    await world.recorder.submit(batch(number), size=1)


def test_a_restart_in_the_middle_of_a_group_loses_no_order(tmp_path: Path) -> None:
    """The process is asked to end while groups are being written: each batch is there once."""

    async def scene(world: World) -> None:
        for number in range(1, 200):
            world.recorder.submit(batch(number), size=1)
            if number % 20 == 0:
                await asyncio.sleep(0)

    found = played(tmp_path, scene)
    ids = np.arange(1, 200)
    assert found.table.data(ids) == [b"%d" % number for number in range(1, 200)]


def test_updates_answer_how_many_items_they_found(tmp_path: Path) -> None:
    """In their place in the order; a restart has the priorities."""

    async def scene(world: World) -> None:
        await world.recorder.submit(batch(1), size=1)
        update = Update(np.array([1, 99]), np.array([7.0, 7.0]))
        assert await world.recorder.submit(update, size=32) == 1

    assert played(tmp_path, scene).table.greatest_priority == 7.0


def test_what_was_sampled_is_written_at_the_end(tmp_path: Path) -> None:
    """Sampling waits for no disk; an orderly end knows of every draw."""

    async def scene(world: World) -> None:
        await world.recorder.submit(batch(1), size=1)
        world.state.draw(5, Sampling.UNIFORM, beta=0)

    found = played(tmp_path, scene)
    assert found.table.times_sampled(np.array([1])).tolist() == [5]
    assert found.counters.sampled == 5


def test_a_refused_group_is_told_to_its_callers_alone(tmp_path: Path) -> None:
    """The journal cannot be written: an error for each, nothing in the table; then it goes on with
    the ids that follow."""

    async def scene(world: World) -> None:
        await world.recorder.submit(batch(1), size=1)
        whole = world.journal.file_bytes
        world.journal.file_bytes = 0  # the next group needs a new file,
        world.folder.chmod(0o500)  # which cannot be made (root may, so the folder is moved away)
        moved = world.folder.rename(world.folder.with_name("away"))
        with pytest.raises(Unavailable):
            await world.recorder.submit(batch(2), size=1)
        assert isinstance(world.recorder.failure, Unavailable)
        assert len(world.state.table) == 1
        moved.rename(world.folder)
        world.folder.chmod(0o700)
        world.journal.file_bytes = whole
        await world.recorder.submit(batch(2), size=1)
        assert world.recorder.failure is None

    assert len(played(tmp_path / "journal", scene).table) == 2
