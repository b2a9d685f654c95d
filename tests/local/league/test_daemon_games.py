"""Games whose engine stands behind the line protocol: real daemons, and engines with faults."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.environment_config import Engine
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_contracts.league.v1.elo_pb2 import ListResultsRequest
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.game_pb2 import (
    CreateGameRequest,
    CreateGameResponse,
    DeleteGameRequest,
    GamePhase,
    GameState,
    GetGameStateRequest,
    GetReplayRequest,
    JoinGameRequest,
    StreamGameRequest,
    SubmitActionRequest,
)
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2 import FindMatchRequest, QueueMode
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_league.errors import Conflict, LeagueError, Unavailable
from trainingrun_league.game.daemons import Daemons, daemons_of
from trainingrun_league.game.hall import Bounds, Hall, Move
from trainingrun_league.game.journal import Creation, GameJournal
from trainingrun_league.game.sources import source_of
from trainingrun_league.game.table import Phase, Table, Turn
from trainingrun_league.store.engine import connect
from trainingrun_league.store.migrating import migrate

from testkit.league.league_process import LeagueProcess
from testkit.own_engines import engine_in_python
from testkit.roles.daemon_process import daemons
from testkit.servers.faulty_engine import GOAL, Fault, faulty_engine
from testkit.waiting import BUSY, until

if TYPE_CHECKING:  # asynchronous clients have a type in the stubs alone
    from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceAsyncStub

ADA, EVE = "person/ada", "person/eve"
DOMINEERING = json.dumps(
    {
        "kind": "engine",
        "name": "domineering",
        "observation": [2, 5, 5],
        "actions": {"type": "vocabulary", "size": 25},
    }
)
RUNNING, FINISHED = GamePhase.GAME_PHASE_RUNNING, GamePhase.GAME_PHASE_FINISHED
ABANDONED = GamePhase.GAME_PHASE_ABANDONED


def league_of(folder: Path, environment: str, *ports: int, services: str = "game") -> LeagueProcess:
    """A league whose games are played by daemons at these ports."""
    places = ",".join(f"127.0.0.1:{port}" for port in ports)
    decks = ("--set=game.decks=test_red,test_blue",) if environment == "magic" else ()
    arguments = (f"--set=game.daemons={places}", *decks)
    return LeagueProcess(
        folder / "league", environment=environment, services=services, arguments=arguments
    )


def active_games(port: int) -> int:
    """What a daemon says of itself."""
    with socket.create_connection(("127.0.0.1", port), 10) as link, link.makefile("rw") as lines:
        lines.write("STATUS\n")
        lines.flush()
        said = lines.read()
    return int(next(line for line in said.splitlines() if "Active games" in line).split()[-1])


async def opened(stub: GameServiceAsyncStub, key: str = "k", **more: Any) -> CreateGameResponse:
    """A game of Ada and Eve who have taken their seats."""
    made = await stub.CreateGame(
        CreateGameRequest(idempotency_key=key, players=[ADA, EVE], seed=7, **more)
    )
    for player, token in zip((ADA, EVE), made.seat_tokens, strict=True):
        await stub.JoinGame(
            JoinGameRequest(game_id=made.game_id, player_id=player, seat_token=token)
        )
    return made


async def state_of(stub: GameServiceAsyncStub, made: CreateGameResponse, seat: int) -> GameState:
    """The game as a seat sees it, as a watcher for seat 0."""
    token = made.seat_tokens[seat - 1] if seat else ""
    request = GetGameStateRequest(game_id=made.game_id, seat_token=token)
    return (await stub.GetGameState(request)).state


async def moved(
    stub: GameServiceAsyncStub, made: CreateGameResponse, random: Random
) -> SubmitActionRequest:
    """Play any action of the seat to move; return what was sent."""
    watched = await state_of(stub, made, 0)
    seat = watched.seat_to_move
    state = await state_of(stub, made, seat)
    request = SubmitActionRequest(
        idempotency_key=f"{seat}/{state.turn}",
        game_id=made.game_id,
        seat_token=made.seat_tokens[seat - 1],
        expected_turn=state.turn,
        action=random.choice(state.legal_actions).number,
    )
    await stub.SubmitAction(request)
    return request


async def last_state(stub: GameServiceAsyncStub, game_id: str) -> GameState:
    """Follow a game to its end."""
    state = GameState()
    async for answer in stub.StreamGame(StreamGameRequest(game_id=game_id)):
        state = answer.state
    return state


def test_two_clients_play_a_game_of_an_own_engine_whose_result_is_rated_once(
    tmp_path: Path,
) -> None:
    """Two people are paired; their game is played on the daemon, and Elo has one result of it,
    also after a repeated action and a restart.
    """

    async def scenario(league: LeagueProcess, port: int) -> None:
        async with league.channel("matchmaker") as to_match, league.channel("game") as to_game:
            matchmaker, stub = MatchmakerServiceStub(to_match), GameServiceStub(to_game)
            found = await asyncio.gather(
                *(
                    matchmaker.FindMatch(
                        FindMatchRequest(
                            idempotency_key=player,
                            player_id=player,
                            mode=QueueMode.QUEUE_MODE_RANKED,
                            wait=Duration(seconds=50),
                        )
                    )
                    for player in (ADA, EVE)
                )
            )
            tokens = ["", ""]
            for place in found:
                tokens[place.match.seat - 1] = place.match.seat_token
                await stub.JoinGame(
                    JoinGameRequest(
                        game_id=place.match.game_id,
                        player_id=(ADA, EVE)[found.index(place)],
                        seat_token=place.match.seat_token,
                    )
                )
            made = CreateGameResponse(game_id=found[0].match.game_id, seat_tokens=tokens)
            assert active_games(port) == 1
            random, watching = Random(3), asyncio.create_task(last_state(stub, made.game_id))
            while (await state_of(stub, made, 0)).phase == RUNNING:
                sent = await moved(stub, made, random)
            last = await watching
            assert last.phase == FINISHED
            assert sorted(last.returns) == [-1.0, 1.0]
            again = await stub.SubmitAction(sent)
            assert (again.state.turn, again.state.phase) == (last.turn, FINISHED)
            until(lambda: active_games(port) == 0, seconds=10, what="the slot is free")
            replay = await stub.GetReplay(GetReplayRequest(game_id=made.game_id))
            assert len(replay.turns) == last.turn
            assert replay.text.count("\n") == 4
            assert "#" not in replay.text
            assert replay.turns[0].text.count("#") == 2

    with engine_in_python(tmp_path) as port:
        league = league_of(tmp_path, DOMINEERING, port, services="all")
        with league:
            asyncio.run(scenario(league, port))
            with league.blocking("elo") as channel:
                elo = EloServiceStub(channel)
                results = lambda: len(elo.ListResults(ListResultsRequest()).results)  # noqa: E731
                until(lambda: results() == 1, seconds=30, what="the result is rated")
                league.kill()
                league.start()
                until(lambda: _is_there(results), seconds=30, what="the league is back")
                assert results() == 1


def _is_there(ask: Any) -> bool:
    try:
        ask()
    except grpc.RpcError:
        return False
    return True


def test_a_game_of_magic_keeps_each_hand_to_its_seat(tmp_path: Path) -> None:
    """Both seats are asked, each sees its own hand alone, and who watches sees neither; a second
    game waits for a slot; a daemon that dies ends the game without a result.
    """

    async def scenario(league: LeagueProcess, daemon: Any) -> None:
        async with league.channel("game") as channel:
            stub, random = GameServiceStub(channel), Random(5)
            made = await opened(stub)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await opened(stub, key="another")
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            seen = set()
            for _ in range(40):
                watched = await state_of(stub, made, 0)
                seat = watched.seat_to_move
                seen.add(seat)
                asked, other = [await state_of(stub, made, each) for each in (seat, 3 - seat)]
                for hidden in (watched, other):
                    assert not (hidden.legal_actions or hidden.observation)
                assert not (watched.text or watched.seed or watched.actions)
                assert asked.text.count("  hand: ") == 1
                assert len(asked.observation) == 2 * 320
                assert all(len(each.features) == 2 * 120 for each in asked.legal_actions)
                await moved(stub, made, random)
            assert seen == {1, 2}
            following = asyncio.create_task(last_state(stub, made.game_id))
            daemon.kill()
            last = await following
            assert last.phase == ABANDONED
            assert "the daemon 127.0.0.1:" in last.reason
            assert list(last.returns) == [0.0, 0.0]
            with pytest.raises(grpc.aio.AioRpcError) as away:
                await opened(stub, key="a third")
            assert away.value.code() is grpc.StatusCode.UNAVAILABLE

    with daemons(tmp_path, 1) as (daemon,):
        league = league_of(tmp_path, "magic", daemon.port)
        with league:
            asyncio.run(scenario(league, daemon))


def test_a_service_that_is_killed_frees_the_slots_and_abandons_its_games(tmp_path: Path) -> None:
    """The daemon is free at once; the games have a reason when the service is back, and what was
    played is still to be seen. A game that is deleted frees its slot, too.
    """

    async def scenario(league: LeagueProcess, port: int) -> None:
        async with league.channel("game") as channel:
            stub, random = GameServiceStub(channel), Random(1)
            made, other = await opened(stub), await opened(stub, key="other")
            sent = await moved(stub, made, random)
            assert active_games(port) == 2
            await stub.DeleteGame(DeleteGameRequest(game_id=other.game_id))
            until(lambda: active_games(port) == 1, seconds=10, what="the deleted game is gone")
            league.kill()
            until(lambda: active_games(port) == 0, seconds=10, what="the slots are free")
            league.start()
            state = await state_of(stub, made, 0)
            assert state.phase == ABANDONED
            assert state.reason.startswith("the Game service was started anew")
            assert (await stub.SubmitAction(sent)).state.turn == 1
            replay = await stub.GetReplay(GetReplayRequest(game_id=made.game_id))
            assert [turn.action for turn in replay.turns] == [sent.action]
            again = await opened(stub, key="again")
            assert league.stop() == 0
            league.start()
            assert "was stopped" in (await state_of(stub, again, 0)).reason

    with engine_in_python(tmp_path) as port:
        league = league_of(tmp_path, DOMINEERING, port)
        with league:
            asyncio.run(scenario(league, port))


# --- engines with faults, under the hall itself ---------------------------------------------------

PLAYED = {Fault.NONE, Fault.SPEAKS_LATE, Fault.CLOSES_AFTER, Fault.UNSEEDED, Fault.FLAGS}
PLAYED |= {Fault.EMPTY_LINE, Fault.RETURNS_SOMETIMES, Fault.RETURNS_SWAPPED, Fault.ASKS_BOTH}
PLAYED |= {Fault.SHARED, Fault.BAD_ANSWER, Fault.HANGS, Fault.DIES, Fault.NO_LIMIT, Fault.LEAKS}
PLAYED |= {Fault.SLOW, Fault.SECOND_GAME, Fault.SECOND_DTYPE, Fault.OTHER_TYPE, Fault.NO_SLOTS}
AWAY = {Fault.NO_STATUS, Fault.SILENT}
ADDER = Engine("adder", (GOAL,), Vocabulary(3))


@asynccontextmanager
async def hall_of(folder: Path, port: int) -> AsyncIterator[tuple[Hall, Daemons]]:
    """A hall whose games are played by the engine at a port."""
    engine = connect(f"sqlite+aiosqlite:///{folder / 'games.db'}")
    await migrate(engine)
    slots = Daemons(daemons_of(f"127.0.0.1:{port}"))
    source = source_of(ADDER, slots, decks=(), seconds=20, token=None)
    hall = Hall(source, GameJournal(engine), holder="h", clock=time.time, bounds=Bounds())
    try:
        yield hall, slots
    finally:
        await hall.close()
        await engine.dispose()


async def played_out(hall: Hall, number: int) -> Phase | str:
    """Create a game, play its first action again and again; return how it ended."""
    table = Table(
        game_id=f"g-{number}",
        match_id="",
        purpose=0,
        players=(ADA, EVE),
        seed=number,
        move_seconds=600.0,
        created_at=time.time(),
    )
    ends = list[Phase]()
    hall.on_end = lambda ended: ends.append(ended.phase)
    try:
        await hall.open(table, Creation(f"k{number}", ""))
    except (Conflict, Unavailable) as error:
        return str(error)
    for seat, player in enumerate((ADA, EVE), 1):
        state = await hall.join(table.game_id, seat, player)
    for turn in range(30):
        state = await hall.state(table.game_id, 0)
        if state.phase != RUNNING:
            break
        seat = state.seat_to_move
        action = (await hall.state(table.game_id, seat)).legal_actions[0].number
        await hall.play(table.game_id, Move(seat, f"{turn}", turn, Turn(seat, action, f"{turn}")))
    if not ends:
        await hall.delete(table.game_id)
        return "endless"
    return ends[0]


@pytest.mark.parametrize("fault", list(Fault))
def test_a_faulty_engine_costs_its_own_game_alone(fault: Fault, tmp_path: Path) -> None:
    """Whatever an engine does wrong, its game ends with a sentence or is played, and gives its
    slot back; a game of a sound engine before and behind it is not touched.
    """

    async def scenario(port: int) -> None:
        async with hall_of(tmp_path, port) as (hall, slots):
            for number in (1, 2):
                async with asyncio.timeout(60 * BUSY):
                    found = await played_out(hall, number)
                if fault in AWAY:
                    assert "no daemon answers" in str(found)
                elif fault is Fault.ENDLESS:
                    assert found == "endless"
                elif isinstance(found, str):
                    assert found.startswith("no game can be begun: ")
                else:
                    assert (found is Phase.FINISHED) == (fault in PLAYED)
                assert slots.held == 0
                assert hall.running == 0

    with faulty_engine(fault) as port:
        asyncio.run(scenario(port))
