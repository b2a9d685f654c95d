"""The Game service in its own process: games move by move, watched, seen again, and resumed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1.game_pb2 import (
    CreateGameRequest,
    CreateGameResponse,
    DeleteGameRequest,
    GamePhase,
    GameState,
    GetGameStateRequest,
    GetReplayRequest,
    JoinGameRequest,
    ListGamesRequest,
    RecordedGame,
    RecordGamesRequest,
    StreamGameRequest,
    SubmitActionRequest,
)
from trainingrun_contracts.league.v1.game_pb2 import Thought as ThoughtMessage
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub

from testkit.league.league_process import LeagueProcess
from testkit.servers.postgresql_server import PostgresqlServer
from testkit.waiting import until

if TYPE_CHECKING:  # asynchronous clients have a type in the stubs alone
    from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceAsyncStub

ADA, EVE = "person/ada", "person/eve"
COLUMN_WIN = (0, 1, 0, 1, 0, 1, 0)
"""Seat 1 fills the first column."""


@pytest.fixture
def league(tmp_path: Path) -> LeagueProcess:
    """A league of the Game service alone; the test starts it."""
    return LeagueProcess(tmp_path / "league", services="game")


async def code_of(call: grpc.aio.UnaryUnaryCall) -> tuple[grpc.StatusCode, str]:
    """Return how a call that fails fails."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""


async def opened(
    stub: GameServiceAsyncStub,
    *,
    key: str = "k",
    players: Sequence[str] = (ADA, EVE),
    **more: object,
) -> CreateGameResponse:
    """Create a game of these players."""
    return await stub.CreateGame(CreateGameRequest(idempotency_key=key, players=players, **more))


async def seated(stub: GameServiceAsyncStub, made: CreateGameResponse) -> GameState:
    """Let both players take their seats."""
    for player, token in zip((ADA, EVE), made.seat_tokens, strict=True):
        joined = await stub.JoinGame(
            JoinGameRequest(game_id=made.game_id, player_id=player, seat_token=token)
        )
    return joined.state


def move(made: CreateGameResponse, seat: int, turn: int, action: int) -> SubmitActionRequest:
    """Return the request for a move, with the turn as its key."""
    return SubmitActionRequest(
        idempotency_key=f"{seat}/{turn}",
        game_id=made.game_id,
        seat_token=made.seat_tokens[seat - 1],
        expected_turn=turn,
        action=action,
    )


async def play(
    stub: GameServiceAsyncStub, made: CreateGameResponse, actions: Sequence[int], *, begin: int = 0
) -> GameState:
    """Play these actions in turn, from a turn on."""
    for turn, action in enumerate(actions, begin):
        answer = await stub.SubmitAction(move(made, turn % 2 + 1, turn, action))
    return answer.state


async def states(
    stub: GameServiceAsyncStub, game_id: str, token: str = ""
) -> AsyncIterator[GameState]:
    """Follow a game."""
    request = StreamGameRequest(game_id=game_id, seat_token=token)
    async for answer in stub.StreamGame(request):
        yield answer.state


def test_a_game_is_played_watched_and_seen_again(league: LeagueProcess) -> None:
    """Two players and one who watches see every turn up to the end, and the replay shows it."""

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            made = await opened(stub)
            assert len(set(made.seat_tokens)) == 2
            watching = asyncio.create_task(collected(stub, made.game_id))
            assert (await seated(stub, made)).phase == GamePhase.GAME_PHASE_RUNNING
            last = await play(stub, made, COLUMN_WIN)
            assert last.phase == GamePhase.GAME_PHASE_FINISHED
            assert list(last.returns) == [1.0, -1.0]
            seen = await watching
            assert sorted({state.turn for state in seen}) == list(range(8))
            assert seen[-1].phase == GamePhase.GAME_PHASE_FINISHED
            replay = await stub.GetReplay(GetReplayRequest(game_id=made.game_id))
            assert [turn.action for turn in replay.turns] == list(COLUMN_WIN)
            assert replay.turns[-1].text == last.text
            listed = await stub.ListGames(ListGamesRequest())
            assert [game.game_id for game in listed.games] == [made.game_id]
            assert not listed.games[0].text

    with league:
        asyncio.run(scenario())


async def collected(stub: GameServiceAsyncStub, game_id: str, token: str = "") -> list[GameState]:
    """Return every state up to the end."""
    return [state async for state in states(stub, game_id, token)]


