"""Inserts that leave alone what is there: ``ON CONFLICT DO NOTHING`` of both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from trainingrun_league.store.base import Table

_MOST_PARAMETERS = 30_000
"""Of one statement; PostgreSQL's bound is 65,535, SQLite's 32,766."""


async def insert_new(
    connection: AsyncConnection, table: type[Table], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Insert the rows whose keys are new, and return how many those were.

    All rows have the same columns. In PostgreSQL a row that another transaction is about to insert
    is waited for.
    """
    if not rows:
        return 0
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    inserted = 0
    step = max(1, _MOST_PARAMETERS // len(rows[0]))
    for begin in range(0, len(rows), step):
        statement = make(table).values(list(rows[begin : begin + step])).on_conflict_do_nothing()
        inserted += (await connection.execute(statement)).rowcount
    return inserted
