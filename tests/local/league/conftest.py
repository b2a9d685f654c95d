"""Fixtures of the tests of the league: its real process, a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.league.league_process import LeagueProcess
from testkit.servers.postgresql_server import PostgresqlServer


@pytest.fixture
def league(tmp_path: Path) -> Iterator[LeagueProcess]:
    """A league of connect_four with all services, on SQLite and a directory, with TLS."""
    with LeagueProcess(tmp_path / "league") as process:
        yield process


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server of this session; each test makes a database of its own.

    Tests that need it have the mark ``needs("postgresql")``.
    """
    with PostgresqlServer() as server:
        yield server
