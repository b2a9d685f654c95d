"""The worker of a league in its own process, against the real services."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from safetensors.numpy import save
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.league.v1.elo_pb2 import GetRankedPoliciesRequest
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.game_pb2 import (
    GamePhase,
    GameState,
    GetReplayRequest,
    GetReplayResponse,
    JoinGameRequest,
    ListGamesRequest,
    StreamGameRequest,
    SubmitActionRequest,
)
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    FindMatchRequest,
    GetQueueStatsRequest,
    QueueMode,
    SeatedMatch,
)
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_contracts.league.v1.model_pb2 import (
    GetModelRequest,
    Model,
    ReportValidationRequest,
    Stage,
    Validation,
)
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.own_network import statement_of
from trainingrun_contracts.policy_format import Network
from trainingrun_environments.registry import spec_of

from testkit.league.league_process import LeagueProcess
from testkit.league.worker_process import WorkerProcess, board_model, publish
from testkit.waiting import until

ADA = "person/ada"
FEW = (
    "--set=matchmaker.pairs=2",
    "--set=matchmaker.rating-games=16",
    "--set=matchmaker.gate-pairs=24",
)
"""Small matches and short tests."""


@pytest.fixture
def league(tmp_path: Path) -> Iterator[LeagueProcess]:
    """A league of all services with short tests."""
    with LeagueProcess(tmp_path / "league", arguments=FEW) as process:
        yield process


def model_of(league: LeagueProcess, model_id: str) -> Model:
    """Return a model as the league has it now."""
    with league.blocking("model") as channel:
        return ModelServiceStub(channel).GetModel(GetModelRequest(id=model_id), timeout=10).model


def is_champion(league: LeagueProcess, model_id: str) -> bool:
    """Say whether a model is the champion."""
    return model_of(league, model_id).stage == Stage.STAGE_PROMOTED


def test_what_is_published_is_validated_judged_and_rated(
    league: LeagueProcess, tmp_path: Path
) -> None:
    """The first model becomes the champion; a second one is played against it, and both stand in
    the ladder beside the builtin players, with games to be seen.
    """
    with WorkerProcess(league, tmp_path / "worker"):
        first = publish(league, board_model(1), version=1)
        until(lambda: is_champion(league, first.id), seconds=90, what="a first champion")
        second = publish(league, board_model(2), version=2, simulations=8)
        decided = (Stage.STAGE_PROMOTED, Stage.STAGE_REJECTED)
        until(
            lambda: model_of(league, second.id).stage in decided,
            seconds=240,
            what="a verdict on the second model",
        )
        validation = model_of(league, second.id).validation
        assert (validation.games, validation.problem) == (8, "")
        with league.blocking("elo") as channel:
            ranked = EloServiceStub(channel).GetRankedPolicies(GetRankedPoliciesRequest())
        assert {f"model/{first.id}", f"model/{second.id}"} <= {each.id for each in ranked.players}
        with league.blocking("game") as channel:
            stub = GameServiceStub(channel)
            listed = stub.ListGames(ListGamesRequest(page_size=1)).games
            replay: GetReplayResponse = stub.GetReplay(GetReplayRequest(game_id=listed[0].game_id))
        assert replay.turns
        assert replay.last.match_id


def test_a_person_plays_the_champion_which_says_what_it_thinks(
    league: LeagueProcess, tmp_path: Path
) -> None:
    """The worker takes the other seat within seconds, and every one of its moves has a thought."""
    with WorkerProcess(league, tmp_path / "worker"):
        champion = publish(league, board_model(1), simulations=16)
        until(lambda: is_champion(league, champion.id), seconds=90, what="a champion")
        with league.blocking("matchmaker", subject=ADA, audience="players") as channel:
            seat = found_match(MatchmakerServiceStub(channel))
        with league.blocking("game", subject=ADA, audience="players") as channel:
            last = play_on(GameServiceStub(channel), seat)
            replay = GameServiceStub(channel).GetReplay(GetReplayRequest(game_id=seat.game_id))
        assert last.phase == GamePhase.GAME_PHASE_FINISHED
        for turn in replay.turns:
            assert turn.HasField("thought") == (turn.seat != seat.seat)
            if turn.HasField("thought"):
                assert turn.thought.simulations == 16
                assert sum(turn.thought.weights) == pytest.approx(1.0)


def test_a_seat_changes_its_worker_in_the_middle_of_a_game(
    league: LeagueProcess, tmp_path: Path
) -> None:
    """SIGTERM of the worker that sits there: the person's game goes on against another one."""
    one = WorkerProcess(league, tmp_path / "one", name="one")
    one.start()
    champion = publish(league, board_model(1), simulations=16)
    until(lambda: is_champion(league, champion.id), seconds=90, what="a champion")
    with league.blocking("matchmaker", subject=ADA, audience="players") as channel:
        seat = found_match(MatchmakerServiceStub(channel))
    with league.blocking("game", subject=ADA, audience="players") as channel:
        stub = GameServiceStub(channel)
        join = JoinGameRequest(game_id=seat.game_id, player_id=ADA, seat_token=seat.seat_token)
        running = GamePhase.GAME_PHASE_RUNNING
        until(lambda: stub.JoinGame(join).state.phase == running, seconds=90, what="both sit")
        assert one.stop() == 0
        with WorkerProcess(league, tmp_path / "two", name="two"):
            last = play_on(stub, seat)
        assert last.phase == GamePhase.GAME_PHASE_FINISHED
        assert "did not move" not in last.reason


