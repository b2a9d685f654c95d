"""Reads and writes of the Elo service's tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from trainingrun_league.elo.requests import Result, kind_of
from trainingrun_league.elo.tables import PairingRow, PlayerRow, ResultRow
from trainingrun_league.store.inserting import insert_new

_ROWS: Final = 2000
"""Of one statement."""


async def add_results(connection: AsyncConnection, results: Sequence[Result], *, now: float) -> int:
    """Keep the results whose match ids are new, and add them to their pairings.

    Return how many were new. Rows are written in the order of their keys, so that two calls with
    the same matches wait for one another and do not lock each other out.
    """
    wanted = {each.match_id: each for each in results}
    ordered = [wanted[match_id] for match_id in sorted(wanted)]
    fresh: list[Result] = []
    for begin in range(0, len(ordered), _ROWS):
        some = ordered[begin : begin + _ROWS]
        statement = _insert(connection)(ResultRow).values([asdict(each) for each in some])
        added = await connection.execute(
            statement.on_conflict_do_nothing().returning(ResultRow.match_id)
        )
        fresh += [wanted[row.match_id] for row in added]
    await _add_players(connection, fresh, now=now)
    await _add_pairings(connection, fresh, now=now)
    return len(fresh)


async def _add_players(
    connection: AsyncConnection, results: Iterable[Result], *, now: float
) -> None:
    names = sorted({name for each in results for name in (each.first, each.second)})
    known: set[str] = set()
    for begin in range(0, len(names), _ROWS):
        some = names[begin : begin + _ROWS]
        found = await connection.scalars(select(PlayerRow.id).where(PlayerRow.id.in_(some)))
        known.update(found)
    rows = [player_row(name, now=now) for name in names if name not in known]
    await insert_new(connection, PlayerRow, rows)


def player_row(player_id: str, *, now: float, name: str = "") -> dict[str, Any]:
    """Return the row of a player."""
    return {
        "id": player_id,
        "kind": int(kind_of(player_id)),
        "name": name or player_id.partition("/")[2],
        "registered_at": now,
    }


async def _add_pairings(
    connection: AsyncConnection, results: Iterable[Result], *, now: float
) -> None:
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in results:
        if each.is_rated:
            swapped = each.first > each.second
            pair = (each.second, each.first) if swapped else (each.first, each.second)
            won, lost = (each.losses, each.wins) if swapped else (each.wins, each.losses)
            for place, number in enumerate((won, each.draws, lost)):
                sums[pair][place] += number
    rows = [
        {
            "first": first,
            "second": second,
            "wins": wins,
            "draws": draws,
            "losses": losses,
            "changed_at": now,
        }
        for (first, second), (wins, draws, losses) in sorted(sums.items())
    ]
    for begin in range(0, len(rows), _ROWS):
        statement = _insert(connection)(PairingRow).values(rows[begin : begin + _ROWS])
        given = statement.excluded
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[PairingRow.first, PairingRow.second],
                set_={
                    "wins": PairingRow.wins + given.wins,
                    "draws": PairingRow.draws + given.draws,
                    "losses": PairingRow.losses + given.losses,
                    "changed_at": given.changed_at,
                },
            )
        )


def _insert(connection: AsyncConnection) -> Any:
    is_postgresql = connection.dialect.name == "postgresql"
    return postgresql.insert if is_postgresql else sqlite.insert
