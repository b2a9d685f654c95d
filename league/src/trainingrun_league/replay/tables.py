"""The tables of a service by name: which there are, and what a new one is made with.

The settings of a table are written down beside its journal before it is used, so that it is the
same one after a restart. Tables do not share a journal: what one is recorded does not wait for
another's disk, and its files go with its own items.
"""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path
from typing import Any, Final

import msgspec
from trainingrun_contracts.league.v1 import replay_pb2 as pb

from trainingrun_league.declaration import Host
from trainingrun_league.disk_problems import problem_of
from trainingrun_league.errors import (
    Conflict,
    Exhausted,
    InvalidRequest,
    NotFound,
    Unavailable,
)
from trainingrun_league.replay.gate import Room
from trainingrun_league.replay.journal import Journal, write_whole
from trainingrun_league.replay.options import ReplayOptions
from trainingrun_league.replay.served import ServedTable
from trainingrun_league.settings import ServiceName

FOLDER: Final = "replay"
NAMED_FOLDER: Final = "tables"
SETTINGS_FILE: Final = "settings.json"
OWN: Final = ""
"""Name of the service's own table."""
MOST_TABLES: Final = 64
_log: Final = logging.getLogger(__name__)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Tables:
    """See the module's docstring; ``run`` must run."""

    def __init__(self, host: Host, room: Room) -> None:
        self._options = host.settings.section(ServiceName.REPLAY, ReplayOptions)
        self._folder = host.settings.folder / FOLDER
        self._room = room
        self._tables: dict[str, ServedTable] = {}
        self._tasks: asyncio.TaskGroup | None = None
        own = Journal.open(self._folder, file_bytes=self._options.file_bytes)
        place = host.artefacts if self._options.archive else None
        self._tables[OWN] = ServedTable(self._options, own, room=room, place=place)
        self._unread: dict[str, str] = {}
        for path in sorted((self._folder / NAMED_FOLDER).glob(f"*/{SETTINGS_FILE}")):
            name = path.parent.name
            try:
                self._tables[name] = self._served(name, _read(path))
            except Unavailable as error:  # the others are served
                self._unread[name] = str(error)
                _log.error("table %s is not served: %s", name, error)

    @property
    def all(self) -> tuple[ServedTable, ...]:
        """All that are there."""
        return tuple(self._tables.values())

    def named(self, name: str) -> ServedTable:
        """Return a table.

        Raises:
            NotFound: there is none of this name.
        """
        found = self._tables.get(name)
        if found is None and name in self._unread:
            raise Unavailable(self._refusal(name))
        if found is None:
            raise NotFound(f"table {name!r}: there is none of this name; open it first")
        return found

    async def open(self, name: str, settings: pb.TableSettings) -> bool:
        """Make a table where there is none of this name; whether it was made. One that is there
        takes over another limiter.

        Raises:
            InvalidRequest: the name or a number is out of bounds.
            Conflict: it is there with other bounds.
            Exhausted: there are as many as there may be.
            Unavailable: its folder cannot be used, or the service ends.
        """
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"table {name!r}: give letters, digits, '.', '_' and '-', 1 to 128, first a letter"
                " or digit"
            )
        if name in self._unread:
            raise Unavailable(self._refusal(name))
        if (known := self._tables.get(name)) is not None:
            options = options_of(known.options, settings)
            _require_same(name, known.options, options)
            if options != known.options:
                self._write(name, options)
                known.limit(options)
            return False
        options = options_of(self._options, settings)
        if len(self._tables) > MOST_TABLES:
            raise Exhausted(
                f"there are {MOST_TABLES} tables; stop the service and remove the folders of those"
                f" that are not needed from {self._folder / NAMED_FOLDER}"
            )
        if self._tasks is None:
            raise Unavailable("the Replay service is starting or shutting down; try again")
        table = self._made(name, options)
        self._tables[name] = table
        self._tasks.create_task(table.run())
        return True

    def _refusal(self, name: str) -> str:
        return (
            f"table {name!r} is not served ({self._unread[name]}): repair or remove the folder"
            f" {self._folder / NAMED_FOLDER / name}, then start the service again"
        )

    async def run(self) -> None:
        """Serve all tables, those that are opened meanwhile, too."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                for table in self.all:
                    tasks.create_task(table.run())
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    async def close(self) -> None:
        """Let go of all journals."""
        for table in self.all:
            await table.close()

    def _made(self, name: str, options: ReplayOptions) -> ServedTable:
        self._write(name, options)
        return self._served(name, options)

    def _write(self, name: str, options: ReplayOptions) -> None:
        folder = self._folder / NAMED_FOLDER / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / SETTINGS_FILE, msgspec.json.encode(options))
        except OSError as error:
            raise Unavailable(
                f"the folder of a table, {folder}: {problem_of(error)}; then try again"
            ) from error

    def _served(self, name: str, options: ReplayOptions) -> ServedTable:
        folder = self._folder / NAMED_FOLDER / name
        journal = Journal.open(folder, file_bytes=options.file_bytes)
        return ServedTable(options, journal, room=self._room)


def options_of(own: ReplayOptions, settings: pb.TableSettings) -> ReplayOptions:
    """Return what a table is made with: what is given, and else the service's own.

    Raises:
        InvalidRequest: a number is out of its bounds.
    """
    given: dict[str, Any] = {field.name: value for field, value in settings.ListFields()}
    known = msgspec.to_builtins(own) | {"archive": False}
    try:
        options = msgspec.convert(known | given, ReplayOptions)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"settings: {error}") from error
    options.ratio  # noqa: B018 - it raises where readers would be held for ever
    return options


def _require_same(name: str, known: ReplayOptions, wanted: ReplayOptions) -> None:
    """Raise Conflict where a table has other bounds than are asked for: what it has may not fit."""
    differing = [
        f"{field} is {getattr(known, field)}, not {getattr(wanted, field)}"
        for field in ("items", "bytes", "alpha")
        if getattr(known, field) != getattr(wanted, field)
    ]
    if differing:
        raise Conflict(f"table {name!r} is there with other settings: {'; '.join(differing)}")


def _read(path: Path) -> ReplayOptions:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReplayOptions)
    except (OSError, msgspec.DecodeError) as error:
        raise Unavailable(f"the settings of a table, {path}: {error}") from error
