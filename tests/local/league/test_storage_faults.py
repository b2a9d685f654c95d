"""What a league stands on fails: its disk is full, too many files are open, its database is damaged
or read-only. Clients get a code and a sentence that say what and where; nothing ends."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from safetensors.numpy import save
from sqlalchemy import text
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import elo_pb2, model_pb2
from trainingrun_contracts.league.v1.common_pb2 import MATCH_PURPOSE_RATING, Score
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of
from trainingrun_league.errors import StoreDamaged
from trainingrun_league.store.engine import connect, reading

from testkit.league.league_process import LeagueProcess
from testkit.servers.postgresql_server import PostgresqlServer
from testkit.servers.small_disk import fill_up, small_file_system

SCHEMA = spec_of(config_of("connect_four")).schema_hash


@contextmanager
def elo_of(league: LeagueProcess) -> Iterator[EloServiceStub]:
    """A client of the Elo service."""
    with league.blocking("elo") as channel:
        yield EloServiceStub(channel)


def rate(stub: EloServiceStub, name: str) -> None:
    """Report a match."""
    result = elo_pb2.MatchResult(
        match_id=name,
        first="model/a",
        second="model/b",
        score=Score(wins=1),
        purpose=MATCH_PURPOSE_RATING,
    )
    request = elo_pb2.UpdateEloRatingsRequest(results=[result])
    stub.UpdateEloRatings(request, timeout=20)


def listed(stub: EloServiceStub) -> list[str]:
    """All matches that are kept."""
    found = stub.ListResults(elo_pb2.ListResultsRequest(page_size=1000)).results
    return sorted(each.match_id for each in found)


def refusal(call: Any, *arguments: Any) -> tuple[grpc.StatusCode, str]:
    """How a call was refused."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)
    return caught.value.code(), caught.value.details()


def test_a_database_on_a_full_disk(tmp_path: Path) -> None:
    """Writes are refused with its file and what to do, reads go on, and the log says it; a process
    that is killed starts again all the same, and writes when there is room."""
    with small_file_system(tmp_path / "league", megabytes=8) as disk:
        (disk / "league.log").symlink_to(tmp_path / "log")
        league = LeagueProcess(disk, services="elo")
        with league:
            with elo_of(league) as stub:
                rate(stub, "before")
                filler = fill_up(disk)
                code, said = refusal(rate, stub, "refused")
                assert code is grpc.StatusCode.UNAVAILABLE
                assert f"{disk}/league.db: its disk is full: free space there" in said
                assert listed(stub) == ["before"]
            assert "UpdateEloRatings: the database" in (tmp_path / "log").read_text()
            league.kill()
            league.start()  # the ready file of before has left its room
            with elo_of(league) as stub:
                assert listed(stub) == ["before"]
                filler.unlink()
                rate(stub, "after")
                assert listed(stub) == ["after", "before"]
            assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_ready_file_that_cannot_be_written(tmp_path: Path) -> None:
    """One line, and the code of what an operator has to change."""
    ready = tmp_path / "nowhere" / "ready.json"
    arguments = ["--ready-file", str(ready)]
    league = LeagueProcess(tmp_path / "league", services="elo", arguments=arguments)
    assert league.launch().end(seconds=60) == 2
    assert f"error: the ready file {ready}: it cannot be used" in league.log.read_text()
    assert "Traceback" not in league.log.read_text()


def test_too_many_open_files(tmp_path: Path) -> None:
    """The sentence names the limit; with more of them the same publication is taken."""
    header = model_pb2.PublishPolicyRequest.Header(
        lineage="team/a", schema_hash=SCHEMA, algorithm="ppo"
    )
    blob = save({"a": np.zeros(16, np.float32)}, metadata={"schema_hash": SCHEMA})
    with (
        LeagueProcess(tmp_path / "league", services="model") as league,
        league.blocking("model") as channel,
    ):
        stub = ModelServiceStub(channel)
        stub.ListModels(model_pb2.ListModelsRequest())
        pid = league.process.pid
        few = len(os.listdir(f"/proc/{pid}/fd"))
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, before[1]))
        code, said = refusal(lambda: publish(stub, header, blob, seconds=20))
        assert code is grpc.StatusCode.UNAVAILABLE
        assert "ulimit -n" in said
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        assert publish(stub, header, blob, seconds=20).model.id == "m1"
        assert "Traceback" not in league.log.read_text()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Not as something that passes."""
    file = tmp_path / "league.db"
    file.write_bytes(b"this is no database" * 1000)

    async def read() -> None:
        engine = connect(f"sqlite+aiosqlite:///{file}")
        try:
            async with reading(engine) as connection:
                await connection.execute(text("SELECT 1 FROM epochs"))
        finally:
            await engine.dispose()

    with pytest.raises(StoreDamaged, match=r"league\.db: it is damaged: restore a backup"):
        asyncio.run(read())


@pytest.mark.needs("postgresql")
def test_a_database_that_becomes_read_only(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """As hosted ones do when their disk is full, and replicas always: what can be read is, and
    writes go on when they may."""
    url = postgresql.create_database("readonly")

    def set_read_only(value: str) -> None:
        change = f"ALTER DATABASE readonly SET default_transaction_read_only = {value}"
        postgresql.execute(change, database="postgres")
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'readonly'"
        postgresql.execute(ended, database="postgres")

    arguments = ["--database", url, "--migrate"]
    with (
        LeagueProcess(tmp_path / "league", services="elo", arguments=arguments) as league,
        elo_of(league) as stub,
    ):
        rate(stub, "before")
        set_read_only("on")
        code, said = refusal(rate, stub, "refused")
        assert code is grpc.StatusCode.UNAVAILABLE
        assert "it is read-only" in said
        assert listed(stub) == ["before"]
        set_read_only("off")
        rate(stub, "after")
        assert listed(stub) == ["after", "before"]
        assert "Traceback" not in league.log.read_text()


def test_league_up_on_a_full_disk(tmp_path: Path) -> None:
    """One line that says so, and no process is left that nobody knows of."""
    program = [sys.executable, "-c", "from trainingrun.commands import main; main()"]
    words = ["league", "up", "--environment", "connect_four", "--state", "disk"]
    with small_file_system(tmp_path / "disk", megabytes=8) as disk:
        fill_up(disk)
        done = subprocess.run(
            [*program, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert f"the disk of {disk}/.leagues/league is full: free space there" in line
        running = psutil.process_iter(["cmdline"])
        assert not [each for each in running if str(disk) in str(each.info["cmdline"])]
