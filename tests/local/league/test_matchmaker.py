"""The Matchmaker over its socket: queue, leases, evaluation, tournaments, restarts, bad input.

The Elo service beside it is the real one; Model and Game are scripted (``scripted_peers``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1.common_pb2 import (
    MATCH_PURPOSE_CASUAL,
    MATCH_PURPOSE_GATE,
    MATCH_PURPOSE_RANKED,
    MATCH_PURPOSE_RATING,
    MATCH_PURPOSE_TOURNAMENT,
    MatchPurpose,
)
from trainingrun_contracts.league.v1.elo_pb2 import ListResultsRequest, MatchResult
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    CancelMatchRequest,
    CreateTournamentRequest,
    FindMatchRequest,
    FindMatchResponse,
    FindTournamentMatchRequest,
    GameResult,
    GetQueueStatsRequest,
    GetTournamentRequest,
    KeepSeatsRequest,
    LeasedMatch,
    LeaseMatchRequest,
    LeaseMatchResponse,
    ListTournamentsRequest,
    QueueMode,
    ReportResultRequest,
    ReturnWorkRequest,
    Tournament,
    TournamentFormat,
    TournamentState,
)
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_contracts.league.v1.model_pb2 import Stage

from testkit.league.league_process import LeagueProcess
from testkit.league.scripted_peers import ScriptedPeers
from testkit.servers.postgresql_server import PostgresqlServer
from testkit.waiting import until

RANKED = QueueMode.QUEUE_MODE_RANKED
CASUAL = QueueMode.QUEUE_MODE_CASUAL
SELF_PLAY = QueueMode.QUEUE_MODE_SELF_PLAY
SETTINGS = (
    "--set=matchmaker.gate_pairs=48",
    "--set=matchmaker.rating_games=16",
    "--set=matchmaker.window_open_after=1",
)


@dataclass
class Place:
    """A league with its peers, and a client."""

    league: LeagueProcess
    peers: ScriptedPeers
    stub: MatchmakerServiceStub
    elo: EloServiceStub

    def find(self, name: str, mode: Any = RANKED, seconds: float = 10, **more: Any) -> Any:
        """FindMatch of a person."""
        request = FindMatchRequest(
            **{"idempotency_key": f"key-{name}"} | more,
            player_id=f"person/{name}",
            mode=mode,
            wait=_seconds(seconds),
        )
        return self.stub.FindMatch(request)

    def lease(
        self, worker: str = "w", *purposes: MatchPurpose.ValueType, seconds: float = 10
    ) -> LeaseMatchResponse:
        """LeaseMatch."""
        request = LeaseMatchRequest(worker=worker, wait=_seconds(seconds), purposes=purposes)
        return self.stub.LeaseMatch(request)

    def report(
        self, match: LeasedMatch, outcome: Callable[[LeasedMatch, int], float], worker: str = "w"
    ) -> ReportResultRequest:
        """Report all games of a leased match, and return the request."""
        games = [
            GameResult(outcome=outcome(match, number), moves=10, seed=match.seed + number // 2)
            for number in range(2 * match.pairs)
        ]
        request = ReportResultRequest(
            idempotency_key=f"{match.match_id}/{worker}",
            match_id=match.match_id,
            worker=worker,
            games=games,
        )
        self.stub.ReportResult(request)
        return request

    def results(self) -> list[MatchResult]:
        """What the Elo service has."""
        found: list[MatchResult] = []
        token = ""
        while True:
            page = self.elo.ListResults(ListResultsRequest(page_size=100, page_token=token))
            found += page.results
            token = page.next_page_token
            if not token:
                return found

    def tournament(self, tournament_id: str) -> Tournament:
        """The tournament now."""
        return self.stub.GetTournament(GetTournamentRequest(id=tournament_id)).tournament


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Within half a minute."""
    until(holds, seconds=30, what=what)


