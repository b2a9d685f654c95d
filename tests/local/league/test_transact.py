"""Transactions that run whole in another thread, on a real database in a file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine
from trainingrun_league.errors import InvalidRequest, TakenOver
from trainingrun_league.store.engine import connect, transact
from trainingrun_league.store.fence import Fence
from trainingrun_league.store.migrating import migrate

TABLE = "CREATE TABLE written (number INTEGER PRIMARY KEY)"


@asynccontextmanager
async def database(url: str) -> AsyncIterator[AsyncEngine]:
    """A database with one table."""
    engine = connect(url)
    try:
        await transact(engine, lambda connection: _execute(connection, TABLE))
        yield engine
    finally:
        await engine.dispose()


def _execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def write(connection: Connection, *numbers: int) -> None:
    """Write numbers."""
    for number in numbers:
        _execute(connection, f"INSERT INTO written VALUES ({number})")


def written(connection: Connection) -> list[int]:
    """Read them."""
    return list(connection.scalars(text("SELECT number FROM written ORDER BY number")))


def refuse(connection: Connection) -> None:
    """Write, and find that it was wrong."""
    write(connection, 7)
    raise ValueError("wrong")


def test_a_transaction_is_whole_or_not_at_all(tmp_path: Path) -> None:
    """Expect what was written by those that ended, nothing of the one that failed, and the same
    after connections were let go."""

    async def scenario() -> None:
        async with database(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}") as engine:
            await transact(engine, lambda connection: write(connection, 1, 2))
            with pytest.raises(ValueError, match="wrong"):
                await transact(engine, refuse)
            assert await transact(engine, written, reads=True) == [1, 2]
            await engine.dispose()
            assert await transact(engine, written, reads=True) == [1, 2]

    asyncio.run(scenario())


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    """Expect a sentence: a league that forgets all when it ends is none."""
    with pytest.raises(InvalidRequest, match="in a file"):
        connect(url)


def test_a_caller_that_leaves_does_not_end_it(tmp_path: Path) -> None:
    """Expect the row to be there though who asked for it was cancelled meanwhile."""

    async def scenario() -> None:
        loop, begun, may_end = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def slow(connection: Connection) -> None:
            write(connection, 1)
            loop.call_soon_threadsafe(begun.set)
            may_end.wait(30)

        async with database(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}") as engine:
            call = asyncio.create_task(transact(engine, slow))
            await begun.wait()
            call.cancel()
            assert await transact(engine, written, reads=True) == []
            may_end.set()
            with pytest.raises(asyncio.CancelledError):
                await call
            # A writer waits for the one before it, in SQLite.
            await transact(engine, lambda connection: write(connection, 2))
            assert await transact(engine, written, reads=True) == [1, 2]

    asyncio.run(scenario())


def test_a_process_of_an_older_epoch_writes_nothing(tmp_path: Path) -> None:
    """Expect TakenOver, nothing written, and the one that watches to hear of it at once."""

    async def scenario() -> None:
        async with database(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}") as engine:
            await migrate(engine)
            old = await Fence.take(engine, "matchmaker", 1.0)
            await old.transact(lambda connection: write(connection, 1))
            watching = asyncio.create_task(old.watch())
            new = await Fence.take(engine, "matchmaker", 2.0)
            with pytest.raises(TakenOver):
                await old.transact(lambda connection: write(connection, 2))
            async with asyncio.timeout(3):  # it looks by itself each 5 s
                with pytest.raises(TakenOver):
                    await watching
            await new.transact(lambda connection: write(connection, 3))
            assert await transact(engine, written, reads=True) == [1, 3]

    asyncio.run(scenario())
