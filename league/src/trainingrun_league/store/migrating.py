"""Brings a database to the tables that this version knows, and checks whether it has them.

One history, with one branch for each service: a database serves them all, whichever of them a
process runs. PostgreSQL is migrated under an advisory lock, so that two processes that start
together do it one after the other; SQLite has its own lock.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from trainingrun_league.errors import Conflict
from trainingrun_league.store.engine import reading, writing

_SCRIPTS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 7_150_317
"""Of PostgreSQL's advisory locks: any number that nothing else uses."""


async def migrate(engine: AsyncEngine) -> None:
    """Run what is missing, in one transaction.

    Raises:
        Unavailable: the database cannot be reached.
    """
    async with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        await connection.run_sync(_upgrade)


async def check(engine: AsyncEngine) -> None:
    """Refuse a database that this version's tables are not in.

    Raises:
        Conflict: migrations are missing, or a newer version has run its own.
        Unavailable: the database cannot be reached.
    """
    async with reading(engine) as connection:
        found = await connection.run_sync(_revisions)
    wanted = set(ScriptDirectory.from_config(_config()).get_heads())
    if found == wanted:
        return
    missing, unknown = sorted(wanted - found), sorted(found - wanted)
    raise Conflict(
        f"the database has other tables than this version (missing: {missing or 'none'}, unknown:"
        f" {unknown or 'none'}): run `python -m trainingrun_league migrate` of this version"
    )


def _upgrade(connection: Connection) -> None:
    command.upgrade(_config(connection), "heads")


def _revisions(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
