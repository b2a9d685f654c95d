"""The frame of every service: health, reflection, tokens, errors, restarts."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from trainingrun_contracts.league.v1.common_pb2 import MATCH_PURPOSE_RATING, Score
from trainingrun_contracts.league.v1.elo_pb2 import (
    MatchResult,
    RegisterPolicyRequest,
    UpdateEloRatingsRequest,
)
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub

from testkit.league.league_process import LeagueProcess
from testkit.servers.postgresql_server import PostgresqlServer

ELO = "trainingrun.league.v1.EloService"


def result(match_id: str) -> MatchResult:
    """A match that the first player won."""
    return MatchResult(
        match_id=match_id,
        first="model/a",
        second="model/b",
        score=Score(wins=2),
        purpose=MATCH_PURPOSE_RATING,
    )


def test_health_and_reflection(league: LeagueProcess) -> None:
    """Expect the service to say that it serves, without a token, and what it has, with one."""
    with grpc.secure_channel(
        f"127.0.0.1:{league.ports['elo']}",
        grpc.ssl_channel_credentials(league.address("elo").authority),
    ) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(service=ELO), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with league.blocking("elo") as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        (listed,) = stub.ServerReflectionInfo(iter([asked]), timeout=10)
        names = {each.name for each in listed.list_services_response.service}
        assert ELO in names


def test_results_are_kept_once_over_kill_9(league: LeagueProcess) -> None:
    """Expect repeated match ids to be counted as such, after a kill -9, too."""
    request = UpdateEloRatingsRequest(results=[result("one"), result("two"), result("one")])
    with league.blocking("elo") as channel:
        answer = EloServiceStub(channel).UpdateEloRatings(request)
        assert (answer.accepted, answer.repeated_results) == (2, 1)
    league.kill()
    league.start()
    with league.blocking("elo") as channel:
        answer = EloServiceStub(channel).UpdateEloRatings(request)
        assert (answer.accepted, answer.repeated_results) == (0, 3)


def test_an_idempotency_key_is_of_one_request(league: LeagueProcess) -> None:
    """Expect the same answer for the same request, and a refusal of another one with its key."""
    request = RegisterPolicyRequest(idempotency_key="k", player_id="model/a", kind=1)
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        assert stub.RegisterPolicy(request) == stub.RegisterPolicy(request)
        request.name = "another"
        with pytest.raises(grpc.RpcError) as refused:
            stub.RegisterPolicy(request)
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS


def test_sigterm_ends_it(league: LeagueProcess) -> None:
    """Expect exit code 0."""
    assert league.stop() == 0


@pytest.mark.needs("postgresql")
def test_postgresql_serves_the_same(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """Expect the same migrations and answers with PostgreSQL, unmigrated ones refused."""
    url = postgresql.create_database("frame")
    place = LeagueProcess(tmp_path / "league", arguments=["--database", url])
    process = place.launch()
    assert process.end(seconds=30) == 2
    assert "migrate" in process.last_words()
    migrated = LeagueProcess(tmp_path / "league", arguments=["--database", url, "--migrate"])
    with migrated as league, league.blocking("elo") as channel:
        request = UpdateEloRatingsRequest(results=[result("one"), result("two"), result("one")])
        answer = EloServiceStub(channel).UpdateEloRatings(request)
        assert (answer.accepted, answer.repeated_results) == (2, 1)