def test_a_stream_misses_no_turn_however_fast_a_game_is(league: LeagueProcess) -> None:
    """Eight who watch see the same row of turns, each from where it came in."""

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            random, made = Random(4), await opened(stub)
            state = await seated(stub, made)
            watching = [asyncio.create_task(collected(stub, made.game_id)) for _ in range(8)]
            while state.phase == GamePhase.GAME_PHASE_RUNNING:
                action = random.choice([each.number for each in state.legal_actions])
                request = move(made, state.seat_to_move, state.turn, action)
                state = (await stub.SubmitAction(request)).state
            for seen in await asyncio.gather(*watching):
                turns = [each.turn for each in seen]
                assert turns == list(range(turns[0], state.turn + 1))
                for before, after in pairwise(seen):
                    assert list(after.actions)[:-1] == list(before.actions)

    with league:
        asyncio.run(scenario())


def test_a_repeated_move_is_played_once_and_has_the_answer_of_before(
    league: LeagueProcess,
) -> None:
    """A lost answer is asked for again, later in the game, after its end and after kill -9."""

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            made = await opened(stub)
            await seated(stub, made)
            first = await stub.SubmitAction(move(made, 1, 0, 0))
            again = [await stub.SubmitAction(move(made, 1, 0, 0))]
            await play(stub, made, COLUMN_WIN[1:], begin=1)
            again.append(await stub.SubmitAction(move(made, 1, 0, 0)))
            league.kill()
            league.start()
            again.append(await stub.SubmitAction(move(made, 1, 0, 0)))
            for answer in again:
                assert answer.state.turn == 1
                assert answer.state.text == first.state.text
            code, said = await code_of(stub.SubmitAction(move(made, 1, 0, 5)))
            assert code is grpc.StatusCode.ALREADY_EXISTS, said

    with league:
        asyncio.run(scenario())


def test_creating_a_game_twice_is_creating_it_once(league: LeagueProcess) -> None:
    """The same key and request give the same game and tokens; another request is refused."""

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            first, second = await asyncio.gather(opened(stub), opened(stub))
            assert first == second
            code, _ = await code_of(
                stub.CreateGame(CreateGameRequest(idempotency_key="k", players=[ADA, ADA]))
            )
            assert code is grpc.StatusCode.ALREADY_EXISTS

    with league:
        asyncio.run(scenario())


def test_games_survive_kill_9(league: LeagueProcess) -> None:
    """Running games are played again from the journal; the players continue, nobody loses a turn
    or gains one.
    """

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            games = [await opened(stub, key=f"k{n}", players=["", ""]) for n in range(5)]
            for made in games:
                await seated(stub, made)
            before = [await play(stub, made, COLUMN_WIN[: n + 1]) for n, made in enumerate(games)]
            league.kill()
            league.start()
            for made, state in zip(games, before, strict=True):
                token = made.seat_tokens[state.turn % 2]
                found = await stub.GetGameState(
                    GetGameStateRequest(game_id=made.game_id, seat_token=token)
                )
                assert (found.state.turn, found.state.text) == (state.turn, state.text)
                last = await play(stub, made, COLUMN_WIN[state.turn :], begin=state.turn)
                assert last.phase == GamePhase.GAME_PHASE_FINISHED

    with league:
        asyncio.run(scenario())


def test_who_does_not_move_in_time_loses(league: LeagueProcess) -> None:
    """The clock of the seat to move ends the game, whoever watches."""

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            made = await opened(stub, move_limit=Duration(seconds=1))
            await seated(stub, made)
            await stub.SubmitAction(move(made, 1, 0, 3))
            last = (await collected(stub, made.game_id))[-1]
            assert last.phase == GamePhase.GAME_PHASE_FINISHED
            assert list(last.returns) == [1.0, -1.0]
            assert last.reason == "seat 2 did not move within 1 s"
            code, said = await code_of(stub.SubmitAction(move(made, 2, 1, 3)))
            assert code is grpc.StatusCode.FAILED_PRECONDITION, said

    with league:
        asyncio.run(scenario())


@pytest.mark.needs("postgresql")
def test_a_clock_that_ends_while_the_database_is_away_ends_its_game_afterwards(
    tmp_path: Path,
) -> None:
    """kill -9 of PostgreSQL: the time of a game is up meanwhile; the process serves on, and the
    game is over when the database is back."""
    with PostgresqlServer() as server:
        url = server.create_database("games")
        arguments = ["--database", url, "--migrate"]
        league = LeagueProcess(tmp_path / "league", services="game", arguments=arguments)

        async def run() -> GamePhase.ValueType:
            async with league.channel("game") as channel:
                stub = GameServiceStub(channel)
                made = await opened(stub, move_limit=Duration(seconds=1))
                await seated(stub, made)
                server.kill()
                said = "the clocks of games are read again soon"
                await asyncio.to_thread(
                    until, lambda: said in league.log.read_text(), seconds=120, what="it is said"
                )
                server.start()
                async with asyncio.timeout(120):
                    async for state in states(stub, made.game_id):
                        last = state.phase
                return last

        with league:
            assert asyncio.run(run()) == GamePhase.GAME_PHASE_FINISHED
            assert league.process.is_running


