"""A league in one file: the rows of its database and its artefacts, to be restored elsewhere.

The file is a tar archive: ``backup.json`` (format, revisions of the tables, digests), a member of
JSON lines for each table, and the artefacts. Rows are read in one transaction, so that they fit one
another, and artefacts after it: whatever a row names was written before the row. It is no dump of
the database's own tools, which would need its programs and could not be restored from SQLite into
PostgreSQL, which is how a small league grows. Not in it: the league's key, which is a secret, and
experience of the Replay service, which is made again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import secrets
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from sqlalchemy import MetaData, Table, delete, func, insert, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trainingrun_league.artefacts.names import CHUNK_BYTES
from trainingrun_league.artefacts.place import Artefact, ArtefactPlace
from trainingrun_league.errors import Conflict, Damaged, InvalidRequest, NotFound, Unavailable
from trainingrun_league.store.engine import connect, reading, writing
from trainingrun_league.store.migrating import check, migrate

FORMAT: Final = 1
_HEAD: Final = "backup.json"
_TABLES: Final = "tables/"
_ARTEFACTS: Final = "artefacts/"
_BYTES: Final = "$bytes"
_HISTORY: Final = "alembic_version"
_ROWS: Final = 500
_MOST_HEAD_BYTES: Final = 64 << 20
_MOST_LINE_BYTES: Final = 64 << 20


class Head(msgspec.Struct, frozen=True):
    """What a backup says of itself; it is the last member, as it has the digests of the others."""

    format: int
    league: str
    made_at: float
    revisions: tuple[str, ...]
    rows: dict[str, int]
    digests: dict[str, str]


class Counts(msgspec.Struct, frozen=True):
    """What was written or restored."""

    rows: int
    artefacts: int
    bytes: int


async def back_up(
    engine: AsyncEngine, place: ArtefactPlace | None, file: Path, *, league: str, now: float
) -> Counts:
    """Write a backup to a file, whole or not at all.

    Raises:
        Conflict: the tables are not those of this version.
        Unavailable: the database, the place of artefacts or the file cannot be used.
    """
    await check(engine)
    unfinished = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    try:
        writer = _Writer(unfinished)
        try:
            rows = await _write_rows(engine, writer)
            artefacts = await _write_artefacts(place, writer) if place is not None else 0
            revisions = await _revisions(engine)
            head = Head(FORMAT, league, now, revisions, rows, writer.digests)
            writer.add(_HEAD, msgspec.json.encode(head))
            counts = Counts(sum(rows.values()), artefacts, writer.size)
        finally:
            writer.close()
        unfinished.replace(file)
    except OSError as error:
        raise Unavailable(f"the backup {file} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return counts


async def restore(engine: AsyncEngine, place: ArtefactPlace | None, file: Path) -> Counts:
    """Restore a backup into a database whose tables are empty; artefacts come before rows.

    Raises:
        Conflict: the database has rows, or the backup is of other tables.
        Damaged: the file is cut off or changed.
        InvalidRequest: it is no backup, or cannot be read.
        Unavailable: the database or the place of artefacts cannot be used.
    """
    await check(engine)
    try:
        head = await asyncio.to_thread(_checked_head, file)
        if set(head.revisions) != set(await _revisions(engine)):
            raise Conflict(
                f"the backup {file} has the tables of {', '.join(head.revisions)}: restore it with"
                " the version that made it, then migrate"
            )
        artefacts = await _restore_artefacts(place, file, head)
        async with writing(engine) as connection:
            rows = await _restore_rows(connection, file)
        return Counts(rows, artefacts, await asyncio.to_thread(os.path.getsize, file))
    except OSError as error:
        raise InvalidRequest(f"the backup {file} cannot be read: {error.strerror}") from error
    except tarfile.TarError as error:
        raise Damaged(f"{file} is no whole backup of a league: {error}") from error


class _Writer:
    """A tar archive whose members are digested as they are written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._tar = tarfile.open(fileobj=self._file, mode="w")  # noqa: SIM115 - ``close`` does
        self._path = path
        self.digests: dict[str, str] = {}

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    def add(self, name: str, content: bytes) -> None:
        """Add a small member."""
        with self.spool() as spool:
            spool.write(content)
            self.add_spooled(name, spool)

    def spool(self) -> IO[bytes]:
        """Return a file beside the archive for a member whose size is not known yet."""
        path = self._path.with_name(f"{self._path.name}.member")
        file = path.open("x+b")
        path.unlink()
        return file

    def add_spooled(self, name: str, spool: IO[bytes]) -> None:
        """Add what was written to a spool."""
        member = tarfile.TarInfo(name)
        member.size = spool.tell()
        spool.seek(0)
        self.digests[name] = _digest(spool)
        spool.seek(0)
        self._tar.addfile(member, spool)

    def close(self) -> None:
        """Force it to the disk."""
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


async def _write_rows(engine: AsyncEngine, writer: _Writer) -> dict[str, int]:
    rows: dict[str, int] = {}
    async with reading(engine) as connection:
        if connection.dialect.name == "postgresql":  # one snapshot for all tables
            await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        for table in await connection.run_sync(_tables):
            with writer.spool() as spool:
                rows[table.name] = 0
                found = await connection.stream(select(table))
                async for row in found:
                    spool.write(_line(tuple(row)))
                    rows[table.name] += 1
                names = [column.name for column in table.columns]
                writer.add(f"{_TABLES}{table.name}.columns", json.dumps(names).encode())
                writer.add_spooled(f"{_TABLES}{table.name}", spool)
    return rows


