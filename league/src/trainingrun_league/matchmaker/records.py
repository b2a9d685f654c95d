"""Matches, verdicts and tournaments in the database.

Writes that come at the same time share a transaction: a thousand players a second are a few dozen
commits. Each write is whole by itself (one statement to a row), so that sharing changes nothing but
the time. Reads go by themselves. What a write means is not decided here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import groupby
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import Row, Table, Update, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose

from trainingrun_league.errors import InvalidRequest, LeagueError
from trainingrun_league.matchmaker.leases import MatchState
from trainingrun_league.matchmaker.matches import Match, match_of, row_of, seats_row_of
from trainingrun_league.matchmaker.pool import Payoffs, Results
from trainingrun_league.matchmaker.tables import MatchRow, TournamentRow, VerdictRow
from trainingrun_league.store.engine import reading
from trainingrun_league.store.fence import Fence
from trainingrun_league.store.inserting import insert_new

_FINAL: Final = (MatchState.CLOSED.value, MatchState.FAILED.value)
_TABLE: Final = cast(Table, MatchRow.__table__)
_COLUMNS: Final = tuple(column.name for column in _TABLE.columns)
_CHANGED: Final = tuple(name for name in _COLUMNS if name not in {"id", "rated_at"})
_SEATS: Final = ("game_id", "game_address", "seat_tokens", "offered_to")

_INSERT: Final = {
    "sqlite": sqlite.insert(_TABLE).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(_TABLE).on_conflict_do_nothing(),
}
"""Compiled once and run for many rows; one statement of many rows is compiled for each number."""


class _Change(Enum):
    """What a write does with the row of a match; the values are the columns that it sets."""

    NEW = _COLUMNS
    WHOLE = _CHANGED
    SEATS = _SEATS


def _update_of(columns: tuple[str, ...]) -> Update:
    return (
        update(_TABLE)
        .where(_TABLE.c.id == bindparam("match_id"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )


_UPDATES: Final = {each: _update_of(each.value) for each in (_Change.WHOLE, _Change.SEATS)}

GATHER_SECONDS: Final = 0.01
"""For which a transaction waits for more rows: a commit costs as much as thirty of them."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Due:
    """A match that the Elo service has not got yet."""

    id: str
    first: str
    second: str
    results: Results
    purpose: int
    closed_at: float


@dataclass(frozen=True)
class DueVerdict:
    """A verdict that the Model service has not got yet."""

    candidate: str
    champion: str
    promote: bool
    score: Results
    reason: str


@dataclass(frozen=True)
class Loaded:
    """What a service begins with.

    Attributes:
        open: matches that are not over.
        tests: all matches of the gate whose test is not decided.
        verdicts: decided pairs of candidate and champion.
        payoffs: results of rated matches.
        failures: how many matches were given up because of a player.
        reported: matches that were reported, ever.
    """

    open: tuple[Match, ...]
    tests: tuple[Match, ...]
    verdicts: frozenset[tuple[str, str]]
    payoffs: Payoffs
    failures: Mapping[str, int]
    reported: int


_Waiting: TypeAlias = tuple[_Change, dict[str, Any], asyncio.Future[None]]
"""What is done, the row (or its id and changed columns), and what is set when it is written."""


