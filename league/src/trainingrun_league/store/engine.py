"""Connections to the database, and the transactions that services read and write in.

``writing`` and ``reading`` are the two ways in, and ``transact`` the one for what happens often and
is known when it begins: errors of the driver leave them as the league's own. In SQLite a
transaction that may write takes the lock at its begin (``BEGIN IMMEDIATE``): one that reads first
and then writes would fail where another one wrote in between, however long the busy timeout is. An
autocommit connection for each statement was refused: a service's decision and its rows belong into
one transaction.

SQLite's asynchronous driver has a thread for each connection and goes there and back four times for
each statement, so that a transaction of five is twenty waits for a thread's turn, each beside a
loop that serves calls. ``transact`` goes there once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from trainingrun_league.errors import InvalidRequest, LeagueError, Unavailable

Result = TypeVar("Result")

DRIVERS: Final = ("sqlite+aiosqlite", "postgresql+asyncpg")
BUSY_SECONDS: Final = 20
STATEMENT_SECONDS: Final = 60
CONNECT_SECONDS: Final = 10
CONNECTIONS: Final = 10
_READS: Final = "trainingrun_reads"
_THREADS: Final = "trainingrun_threads"
_UNREACHABLE: Final = (
    "the database cannot be reached or is busy ({kind}); the call changed nothing: try it again"
)
_BAD_DATA: Final = "22"
"""Class of PostgreSQL's errors about values: a text with NUL, a number that is too large."""
_UNKEPT: Final = (
    "a field has what the database cannot keep: texts have no character NUL, and numbers at most"
    " 64 bits"
)


def connect(url: str) -> AsyncEngine:
    """Return the engine for a URL; it connects when it is first used.

    Raises:
        InvalidRequest: the URL names no database that a league can use.
    """
    try:
        found = make_url(url)
    except ArgumentError as error:
        raise InvalidRequest(f"the database must be {_spelling()}: it is no URL") from error
    if found.drivername not in DRIVERS:
        raise InvalidRequest(f"the database must be {_spelling()}, not {found.drivername}://")
    if found.drivername == DRIVERS[0]:
        return _sqlite(found)
    return create_async_engine(
        url,
        pool_size=CONNECTIONS,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": STATEMENT_SECONDS + CONNECT_SECONDS,
            "server_settings": {
                "statement_timeout": str(STATEMENT_SECONDS * 1000),
                "idle_in_transaction_session_timeout": str(STATEMENT_SECONDS * 1000),
                "application_name": "trainingrun-league",
            },
        },
    )


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that may write; it is committed at the end of the block.

    Raises:
        Unavailable: the database cannot be reached, or another one kept its lock.
    """
    async with _translated(), engine.begin() as connection:
        yield connection


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that reads alone: no writer waits for it.

    Raises:
        Unavailable: as of ``writing``.
    """
    async with _translated(), engine.connect() as connection:
        yield await connection.execution_options(**{_READS: True})


async def transact(
    engine: AsyncEngine, work: Callable[[Connection], Result], *, reads: bool = False
) -> Result:
    """Run a whole transaction, which may be in another thread; return what ``work`` returns.

    A caller that is cancelled does not end it.

    Args:
        engine: of the database.
        work: executes the statements; it changes nothing that the event loop's thread knows.
        reads: whether it reads alone.

    Raises:
        Unavailable: as of ``writing``.
    """
    threads: _Threads | None = engine.sync_engine.get_execution_options().get(_THREADS)
    if threads is not None:
        async with _translated():
            return await threads.run(work, reads=reads)
    async with reading(engine) if reads else writing(engine) as connection:
        return await connection.run_sync(work)


class _Threads:
    """SQLite's blocking driver in threads: its connections are beside those of the other one."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(
            url.set(drivername="sqlite+pysqlite"),
            pool_size=CONNECTIONS,
            pool_timeout=CONNECT_SECONDS,
            connect_args={"timeout": BUSY_SECONDS},
        )
        _listen(self._engine)
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[[Connection], Result], *, reads: bool) -> Result:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="sqlite")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._run, work, reads)

    def _run(self, work: Callable[[Connection], Result], reads: bool) -> Result:  # noqa: FBT001
        with self._engine.connect() as connection:
            prepared = connection.execution_options(**{_READS: reads})
            with prepared.begin():
                return work(prepared)

    def dispose(self) -> None:
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None
        self._engine.dispose()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # a bug, or a conflict that the service knows
    except DBAPIError as error:
        found = _of_driver(error)
        if found is None:
            raise
        raise found from error
    except OverflowError as error:  # SQLite's driver, of numbers beyond 64 bits
        raise InvalidRequest(_UNKEPT) from error
    except (PoolTimeout, OSError) as error:  # asyncpg connects with plain sockets
        raise Unavailable(_UNREACHABLE.format(kind=type(error).__name__)) from error


def _of_driver(error: DBAPIError) -> LeagueError | None:
    """Return what a service makes of an error of the driver; None where it is a bug of ours."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if state.startswith(_BAD_DATA):
        return InvalidRequest(_UNKEPT)
    if _passes(error, state):
        return Unavailable(_UNREACHABLE.format(kind=type(error.orig).__name__))
    return None


def _passes(error: DBAPIError, state: str) -> bool:
    """Whether it is of the connection or a lock, and not of the statement."""
    if error.connection_invalidated:
        return True
    said = str(error.orig)
    if "sqlite" in type(error.orig).__module__:
        return "locked" in said or "disk" in said or "unable to open" in said
    # PostgreSQL: connection, resources, shutdown, deadlocks and statements that took too long.
    return state[:2] in {"08", "53", "57", "40", "55"} or isinstance(error.orig, OSError)


def _sqlite(url: URL) -> AsyncEngine:
    file = url.database or ""
    if file in {"", ":memory:"}:
        raise InvalidRequest(
            f"the database must be in a file, which outlives the process: {_spelling()}"
        )
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(
            f"the folder of the database {file} cannot be made: {error.strerror}"
        ) from error
    threads = _Threads(url)
    engine = create_async_engine(
        url,
        pool_timeout=CONNECT_SECONDS,
        connect_args={"timeout": BUSY_SECONDS},
        execution_options={_THREADS: threads},
    )
    _listen(engine.sync_engine)
    event.listen(engine.sync_engine, "engine_disposed", lambda _: threads.dispose())
    return engine


def _listen(engine: Engine) -> None:
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin below, not at the driver's guess
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # what is acknowledged outlives a loss of power
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "foreign_keys=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _spelling() -> str:
    return " or ".join((f"{DRIVERS[0]}:///FILE", f"{DRIVERS[1]}://USER:PASSWORD@HOST/NAME"))