def leased(league: LeagueProcess) -> int:
    """Return how many matches workers have."""
    with league.blocking("matchmaker") as channel:
        stats = MatchmakerServiceStub(channel).GetQueueStats(GetQueueStatsRequest(), timeout=10)
    return int(stats.leased_matches)


def found_match(stub: MatchmakerServiceStub) -> SeatedMatch:
    """Return a seat against the champion."""
    request = FindMatchRequest(
        idempotency_key="k",
        player_id=ADA,
        mode=QueueMode.QUEUE_MODE_CASUAL,
        opponent="champion",
        wait=Duration(seconds=20),
    )
    answer = stub.FindMatch(request, timeout=40)
    assert answer.HasField("match"), answer
    return answer.match


def play_on(stub: GameServiceStub, seat: SeatedMatch) -> GameState:
    """Play the first legal action up to the end."""
    stub.JoinGame(JoinGameRequest(game_id=seat.game_id, player_id=ADA, seat_token=seat.seat_token))
    stream = StreamGameRequest(game_id=seat.game_id, seat_token=seat.seat_token)
    state = GameState()
    for answer in stub.StreamGame(stream, timeout=120):
        state = answer.state
        if state.phase == GamePhase.GAME_PHASE_RUNNING and state.seat_to_move == seat.seat:
            stub.SubmitAction(
                SubmitActionRequest(
                    idempotency_key=f"ada/{state.turn}",
                    game_id=seat.game_id,
                    seat_token=seat.seat_token,
                    expected_turn=state.turn,
                    action=state.legal_actions[0].number,
                )
            )
    return state


def test_a_model_that_cannot_play_is_rejected(league: LeagueProcess, tmp_path: Path) -> None:
    """Its numbers overflow at the first position, or its network is of a package that the worker
    does not have; the worker says so and works on.
    """
    with WorkerProcess(league, tmp_path / "worker"):
        bad = publish(league, board_model(1, scale=1e30), lineage="lab/bad")
        own = publish(league, of_absent_network(), lineage="lab/own", algorithm="ppo")
        good = publish(league, board_model(2), lineage="lab/good")
        until(lambda: is_champion(league, good.id), seconds=120, what="the good one's promotion")
        until(
            lambda: model_of(league, bad.id).stage == Stage.STAGE_REJECTED,
            seconds=60,
            what="the rejection of the bad one",
        )
        assert model_of(league, bad.id).reason
        until(
            lambda: "no network is called 'skipping'" in model_of(league, own.id).reason,
            seconds=60,
            what="the rejection of the one whose package is not installed",
        )
        assert "spec.workers.template" in model_of(league, own.id).reason


