"""The journal of games: every table and every action, in the database before it counts.

A game is its seed and its actions, so a process that was killed plays its games again from here and
none is lost. Results wait here for the Matchmaker until it has accepted them.

Border: rows and values; no rules, no clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import IntEnum
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Table as SqlTable
from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trainingrun_league.errors import Conflict, InvalidRequest
from trainingrun_league.game.table import Phase, Scene, Table, Thought, Turn
from trainingrun_league.game.tables import GameRow, TurnRow
from trainingrun_league.store.engine import reading, writing

_GAMES: Final = cast(SqlTable, GameRow.__table__)
_TURNS: Final = cast(SqlTable, TurnRow.__table__)


class Report(IntEnum):
    """How far the result of a game is on the way to the Matchmaker."""

    NONE = 0
    """No match waits for it, or it is not over."""
    DUE = 1
    DELIVERED = 2
    REFUSED = 3
    """The Matchmaker knows no such match, or has another result of it."""


class Creation(msgspec.Struct, frozen=True):
    """The call that made a game, by its idempotency key."""

    key: str
    digest: str


class JournalGame(msgspec.Struct, frozen=True):
    """A game as it is kept."""

    table: Table
    holder: str
    creation: Creation


class GameJournal:
    """See above. Every method raises ``Unavailable`` where the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(self, game: JournalGame) -> bool:
        """Keep a new game; False where its idempotency key is taken."""
        return await self.record(game, ())

    async def record(self, game: JournalGame, turns: Sequence[Turn]) -> bool:
        """Keep a game with its turns; False where its idempotency key is taken."""
        try:
            async with self._writing() as connection:
                await connection.execute(insert(_GAMES).values(_row(game)))
                if turns:
                    rows = [
                        _turn_row(game.table.game_id, place, turn)
                        for place, turn in enumerate(turns)
                    ]
                    await connection.execute(insert(_TURNS), rows)
        except _Taken:
            return False
        return True

    async def keep(self, table: Table, turn: Turn | None = None) -> None:
        """Keep how a table stands now, with the turn that led there.

        Raises:
            Conflict: another process has played that turn.
        """
        try:
            async with self._writing() as connection:
                if turn is not None:
                    row = _turn_row(table.game_id, table.turn - 1, turn)
                    await connection.execute(insert(_TURNS).values(row))
                await connection.execute(
                    update(_GAMES).where(_GAMES.c.id == table.game_id).values(_changing(table))
                )
        except _Taken as error:
            raise Conflict(
                f"turn {table.turn - 1} of the game {table.game_id} is played already, by another"
                " process that holds the game: two have the same name (--holder)"
            ) from error

    async def find(self, game_id: str) -> JournalGame | None:
        """Return a game by its id."""
        return await self._one(_GAMES.c.id == game_id)

    async def find_created(self, key: str) -> JournalGame | None:
        """Return the game that a call made before."""
        return await self._one(_GAMES.c.creation_key == key)

    async def turns(self, game_id: str) -> tuple[Turn, ...]:
        """Return the turns of a game in order."""
        chosen = select(_TURNS).where(_TURNS.c.game_id == game_id).order_by(_TURNS.c.turn)
        async with self._reading() as connection:
            return tuple(_turn(row) for row in await connection.execute(chosen))

    async def open_games(self, holder: str) -> tuple[Table, ...]:
        """Return the games of a process that are not over."""
        running = _GAMES.c.phase.in_((Phase.WAITING.value, Phase.RUNNING.value))
        chosen = select(_GAMES).where(_GAMES.c.holder == holder, running)
        async with self._reading() as connection:
            return tuple(_table(row) for row in await connection.execute(chosen))

    async def page(
        self, phases: Iterable[Phase], *, size: int, before: tuple[float, str] | None
    ) -> tuple[Table, ...]:
        """Return games, newest first, from behind the one created at a time with an id."""
        chosen = select(_GAMES).order_by(_GAMES.c.created_at.desc(), _GAMES.c.id.desc())
        wanted = [phase.value for phase in phases]
        if wanted:
            chosen = chosen.where(_GAMES.c.phase.in_(wanted))
        if before is not None:
            at, game_id = before
            is_earlier = or_(
                _GAMES.c.created_at < at,
                and_(_GAMES.c.created_at == at, _GAMES.c.id < game_id),
            )
            chosen = chosen.where(is_earlier)
        async with self._reading() as connection:
            return tuple(_table(row) for row in await connection.execute(chosen.limit(size)))

    async def due_reports(self, *, most: int) -> tuple[Table, ...]:
        """Return games whose result the Matchmaker has not accepted, the oldest first."""
        chosen = select(_GAMES).where(_GAMES.c.report == Report.DUE.value)
        chosen = chosen.order_by(_GAMES.c.created_at).limit(most)
        async with self._reading() as connection:
            return tuple(_table(row) for row in await connection.execute(chosen))

    async def note_report(self, game_id: str, report: Report, problem: str = "") -> None:
        """Keep what became of a result."""
        values = {"report": report.value, "report_problem": problem}
        async with self._writing() as connection:
            await connection.execute(update(_GAMES).where(_GAMES.c.id == game_id).values(values))

    async def delete(self, game_id: str) -> None:
        """Delete a game, if it is there."""
        async with self._writing() as connection:
            await connection.execute(delete(_TURNS).where(_TURNS.c.game_id == game_id))
            await connection.execute(delete(_GAMES).where(_GAMES.c.id == game_id))

    async def delete_oldest(self, *, kept: int) -> int:
        """Delete the oldest games that are over beyond a number; return how many."""
        is_over = _GAMES.c.phase.in_((Phase.FINISHED.value, Phase.ABANDONED.value))
        async with self._writing() as connection:
            count = (
                await connection.execute(select(func.count()).select_from(_GAMES))
            ).scalar_one()
            if count <= kept:
                return 0
            oldest = (
                select(_GAMES.c.id)
                .where(is_over, _GAMES.c.report != Report.DUE.value)
                .order_by(_GAMES.c.created_at)
                .limit(min(count - kept, 1000))
            )
            found = [row.id for row in await connection.execute(oldest)]
            await connection.execute(delete(_TURNS).where(_TURNS.c.game_id.in_(found)))
            await connection.execute(delete(_GAMES).where(_GAMES.c.id.in_(found)))
            return len(found)

    async def _one(self, which: Any) -> JournalGame | None:
        async with self._reading() as connection:
            row = (await connection.execute(select(_GAMES).where(which))).first()
        if row is None:
            return None
        creation = Creation(row.creation_key, row.creation_digest)
        return JournalGame(_table(row), row.holder, creation)

    def _reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return reading(self._engine)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with writing(self._engine) as connection:
                yield connection
        except IntegrityError as error:
            raise _Taken from error