def test_what_is_wrong_is_refused_with_a_sentence(league: LeagueProcess) -> None:
    """Unknown games, wrong turns, another one's seat, forged tokens, huge requests: a status code
    and a sentence each, and the service serves on.
    """

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            made = await opened(stub)
            await seated(stub, made)
            other = await opened(stub, key="other", players=["", ""])
            wrong_seat = move(made, 2, 0, 0)
            forged = move(made, 1, 0, 0)
            forged.seat_token = other.seat_tokens[0]
            odd = move(made, 1, 0, 0)
            odd.thought.CopyFrom(ThoughtMessage(value=float("nan")))
            code = grpc.StatusCode
            for call, expected in (
                (stub.GetGameState(GetGameStateRequest(game_id="none")), code.NOT_FOUND),
                (stub.GetReplay(GetReplayRequest(game_id="g-" + "x" * 5000)), code.NOT_FOUND),
                (stub.DeleteGame(DeleteGameRequest(game_id="none")), code.NOT_FOUND),
                (stub.SubmitAction(wrong_seat), code.FAILED_PRECONDITION),
                (stub.SubmitAction(move(made, 1, 3, 0)), code.FAILED_PRECONDITION),
                (stub.SubmitAction(move(made, 1, 0, 7)), code.INVALID_ARGUMENT),
                (stub.SubmitAction(forged), code.PERMISSION_DENIED),
                (stub.SubmitAction(odd), code.INVALID_ARGUMENT),
                (stub.ListGames(ListGamesRequest(page_token="x")), code.INVALID_ARGUMENT),
                (stub.ListGames(ListGamesRequest(phases=[17])), code.INVALID_ARGUMENT),
                (stub.CreateGame(CreateGameRequest()), code.INVALID_ARGUMENT),
                (
                    stub.CreateGame(CreateGameRequest(idempotency_key="l", players=["x"] * 3)),
                    code.INVALID_ARGUMENT,
                ),
                (
                    stub.JoinGame(
                        JoinGameRequest(
                            game_id=made.game_id, player_id=EVE, seat_token=made.seat_tokens[0]
                        )
                    ),
                    code.PERMISSION_DENIED,
                ),
                (
                    stub.CreateGame(
                        CreateGameRequest(idempotency_key="l", match_id="m" * 5_000_000)
                    ),
                    code.RESOURCE_EXHAUSTED,
                ),
            ):
                found, said = await code_of(call)
                assert found is expected, said
                assert said
            assert (await play(stub, made, COLUMN_WIN)).phase == GamePhase.GAME_PHASE_FINISHED

    with league:
        asyncio.run(scenario())


def test_a_player_sits_under_its_own_name_alone(league: LeagueProcess) -> None:
    """A token of a player joins as that player; creating and deleting is for services."""

    async def scenario() -> None:
        async with (
            league.channel("game") as services,
            league.channel("game", subject=EVE, audience="players") as eve,
        ):
            made = await opened(GameServiceStub(services), players=["", ""])
            stub = GameServiceStub(eve)
            request = JoinGameRequest(
                game_id=made.game_id, player_id=ADA, seat_token=made.seat_tokens[0]
            )
            assert (await code_of(stub.JoinGame(request)))[0] is grpc.StatusCode.PERMISSION_DENIED
            request.player_id = EVE
            assert (await stub.JoinGame(request)).seat == 1
            for call in (
                stub.CreateGame(CreateGameRequest(idempotency_key="x")),
                stub.DeleteGame(DeleteGameRequest(game_id=made.game_id)),
                stub.RecordGames(RecordGamesRequest(idempotency_key="x")),
            ):
                assert (await code_of(call))[0] is grpc.StatusCode.PERMISSION_DENIED

    with league:
        asyncio.run(scenario())