def of_absent_network() -> bytes:
    """Weights of a network of a package that the workers do not have."""
    spec = spec_of(BuiltIn("connect_four"))
    metadata = {"schema_hash": spec.schema_hash, "version": "1"}
    return save(
        {"own.first": np.ones(3, np.float32)},
        metadata | statement_of(Network("skipping", width=64)),
    )


def test_a_worker_ends_within_seconds_and_another_one_continues(
    league: LeagueProcess, tmp_path: Path
) -> None:
    """SIGTERM in the middle of matches: exit code 0, and the league goes on with another worker,
    whose league is killed and comes back meanwhile.
    """
    one = WorkerProcess(league, tmp_path / "one", name="one")
    one.start()
    first = publish(league, board_model(1), version=1)
    until(lambda: is_champion(league, first.id), seconds=90, what="a champion")
    publish(league, board_model(2), version=2, simulations=64)
    until(lambda: reported(league) > 0, seconds=90, what="a report")
    assert one.stop() == 0
    assert "ended after" in one.log.read_text()
    # A lease that was granted while the worker ended is the one that ends by itself.
    assert "not given back" not in one.log.read_text()
    until(lambda: leased(league) == 0, seconds=120, what="its matches are given back")
    before = reported(league)
    with WorkerProcess(league, tmp_path / "two", name="two"):
        league.kill()
        league.start()
        until(lambda: reported(league) > before, seconds=120, what="a report of the other one")


def test_a_restart_takes_no_candidate_for_the_first_model(league: LeagueProcess) -> None:
    """The Matchmaker hears of models one by one: the champion must be known before those that are
    to be tested against it. Without a worker no test can have been played.
    """
    models = []
    for version in range(1, 5):
        models.append(publish(league, board_model(version), lineage=f"lab/{version}"))
        with league.blocking("model") as channel:
            found = Validation(loads=True, is_finite=True, games=8, decisions_per_second=1.0)
            request = ReportValidationRequest(
                idempotency_key=f"v{version}", id=models[-1].id, validation=found
            )
            ModelServiceStub(channel).ReportValidation(request, timeout=10)
        until(lambda: is_champion(league, models[0].id), seconds=30, what="a champion")
    league.kill()
    league.start()
    with league.blocking("matchmaker") as channel:
        stub = MatchmakerServiceStub(channel)
        request = GetQueueStatsRequest()
        until(lambda: stub.GetQueueStats(request).open_matches > 0, seconds=60, what="matches")
    with sqlite3.connect(f"file:{league.folder / 'league.db'}?mode=ro", uri=True) as database:
        verdicts = database.execute("SELECT candidate, champion FROM matchmaker_verdicts")
        assert verdicts.fetchall() == [(f"model/{models[0].id}", "")]


def reported(league: LeagueProcess) -> int:
    """Return how many matches were reported."""
    with league.blocking("matchmaker") as channel:
        stats = MatchmakerServiceStub(channel).GetQueueStats(GetQueueStatsRequest(), timeout=10)
    return int(stats.reported_matches)


def test_weights_are_downloaded_once(league: LeagueProcess, tmp_path: Path) -> None:
    """The folder has them by their hash, for the next start."""
    blob = board_model(1)
    with WorkerProcess(league, tmp_path / "worker"):
        champion = publish(league, blob)
        until(lambda: is_champion(league, champion.id), seconds=90, what="a champion")
    kept = list((tmp_path / "worker" / "cache").iterdir())
    assert [file.name for file in kept] == [champion.sha256]
    assert kept[0].read_bytes() == blob


@pytest.mark.parametrize("wrong", ["nonsense", "a player's"])
def test_a_worker_without_a_services_token_says_so_and_ends(
    league: LeagueProcess, tmp_path: Path, wrong: str
) -> None:
    """Trying again would not help: exit code 2 and a sentence, without the token in it."""
    token = wrong if wrong == "nonsense" else league.token(subject=ADA, audience="players")
    worker = WorkerProcess(league, tmp_path / "worker", token=token)
    assert worker.start().end(seconds=60) == 2
    said = worker.log.read_text()
    assert re.search(r"league-worker: the league refuses this worker: .*token", said)
    assert token not in said
