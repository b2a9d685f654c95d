"""Game, Model and Elo, killed again and again while several clients write to each; and left alone
while their PostgreSQL is killed, or away for a while.

What was acknowledged must be there once afterwards, and nothing that nobody wrote. 100 kills each
with ``make soak``, and 20 restarts of PostgreSQL; a fifth without.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

import grpc
import numpy as np
import pytest
from safetensors.numpy import save
from trainingrun_contracts.league.policies import Download, publish
from trainingrun_contracts.league.v1 import elo_pb2, game_pb2, model_pb2
from trainingrun_contracts.league.v1.common_pb2 import MATCH_PURPOSE_RATING, Score
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

from testkit.league.league_process import AWAY, LeagueProcess
from testkit.league.warm_league import WarmLeague
from testkit.servers.postgresql_server import PostgresqlServer
from testkit.soak_share import share_of

KILLS = 100
RESTARTS = 20
AWAY_SECONDS = 3.0
"""For which every other restart of PostgreSQL keeps it away."""
CLIENTS = 3
MOST_WRITES = 12
"""Acknowledged between two kills, at most."""
PATIENCE_SECONDS = 240.0
_R = TypeVar("_R")


class Client(ABC):
    """One thread that writes; what fails because the service is away it sends again."""

    def __init__(self, load: Load, name: str) -> None:
        self.load, self.name = load, name
        self.chance = Random(name)

    @abstractmethod
    def write(self, channel: grpc.Channel) -> None:
        """Write something, and keep that it was acknowledged."""

    def sure(self, call: Callable[[], _R]) -> _R:
        """Return the answer, however often the service is away."""
        while True:
            try:
                answer = call()
            except grpc.RpcError as error:
                if error.code() not in AWAY or self.load.is_over:
                    raise
                self.load.over.wait(0.02)
            else:
                self.load.note()
                return answer


class Load:
    """Clients until they are stopped; ``acknowledged`` counts their writes."""

    def __init__(self, league: LeagueProcess, service: str) -> None:
        self.league, self.service = league, service
        self.acknowledged = 0
        self.failures: list[str] = []
        self.over = threading.Event()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    @property
    def is_over(self) -> bool:
        """Whether the clients are to end."""
        return self.over.is_set()

    def start(self, clients: Sequence[Client]) -> None:
        """Let them write."""
        for client in clients:
            thread = threading.Thread(target=self._run, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def note(self) -> None:
        """Count a write that was acknowledged."""
        with self._changed:
            self.acknowledged += 1
            self._changed.notify_all()

    def wait_for(self, more: int) -> None:
        """Wait for so many more acknowledged writes."""
        with self._changed:
            wanted = self.acknowledged + more
            assert self._changed.wait_for(
                lambda: self.acknowledged >= wanted or self.failures, PATIENCE_SECONDS
            ), "nothing is acknowledged any longer"
        assert not self.failures, self.failures[:3]

    def stop(self) -> None:
        """Let them end what they do."""
        self.over.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "a client hangs"
        assert not self.failures, self.failures[:3]

    def _run(self, client: Client) -> None:
        try:
            with self.league.blocking(self.service) as channel:
                while not self.is_over:
                    client.write(channel)
        except Exception as error:
            if not self.is_over or not isinstance(error, grpc.RpcError):
                with self._changed:
                    self.failures.append(f"{client.name}: {error!r}")
                    self._changed.notify_all()


def kill_again_and_again(league: LeagueProcess, load: Load, clients: Sequence[Client]) -> None:
    """The kills; afterwards the league serves and the clients have ended."""
    chance = Random(1)
    load.start(clients)
    try:
        for _ in range(share_of(KILLS)):
            load.wait_for(chance.randrange(1, MOST_WRITES))
            league.kill()
            league.start()
        load.wait_for(1)
    finally:
        load.stop()


def restart_again_and_again(
    postgresql: PostgresqlServer, load: Load, clients: Sequence[Client]
) -> None:
    """Restarts of PostgreSQL, in turn by kill -9 and in order; the league serves throughout."""
    chance = Random(1)
    load.start(clients)
    try:
        for number in range(share_of(RESTARTS)):
            load.wait_for(chance.randrange(1, MOST_WRITES))
            if number % 2:
                postgresql.stop()
                threading.Event().wait(AWAY_SECONDS)
            else:
                postgresql.kill()
            postgresql.start()
        load.wait_for(1)
    finally:
        load.stop()


@pytest.fixture
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server of this test."""
    with PostgresqlServer() as server:
        yield server


def on_postgresql(folder: Path, server: PostgresqlServer, service: str) -> WarmLeague:
    """A league with its tables there."""
    arguments = ["--database", server.create_database("league"), "--migrate"]
    return WarmLeague(folder, services=service, arguments=arguments)


