"""What the Matchmaker stands on goes away and comes back under load: Redis, PostgreSQL, both.

The process is not started again, but for the outages that say so. What was acknowledged must be
there afterwards, no ticket has two matches, and no call fails but with a code that says "again".
5 rounds of all outages with ``make soak``, one without.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import msgspec
import pytest
from trainingrun_contracts.league.v1.model_pb2 import Stage

from testkit.league.league_process import LeagueProcess
from testkit.league.matchmaker_load import MatchmakerLoad
from testkit.league.scripted_peers import ScriptedPeers
from testkit.servers.postgresql_server import PostgresqlServer
from testkit.servers.redis_server import RedisServer, start_redis
from testkit.soak_share import share_of
from testkit.waiting import until

ROUNDS = 5
MODELS = [f"m{number}" for number in range(6)]
MORE = 10
"""Reports that are acknowledged after an outage before the next one begins."""
RECOVERY_SECONDS = 60.0


class Ground(NamedTuple):
    """What the test acts on."""

    league: LeagueProcess
    redis: RedisServer
    postgresql: PostgresqlServer


def _redis_killed(on: Ground) -> None:
    on.redis.kill()
    on.redis.start()


def _redis_stopped(on: Ground) -> None:
    on.redis.stop()
    on.redis.start()


def _redis_empty(on: Ground) -> None:
    on.redis.kill()
    threading.Event().wait(2.0)
    on.redis.lose_data()
    on.redis.start()


def _redis_silent(on: Ground) -> None:
    """It accepts connections and answers nothing."""
    os.kill(on.redis.pid, signal.SIGSTOP)
    threading.Event().wait(4.0)
    os.kill(on.redis.pid, signal.SIGCONT)


def _postgresql_killed(on: Ground) -> None:
    on.postgresql.kill()
    on.postgresql.start()


def _postgresql_away(on: Ground) -> None:
    on.postgresql.stop()
    threading.Event().wait(20.0)
    on.postgresql.start()


def _all_killed(on: Ground) -> None:
    on.redis.kill()
    on.postgresql.kill()
    on.league.kill()
    on.redis.start()
    on.postgresql.start()
    on.league.start()


OUTAGES: tuple[Callable[[Ground], None], ...] = (
    _redis_killed,
    _redis_stopped,
    _redis_empty,
    _redis_silent,
    _postgresql_killed,
    _postgresql_away,
    _all_killed,
)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """A Matchmaker and an Elo service on real servers, with six models."""
    with ExitStack() as stack:
        peers = stack.enter_context(ScriptedPeers())
        for name in MODELS:
            peers.models.publish(name, Stage.STAGE_VALIDATED)
        folder = tmp_path / "redis"
        folder.mkdir()
        redis = stack.enter_context(start_redis(folder))
        postgresql = stack.enter_context(PostgresqlServer())
        url = postgresql.create_database("league")
        league = LeagueProcess(
            tmp_path / "league",
            services="matchmaker,elo",
            arguments=[
                *peers.arguments,
                "--set=matchmaker.rating_games=64",
                *("--database", url, "--migrate", "--redis", redis.admin_url),
            ],
            encrypted=False,
        )
        yield Ground(stack.enter_context(league), redis, postgresql)


@pytest.mark.needs("postgresql")
def test_outages_lose_nothing_and_play_nothing_twice(ground: Ground) -> None:
    """Expect progress after each outage, every acknowledged report rated once, one match to a
    ticket, and one game to a match."""
    load = MatchmakerLoad(ground.league)
    for number in range(3):
        load.start(load.worker, f"worker-{number}")
    for number in range(4):
        load.start(load.player, f"player-{number}")
    recoveries: dict[str, list[float]] = {}
    for _ in range(share_of(ROUNDS)):
        for outage in OUTAGES:
            _more(load)
            outage(ground)
            began = monotonic()
            _more(load)
            recoveries.setdefault(outage.__name__, []).append(round(monotonic() - began, 1))
    print(recoveries)
    load.stop()
    assert not load.problems, load.problems[:5]
    closed = "SELECT count(*) FROM matchmaker_matches WHERE is_rated AND state = 'closed'"
    rated = "SELECT count(*) FROM elo_results"
    until(lambda: _rows(ground, closed) == _rows(ground, rated), seconds=60, what="all is rated")
    found = _rows(ground, "SELECT match_id FROM elo_results")
    assert len(found) == len(set(found))
    assert load.acknowledged <= set(found)
    assert all(len(games) == 1 for games in load.seated.values())
    tickets = Counter[str]()
    for row in _rows(ground, "SELECT tickets FROM matchmaker_matches WHERE tickets <> '[]'"):
        tickets.update(filter(None, msgspec.json.decode(row, type=list[str])))
    assert max(tickets.values()) == 1
    assert "Traceback" not in ground.league.log.read_text()


def _more(load: MatchmakerLoad) -> None:
    wanted = len(load.acknowledged) + MORE
    until(lambda: len(load.acknowledged) >= wanted, seconds=RECOVERY_SECONDS, what="more reports")


def _rows(on: Ground, query: str) -> list[Any]:
    return on.postgresql.execute(query, database="league").splitlines()