def _seconds(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A league with Matchmaker and Elo, without models."""
    with ScriptedPeers() as peers:
        league = LeagueProcess(
            tmp_path / "league",
            services="matchmaker,elo",
            arguments=[*peers.arguments, *SETTINGS],
            encrypted=False,
        )
        with league, league.blocking("matchmaker") as channel, league.blocking("elo") as elo:
            yield Place(league, peers, MatchmakerServiceStub(channel), EloServiceStub(elo))


@pytest.fixture
def place_on_postgresql(tmp_path: Path, postgresql: PostgresqlServer) -> Iterator[Place]:
    """As ``place``, with its tables in PostgreSQL."""
    url = postgresql.create_database("matchmaker")
    with ScriptedPeers() as peers:
        league = LeagueProcess(
            tmp_path / "league",
            services="matchmaker,elo",
            arguments=[*peers.arguments, *SETTINGS, "--database", url, "--migrate"],
            encrypted=False,
        )
        with league, league.blocking("matchmaker") as channel, league.blocking("elo") as elo:
            yield Place(league, peers, MatchmakerServiceStub(channel), EloServiceStub(elo))


@pytest.mark.needs("postgresql")
def test_postgresql_keeps_the_same(place_on_postgresql: Place) -> None:
    """Expect queue, leases, a test of the gate and a tournament on PostgreSQL, over a kill -9."""
    place = place_on_postgresql
    with ThreadPoolExecutor(2) as threads:
        ada, _ = threads.map(place.find, ["ada", "bob"])
    models = place.peers.models
    models.publish("a")
    wait_until(lambda: models.stage("a") == Stage.STAGE_PROMOTED, "a is the champion")
    models.publish("c")
    place.league.kill()
    place.league.start()
    assert place.find("ada") == ada
    played = play_until(place, lambda: models.stage("c") == Stage.STAGE_PROMOTED)
    request = CreateTournamentRequest(
        idempotency_key="t",
        name="cup",
        format=TournamentFormat.TOURNAMENT_FORMAT_SWISS,
        entrants=["model/a", "model/c", "builtin/random"],
    )
    made = place.stub.CreateTournament(request).tournament
    running = TournamentState.TOURNAMENT_STATE_RUNNING
    played += play_until(place, lambda: place.tournament(made.id).state != running)
    assert place.tournament(made.id).standings[0].player_id == "model/c"
    wait_until(lambda: len(place.results()) == len(played), "all is rated")
    listed = place.stub.ListTournaments(ListTournamentsRequest(page_size=1))
    assert [each.id for each in listed.tournaments] == [made.id]


def by_strength(match: LeasedMatch, number: int) -> float:
    """Models named later win, whichever seat they have; builtins lose."""
    first, second = (("" if "builtin" in name else name) for name in (match.first, match.second))
    return 1.0 if first > second else -1.0


def test_two_of_the_queue_get_one_game(place: Place) -> None:
    """Expect both to get the two seats of one game of the Game service, once, however often they
    ask; and its result to be rated."""
    with ThreadPoolExecutor(2) as threads:
        ada, bob = threads.map(place.find, ["ada", "bob"])
    assert ada.match.game_id == bob.match.game_id
    assert {ada.match.seat, bob.match.seat} == {1, 2}
    assert (ada.match.opponent, bob.match.opponent) == ("person/bob", "person/ada")
    assert ada.match.seat_token != bob.match.seat_token
    assert place.find("ada") == ada  # the same call again
    assert place.find("ada", ticket=ada.ticket) == ada
    (game,) = place.peers.games.games.values()
    assert game.purpose == MATCH_PURPOSE_RANKED
    report = ReportResultRequest(
        idempotency_key="g",
        match_id=ada.match.match_id,
        worker="game",
        games=[GameResult(outcome=1.0, moves=9, game_id=ada.match.game_id)],
    )
    assert not place.stub.ReportResult(report).repeated_report
    assert place.stub.ReportResult(report).repeated_report
    wait_until(lambda: len(place.results()) == 1, "it is rated")
    (result,) = place.results()
    assert (result.first, result.score.wins) == (game.players[0], 1)


def test_who_waits_alone_is_told_so_and_may_leave(place: Place) -> None:
    """Expect a ticket, one waiting, a window that widens, and no place after the cancellation."""
    alone = place.find("ada", seconds=0)
    assert not alone.HasField("match")
    assert (alone.waiting, alone.window) == (1, pytest.approx(100.0, abs=20.0))
    assert place.find("ada", seconds=0, ticket=alone.ticket).window > alone.window
    assert place.find("ada", seconds=0, idempotency_key="other").ticket == alone.ticket
    assert place.stub.GetQueueStats(GetQueueStatsRequest()).waiting_players == 1
    place.stub.CancelMatch(CancelMatchRequest(ticket=alone.ticket))
    place.stub.CancelMatch(CancelMatchRequest(ticket=alone.ticket))
    assert place.stub.GetQueueStats(GetQueueStatsRequest()).waiting_players == 0
    with pytest.raises(grpc.RpcError) as refused:
        place.find("ada", ticket=alone.ticket)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_person_plays_the_champion_and_a_worker_takes_the_seat(place: Place) -> None:
    """Expect the game at once, the other seat for a worker, and a result that is not rated."""
    place.peers.models.publish("a")
    wait_until(lambda: place.peers.models.stage("a") == Stage.STAGE_PROMOTED, "a is the champion")
    found = place.find("ada", CASUAL, opponent="champion")
    assert found.match.opponent == "model/a"
    lent = place.lease("w", MATCH_PURPOSE_CASUAL)
    assert (lent.seat.game_id, lent.seat_player) == (found.match.game_id, "model/a")
    assert {lent.seat.seat, found.match.seat} == {1, 2}
    assert lent.seat.seat_token != found.match.seat_token
    again = place.lease("other", MATCH_PURPOSE_CASUAL, seconds=0)
    assert again.WhichOneof("work") is None
    place.stub.ReportResult(
        ReportResultRequest(
            idempotency_key="g",
            match_id=found.match.match_id,
            worker="game",
            games=[GameResult(outcome=1.0, moves=9, game_id=found.match.game_id)],
        )
    )
    some = place.find("bob", SELF_PLAY)
    assert some.match.opponent.startswith(("model/", "builtin/"))
    assert all(result.purpose != MATCH_PURPOSE_CASUAL for result in place.results())


def test_a_model_goes_from_publication_to_champion(place: Place) -> None:
    """Expect a validation first, then the first model promoted without games; the second, which
    wins, after a test; the third, which loses, rejected; every match rated once."""
    models = place.peers.models
    models.publish("a", Stage.STAGE_PENDING_VALIDATION)
    assert place.lease().validate_model_id == "a"
    models.publish("a")
    wait_until(lambda: models.stage("a") == Stage.STAGE_PROMOTED, "a is the champion")
    models.publish("c")
    played = play_until(place, lambda: models.stage("c") == Stage.STAGE_PROMOTED)
    assert models.stage("a") == Stage.STAGE_RETIRED
    models.publish("b")
    played += play_until(place, lambda: models.stage("b") == Stage.STAGE_REJECTED)
    evaluation = models.evaluations["gate/model/b/model/c"]
    assert (evaluation.champion_id, evaluation.promote) == ("c", False)
    assert evaluation.score.losses >= 48
    assert "not shown to be stronger than model/c" in evaluation.reason
    wait_until(lambda: len(place.results()) == len(played), "all is rated")
    assert sorted(result.match_id for result in place.results()) == sorted(played)
    assert {match.purpose for match in place.results()} == {
        MATCH_PURPOSE_GATE,
        MATCH_PURPOSE_RATING,
    }


def play_until(place: Place, is_done: Callable[[], bool]) -> list[str]:
    """A worker that plays what it gets; return the ids of the matches."""
    played = []
    while not is_done():
        lent = place.lease(seconds=0.2)
        if lent.HasField("match"):
            place.report(lent.match, by_strength)
            played.append(lent.match.match_id)
    return played


def test_a_lease_is_given_again_to_the_same_worker_and_reported_once(place: Place) -> None:
    """Expect the same match for the one who asks again, another one for others, and a second
    report to be known, changed or refused."""
    place.peers.models.publish("a")
    first = place.lease("w").match
    assert place.lease("w").match == first
    other = place.lease("v", seconds=0)
    assert other.match.match_id != first.match_id
    request = place.report(first, by_strength)
    assert place.stub.ReportResult(request).repeated_report
    request.games[0].outcome = -request.games[0].outcome
    for worker, code in (
        ("w", grpc.StatusCode.ALREADY_EXISTS),
        ("eve", grpc.StatusCode.PERMISSION_DENIED),
    ):
        request.worker = worker
        with pytest.raises(grpc.RpcError) as refused:
            place.stub.ReportResult(request)
        assert refused.value.code() is code


def test_what_was_acknowledged_outlives_kill_9(place: Place) -> None:
    """Expect an open lease, a seated game, a waiting verdict and unrated results to be there after
    a kill -9; and the Elo service to get each match once."""
    place.peers.models.publish("a")
    lease = place.lease("w").match
    with ThreadPoolExecutor(2) as threads:
        ada, _ = threads.map(place.find, ["ada", "bob"])
    place.league.kill()
    place.league.start()
    wait_until(lambda: place.lease("w").match == lease, "the lease is there")
    assert place.find("ada") == ada
    place.report(lease, by_strength)
    place.league.kill()
    place.league.start()
    wait_until(lambda: [each.match_id for each in place.results()] == [lease.match_id], "rated")
    assert place.stub.GetQueueStats(GetQueueStatsRequest()).reported_matches == 1


def test_a_game_service_that_is_away_delays_a_pair(place: Place) -> None:
    """Expect a pair to wait while the Game service is away, and to get its game afterwards."""
    place.peers.stop()
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(place.find, name, seconds=20) for name in ("ada", "bob")]
        stats = GetQueueStatsRequest()
        wait_until(lambda: place.stub.GetQueueStats(stats).waiting_players == 0, "they are paired")
        place.peers.start()
        ada, bob = (each.result(timeout=30) for each in waiting)
    assert ada.match.game_id == bob.match.game_id
    assert len(place.peers.games.games) == 1


@pytest.mark.parametrize(
    "format_",
    [
        TournamentFormat.TOURNAMENT_FORMAT_ROUND_ROBIN,
        TournamentFormat.TOURNAMENT_FORMAT_SINGLE_ELIMINATION,
        TournamentFormat.TOURNAMENT_FORMAT_SWISS,
    ],
)
def test_a_tournament_of_models_is_played_by_workers(place: Place, format_: Any) -> None:
    """Expect all rounds to be played and the best model to be first; and a request that comes
    again to make no second one."""
    models = place.peers.models
    for name in "abcde":
        models.publish(name, Stage.STAGE_RETIRED)
    entrants = ["builtin/random", *(f"model/{name}" for name in "edcba")]
    request = CreateTournamentRequest(
        idempotency_key="t", name="cup", format=format_, entrants=entrants, pairs_per_match=2
    )
    wait_until(lambda: _created(place, request), "the models are known")
    made = place.stub.CreateTournament(request).tournament
    assert place.stub.CreateTournament(request).tournament.id == made.id
    while place.tournament(made.id).state == TournamentState.TOURNAMENT_STATE_RUNNING:
        lent = place.lease("w", MATCH_PURPOSE_TOURNAMENT, seconds=0.2)
        if lent.HasField("match"):
            assert lent.match.pairs == 2
            place.report(lent.match, by_strength)
    done = place.tournament(made.id)
    assert done.state == TournamentState.TOURNAMENT_STATE_COMPLETE
    assert [done.standings[0].player_id, done.standings[0].rank] == ["model/e", 1]
    assert all(match.winner for match in done.matches)
    listed = place.stub.ListTournaments(ListTournamentsRequest()).tournaments
    assert [each.id for each in listed] == [made.id]


def _created(place: Place, request: CreateTournamentRequest) -> bool:
    try:
        place.stub.CreateTournament(request)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
            raise
        return False  # the models are not known yet
    return True


def test_persons_of_a_tournament_get_seats_and_change_them(place: Place) -> None:
    """Expect two persons to get two games with changed seats, and a model's seat to be offered to
    a worker; the tournament ends by their results."""
    made = place.stub.CreateTournament(
        CreateTournamentRequest(
            idempotency_key="t",
            name="friends",
            format=TournamentFormat.TOURNAMENT_FORMAT_SINGLE_ELIMINATION,
            entrants=["person/ada", "person/bob", "builtin/random"],
        )
    ).tournament
    seats = []
    for _ in range(2):
        bob = seat(place, made.id, "bob")
        assert bob == seat(place, made.id, "bob")
        lent = place.lease("w", MATCH_PURPOSE_TOURNAMENT)
        assert (lent.seat_player, lent.seat.game_id) == ("builtin/random", bob.game_id)
        won = GameResult(outcome=1.0 if bob.seat == 1 else -1.0, moves=9, game_id=bob.game_id)
        place.stub.ReportResult(
            ReportResultRequest(
                idempotency_key=bob.game_id, match_id=bob.match_id, worker="game", games=[won]
            )
        )
        seats.append(bob.seat)
    assert sorted(seats) == [1, 2]
    final = seat(place, made.id, "ada")
    assert final.opponent == "person/bob"


def seat(place: Place, tournament_id: str, name: str) -> Any:
    """FindTournamentMatch of a person, which has to have one."""
    request = FindTournamentMatchRequest(
        idempotency_key="x",
        tournament_id=tournament_id,
        player_id=f"person/{name}",
        wait=_seconds(10),
    )
    answer = place.stub.FindTournamentMatch(request)
    assert answer.HasField("match")
    return answer.match


def test_work_that_is_given_back_goes_to_the_next_worker(place: Place) -> None:
    """A tournament's match that workers give back is given to the next one at once, more often
    than leases may end; who has it not gives nothing back."""
    made = place.stub.CreateTournament(
        CreateTournamentRequest(
            idempotency_key="back",
            name="back",
            format=TournamentFormat.TOURNAMENT_FORMAT_ROUND_ROBIN,
            entrants=["builtin/random", "builtin/mcts-100"],
        )
    ).tournament
    only = place.lease("w0", MATCH_PURPOSE_TOURNAMENT).match
    for number in range(8):
        give_back(place, "eve", only.match_id)
        assert not place.lease("eve", MATCH_PURPOSE_TOURNAMENT, seconds=0).HasField("match")
        give_back(place, f"w{number}", only.match_id)
        next_one = place.lease(f"w{number + 1}", MATCH_PURPOSE_TOURNAMENT)
        assert next_one.match.match_id == only.match_id
    place.report(only, lambda *_: 1.0, worker="w8")
    wait_until(lambda: place.tournament(made.id).state == COMPLETE, "the tournament ends")
    with pytest.raises(grpc.RpcError) as refused:
        give_back(place, "w8", only.match_id)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_seat_that_is_given_back_is_offered_again(place: Place) -> None:
    """Another worker gets it, in the same game; the first one is told that it has lost it."""
    mine = place.find("ada", CASUAL, opponent="builtin/random").match
    first = place.lease("w0", MATCH_PURPOSE_CASUAL).seat
    assert first.game_id == mine.game_id
    assert keep(place, "w0", mine.match_id) == []
    assert keep(place, "w1", mine.match_id, "nothing") == [mine.match_id, "nothing"]
    give_back(place, "w0", mine.match_id)
    second = place.lease("w1", MATCH_PURPOSE_CASUAL).seat
    assert (second.game_id, second.seat_token) == (first.game_id, first.seat_token)
    assert keep(place, "w0", mine.match_id) == [mine.match_id]


def test_a_seat_whose_worker_died_is_offered_again(place: Place) -> None:
    """kill -9 of a worker: after its silence another one sits there; a kill -9 of the league itself
    meanwhile forgets nothing."""
    place.league.kill()
    place.league.arguments = [*place.league.arguments, "--set=matchmaker.seat_seconds=1"]
    place.league.start()
    mine = place.find("ada", CASUAL, opponent="builtin/random").match
    assert place.lease("w0", MATCH_PURPOSE_CASUAL).seat.game_id == mine.game_id
    place.league.kill()
    place.league.start()
    until(
        lambda: place.lease("w1", MATCH_PURPOSE_CASUAL).seat.game_id == mine.game_id,
        seconds=240,
        what="the seat is offered again",
    )


def test_a_person_who_does_not_come_loses(place: Place) -> None:
    """A tournament ends though one of its persons never asks for a seat."""
    place.league.kill()
    place.league.arguments = [*place.league.arguments, "--set=matchmaker.show_up_seconds=1"]
    place.league.start()
    made = place.stub.CreateTournament(
        CreateTournamentRequest(
            idempotency_key="t",
            name="absent",
            format=TournamentFormat.TOURNAMENT_FORMAT_SINGLE_ELIMINATION,
            entrants=["builtin/random", "person/ada"],
        )
    ).tournament
    until(lambda: place.tournament(made.id).state == COMPLETE, seconds=60, what="it ends")
    assert place.tournament(made.id).matches[0].winner == "builtin/random"


COMPLETE = TournamentState.TOURNAMENT_STATE_COMPLETE


def give_back(place: Place, worker: str, match_id: str) -> None:
    """ReturnWork of a match."""
    place.stub.ReturnWork(ReturnWorkRequest(worker=worker, match_id=match_id))


def keep(place: Place, worker: str, *match_ids: str) -> list[str]:
    """KeepSeats; the seats that are lost."""
    answer = place.stub.KeepSeats(KeepSeatsRequest(worker=worker, match_ids=match_ids))
    return list(answer.lost_match_ids)


BAD = [
    ("ReturnWork", ReturnWorkRequest(worker="w"), "name a match or a model"),
    ("ReturnWork", ReturnWorkRequest(match_id="x"), "worker: 1 to 200"),
    ("KeepSeats", KeepSeatsRequest(worker="w", match_ids=["x"] * 1001), "match_ids: at most 1000"),
    ("FindMatch", FindMatchRequest(idempotency_key="k", mode=RANKED), "player_id"),
    ("FindMatch", FindMatchRequest(player_id="person/a", mode=RANKED), "idempotency_key"),
    ("FindMatch", FindMatchRequest(player_id="person/a", idempotency_key="k"), "mode"),
    (
        "FindMatch",
        FindMatchRequest(
            player_id="person/a", idempotency_key="k", mode=RANKED, wait=Duration(seconds=61)
        ),
        "wait: 0 to 60 s, not 61",
    ),
    (
        "FindMatch",
        FindMatchRequest(player_id="person/a", idempotency_key="k", mode=CASUAL, opponent="x"),
        "there is no player 'x'",
    ),
    (
        "FindMatch",
        FindMatchRequest(
            player_id="person/a", idempotency_key="k", mode=CASUAL, opponent="champion"
        ),
        "no champion yet",
    ),
    ("FindMatch", FindMatchRequest(player_id="person/a", ticket="x"), "is no ticket"),
    ("LeaseMatch", LeaseMatchRequest(), "worker: 1 to 200"),
    ("LeaseMatch", LeaseMatchRequest(worker="w" * 201), "worker: 1 to 200"),
    ("ReportResult", ReportResultRequest(worker="w", match_id="x"), "there is no match 'x'"),
    (
        "ReportResult",
        ReportResultRequest(worker="w", match_id="x", games=[GameResult()] * 101),
        "games: at most 100",
    ),
    ("CreateTournament", CreateTournamentRequest(idempotency_key="k"), "name: 1 to 100"),
    ("CreateTournament", CreateTournamentRequest(name="n", entrants=["x"] * 65), "at most 64"),
    ("CreateTournament", CreateTournamentRequest(name="n"), "format"),
    ("CreateTournament", CreateTournamentRequest(name="n", format=1), "2 to 64 entrants, not 0"),
    (
        "CreateTournament",
        CreateTournamentRequest(name="n", format=1, entrants=["person/a", "model/x"]),
        "entrants[1]: there is no player 'model/x'",
    ),
    ("GetTournament", GetTournamentRequest(id="x"), "no tournament 'x'"),
    (
        "FindTournamentMatch",
        FindTournamentMatchRequest(tournament_id="x", player_id="person/a"),
        "no tournament 'x'",
    ),
    ("ListTournaments", ListTournamentsRequest(page_token="%%%"), "page_token"),
]


def test_bad_input_is_refused_with_its_field(place: Place) -> None:
    """Expect a code of the caller's fault and the field for each, and the service to live on."""
    for method, request, said in BAD:
        with pytest.raises(grpc.RpcError) as refused:
            getattr(place.stub, method)(request)
        assert said in refused.value.details(), (method, request)
        assert refused.value.code() in {
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.FAILED_PRECONDITION,
        }
    assert isinstance(place.find("a", seconds=0), FindMatchResponse)


def test_a_players_token_opens_its_own_place_alone(place: Place) -> None:
    """Expect a player to be refused another one's name and ticket, and the methods of workers."""
    mine = place.find("ada", seconds=0).ticket
    with place.league.blocking("matchmaker", subject="person/eve", audience="players") as channel:
        eve = MatchmakerServiceStub(channel)
        for method, request in (
            ("FindMatch", FindMatchRequest(player_id="person/ada", mode=RANKED)),
            ("LeaseMatch", LeaseMatchRequest(worker="w")),
            ("ReportResult", ReportResultRequest(worker="w")),
            ("CreateTournament", CreateTournamentRequest()),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                getattr(eve, method)(request)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(grpc.RpcError) as refused:
            eve.CancelMatch(CancelMatchRequest(ticket=mine))
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        assert eve.GetQueueStats(GetQueueStatsRequest()).waiting_players == 1