# ---- Elo


class Reporter(Client):
    """Reports results in batches; now and then one that was acknowledged before."""

    def __init__(self, load: Load, name: str) -> None:
        super().__init__(load, name)
        self.rated: list[str] = []

    def write(self, channel: grpc.Channel) -> None:
        """Ten new matches, and up to five known ones."""
        new = [f"{self.name}-{len(self.rated) + number}" for number in range(10)]
        known = self.chance.sample(self.rated, min(5, len(self.rated)))
        results = [
            elo_pb2.MatchResult(
                match_id=each,
                first="model/a",
                second="model/b",
                score=Score(wins=1),
                purpose=MATCH_PURPOSE_RATING,
            )
            for each in [*new, *known]
        ]
        request = elo_pb2.UpdateEloRatingsRequest(results=results)
        self.sure(lambda: EloServiceStub(channel).UpdateEloRatings(request))
        self.rated += new


def test_elo_keeps_every_result_once(tmp_path: Path) -> None:
    """Every acknowledged match is listed once, and ratings rest on as many games."""
    league = WarmLeague(tmp_path / "league", services="elo")
    with league:
        load = Load(league, "elo")
        clients = [Reporter(load, f"client{number}") for number in range(CLIENTS)]
        kill_again_and_again(league, load, clients)
        with league.blocking("elo") as channel:
            stub, listed, token = EloServiceStub(channel), Counter[str](), ""
            while True:
                request = elo_pb2.ListResultsRequest(page_size=1000, page_token=token)
                page = stub.ListResults(request)
                listed.update(each.match_id for each in page.results)
                token = page.next_page_token
                if not token:
                    break
    acknowledged = {match for client in clients for match in client.rated}
    assert acknowledged <= set(listed)
    assert max(listed.values()) == 1
    # What was under way when the load ended may have come: ten of each client.
    assert len(listed) <= len(acknowledged) + 10 * CLIENTS


# ---- Model


SCHEMA = spec_of(config_of("connect_four")).schema_hash
SOUND = model_pb2.Validation(loads=True, is_finite=True, games=4, decisions_per_second=120)


class Learner(Client):
    """Publishes models of a lineage and has each validated; now and then one is promoted."""

    def __init__(self, load: Load, name: str) -> None:
        super().__init__(load, name)
        self.models: dict[str, bytes] = {}
        self.validated: set[str] = set()
        self.tried = 0

    def write(self, channel: grpc.Channel) -> None:
        """One model, its validation, and perhaps its promotion."""
        stub = ModelServiceStub(channel)
        self.tried += 1
        numbers = np.full(20_000, self.chance.random(), np.float32)
        blob = save({"a": numbers}, metadata={"schema_hash": SCHEMA, "version": "1"})
        header = model_pb2.PublishPolicyRequest.Header(
            lineage=f"team/{self.name}", schema_hash=SCHEMA, algorithm="ppo"
        )
        model = self.sure(lambda: publish(stub, header, blob, seconds=30)).model
        self.models[model.id] = blob
        request = model_pb2.ReportValidationRequest(
            idempotency_key=f"v/{model.id}", id=model.id, validation=SOUND
        )
        self.sure(lambda: stub.ReportValidation(request))
        self.validated.add(model.id)
        if self.chance.random() < 0.3:
            promote = model_pb2.PromoteModelRequest(
                idempotency_key=f"p/{model.id}", id=model.id, by="person/ada", reason="chance"
            )
            self.sure(lambda: stub.PromoteModel(promote))


def test_model_keeps_every_publication_once(tmp_path: Path) -> None:
    """Every acknowledged model is there once with its bytes, validated where that was
    acknowledged; there is one champion."""
    with WarmLeague(tmp_path / "league", services="model") as league:
        load = Load(league, "model")
        clients = [Learner(load, f"client{number}") for number in range(CLIENTS)]
        kill_again_and_again(league, load, clients)
        check_models(league, clients)


