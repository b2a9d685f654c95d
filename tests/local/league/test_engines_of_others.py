"""Matches of the league's worker on daemons that others wrote, through a real Game service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from time import monotonic
from typing import Any

import grpc.aio
import pytest
from trainingrun_actor.league_worker.matches import Played
from trainingrun_actor.league_worker.roster import Contender, Players
from trainingrun_actor.league_worker.served_matches import ServedMatches
from trainingrun_actor.league_worker.weights import LoadedModel, Weights
from trainingrun_actor.policy import ModelLoader
from trainingrun_contracts.league.channel import open_channel
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.game_pb2 import GetReplayRequest
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2 import LeasedMatch
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

from testkit.league.engine_games import COUNTED, QUESTIONS, CountingEngine, active_games
from testkit.league.league_process import LeagueProcess
from testkit.own_engines import engine_in_go, find_go
from testkit.roles.board_weights import random_policy_weights
from testkit.roles.forge_process import forge_daemon
from testkit.tree import DECKS
from testkit.waiting import until

RANDOM = "builtin/random"
NIM = json.dumps(
    {
        "kind": "engine",
        "name": "nim",
        "observation": [3, 8],
        "actions": {"type": "vocabulary", "size": 21},
    }
)

COUNTING = json.dumps(
    {
        "kind": "engine",
        "name": COUNTED.name,
        "observation": [1],
        "actions": {"type": "vocabulary", "size": 10},
    }
)


async def match_of(league: LeagueProcess, folder: Path, *, pairs: int) -> Played:
    """Play a match of a model and chance, as a worker does, and see its games again."""
    async with league.channel("game") as game, league.channel("model") as models:
        stub = GameServiceStub(game)
        played = await played_at(stub, models, league, folder, pairs=pairs)
        for each in played.results:
            replay = await stub.GetReplay(GetReplayRequest(game_id=each.game_id))
            assert len(replay.turns) == each.moves
    return played


async def played_at(
    stub: Any, models: grpc.aio.Channel, league: LeagueProcess, folder: Path, *, pairs: int
) -> Played:
    """Play a match by these ways to the services; its games are kept."""
    spec = spec_of(config_of(league.environment))
    players = Players(spec, Weights(ModelServiceStub(models), folder, spec))
    plays = ServedMatches(
        players, lambda _address: stub, name="w", recorded=pairs, is_stopping=lambda: False
    )
    policy = ModelLoader(spec).load(random_policy_weights(spec), Pointer(0, 1, 0, "0" * 64, 0.0))
    model = Contender("model/m1", LoadedModel("m1", policy, 0), 0)
    chance = await players.find(RANDOM)
    leased = LeasedMatch(
        match_id="m", pairs=pairs, seed=3, purpose=MatchPurpose.MATCH_PURPOSE_RATING
    )
    return await plays.play(leased, model, chance, until=monotonic() + 120)


def test_an_engine_may_take_longer_for_a_question_than_a_call_waits(tmp_path: Path) -> None:
    """Calls wait half a second here, the engine needs one: each is repeated until it has its
    answer, and the engine hears every action once, of the games that were asked for.
    """

    async def scenario(league: LeagueProcess, engine: CountingEngine) -> None:
        hasty = open_channel(league.address("game"), seconds=0.5)
        async with hasty, league.channel("model") as models:
            played = await played_at(GameServiceStub(hasty), models, league, tmp_path, pairs=1)
        assert [each.moves for each in played.results] == [QUESTIONS] * 2
        assert (len(engine.connections), len(engine.heard)) == (2, 2 * QUESTIONS)

    async def whole() -> None:
        engine = CountingEngine(seconds=1.0)
        async with await asyncio.start_server(engine.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            league = LeagueProcess(
                tmp_path / "league",
                environment=COUNTING,
                services="game",
                arguments=(f"--set=game.daemons=127.0.0.1:{port}",),
            )
            await asyncio.to_thread(league.start)
            try:
                await scenario(league, engine)
            finally:
                league.kill()

    asyncio.run(whole())


def test_a_match_on_the_original_forge_daemon(tmp_path: Path) -> None:
    """Its dialect with all of its faults: games end, each is seen again, its threads are free."""
    with forge_daemon("--parallelism", "10", decks=(DECKS,)) as endpoint:
        league = LeagueProcess(
            tmp_path / "league",
            environment="magic",
            services="game",
            arguments=(f"--set=game.daemons={endpoint}", "--set=game.decks=test_red,test_blue"),
        )
        with league:
            check(asyncio.run(match_of(league, tmp_path, pairs=1)))
        free = port_of(endpoint)
        until(lambda: active_games(free) == 0, seconds=10, what="the slots are free")


def test_a_match_on_the_engine_in_go(tmp_path: Path) -> None:
    """An engine that knows neither Forge nor Python."""
    go = find_go()
    if go is None:
        pytest.skip("no Go command: it is built where there is one")
    with engine_in_go(tmp_path, go) as port:
        league = LeagueProcess(
            tmp_path / "league",
            environment=NIM,
            services="game",
            arguments=(f"--set=game.daemons=127.0.0.1:{port}",),
        )
        with league:
            check(asyncio.run(match_of(league, tmp_path, pairs=4)))
        until(lambda: active_games(port) == 0, seconds=10, what="the slots are free")


def check(played: Played) -> None:
    """Every game was played, and somebody has won one."""
    assert all(abs(each.outcome) <= 1.0 and each.moves > 0 for each in played.results)
    assert any(each.outcome for each in played.results)


def port_of(endpoint: str) -> int:
    """The port of ``host:port``."""
    return int(endpoint.rpartition(":")[2])