class _Taken(Exception):
    """A row with such a key is there already."""


def page_token(table: Table) -> str:
    """Return the token of the page behind a game."""
    return f"{table.created_at!r},{table.game_id}"


def read_page_token(token: str) -> tuple[float, str] | None:
    """Return where a page begins; None for the first one.

    Raises:
        InvalidRequest: it is no token of ours.
    """
    if not token:
        return None
    at, comma, game_id = token.partition(",")
    try:
        if not comma or len(token) > 200:
            raise ValueError
        return float(at), game_id
    except ValueError:
        raise InvalidRequest(
            "page_token: take it from the next_page_token of the answer before"
        ) from None


def _row(game: JournalGame) -> dict[str, Any]:
    table = game.table
    return {
        "id": table.game_id,
        "creation_key": game.creation.key,
        "creation_digest": game.creation.digest,
        "holder": game.holder,
        "match_id": table.match_id,
        "purpose": table.purpose,
        "seed": str(table.seed),
        "move_seconds": table.move_seconds,
        "created_at": table.created_at,
        "report_problem": "",
        **_changing(table),
        # Games that are recorded are over when they come: who played them has reported them.
        "report": Report.NONE.value,
    }


def _changing(table: Table) -> dict[str, Any]:
    is_due = table.phase.is_over and table.match_id
    return {
        "first": table.players[0],
        "second": table.players[1],
        "taken": table.is_taken[0] | table.is_taken[1] << 1,
        "phase": table.phase.value,
        "turns": table.turn,
        "started_at": table.started_at,
        "finished_at": table.finished_at,
        "return_first": table.returns[0],
        "return_second": table.returns[1],
        "reason": table.reason,
        "report": (Report.DUE if is_due else Report.NONE).value,
    }


def _table(row: Any) -> Table:
    return Table(
        game_id=row.id,
        match_id=row.match_id,
        purpose=row.purpose,
        players=(row.first, row.second),
        seed=int(row.seed),
        move_seconds=row.move_seconds,
        created_at=row.created_at,
        is_taken=(bool(row.taken & 1), bool(row.taken & 2)),
        phase=Phase(row.phase),
        turn=row.turns,
        started_at=row.started_at,
        finished_at=row.finished_at,
        returns=(row.return_first, row.return_second),
        reason=row.reason,
    )


def _turn_row(game_id: str, place: int, turn: Turn) -> dict[str, Any]:
    return {
        "game_id": game_id,
        "turn": place,
        "seat": turn.seat,
        "action": turn.action,
        "key": turn.key,
        "thought": _json(turn.thought),
        "scene": _json(turn.scene),
    }


def _json(value: Thought | Scene | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _turn(row: Any) -> Turn:
    thought = None if row.thought is None else msgspec.json.decode(row.thought, type=Thought)
    scene = None if row.scene is None else msgspec.json.decode(row.scene, type=Scene)
    return Turn(seat=row.seat, action=row.action, key=row.key, thought=thought, scene=scene)
