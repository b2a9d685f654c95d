"""The tables of a service by name: which there are, and what a new one is made with.

The settings of a table are written down beside its journal before it is used, so that it is the
same one after a restart. Tables do not share a journal: what one is recorded does not wait for
another's disk, and its files go with its own items.

How long one lives is decided in ``life``, and how it goes is ``drops``'.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league_report import LONGEST_KEEPER

from trainingrun_league.declaration import Host
from trainingrun_league.disk_problems import problem_of
from trainingrun_league.errors import (
    Conflict,
    Exhausted,
    InvalidRequest,
    LeagueError,
    NotFound,
    Unavailable,
)
from trainingrun_league.replay.drops import Drop, Drops
from trainingrun_league.replay.figures import Figures, counted, together
from trainingrun_league.replay.gate import Room
from trainingrun_league.replay.journal import Journal, write_whole
from trainingrun_league.replay.life import (
    LONGEST_KEEP,
    TableLife,
    Use,
    is_due,
    marked,
    opened,
    why_kept,
)
from trainingrun_league.replay.options import ReplayOptions
from trainingrun_league.replay.served import ServedTable
from trainingrun_league.settings import ServiceName

FOLDER: Final = "replay"
NAMED_FOLDER: Final = "tables"
SETTINGS_FILE: Final = "settings.json"
OWN: Final = ""
"""Name of the service's own table."""
LIFE_FILE: Final = "life.json"
MOST_MARKED: Final = 4096
SWEEP_SECONDS: Final = 1.0
_log: Final = logging.getLogger(__name__)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
T = TypeVar("T")