class Records:
    """See above. Every method raises ``Unavailable`` where the database cannot be reached, and
    ``TakenOver`` where another process decides now."""

    def __init__(self, fence: Fence) -> None:
        self.fence = fence
        self.engine: AsyncEngine = fence.engine
        self._waiting: list[_Waiting] = []
        self._flush: asyncio.Task[None] | None = None

    async def add(self, *matches: Match) -> None:
        """Insert matches; those whose id is there stay as they are."""
        await self._submit(matches, _Change.NEW)

    async def save(self, *matches: Match) -> None:
        """Write what has changed of matches that are there."""
        await self._submit(matches, _Change.WHOLE)

    def save_soon(self, match: Match) -> None:
        """Write a game's seats, which can be found again without it, and do not wait for it."""
        future = self._enqueue(_Change.SEATS, seats_row_of(match))
        future.add_done_callback(_note_failure)

    async def close(self) -> None:
        """Wait until what was submitted is written."""
        while self._flush is not None and not self._flush.done():
            await asyncio.wait([self._flush])

    async def _submit(self, matches: Sequence[Match], change: _Change) -> None:
        futures = [self._enqueue(change, row_of(match)) for match in matches]
        await (futures[0] if len(futures) == 1 else asyncio.gather(*futures))

    def _enqueue(self, change: _Change, row: dict[str, Any]) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append((change, row, future))
        if self._flush is None or self._flush.done():
            self._flush = loop.create_task(self._flush_all())
        return future

    async def _flush_all(self) -> None:
        """Commit what waits; what comes meanwhile is the next transaction's."""
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            batch, self._waiting = self._waiting, []
            problem = await self._written(batch)
            if isinstance(problem, LeagueError | None) and not isinstance(problem, InvalidRequest):
                _settle(batch, problem)
                continue
            for one in batch:  # what one row has wrong is not the fault of the others
                _settle([one], await self._written([one]))

    async def _written(self, batch: Sequence[_Waiting]) -> Exception | None:
        """Commit rows; return why that failed, whatever it was: calls wait for it."""
        try:
            await self.fence.transact(partial(_write, batch))
        except Exception as error:
            return error
        return None

    async def load(self) -> Loaded:
        """Return what a service begins with."""
        async with reading(self.engine) as connection:
            matches = _TABLE.c
            is_open = matches.state.not_in(_FINAL)
            decided = select(VerdictRow.candidate).where(
                VerdictRow.candidate == MatchRow.first, VerdictRow.champion == MatchRow.second
            )
            is_test = (matches.purpose == MatchPurpose.MATCH_PURPOSE_GATE) & ~decided.exists()
            verdicts = await connection.execute(select(VerdictRow.candidate, VerdictRow.champion))
            return Loaded(
                open=await _matches(connection, is_open),
                tests=await _matches(connection, is_test),
                verdicts=frozenset((row[0], row[1]) for row in verdicts),
                payoffs=await _payoffs(connection),
                failures=await _failures(connection),
                reported=await _reported(connection),
            )

    async def find(self, match_id: str) -> Match | None:
        """Return a match, over or not."""
        async with reading(self.engine) as connection:
            found = await _matches(connection, MatchRow.id == match_id)
        return found[0] if found else None

    async def of_tournament(self, tournament_id: str) -> tuple[Match, ...]:
        """Return all matches of a tournament."""
        async with reading(self.engine) as connection:
            return await _matches(connection, MatchRow.tournament_id == tournament_id)

    async def due_ratings(self, most: int) -> tuple[Due, ...]:
        """Return rated matches that the Elo service has not got, the oldest first."""
        table = _TABLE.c
        query = (
            select(
                table.id,
                table.first,
                table.second,
                table.wins,
                table.draws,
                table.losses,
                table.purpose,
                table.closed_at,
            )
            .where(table.rated_at.is_(None), table.is_rated)
            .order_by(table.closed_at)
            .limit(most)
        )
        async with reading(self.engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            Due(
                row.id,
                row.first,
                row.second,
                Results(row.wins, row.draws, row.losses),
                row.purpose,
                row.closed_at,
            )
            for row in rows
        )

    async def note_rated(self, ids: Sequence[str], now: float, problem: str = "") -> None:
        """Keep that the Elo service has these matches, or refuses them."""
        changed: dict[str, Any] = {"rated_at": now}
        if problem:
            changed["problem"] = problem[:1000]
        async with self.fence.writing() as connection:
            await connection.execute(update(MatchRow).where(MatchRow.id.in_(ids)).values(**changed))

    async def add_verdict(self, verdict: DueVerdict, now: float) -> None:
        """Keep a verdict that is to be reported; one that is there stays."""
        row = {
            "candidate": verdict.candidate,
            "champion": verdict.champion,
            "promote": verdict.promote,
            "wins": verdict.score.wins,
            "draws": verdict.score.draws,
            "losses": verdict.score.losses,
            "reason": verdict.reason[:1000],
            "decided_at": now,
            "reported_at": None,
            "problem": "",
        }
        async with self.fence.writing() as connection:
            await insert_new(connection, VerdictRow, [row])

    async def due_verdicts(self) -> tuple[DueVerdict, ...]:
        """Return verdicts that the Model service has not got, the oldest first."""
        query = (
            select(VerdictRow.__table__)
            .where(VerdictRow.reported_at.is_(None))
            .order_by(VerdictRow.decided_at)
        )
        async with reading(self.engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            DueVerdict(
                row.candidate,
                row.champion,
                row.promote,
                Results(row.wins, row.draws, row.losses),
                row.reason,
            )
            for row in rows
        )

    async def note_verdict(self, verdict: DueVerdict, now: float, problem: str = "") -> None:
        """Keep that the Model service has a verdict, or does not follow it."""
        is_it = (VerdictRow.candidate == verdict.candidate) & (
            VerdictRow.champion == verdict.champion
        )
        async with self.fence.writing() as connection:
            await connection.execute(
                update(VerdictRow).where(is_it).values(reported_at=now, problem=problem[:1000])
            )

    async def tournament(self, tournament_id: str) -> Row[Any] | None:
        """Return the row of a tournament."""
        query = select(TournamentRow.__table__).where(TournamentRow.id == tournament_id)
        async with reading(self.engine) as connection:
            return (await connection.execute(query)).one_or_none()

    async def tournaments(self, *, state: int | None = None) -> Sequence[Row[Any]]:
        """Return the rows of all tournaments in a state."""
        query = select(TournamentRow.__table__).where(TournamentRow.state == state)
        async with reading(self.engine) as connection:
            return (await connection.execute(query)).all()

    async def tournaments_before(
        self, most: int, before: tuple[float, str] | None
    ) -> Sequence[Row[Any]]:
        """Return rows of tournaments, the newest first, that are older than another one."""
        table = TournamentRow.__table__.c
        query = select(TournamentRow.__table__).order_by(table.created_at.desc(), table.id.desc())
        if before is not None:
            moment, name = before
            is_older = (table.created_at < moment) | (
                (table.created_at == moment) & (table.id < name)
            )
            query = query.where(is_older)
        async with reading(self.engine) as connection:
            return (await connection.execute(query.limit(most))).all()

    async def change_tournament(self, tournament_id: str, **changed: Any) -> None:
        """Write columns of a tournament."""
        async with self.fence.writing() as connection:
            await connection.execute(
                update(TournamentRow).where(TournamentRow.id == tournament_id).values(**changed)
            )


