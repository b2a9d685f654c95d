"""Games whose engine stands behind the line protocol: real daemons, and one that falls silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from trainingrun_league.errors import Conflict, Exhausted
from trainingrun_league.game.daemons import DaemonCounts, Daemons, daemons_of
from trainingrun_league.game.hall import Bounds, Hall, Move
from trainingrun_league.game.journal import GameJournal
from trainingrun_league.game.sources import source_of
from trainingrun_league.game.table import Turn

from testkit.league.engine_games import TurnedClock, active_games, begun, journal_in
from testkit.league.league_process import LeagueProcess
from testkit.own_engines import engine_in_python
from testkit.roles.daemon_process import daemons
from testkit.waiting import until

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
    also after a repeated action.
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
                until(lambda: rated(elo), seconds=30, what="the result is rated")
                assert rated(elo) == 1


def rated(elo: EloServiceStub) -> int:
    """How many results the Elo service has."""
    return len(elo.ListResults(ListResultsRequest()).results)


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
                    assert not hidden.legal_actions
                    assert not hidden.observation
                assert not watched.text
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
                await opened(stub, key="third")
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
            page = league.metrics()
            assert 'trainingrun_league_game_daemon_slots{state="held"} 2.0' in page
            assert "trainingrun_league_game_daemons_away 0.0" in page
            await stub.DeleteGame(DeleteGameRequest(game_id=other.game_id))
            until(lambda: active_games(port) == 1, seconds=10, what="the deleted game is gone")
            league.kill()
            until(lambda: active_games(port) == 0, seconds=10, what="the slots are free")
            league.start()
            state = await state_of(stub, made, 0)
            assert state.phase == ABANDONED
            assert state.reason.startswith("the engine's game was lost after 1 moves")
            assert (await stub.SubmitAction(sent)).state.turn == 1
            replay = await stub.GetReplay(GetReplayRequest(game_id=made.game_id))
            assert [turn.action for turn in replay.turns] == [sent.action]

    with engine_in_python(tmp_path) as port:
        league = league_of(tmp_path, DOMINEERING, port)
        with league:
            asyncio.run(scenario(league, port))


# --- the hall itself, with an engine that falls silent

QUESTION = {
    "seat": 1,
    "observation": {"shape": [2], "dtype": "uint8", "data": "AAE="},
    "actions": [{"index": 0, "description": "go\x00\x1b[31m on"}],
    "message": "a line\nanother \u202e line",
}
MUTE = Engine("mute", (2,), Vocabulary(1))


@asynccontextmanager
async def mute_engine() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """An engine that asks once, hears the answer, and says nothing more; with deck ``mute`` it
    does not even ask. The event is set when it has heard an answer.
    """
    has_heard = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = (await reader.readline()).decode()
        if command.startswith("STATUS"):
            writer.write(b"FORGE DAEMON STATUS\nActive games: 0\nMax concurrent: 5\n")
        elif "mute" not in command:
            writer.write(f"DECISION: {json.dumps(QUESTION)}\n".encode())
            if await reader.readline():
                has_heard.set()
            await reader.read()
        else:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], has_heard


def test_a_silent_engine_holds_up_nobody_but_its_game(tmp_path: Path) -> None:
    """While an engine is waited for, other games go on, its own can be deleted at once, no clock
    ends it, and what an engine writes steers no terminal. One that asks nothing is given up.
    """

    def hall_at(port: int, journal: GameJournal, *, seconds: float, deck: str) -> Hall:
        source = source_of(
            MUTE,
            Daemons(daemons_of(f"localhost:{port}")),
            decks=(deck,),
            seconds=seconds,
            token=None,
        )
        return Hall(source, journal, holder="h", clock=clock.now, bounds=Bounds())

    async def scenario() -> None:
        async with journal_in(tmp_path) as journal, mute_engine() as (port, has_heard):
            hall = hall_at(port, journal, seconds=3600, deck="a")
            for game_id in ("a", "b"):
                await begun(hall, game_id)
            state = await hall.state("a", 1)
            assert state.text == "a line\nanother   line"
            assert state.legal_actions[0].text == "go  [31m on"
            move = Move(1, "k", 0, Turn(1, 0, "k"))
            waiting = asyncio.create_task(hall.play("a", move))
            await has_heard.wait()
            clock.value += 7200
            await hall.expire()
            assert (await hall.state("b", 0)).reason == "seat 1 did not move within 600 s"
            await hall.delete("a")
            assert (await waiting).reason == "it was deleted"
            with pytest.raises(Conflict, match="asked nothing for 1 s"):
                await begun(hall_at(port, journal, seconds=1, deck="mute"), "c")
            await begun(hall, "d")
            await hall.close()
            assert "was stopped" in (await hall.state("d", 0)).reason

    clock = TurnedClock()
    asyncio.run(scenario())


# --- and with one that has fewer threads than it says, as the original Forge daemon


class FewThreads:
    """Asks in as many games at once as it has threads, and answers STATUS while one is free."""

    def __init__(self, threads: int) -> None:
        self.threads = asyncio.Semaphore(threads)
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.answers_when_full = True
        self.port = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[FewThreads]:
        """Serve until the context ends."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = (await reader.readline()).decode()
        if command.startswith("STATUS"):
            if self.answers_when_full or not self.threads.locked():
                writer.write(b"FORGE DAEMON STATUS\nActive games: 0\nMax concurrent: 5\n")
            else:
                await reader.read()
        else:
            self.heard.put_nowait(command)
            gone = asyncio.create_task(reader.read())
            begins = asyncio.create_task(self.threads.acquire())
            await asyncio.wait({gone, begins}, return_when=asyncio.FIRST_COMPLETED)
            if begins.done():
                writer.write(f"DECISION: {json.dumps(QUESTION)}\n".encode())
                await gone
                self.threads.release()
            begins.cancel()
        writer.close()