async def _write_artefacts(place: ArtefactPlace, writer: _Writer) -> int:
    found: list[Artefact] = [each async for each in place.list("")]
    written = 0
    for each in found:
        with writer.spool() as spool:
            try:
                async for chunk in place.read(each.name):
                    spool.write(chunk)
            except NotFound:
                continue  # deleted meanwhile; no row names it any longer
            writer.add_spooled(f"{_ARTEFACTS}{each.name}", spool)
            written += 1
    return written


def _checked_head(file: Path) -> Head:
    """Read the whole file once, and compare every member with its digest."""
    digests: dict[str, str] = {}
    head: Head | None = None
    for name, member in _members(file):
        if name == _HEAD:
            try:
                head = msgspec.json.decode(member.read(_MOST_HEAD_BYTES), type=Head)
            except msgspec.MsgspecError as error:
                raise Damaged(f"{file}: its {_HEAD} cannot be read: {error}") from error
        else:
            digests[name] = _digest(member)
    if head is None:
        raise Damaged(f"{file} has no {_HEAD}: it is cut off, or no backup of a league")
    if head.format != FORMAT:
        raise InvalidRequest(f"{file} has the format {head.format}, this version reads {FORMAT}")
    if head.digests != digests:
        wrong = sorted(name for name, _ in head.digests.items() ^ digests.items())
        raise Damaged(f"{file}: {wrong[0]} is not what it was when the backup was made")
    return head


def _members(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the members; nothing is unpacked to a path that the file names."""
    with tarfile.open(file, "r:") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise Damaged(f"{file}: {member.name} is no file")
            with content:
                yield member.name, content


async def _restore_artefacts(place: ArtefactPlace | None, file: Path, head: Head) -> int:
    wanted = sum(name.startswith(_ARTEFACTS) for name in head.digests)
    if place is None or not wanted:
        return 0
    for name, member in _members(file):
        if name.startswith(_ARTEFACTS):
            await place.write(name.removeprefix(_ARTEFACTS), _chunks(member))
    return wanted


async def _chunks(member: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(member.read, CHUNK_BYTES):
        yield chunk


async def _restore_rows(connection: AsyncConnection, file: Path) -> int:
    tables = await connection.run_sync(_tables)
    made = await _rows_of_migrations()
    for table in tables:
        found = await connection.scalar(select(func.count()).select_from(table))
        if found != made.get(table.name, 0):
            raise Conflict(f"the table {table.name} has rows: restore into a database of its own")
    for table in reversed(tables):
        await connection.execute(delete(table))
    contents = {name: file for name, _ in _members(file)}
    restored = 0
    for table in tables:  # parents before those that refer to them
        if f"{_TABLES}{table.name}" in contents:
            restored += await _restore_table(connection, table, file)
    return restored


async def _rows_of_migrations() -> dict[str, int]:
    """Return how many rows tables have that were just made, by asking a database of that kind."""
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite+aiosqlite:///{folder}/fresh.db")
        try:
            await migrate(engine)
            async with reading(engine) as connection:
                return {
                    table.name: await connection.scalar(select(func.count()).select_from(table))
                    or 0
                    for table in await connection.run_sync(_tables)
                }
        finally:
            await engine.dispose()


async def _restore_table(connection: AsyncConnection, table: Table, file: Path) -> int:
    columns: list[str] = []
    restored = 0
    for name, member in _members(file):
        if name == f"{_TABLES}{table.name}.columns":
            columns = json.loads(member.read(_MOST_LINE_BYTES))
        elif name == f"{_TABLES}{table.name}":
            batch: list[dict[str, Any]] = []
            while line := member.readline(_MOST_LINE_BYTES):
                batch.append(dict(zip(columns, _values(line), strict=True)))
                if len(batch) == _ROWS:
                    await connection.execute(insert(table), batch)
                    restored, batch = restored + len(batch), []
            if batch:
                await connection.execute(insert(table), batch)
            restored += len(batch)
    if connection.dialect.name == "postgresql":
        await _set_sequence(connection, table)
    return restored


async def _set_sequence(connection: AsyncConnection, table: Table) -> None:
    """Let numbers that the database gives continue after those that were restored."""
    for column in table.primary_key.columns:
        found = await connection.scalar(
            text("SELECT pg_get_serial_sequence(:table, :column)"),
            {"table": table.name, "column": column.name},
        )
        greatest = await connection.scalar(select(func.max(column)))
        if found is not None and greatest is not None:
            statement = text("SELECT setval(CAST(:name AS regclass), :value)")
            await connection.execute(statement, {"name": found, "value": greatest})


def _digest(content: IO[bytes]) -> str:
    found = hashlib.sha256()
    while chunk := content.read(CHUNK_BYTES):
        found.update(chunk)
    return found.hexdigest()


def _line(row: tuple[Any, ...]) -> bytes:
    values = [
        {_BYTES: base64.b64encode(each).decode()} if isinstance(each, bytes) else each
        for each in row
    ]
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _values(line: bytes) -> list[Any]:
    return [
        base64.b64decode(each[_BYTES]) if isinstance(each, dict) and _BYTES in each else each
        for each in json.loads(line)
    ]


def _tables(connection: Connection) -> list[Table]:
    """Return the tables as the database has them, parents first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _HISTORY]


async def _revisions(engine: AsyncEngine) -> tuple[str, ...]:
    async with reading(engine) as connection:
        rows = await connection.scalars(text(f"SELECT version_num FROM {_HISTORY}"))  # noqa: S608
        return tuple(sorted(rows))
