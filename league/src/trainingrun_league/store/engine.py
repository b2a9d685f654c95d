"""Connections to the database, and the transactions that services read and write in.

``writing`` and ``reading`` are the two ways in, and ``transact`` the one for what happens often and
is known when it begins: errors of the driver leave them as the league's own. Which of them pass is
read from their codes: the sentences of SQLite say "disk" of a disk that is full and of a file that
is damaged.

In SQLite a transaction that may write takes the lock at its begin (``BEGIN IMMEDIATE``): one that
reads first and then writes would fail where another one wrote in between, however long the busy
timeout is. An autocommit connection for each statement was refused: a service's decision and its
rows belong into one transaction.

SQLite's asynchronous driver has a thread for each connection and goes there and back four times for
each statement, so that a transaction of five is twenty waits for a thread's turn, each beside a
loop that serves calls. ``transact`` goes there once.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from trainingrun_league.disk_problems import FULL, READ_ONLY, problem_of
from trainingrun_league.errors import InvalidRequest, LeagueError, StoreDamaged, Unavailable

Result = TypeVar("Result")

DRIVERS: Final = ("sqlite+aiosqlite", "postgresql+asyncpg")
BUSY_SECONDS: Final = 20
STATEMENT_SECONDS: Final = 60
CONNECT_SECONDS: Final = 10
CONNECTIONS: Final = 10
_READS: Final = "trainingrun_reads"
_PRIMARY: Final = 0xFF
"""The part of SQLite's extended codes that says the kind of an error."""
_AWAY: Final = "it cannot be reached or is busy"
_DAMAGED: Final = "it is damaged: restore a backup, with the league stopped"
_OF_SQLITE: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_BUSY: _AWAY,
    sqlite3.SQLITE_LOCKED: _AWAY,
    sqlite3.SQLITE_PROTOCOL: _AWAY,
    sqlite3.SQLITE_NOMEM: "its process has no memory: give it more",
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_IOERR: (
        "it cannot be read or written (disk I/O error): its disk is full or fails: free space"
        " there, or see the kernel's log"
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened: its folder must be there and writable, with room, and the process may"
        " have more files open (ulimit -n)"
    ),
}
"""Primary codes of errors that pass; what is not here is a bug of ours, but for what follows."""
_DAMAGED_SQLITE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_OF_POSTGRESQL: Final[Mapping[str, str]] = {
    "53100": "the disk of its server is full: free space there",
    "25006": ("it is read-only: its server is a replica, or was made so because its disk is full"),
    "58030": "the disk of its server fails: see the server's log",
}
_PASSING_CLASSES: Final = frozenset({"08", "53", "57", "40", "55", "58"})
"""Of PostgreSQL: connection, resources, shutdown, deadlocks, statements that took too long, its
machine."""
_DAMAGED_POSTGRESQL: Final = frozenset({"XX001", "XX002"})
_THREADS: Final = "trainingrun_threads"
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
    async with _translated(engine), engine.begin() as connection:
        yield connection


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that reads alone: no writer waits for it.

    Raises:
        Unavailable: as of ``writing``.
    """
    async with _translated(engine), engine.connect() as connection:
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
        async with _translated(engine):
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
async def _translated(engine: AsyncEngine) -> AsyncIterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # a bug, or a conflict that the service knows
    except DBAPIError as error:
        found = _of_driver(error, _place_of(engine.url))
        if found is None:
            raise
        raise found from error
    except sqlite3.Error as error:  # of ``_prepare``, which SQLAlchemy passes on as it is
        found = _of_sqlite(error, _place_of(engine.url))
        if found is None:
            raise
        raise found from error
    except OverflowError as error:  # SQLite's driver, of numbers beyond 64 bits
        raise InvalidRequest(_UNKEPT) from error
    except PoolTimeout as error:
        raise _unavailable(_place_of(engine.url), _AWAY) from error
    except OSError as error:  # asyncpg connects with plain sockets
        raise _unavailable(_place_of(engine.url), f"{_AWAY} ({type(error).__name__})") from error


def _place_of(url: URL) -> str:
    """Return how people call a database: never with its password."""
    return f"{url.database}" if url.host is None else f"{url.database} at {url.host}"


def _unavailable(place: str, problem: str) -> Unavailable:
    return Unavailable(f"the database {place}: {problem}; try the same call again")


def _of_driver(error: DBAPIError, place: str) -> LeagueError | None:
    """Return what a service makes of an error of the driver; None where it is a bug of ours."""
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig, place)
    state = getattr(error.orig, "sqlstate", None) or ""
    if state.startswith(_BAD_DATA):
        return InvalidRequest(_UNKEPT)
    if state in _DAMAGED_POSTGRESQL:
        return StoreDamaged(f"the database {place}: {_DAMAGED}")
    if problem := _OF_POSTGRESQL.get(state):
        return _unavailable(place, problem)
    is_gone = error.connection_invalidated or isinstance(error.orig, OSError)
    if is_gone or state[:2] in _PASSING_CLASSES:
        return _unavailable(place, f"{_AWAY} ({type(error.orig).__name__})")
    return None


def _of_sqlite(error: sqlite3.Error, place: str) -> LeagueError | None:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code in _DAMAGED_SQLITE:
        return StoreDamaged(f"the database {place}: {_DAMAGED}")
    problem = _OF_SQLITE.get(code)
    return None if problem is None else _unavailable(place, problem)


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
            f"the folder of the database {file} cannot be made: {problem_of(error)}"
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