def _note_failure(future: asyncio.Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        _log.warning("the seats of a game are not kept yet: %s", error)


async def add_tournament(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert a tournament within a transaction of the caller."""
    await connection.execute(insert(TournamentRow).values(**row))


def _settle(batch: Sequence[_Waiting], problem: Exception | None) -> None:
    for _, _, future in batch:
        if future.done():
            continue
        if problem is None:
            future.set_result(None)
        else:
            future.set_exception(problem)


def _write(batch: Sequence[_Waiting], connection: Connection) -> None:
    """Insert what is new, then change in the order of asking: a match is made before it changes."""
    new = [row for change, row, _ in batch if change is _Change.NEW]
    if new:
        connection.execute(_INSERT[connection.dialect.name], new)
    changes = (each for each in batch if each[0] is not _Change.NEW)
    for change, same in groupby(changes, key=lambda each: each[0]):
        rows = [
            {"match_id": row["id"]} | {f"new_{name}": row[name] for name in change.value}
            for _, row, _ in same
        ]
        connection.execute(_UPDATES[change], rows)


async def _matches(connection: AsyncConnection, condition: Any) -> tuple[Match, ...]:
    query = select(MatchRow.__table__).where(condition).order_by(MatchRow.created_at, MatchRow.id)
    rows = (await connection.execute(query)).mappings().all()
    return tuple(match_of(dict(row)) for row in rows)


async def _payoffs(connection: AsyncConnection) -> Payoffs:
    table = _TABLE.c
    query = (
        select(
            table.first,
            table.second,
            func.sum(table.wins),
            func.sum(table.draws),
            func.sum(table.losses),
        )
        .where(table.is_rated)
        .group_by(table.first, table.second)
    )
    payoffs = Payoffs()
    for first, second, *sums in (await connection.execute(query)).all():
        payoffs.add(first, second, Results(*(int(each) for each in sums)))
    return payoffs


async def _failures(connection: AsyncConnection) -> dict[str, int]:
    query = (
        select(MatchRow.failed_player, func.count())
        .where(MatchRow.failed_player != "")
        .group_by(MatchRow.failed_player)
    )
    return {player: int(count) for player, count in (await connection.execute(query)).all()}


async def _reported(connection: AsyncConnection) -> int:
    query = select(func.count()).where(MatchRow.state == MatchState.CLOSED.value)
    return int((await connection.execute(query)).scalar_one())
