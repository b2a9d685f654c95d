"""Reads and writes of the Elo service's tables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from trainingrun_league.elo.requests import Result, kind_of
from trainingrun_league.elo.tables import PlayerRow
from trainingrun_league.store.inserting import insert_new

_ROWS: Final = 2000
"""Of one statement."""
_ADD_RESULTS: Final = """
INSERT INTO elo_results (match_id, first, second, wins, draws, losses, purpose, played_at)
SELECT [0 text], [1 text], [2 text], [3 int], [4 int], [5 int], [6 int], [7 float]
FROM [source] WHERE true
ON CONFLICT (match_id) DO NOTHING RETURNING match_id
"""
_ADD_PAIRINGS: Final = """
INSERT INTO elo_pairings (first, second, wins, draws, losses, changed_at)
SELECT [0 text], [1 text], [2 bigint], [3 bigint], [4 bigint], [5 float]
FROM [source] WHERE true
ON CONFLICT (first, second) DO UPDATE SET
  wins = elo_pairings.wins + excluded.wins,
  draws = elo_pairings.draws + excluded.draws,
  losses = elo_pairings.losses + excluded.losses,
  changed_at = excluded.changed_at
"""


async def add_results(connection: AsyncConnection, results: Sequence[Result], *, now: float) -> int:
    """Keep the results whose match ids are new, and add them to their pairings.

    Return how many were new. Rows are written in the order of their keys, so that two calls with
    the same matches wait for one another and do not lock each other out.
    """
    wanted = {each.match_id: each for each in results}
    rows = [
        (
            each.match_id,
            each.first,
            each.second,
            each.wins,
            each.draws,
            each.losses,
            each.purpose,
            each.played_at,
        )
        for each in map(wanted.__getitem__, sorted(wanted))
    ]
    added = await connection.execute(_statement(connection, _ADD_RESULTS), {"rows": _json(rows)})
    fresh = [wanted[row.match_id] for row in added]
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
    rows = [(first, second, *counts, now) for (first, second), counts in sorted(sums.items())]
    if rows:
        statement = _statement(connection, _ADD_PAIRINGS)
        await connection.execute(statement, {"rows": _json(rows)})


def _json(rows: Sequence[tuple[Any, ...]]) -> str:
    return msgspec.json.encode(rows).decode()


def _statement(connection: AsyncConnection, template: str) -> TextClause:
    """Return a statement over rows that are one parameter, JSON: ten thousand rows of parameters
    take the driver and the compiler of statements longer than the database."""
    if connection.dialect.name == "postgresql":
        source = "json_array_elements(CAST(:rows AS json)) AS each(value)"
        columns = re.sub(r"\[(\d) (\w+)\]", r"CAST(value ->> \1 AS \2)", template)
    else:
        source = "json_each(:rows)"
        columns = re.sub(r"\[(\d) (\w+)\]", r"json_extract(value, '$[\1]')", template)
    return text(columns.replace("[source]", source))
