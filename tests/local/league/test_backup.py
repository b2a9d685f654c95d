"""Backup and restore as commands, over a league that serves; into another kind of database, too."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from trainingrun_contracts.league.v1.common_pb2 import MATCH_PURPOSE_RATING, Score
from trainingrun_contracts.league.v1.elo_pb2 import (
    ListResultsRequest,
    MatchResult,
    RegisterPolicyRequest,
    UpdateEloRatingsRequest,
)
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub

from testkit.league.league_process import LeagueProcess
from testkit.servers.postgresql_server import PostgresqlServer


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand."""
    return subprocess.run(
        [sys.executable, "-m", "trainingrun_league", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath},
    )


def fill(league: LeagueProcess) -> list[str]:
    """Report matches and register a player; returns the match ids, newest first."""
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        results = [
            MatchResult(
                match_id=f"m{n}",
                first="model/ä".replace("ä", "a"),
                second=f"model/{n}",
                score=Score(wins=n + 1),
                purpose=MATCH_PURPOSE_RATING,
            )
            for n in range(1200)
        ]
        stub.UpdateEloRatings(UpdateEloRatingsRequest(results=results))
        stub.RegisterPolicy(
            RegisterPolicyRequest(
                idempotency_key="k", player_id="person/anna", kind=2, name="Ännchen 'DROP'"
            )
        )
        return listed(stub)


def listed(stub: EloServiceStub) -> list[str]:
    """The newest thousand match ids."""
    found = stub.ListResults(ListResultsRequest(page_size=1000)).results
    return [each.match_id for each in found]


def artefact(folder: Path, name: str, content: bytes) -> None:
    """Put a file among the artefacts."""
    path = folder / "artefacts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def restored(file: Path, folder: Path, *more: str) -> Sequence[str]:
    """Restore a backup, serve it, and return its match ids; a new match follows the old ones."""
    done = command("restore", "--file", str(file), "--folder", str(folder), *more)
    assert done.returncode == 0, done.stderr
    with LeagueProcess(folder, arguments=more) as league, league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        found = listed(stub)
        again = RegisterPolicyRequest(
            idempotency_key="k", player_id="person/anna", kind=2, name="Ännchen 'DROP'"
        )
        assert stub.RegisterPolicy(again).player.name == "Ännchen 'DROP'"
        fresh = MatchResult(
            match_id=f"fresh in {folder.name}",
            first="model/a",
            second="model/0",
            score=Score(wins=1),
            purpose=MATCH_PURPOSE_RATING,
        )
        assert stub.UpdateEloRatings(UpdateEloRatingsRequest(results=[fresh])).accepted == 1
        assert listed(stub)[0] == f"fresh in {folder.name}"
    return found


def test_a_backup_of_a_league_that_serves_is_restored(
    league: LeagueProcess, tmp_path: Path
) -> None:
    """Expect rows, keys of requests and artefacts to be there again in another folder; a second
    restore is refused, because the tables have rows."""
    before = fill(league)
    artefact(league.folder, "models/a/weights", b"\0weights" * 1000)
    file = tmp_path / "league.tar"
    done = command("backup", "--file", str(file), "--folder", str(league.folder))
    assert done.returncode == 0, done.stderr
    assert "1 artefacts" in done.stdout
    other = tmp_path / "other"
    assert restored(file, other) == before
    assert (other / "artefacts/models/a/weights").read_bytes() == b"\0weights" * 1000
    again = command("restore", "--file", str(file), "--folder", str(other))
    assert again.returncode == 2
    assert "has rows" in again.stderr


@pytest.mark.needs("postgresql")
def test_a_small_league_grows_into_postgresql(
    league: LeagueProcess, tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    """Expect what SQLite had in PostgreSQL, and from there in SQLite again."""
    before = fill(league)
    small, large = tmp_path / "small.tar", tmp_path / "large.tar"
    url = postgresql.create_database("grown")
    done = command("backup", "--file", str(small), "--folder", str(league.folder))
    assert done.returncode == 0, done.stderr
    assert restored(small, tmp_path / "grown", "--database", url) == before
    done = command("backup", "--file", str(large), "--folder", str(tmp_path), "--database", url)
    assert done.returncode == 0, done.stderr
    back = restored(large, tmp_path / "back")
    assert list(back) == ["fresh in grown", *before[:999]]


def test_damaged_backups_are_refused(league: LeagueProcess, tmp_path: Path) -> None:
    """Expect a line for a file that is cut off, changed, no backup, or not there, and an empty
    database after each."""
    fill(league)
    file, other = tmp_path / "league.tar", tmp_path / "other"
    command("backup", "--file", str(file), "--folder", str(league.folder))
    whole = file.read_bytes()
    with tarfile.open(file) as tar:
        member = tar.getmember("tables/elo_results")
    changed = bytearray(whole)
    changed[member.offset_data + 20] ^= 1
    for content in (whole[: len(whole) // 2], bytes(changed), b"no backup" * 100, b""):
        file.write_bytes(content)
        done = command("restore", "--file", str(file), "--folder", str(other))
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert "league.tar" in done.stderr
    missing = str(tmp_path / "none.tar")
    assert command("restore", "--file", missing, "--folder", str(other)).returncode == 2
    file.write_bytes(whole)
    assert len(restored(file, other)) == 1000