@pytest.mark.needs("postgresql")
def test_model_outlives_its_database(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """The same of a service whose PostgreSQL is restarted; it is not started again itself."""
    with on_postgresql(tmp_path / "league", postgresql, "model") as league:
        load = Load(league, "model")
        clients = [Learner(load, f"client{number}") for number in range(CLIENTS)]
        restart_again_and_again(postgresql, load, clients)
        check_models(league, clients)


def check_models(league: LeagueProcess, clients: Sequence[Learner]) -> None:
    """What was acknowledged is there once."""
    with league.blocking("model") as channel:
        stub, listed, token = ModelServiceStub(channel), list[model_pb2.Model](), ""
        while True:
            page = stub.ListModels(model_pb2.ListModelsRequest(page_size=100, page_token=token))
            listed += page.models
            token = page.next_page_token
            if not token:
                break
        for client in clients:
            for model_id, blob in client.models.items():
                request = model_pb2.GetPolicyRequest(model_id=model_id)
                assert b"".join(Download(stub, request).chunks()) == blob
    stages = {model.id: model.stage for model in listed}
    assert len(stages) == len(listed)
    assert {model for client in clients for model in client.models} <= set(stages)
    assert len(listed) <= sum(client.tried for client in clients)
    assert len({(model.lineage, model.sha256) for model in listed}) == len(listed)
    pending = model_pb2.STAGE_PENDING_VALIDATION
    assert all(stages[each] != pending for client in clients for each in client.validated)
    assert list(stages.values()).count(model_pb2.STAGE_PROMOTED) == 1


# ---- Game


class Pair(Client):
    """Plays both seats of one game after the other, by chance."""

    def __init__(self, load: Load, name: str) -> None:
        super().__init__(load, name)
        self.games: dict[str, list[int]] = {}
        self.finished: set[str] = set()
        self.tried = 0

    def write(self, channel: grpc.Channel) -> None:
        """One game to its end."""
        stub = GameServiceStub(channel)
        self.tried += 1
        players = [f"person/{self.name}-1", f"person/{self.name}-2"]
        create = game_pb2.CreateGameRequest(
            idempotency_key=f"{self.name}/{self.tried}", players=players
        )
        made = self.sure(lambda: stub.CreateGame(create))
        played = self.games.setdefault(made.game_id, [])
        for player, token in zip(players, made.seat_tokens, strict=True):
            join = game_pb2.JoinGameRequest(
                game_id=made.game_id, player_id=player, seat_token=token
            )
            state = self.sure(lambda: stub.JoinGame(join)).state  # noqa: B023
        while state.phase == game_pb2.GAME_PHASE_RUNNING:
            action = self.chance.choice([each.number for each in state.legal_actions])
            seat = len(played) % 2 + 1
            state = self._move(stub, made, seat, len(played), action)
            played.append(action)
        assert state.phase == game_pb2.GAME_PHASE_FINISHED, state
        self.finished.add(made.game_id)

    def _move(
        self,
        stub: GameServiceStub,
        made: game_pb2.CreateGameResponse,
        seat: int,
        turn: int,
        action: int,
    ) -> game_pb2.GameState:
        request = game_pb2.SubmitActionRequest(
            idempotency_key=f"{seat}/{turn}",
            game_id=made.game_id,
            seat_token=made.seat_tokens[seat - 1],
            expected_turn=turn,
            action=action,
        )
        state = self.sure(lambda: stub.SubmitAction(request)).state
        assert state.turn == turn + 1
        if state.phase != game_pb2.GAME_PHASE_RUNNING:
            return state
        other = game_pb2.GetGameStateRequest(
            game_id=made.game_id, seat_token=made.seat_tokens[2 - seat]
        )
        return self.sure(lambda: stub.GetGameState(other)).state


def test_game_keeps_every_move_once(tmp_path: Path) -> None:
    """Every game has the moves that were acknowledged, in their order and no other, and each
    creation made one game."""
    with WarmLeague(tmp_path / "league", services="game") as league:
        load = Load(league, "game")
        clients = [Pair(load, f"client{number}") for number in range(CLIENTS)]
        kill_again_and_again(league, load, clients)
        check_games(league, clients)


@pytest.mark.needs("postgresql")
def test_game_outlives_its_database(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """The same of a service whose PostgreSQL is restarted; it is not started again itself."""
    with on_postgresql(tmp_path / "league", postgresql, "game") as league:
        load = Load(league, "game")
        clients = [Pair(load, f"client{number}") for number in range(CLIENTS)]
        restart_again_and_again(postgresql, load, clients)
        check_games(league, clients)


def check_games(league: LeagueProcess, clients: Sequence[Pair]) -> None:
    """What was acknowledged is there once."""
    with league.blocking("game") as channel:
        stub, listed, token = GameServiceStub(channel), Counter[str](), ""
        while True:
            page = stub.ListGames(game_pb2.ListGamesRequest(page_size=500, page_token=token))
            listed.update(each.game_id for each in page.games)
            token = page.next_page_token
            if not token:
                break
        for client in clients:
            for game_id, played in client.games.items():
                replay = stub.GetReplay(game_pb2.GetReplayRequest(game_id=game_id))
                actions = [turn.action for turn in replay.turns]
                # Of the last game one move more may have come than was acknowledged.
                assert actions[: len(played)] == played
                assert len(actions) <= len(played) + (game_id not in client.finished)
    assert {game for client in clients for game in client.games} <= set(listed)
    assert max(listed.values()) == 1
    assert len(listed) <= sum(client.tried for client in clients)
