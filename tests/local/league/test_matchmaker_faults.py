"""What the Matchmaker does without Redis, after a restart with it, and when a second one begins."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    FindMatchRequest,
    FindMatchResponse,
    QueueMode,
)
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub

from testkit.league.league_process import LeagueProcess
from testkit.league.scripted_peers import ScriptedPeers
from testkit.servers.redis_server import RedisServer, start_redis
from testkit.waiting import until


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server of this test."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with start_redis(folder) as server:
        yield server


@pytest.fixture
def peers() -> Iterator[ScriptedPeers]:
    """A Model and a Game service."""
    with ScriptedPeers() as started:
        yield started


def matchmaker(folder: Path, peers: ScriptedPeers, *more: str) -> LeagueProcess:
    """A Matchmaker that is not started yet."""
    arguments = [*peers.arguments, "--set=matchmaker.window_open_after=0.1", *more]
    return LeagueProcess(folder, services="matchmaker", arguments=arguments, encrypted=False)


def find(league: LeagueProcess, name: str, key: str = "k", seconds: int = 20) -> FindMatchResponse:
    """Join the queue as a person, again and again while the service is away."""
    request = FindMatchRequest(
        idempotency_key=key,
        player_id=f"person/{name}",
        mode=QueueMode.QUEUE_MODE_RANKED,
        wait=Duration(seconds=seconds),
    )
    with league.blocking("matchmaker") as channel:
        return MatchmakerServiceStub(channel).FindMatch(request, timeout=120, wait_for_ready=True)


def test_without_redis_a_pair_gets_one_match(
    tmp_path: Path, peers: ScriptedPeers, redis: RedisServer
) -> None:
    """Expect both players to get the same match while Redis is away, and to keep it."""
    with matchmaker(tmp_path / "league", peers, "--redis", redis.admin_url) as league:
        redis.kill()
        with ThreadPoolExecutor(2) as threads:
            ada, bob = threads.map(lambda name: find(league, name), ["ada", "bob"])
        assert ada.match.match_id == bob.match.match_id
        redis.start()
        with ThreadPoolExecutor(2) as threads:
            again = list(threads.map(lambda name: find(league, name), ["ada", "bob"]))
        assert again == [ada, bob]


def test_a_ticket_of_before_a_restart_is_paired_when_its_player_asks(
    tmp_path: Path, peers: ScriptedPeers, redis: RedisServer
) -> None:
    """Expect one who waits to be kept by Redis over a kill -9, to be in nobody's game before the
    next call, and to be found again by it."""
    league = matchmaker(tmp_path / "league", peers, "--redis", redis.admin_url)
    with league, redis.client() as client:
        ada = find(league, "ada", seconds=0)
        until(lambda: client.keys(f"*tickets/{ada.ticket}"), seconds=20, what="Redis has it")
        league.kill()
        league.start()
        bob = find(league, "bob", seconds=1)
        assert not bob.HasField("match")
        seated = find(league, "ada")
        assert (seated.ticket, seated.match.opponent) == (ada.ticket, "person/bob")
        assert find(league, "bob").match.match_id == seated.match.match_id
        until(lambda: not client.keys("*tickets/*"), seconds=20, what="both have left the queue")


def test_the_second_matchmaker_takes_over_and_the_first_one_ends(
    tmp_path: Path, peers: ScriptedPeers
) -> None:
    """Expect the first process to refuse writes from then on, to end with a line that says why,
    and the second one to know what the first has acknowledged."""
    folder = tmp_path / "first"
    database = f"sqlite+aiosqlite:///{tmp_path}/league.db"
    first = matchmaker(folder, peers, "--database", database)
    second = matchmaker(tmp_path / "second", peers, "--database", database)
    with first:
        with ThreadPoolExecutor(2) as threads:
            ada, bob = threads.map(lambda name: find(first, name), ["ada", "bob"])
        with second:
            until(lambda: not first.process.is_running, seconds=30, what="the first one ends")
            assert first.process.end(seconds=1) == 1
            last = first.log.read_text().splitlines()[-1]
            assert last.startswith("error: process ")
            assert "has taken over the matchmaker service" in last
            assert "Traceback" not in first.log.read_text()
            assert find(second, "ada") == ada
            assert find(second, "bob") == bob
