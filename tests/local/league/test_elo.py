"""The Elo service over its socket: results once, ratings, who beats whom, bad input, restarts."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import grpc
import numpy as np
import pytest
from trainingrun_contracts.league.v1.common_pb2 import (
    MATCH_PURPOSE_CASUAL,
    MATCH_PURPOSE_RATING,
    PLAYER_KIND_MODEL,
    Score,
)
from trainingrun_contracts.league.v1.elo_pb2 import (
    GetEloRatingRequest,
    GetPayoffMatrixRequest,
    GetRankedPoliciesRequest,
    ListResultsRequest,
    MatchResult,
    RegisterPolicyRequest,
    UpdateEloRatingsRequest,
)
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub

from testkit.league.league_process import LeagueProcess
from testkit.servers.postgresql_server import PostgresqlServer
from testkit.waiting import until


def result(match_id: str, first: str, second: str, wins: int, losses: int) -> MatchResult:
    """A rated match."""
    return MatchResult(
        match_id=match_id,
        first=first,
        second=second,
        score=Score(wins=wins, losses=losses),
        purpose=MATCH_PURPOSE_RATING,
    )


def rating_of(stub: EloServiceStub, player: str) -> float | None:
    """The Elo of a player, None while it has none."""
    found = stub.GetEloRating(GetEloRatingRequest(player_id=player)).player
    return found.rating.elo if found.HasField("rating") else None


def test_planted_strengths_are_recovered(league: LeagueProcess) -> None:
    """Expect the ranking of six players 120 Elo apart, each within four standard errors."""
    generator = np.random.default_rng(3)
    truth = {"builtin/random": 0.0, **{f"model/{n}": 120.0 * n for n in range(1, 6)}}
    names = list(truth)
    results = []
    for first in names:
        for second in names:
            if first < second:
                chance = 1 / (1 + 10 ** ((truth[second] - truth[first]) / 400))
                wins = int(generator.binomial(400, chance))
                results.append(result(f"{first}-{second}", first, second, wins, 400 - wins))
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        stub.UpdateEloRatings(UpdateEloRatingsRequest(results=results))
        until(lambda: rating_of(stub, "model/5") is not None, seconds=30, what="a fit")
        ranked = stub.GetRankedPolicies(GetRankedPoliciesRequest()).players
        assert [each.id for each in ranked] == [f"model/{n}" for n in (5, 4, 3, 2, 1)] + [
            "builtin/random"
        ]
        assert [each.rank for each in ranked] == [1, 2, 3, 4, 5, 6]
        for each in ranked:
            off = abs(each.rating.elo - truth[each.id])
            assert off <= 4 * max(each.rating.error, 1e-9), each
            assert each.rating.games == 2000


def test_a_thousand_repeated_match_ids_are_rated_once(league: LeagueProcess) -> None:
    """Expect one accepted result, 999 repeated ones, and the ratings of one match."""
    one = result("same", "model/a", "builtin/random", 3, 1)
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        answer = stub.UpdateEloRatings(UpdateEloRatingsRequest(results=[one] * 500))
        assert (answer.accepted, answer.repeated_results) == (1, 499)
        for _ in range(10):
            again = stub.UpdateEloRatings(UpdateEloRatingsRequest(results=[one] * 50))
            assert (again.accepted, again.repeated_results) == (0, 50)
        until(lambda: rating_of(stub, "model/a") is not None, seconds=30, what="a fit")
        found = stub.GetEloRating(GetEloRatingRequest(player_id="model/a")).player
        assert found.rating.games == 4
        assert len(stub.ListResults(ListResultsRequest()).results) == 1


def test_casual_matches_are_kept_and_not_rated(league: LeagueProcess) -> None:
    """Expect the result in the list, and a player without a rating."""
    casual = result("c", "person/anna", "model/a", 1, 0)
    casual.purpose = MATCH_PURPOSE_CASUAL
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        stub.UpdateEloRatings(UpdateEloRatingsRequest(results=[casual]))
        assert rating_of(stub, "person/anna") is None
        listed = stub.ListResults(ListResultsRequest(player_id="person/anna")).results
        assert [each.match_id for each in listed] == ["c"]


def test_a_registered_player_is_known_before_it_plays(league: LeagueProcess) -> None:
    """Expect it without a rating, and NOT_FOUND for others."""
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        stub.RegisterPolicy(
            RegisterPolicyRequest(
                idempotency_key="1", player_id="model/x", kind=PLAYER_KIND_MODEL, name="the first"
            )
        )
        found = stub.GetEloRating(GetEloRatingRequest(player_id="model/x")).player
        assert (found.name, found.rank, found.HasField("rating")) == ("the first", 0, False)
        with pytest.raises(grpc.RpcError) as refused:
            stub.GetEloRating(GetEloRatingRequest(player_id="model/y"))
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_rock_paper_scissors_is_shown_as_one(league: LeagueProcess) -> None:
    """Expect an even mixture and a non-transitivity of almost 1, where ratings are all the same;
    and who beats whom, row after row."""
    circle = [
        result("1", "model/paper", "model/rock", 90, 10),
        result("2", "model/rock", "model/scissors", 90, 10),
        result("3", "model/scissors", "model/paper", 90, 10),
    ]
    players = ["model/rock", "model/paper", "model/scissors"]
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        stub.UpdateEloRatings(UpdateEloRatingsRequest(results=circle))
        until(lambda: rating_of(stub, "model/paper") is not None, seconds=30, what="a fit")
        found = stub.GetPayoffMatrix(GetPayoffMatrixRequest(players=players))
    assert found.nash == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert found.non_transitivity > 0.99
    assert [cell.score.wins for cell in found.cells] == [0, 10, 90, 90, 0, 10, 10, 90, 0]


def test_pages_follow_one_another(league: LeagueProcess) -> None:
    """Expect every result once, newest first, and every player once."""
    results = [result(f"m{n}", f"model/{n}", "builtin/random", 1, 1) for n in range(7)]
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        for each in results:
            stub.UpdateEloRatings(UpdateEloRatingsRequest(results=[each]))
        listed, token = [], ""
        while True:
            page = stub.ListResults(ListResultsRequest(page_size=3, page_token=token))
            listed += [each.match_id for each in page.results]
            token = page.next_page_token
            if not token:
                break
        assert listed == [f"m{n}" for n in reversed(range(7))]
        until(lambda: rating_of(stub, "model/6") is not None, seconds=30, what="a fit")
        first = stub.GetRankedPolicies(GetRankedPoliciesRequest(page_size=5))
        token = first.next_page_token
        last = stub.GetRankedPolicies(GetRankedPoliciesRequest(page_size=5, page_token=token))
        assert len({each.id for each in [*first.players, *last.players]}) == 8
        assert not last.next_page_token


BAD = {
    "itself": result("m", "model/a", "model/a", 1, 0),
    "no match id": result("", "model/a", "model/b", 1, 0),
    "NUL in it": result("a\0b", "model/a", "model/b", 1, 0),
    "no kind": result("m", "a", "model/b", 1, 0),
    "unknown kind": result("m", "robot/a", "model/b", 1, 0),
    "a way out": result("m", "model/../a b", "model/b", 1, 0),
    "no game": result("m", "model/a", "model/b", 0, 0),
    "too many games": result("m", "model/a", "model/b", 2**63, 2**63),
    "long name": result("m", "model/" + "a" * 300, "model/b", 1, 0),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_results_are_refused_whole(league: LeagueProcess, bad: MatchResult) -> None:
    """Expect INVALID_ARGUMENT that says what is wrong, and nothing kept of the batch."""
    good = result("good", "model/a", "model/b", 1, 0)
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.UpdateEloRatings(UpdateEloRatingsRequest(results=[good, bad]))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "Traceback" not in (refused.value.details() or "")
        assert not stub.ListResults(ListResultsRequest()).results


class Load:
    """A client that reports matches until it is stopped, and keeps the ids that were taken."""

    def __init__(self, league: LeagueProcess, name: str) -> None:
        self.acknowledged: list[str] = []
        self._stop = Event()
        self._league, self._name = league, name
        self._thread = Thread(target=self._report)
        self._thread.start()

    def _report(self) -> None:
        number = 0
        with self._league.blocking("elo") as channel:
            stub = EloServiceStub(channel)
            while not self._stop.is_set():
                ids = [f"{self._name}-{number}-{n}" for n in range(50)]
                batch = [result(each, "model/a", "model/b", 1, 0) for each in ids]
                try:
                    request = UpdateEloRatingsRequest(results=batch)
                    stub.UpdateEloRatings(request, wait_for_ready=True)
                except grpc.RpcError:
                    continue  # the same batch again
                self.acknowledged += ids
                number += 1

    def stop(self) -> None:
        """End after the call that is under way."""
        self._stop.set()
        self._thread.join()


def kept_ids(league: LeagueProcess) -> list[str]:
    """Every match id that the service lists."""
    found, token = [], ""
    with league.blocking("elo") as channel:
        while True:
            request = ListResultsRequest(page_size=1000, page_token=token)
            page = EloServiceStub(channel).ListResults(request)
            found += [each.match_id for each in page.results]
            token = page.next_page_token
            if not token:
                return found


def test_kill_9_under_load_loses_nothing_acknowledged(league: LeagueProcess) -> None:
    """Expect every acknowledged match once after three kills, and the sums to be theirs."""
    loads = [Load(league, f"client{n}") for n in range(2)]
    try:
        for _ in range(3):
            before = [len(each.acknowledged) for each in loads]
            until(
                lambda: all(
                    len(each.acknowledged) > was
                    for each, was in zip(loads, before, strict=True)  # noqa: B023
                ),
                seconds=60,
                what="both are served",
            )
            league.kill()
            league.start()
    finally:
        for each in loads:
            each.stop()
    kept = kept_ids(league)
    assert len(kept) == len(set(kept))
    assert {match for each in loads for match in each.acknowledged} <= set(kept)
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        asked = GetEloRatingRequest(player_id="model/a")
        games = lambda: stub.GetEloRating(asked).player.rating.games  # noqa: E731
        until(lambda: games() == len(kept), seconds=60, what="ratings rest on all matches")


@pytest.mark.needs("postgresql")
def test_postgresql_restarts_under_load(tmp_path: Path) -> None:
    """Expect UNAVAILABLE meanwhile, calls that succeed afterwards, and no acknowledged match
    lost when PostgreSQL is killed with all its children."""
    with PostgresqlServer() as server:
        url = server.create_database("league")
        with LeagueProcess(
            tmp_path / "league", arguments=["--database", url, "--migrate"]
        ) as league:
            load = Load(league, "client")
            try:
                for _ in range(2):
                    before = len(load.acknowledged)
                    until(
                        lambda: len(load.acknowledged) > before,  # noqa: B023
                        seconds=60,
                        what="it is served",
                    )
                    server.kill()
                    server.start()
            finally:
                load.stop()
            kept = kept_ids(league)
            assert len(kept) == len(set(kept))
            assert set(load.acknowledged) <= set(kept)
            assert league.process.is_running