def hall_of(engine: FewThreads, journal: GameJournal, *, seconds: float) -> tuple[Hall, Daemons]:
    """A hall whose games are that engine's; it waits so long for a line, and for STATUS."""
    slots = Daemons(daemons_of(f"127.0.0.1:{engine.port}"), status_seconds=seconds)
    source = source_of(MUTE, slots, decks=(), seconds=seconds, token=None)
    return Hall(source, journal, holder="h", clock=TurnedClock().now, bounds=Bounds()), slots


def test_a_daemon_without_a_thread_for_a_game_is_full_and_not_broken(tmp_path: Path) -> None:
    """It says nothing of the second game: that waits as for a slot, and no third one is tried until
    there is a slot. Nor is a daemon away that has no thread for STATUS while it plays ours.
    """

    async def scenario() -> None:
        async with journal_in(tmp_path) as journal, FewThreads(1).serving() as engine:
            hall, slots = hall_of(engine, journal, seconds=1)
            await begun(hall, "a")
            with pytest.raises(Exhausted, match="no thread for one more"):
                await begun(hall, "b")
            with pytest.raises(Exhausted, match="every daemon plays as many games as it may"):
                await begun(hall, "c")
            assert (engine.heard.qsize(), slots.held) == (2, 1)
            await slots.count()
            assert slots.counts == DaemonCounts(free=0, away=0)
            await hall.delete("a")
            await begun(hall, "d")
            engine.answers_when_full = False
            with pytest.raises(Exhausted, match="every daemon plays as many games as it may"):
                await begun(hall, "e")
            await slots.count()
            assert slots.counts == DaemonCounts(free=0, away=0)
            await hall.close()
        await slots.count()
        assert slots.counts == DaemonCounts(free=0, away=1)

    asyncio.run(scenario())


def test_a_game_that_begins_late_is_there_when_it_is_asked_for_again(tmp_path: Path) -> None:
    """Callers wait 10 or 20 s, engines may need a minute: a repeated call finds the game that the
    first one has begun, and the engine hears of one.
    """

    async def scenario() -> None:
        async with journal_in(tmp_path) as journal, FewThreads(1).serving() as engine:
            hall, slots = hall_of(engine, journal, seconds=60)
            await engine.threads.acquire()
            first = asyncio.create_task(begun(hall, "a"))
            await engine.heard.get()
            first.cancel()
            await asyncio.wait({first})
            again = asyncio.create_task(begun(hall, "a"))
            engine.threads.release()
            await again
            assert (engine.heard.qsize(), hall.running) == (0, 1)
            unfinished = asyncio.create_task(begun(hall, "b"))
            await engine.heard.get()
            await hall.close()
            await asyncio.wait({unfinished})
            assert slots.held == 0

    asyncio.run(scenario())


def test_a_game_that_begins_late_and_is_not_asked_for_again_frees_its_slot(tmp_path: Path) -> None:
    """Its caller is gone for good: it is dropped after a minute, and not after the ten that a seat
    may stay empty.
    """

    async def scenario() -> None:
        async with journal_in(tmp_path) as journal, FewThreads(1).serving() as engine:
            slots = Daemons(daemons_of(f"127.0.0.1:{engine.port}"))
            source = source_of(MUTE, slots, decks=(), seconds=60, token=None)
            clock = TurnedClock()
            hall = Hall(source, journal, holder="h", clock=clock.now, bounds=Bounds())
            await engine.threads.acquire()
            caller = asyncio.create_task(begun(hall, "a"))
            await engine.heard.get()
            caller.cancel()
            await asyncio.wait({caller})
            engine.threads.release()
            for _ in range(1000):
                if await journal.find("a") is not None:
                    break
                await asyncio.sleep(0.01)
            for _ in range(9):  # until the one who creates it has noted that nobody waits
                clock.value += 61
                await hall.expire()
                await asyncio.sleep(0.02)
            assert (hall.running, slots.held) == (0, 0)
            state = await hall.state("a", 0)
            assert state.reason == "who created it did not ask for it again"
            await hall.close()

    asyncio.run(scenario())
