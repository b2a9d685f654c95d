"""The Matchmaker is killed again and again while players join, workers play and a tournament runs.

What was acknowledged must be there afterwards: every report is rated, once; the tournament ends;
nothing is left that no one may take. 20 kills with ``make soak``, a fifth of them without.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import grpc
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    CreateTournamentRequest,
    GetTournamentRequest,
    TournamentFormat,
    TournamentState,
)
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_contracts.league.v1.model_pb2 import Stage

from testkit.league.league_process import AWAY, LeagueProcess
from testkit.league.matchmaker_load import MatchmakerLoad
from testkit.league.scripted_peers import ScriptedPeers
from testkit.soak_share import share_of
from testkit.waiting import until

KILLS = 20
ENTRANTS = [f"model/m{number}" for number in range(6)]


def rows(league: LeagueProcess, query: str) -> list[tuple[Any, ...]]:
    """What the league's database holds."""
    with closing(sqlite3.connect(league.folder / "league.db", timeout=30)) as database:
        return database.execute(query).fetchall()


def test_what_was_acknowledged_is_rated_once_over_many_kills(tmp_path: Path) -> None:
    """Expect all acknowledged reports, and nothing else, in the Elo service, each once; one game
    for each match of the queue; the tournament complete; no call that hangs or fails otherwise."""
    chance = Random(1)
    with ScriptedPeers() as peers:
        for name in ENTRANTS:
            peers.models.publish(name.removeprefix("model/"), Stage.STAGE_VALIDATED)
        league = LeagueProcess(
            tmp_path / "league",
            services="matchmaker,elo",
            arguments=[*peers.arguments, "--set=matchmaker.rating_games=64"],
            encrypted=False,
        )
        with league:
            load = MatchmakerLoad(league)
            tournament = _tournament(league)
            for number in range(3):
                load.start(load.worker, f"worker-{number}")
            for number in range(4):
                load.start(load.player, f"player-{number}")
            for _ in range(share_of(KILLS)):
                threading.Event().wait(chance.uniform(0.5, 2.5))
                league.kill()
                league.start()
            until(lambda: _state(league, tournament), seconds=240, what="the tournament ends")
            load.stop()
            assert not load.problems, load.problems[:5]
            closed = "SELECT id FROM matchmaker_matches WHERE is_rated AND state = 'closed'"
            until(
                lambda: len(rows(league, closed)) == len(rows(league, "SELECT * FROM elo_results")),
                seconds=60,
                what="everything is rated",
            )
            rated = [row[0] for row in rows(league, "SELECT match_id FROM elo_results")]
    assert len(rated) == len(set(rated))
    assert load.acknowledged <= set(rated)
    assert len(load.acknowledged) > 10
    assert all(len(games) == 1 for games in load.seated.values())


def _tournament(league: LeagueProcess) -> str:
    request = CreateTournamentRequest(
        idempotency_key="t",
        name="cup",
        format=TournamentFormat.TOURNAMENT_FORMAT_SWISS,
        entrants=ENTRANTS,
        pairs_per_match=2,
    )
    made: list[str] = []

    def is_made() -> bool:
        with league.blocking("matchmaker") as channel:
            try:
                answer = MatchmakerServiceStub(channel).CreateTournament(request)
            except grpc.RpcError:
                return False  # the models are not known yet
            made.append(answer.tournament.id)
            return True

    until(is_made, seconds=120, what="the tournament is made")
    return made[0]


def _state(league: LeagueProcess, tournament: str) -> bool:
    with league.blocking("matchmaker") as channel:
        request = GetTournamentRequest(id=tournament)
        try:
            found = MatchmakerServiceStub(channel).GetTournament(request).tournament
        except grpc.RpcError as error:
            if error.code() not in AWAY:
                raise
            return False  # a busy service may miss the call's deadline
    assert found.state != TournamentState.TOURNAMENT_STATE_FAILED, found.problem
    return found.state == TournamentState.TOURNAMENT_STATE_COMPLETE