class Tables:
    """See the module's docstring; ``run`` must run."""

    def __init__(self, host: Host, room: Room) -> None:
        self._options = host.settings.section(ServiceName.REPLAY, ReplayOptions)
        self._folder = host.settings.folder / FOLDER
        self._artefacts = host.artefacts
        self._clock = host.clock
        self._room = room
        self._tables: dict[str, ServedTable] = {}
        self._lives: dict[str, TableLife] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._dropping = asyncio.Lock()
        self._going: set[str] = set()
        self._drops_under_way: set[asyncio.Task[Any]] = set()
        self.dropped = 0
        self.retired = Figures({}, {}, {})
        own = Journal.open(self._folder, file_bytes=self._options.file_bytes)
        self._drops = Drops(self._folder)  # the lock of the folder comes first
        place = host.artefacts if self._options.archive else None
        self._tables[OWN] = ServedTable(self._options, own, room=room, place=place)
        self._unread: dict[str, str] = {}
        for path in sorted((self._folder / NAMED_FOLDER).glob(f"*/{SETTINGS_FILE}")):
            name = path.parent.name
            try:
                self._tables[name] = self._served(name, _read(path, ReplayOptions))
                self._lives[name] = self._read_life(name)
            except Unavailable as error:  # the others are served
                self._tables.pop(name, None)
                self._unread[name] = str(error)
                _log.error("table %s is not served: %s", name, error)

    @property
    def all(self) -> tuple[ServedTable, ...]:
        """All that are there."""
        return tuple(self._tables.values())

    @property
    def named_count(self) -> int:
        """How many have a name, those that are not served, too."""
        return len(self._tables) - 1 + len(self._unread)

    def named(self, name: str) -> ServedTable:
        """Return a table.

        Raises:
            NotFound: there is none of this name.
        """
        found = self._tables.get(name)
        if found is None:
            raise self._missing(name)
        return found

    def used(self, name: str) -> ServedTable:
        """Return a table to somebody who uses it: its run is not over then.

        Raises:
            NotFound: there is none of this name.
        """
        found = self.named(name)
        life = self._lives.get(name)
        if life is not None and life.ended_at is not None:
            self._live_on(name, marked(life, is_over=False, now=self._clock()))
        return found

    def _missing(self, name: str) -> LeagueError:
        if name in self._unread:
            return Unavailable(self._refusal(name))
        if name in self._going:
            return Unavailable(f"table {name!r} is being dropped; try again")
        return NotFound(f"table {name!r}: there is none of this name; open it first")

    async def open(self, request: pb.OpenTableRequest) -> bool:
        """Make a table where there is none of this name; whether it was made. One that is there
        takes over another limiter, and its run is not over.

        Raises:
            InvalidRequest: the name or a number is out of bounds.
            Conflict: it is there with other bounds.
            Exhausted: there are as many as there may be.
            Unavailable: its folder cannot be used, it is being dropped, or the service ends.
        """
        name, settings = request.table, request.settings
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"table {name!r}: give letters, digits, '.', '_' and '-', 1 to 128, first a letter"
                " or digit"
            )
        keeper, keep = request.keeper, keep_of(request)
        if name in self._unread or name in self._going:
            raise self._missing(name)
        if (known := self._tables.get(name)) is not None:
            options = options_of(known.options, settings)
            _require_same(name, known.options, options)
            if options != known.options:
                self._write(name, SETTINGS_FILE, options)
                known.limit(options)
            self._live_on(name, opened(self._lives[name], keeper=keeper, keep_seconds=keep))
            known.touch()
            return False
        options = options_of(self._options, settings)
        if self.named_count >= self._options.tables:
            raise Exhausted(
                f"there are {self.named_count} tables, as many as the setting replay.tables lets"
                " there be: `trainingrun replay list` shows them, and `trainingrun replay drop"
                " TABLE` removes one that is not needed; those of runs that have ended go by"
                " themselves after the time that their runs say (spec.replay.keepEndedSeconds)"
            )
        if self._tasks is None:
            raise Unavailable("the Replay service is starting or shutting down; try again")
        life = opened(TableLife(secrets.token_hex(8)), keeper=keeper, keep_seconds=keep)
        self._write(name, LIFE_FILE, life)  # before the settings, which make a folder a table
        self._write(name, SETTINGS_FILE, options)
        self._serve(name, self._served(name, options), life)
        return True

    def _serve(self, name: str, table: ServedTable, life: TableLife) -> None:
        self._tables[name], self._lives[name] = table, life
        if self._tasks is not None:
            self._running[name] = self._tasks.create_task(table.run())

    def _refusal(self, name: str) -> str:
        return (
            f"table {name!r} is not served ({self._unread[name]}): repair the folder"
            f" {self._folder / NAMED_FOLDER / name} and start the service again, or drop the table"
            f" with `trainingrun replay drop {name} --force`"
        )

    # How long they live.

    def list(self, keeper: str) -> list[pb.Table]:
        """Return the tables that have a name, those of one keeper or all."""
        served = [
            self._message(name)
            for name in sorted(self._lives)
            if not keeper or self._lives[name].keeper == keeper
        ]
        damaged = [pb.Table(name=name, problem=why) for name, why in sorted(self._unread.items())]
        return sorted([*served, *([] if keeper else damaged)], key=lambda each: each.name)

    def _message(self, name: str) -> pb.Table:
        life, stats, use = self._lives[name], self._tables[name].stats(), self._use(name)
        message = pb.Table(
            name=name,
            items=stats.items,
            experiences=stats.experiences,
            bytes=stats.bytes,
            journal_bytes=stats.journal_bytes,
            keeper=life.keeper,
            in_use=use.is_now,
        )
        message.keep_ended.FromMilliseconds(round(1000 * life.keep_seconds))
        message.idle.FromMilliseconds(round(1000 * use.idle_seconds))
        if life.ended_at is not None:
            message.ended_at.FromMilliseconds(round(1000 * life.ended_at))
        return message

    def mark(self, request: pb.MarkTablesRequest) -> int:
        """Take over what a keeper says of its runs; how many tables it was news for.

        Raises:
            InvalidRequest: there is no keeper, too many tables, or one in both.
            Unavailable: it cannot be written down.
        """
        both = {*request.ended} & {*request.live}
        if not request.keeper or len(request.keeper) > LONGEST_KEEPER:
            raise InvalidRequest(f"keeper: say who says it, in 1 to {LONGEST_KEEPER} characters")
        if len(request.ended) + len(request.live) > MOST_MARKED:
            raise InvalidRequest(f"ended and live: name at most {MOST_MARKED} tables")
        if both:
            raise InvalidRequest(f"table {min(both)!r} is in both of ended and live")
        over = dict.fromkeys(request.live, False) | dict.fromkeys(request.ended, True)
        changed = 0
        for name, is_over in over.items():
            life = self._lives.get(name)
            if life is None or life.keeper != request.keeper:
                continue
            changed += self._live_on(name, marked(life, is_over=is_over, now=self._clock()))
        return changed

    def _live_on(self, name: str, life: TableLife) -> bool:
        """Write down another life of a table; whether it is another."""
        if life == self._lives[name]:
            return False
        self._write(name, LIFE_FILE, life)
        self._lives[name] = life
        return True

    def _use(self, name: str) -> Use:
        return self._tables[name].use(self._options.in_use_seconds)

    async def drop(self, request: pb.DropTableRequest) -> pb.DropTableResponse:
        """Remove a table; it is gone when this returns, though the caller has gone away.

        Raises:
            InvalidRequest: there is no key, or the table is the service's own.
            NotFound: there is none of this name.
            Conflict: it is in use, or its run is not over, and force is not set.
            Reused: the key came with another request.
            Unavailable: it cannot be archived or moved away; it is whole.
        """
        if request.table == OWN:
            raise InvalidRequest("table: name one; the service's own cannot be dropped")
        return await self._to_its_end(self._drop(request))

    async def _to_its_end(self, act: Coroutine[Any, Any, T]) -> T:
        """Do it to its end, though who asked goes away."""
        task = asyncio.create_task(act)
        self._drops_under_way.add(task)
        task.add_done_callback(self._drops_under_way.discard)
        return await asyncio.shield(task)

    async def _drop(self, request: pb.DropTableRequest) -> pb.DropTableResponse:
        asked = pb.DropTableRequest()
        asked.CopyFrom(request)
        asked.idempotency_key = ""
        content = asked.SerializeToString(deterministic=True)
        async with self._dropping:
            known = self._drops.find(request.idempotency_key, content)
            name = request.table
            life = self._lives.get(name)
            if known is not None and not self._is_there(name, known.table_id):
                return pb.DropTableResponse.FromString(known.answer)
            if name in self._unread and request.force:
                return await self._drop_damaged(request, content)
            if life is None:
                raise self._missing(name)
            if not request.force and (why := why_kept(name, life, self._use(name))):
                raise Conflict(f"{why}: drop it with force if its content is not needed")
            where = f"{FOLDER}/{NAMED_FOLDER}/{name}/{life.id}" if request.archive else ""
            stats = self._tables[name].stats()
            answer = pb.DropTableResponse(
                items=stats.items,
                experiences=stats.experiences,
                journal_bytes=stats.journal_bytes,
                archived_at=where,
            )
            key = request.idempotency_key
            await self._remove(name, Drop(key, content, life.id, answer.SerializeToString()), where)
            return answer

    def _is_there(self, name: str, table_id: str) -> bool:
        """Whether this very table is there still: its drop was interrupted."""
        life = self._lives.get(name)
        return name in self._unread if life is None else life.id == table_id

    async def _drop_damaged(
        self, request: pb.DropTableRequest, content: bytes
    ) -> pb.DropTableResponse:
        """Remove the folder of a table that is not served; what it holds is not known."""
        answer = pb.DropTableResponse()
        drop = Drop(request.idempotency_key, content, "", answer.SerializeToString())
        await self._move_away(request.table, drop, "")
        del self._unread[request.table]
        self.dropped += 1
        return answer

    async def _remove(self, name: str, drop: Drop | None, archive: str) -> None:
        """Take a table out of service, archive what it holds, and remove it; where that fails, it
        is in service again."""
        table, life = self._tables.pop(name), self._lives.pop(name)
        self._going.add(name)
        try:
            table.drop()
            if (running := self._running.pop(name, None)) is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            await table.close()
            if archive:
                await table.archive_to(self._artefacts, archive)
            await self._move_away(name, drop, life.id)
        except LeagueError:
            self._serve_again(name, table.options, life)
            raise
        finally:
            self._going.discard(name)
        self.dropped += 1
        self.retired = together([self.retired, counted(table.figures())])
        _log.info("table %s was dropped%s", name, f", it is in {archive}" if archive else "")

    def _serve_again(self, name: str, options: ReplayOptions, life: TableLife) -> None:
        try:
            self._serve(name, self._served(name, options), life)
        except LeagueError as error:
            self._unread[name] = str(error)
            _log.error("table %s is not served: %s", name, error)

    async def _move_away(self, name: str, drop: Drop | None, table_id: str) -> None:
        folder = self._folder / NAMED_FOLDER / name
        await asyncio.to_thread(self._drops.carry_out, drop, folder, table_id)

    async def _drop_ended(self) -> None:
        """Drop tables whose runs have been over for long enough."""
        while True:
            for name in tuple(self._lives):
                if self._is_due(name):
                    await self._to_its_end(self._drop_due(name))
            await asyncio.sleep(SWEEP_SECONDS)

    def _is_due(self, name: str) -> bool:
        life = self._lives.get(name)
        return life is not None and is_due(life, self._use(name), now=self._clock())

    async def _drop_due(self, name: str) -> None:
        async with self._dropping:
            if not self._is_due(name):
                return
            _log.info("table %s: its run has been over for long enough", name)
            try:
                await self._remove(name, None, "")
            except LeagueError as error:
                _log.warning("table %s stays for now: %s", name, error)

    async def run(self) -> None:
        """Serve all tables, those that are opened meanwhile, too."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                for name, table in self._tables.items():
                    self._running[name] = tasks.create_task(table.run())
                await self._drop_ended()
            finally:
                self._tasks = None

    async def close(self) -> None:
        """Let go of all journals."""
        while self._drops_under_way:
            await asyncio.wait(self._drops_under_way)
        async with self._dropping:
            for table in self.all:
                await table.close()

    def _write(self, name: str, file: str, content: ReplayOptions | TableLife) -> None:
        folder = self._folder / NAMED_FOLDER / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / file, msgspec.json.encode(content))
        except OSError as error:
            raise Unavailable(
                f"the folder of a table, {folder}: {problem_of(error)}; then try again"
            ) from error

    def _read_life(self, name: str) -> TableLife:
        """Return the life of a table; one of before tables had any begins it now."""
        path = self._folder / NAMED_FOLDER / name / LIFE_FILE
        if path.exists():
            return _read(path, TableLife)
        life = TableLife(secrets.token_hex(8))
        self._write(name, LIFE_FILE, life)
        return life

    def _served(self, name: str, options: ReplayOptions) -> ServedTable:
        folder = self._folder / NAMED_FOLDER / name
        journal = Journal.open(folder, file_bytes=options.file_bytes)
        return ServedTable(options, journal, room=self._room)


def keep_of(request: pb.OpenTableRequest) -> float | None:
    """Return for how long a run wants its table kept; None: it does not say.

    Raises:
        InvalidRequest: the time or the keeper is out of bounds.
    """
    if len(request.keeper) > LONGEST_KEEPER:
        raise InvalidRequest(f"keeper: it is longer than {LONGEST_KEEPER} characters")
    if not request.HasField("keep_ended"):
        return None
    seconds = request.keep_ended.seconds + request.keep_ended.nanos / 1e9
    if not 0 <= seconds <= LONGEST_KEEP:
        raise InvalidRequest(f"keep_ended of {seconds:g} s: it is 0 to {LONGEST_KEEP:g} s")
    return seconds


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


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise Unavailable(f"what is written down of a table, {path}: {error}") from error