def test_games_are_bounded_in_all_and_for_each_person(tmp_path: Path) -> None:
    """The third game of a person, and the fifth of all, are refused; one that ends gives room."""
    league = LeagueProcess(
        tmp_path / "league",
        services="game",
        arguments=["--set", "game.games=4", "--set", "game.games-of-person=2"],
    )

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            first = await opened(stub, key="1")
            await opened(stub, key="2")
            request = CreateGameRequest(idempotency_key="3", players=[ADA, "model/m"])
            code, said = await code_of(stub.CreateGame(request))
            assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert ADA in said
            await stub.DeleteGame(DeleteGameRequest(game_id=first.game_id))
            await stub.CreateGame(request)
            for key in ("4", "5"):
                await opened(stub, key=key, players=["", ""])
            full = stub.CreateGame(CreateGameRequest(idempotency_key="6", players=["", ""]))
            assert (await code_of(full))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED

    with league:
        asyncio.run(scenario())


def test_a_game_that_is_deleted_ends_for_who_watches(league: LeagueProcess) -> None:
    """The stream ends with an abandoned game, and the game is gone."""

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            made = await opened(stub)
            await seated(stub, made)
            follow = states(stub, made.game_id)
            assert (await anext(follow)).turn == 0
            await stub.DeleteGame(DeleteGameRequest(game_id=made.game_id))
            last = [state async for state in follow][-1]
            assert (last.phase, last.reason) == (GamePhase.GAME_PHASE_ABANDONED, "it was deleted")
            code, _ = await code_of(stub.GetReplay(GetReplayRequest(game_id=made.game_id)))
            assert code is grpc.StatusCode.NOT_FOUND

    with league:
        asyncio.run(scenario())


def test_secrets_stay_secret_over_the_wire(tmp_path: Path) -> None:
    """Kuhn's poker: who watches, and the other seat, see nothing that a seat alone may see."""
    league = LeagueProcess(tmp_path / "league", environment="openSpiel:kuhn_poker", services="game")

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            made = await opened(stub, seed=5)
            await seated(stub, made)
            seen = []
            for token in ("", *made.seat_tokens):
                request = GetGameStateRequest(game_id=made.game_id, seat_token=token)
                seen.append((await stub.GetGameState(request)).state)
            watcher, first, second = seen
            assert (watcher.text, watcher.observation, watcher.seed) == ("", b"", 0)
            assert not watcher.legal_actions
            assert not second.legal_actions
            assert first.legal_actions
            assert first.text != second.text
            code, _ = await code_of(stub.GetReplay(GetReplayRequest(game_id=made.game_id)))
            assert code is grpc.StatusCode.FAILED_PRECONDITION
            await play(stub, made, (0, 0))
            replay = await stub.GetReplay(GetReplayRequest(game_id=made.game_id))
            assert replay.last.text

    with league:
        asyncio.run(scenario())


def test_games_that_workers_played_are_recorded(league: LeagueProcess) -> None:
    """Once, whole, and by the rules; what is none of these is refused with its place."""

    async def scenario() -> None:
        async with league.channel("game") as channel:
            stub = GameServiceStub(channel)
            actions = [RecordedGame.Action(number=number) for number in COLUMN_WIN]
            game = RecordedGame(players=["model/a", "model/b"], actions=actions, match_id="m")
            request = RecordGamesRequest(idempotency_key="m", games=[game, game])
            first = await stub.RecordGames(request)
            assert first == await stub.RecordGames(request)
            replay = await stub.GetReplay(GetReplayRequest(game_id=first.game_ids[1]))
            assert [turn.action for turn in replay.turns] == list(COLUMN_WIN)
            for broken in (actions[:-1], [*actions, actions[0]], [RecordedGame.Action(number=99)]):
                wrong = RecordedGame(players=["", ""], actions=broken)
                call = stub.RecordGames(
                    RecordGamesRequest(idempotency_key="n", games=[game, wrong])
                )
                code, said = await code_of(call)
                assert code is grpc.StatusCode.INVALID_ARGUMENT
                assert said.startswith("games[1]")
            pages, token = list[str](), ""
            while True:
                page = await stub.ListGames(ListGamesRequest(page_size=1, page_token=token))
                pages += [each.game_id for each in page.games]
                token = page.next_page_token
                if not token:
                    break
            assert sorted(pages) == sorted(first.game_ids)

    with league:
        asyncio.run(scenario())


def test_an_environment_whose_games_are_elsewhere_is_refused(tmp_path: Path) -> None:
    """Magic is a daemon's, and none is named: the process ends with a sentence."""
    league = LeagueProcess(tmp_path / "league", environment="magic", services="game")
    assert league.launch().end(seconds=60) == 2
    assert "--set game.daemons=HOST:PORT" in league.log.read_text()
