"""The pages by which people play: choose an opponent, wait for it, play; or watch, or see again."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from typing import Any, Final

import grpc
import grpc.aio
from aiohttp import web
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1.game_pb2 import (
    GameState,
    GetGameStateRequest,
    GetReplayRequest,
    JoinGameRequest,
    StreamGameRequest,
    SubmitActionRequest,
)
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    CancelMatchRequest,
    FindMatchRequest,
    FindMatchResponse,
    QueueMode,
)
from trainingrun_contracts.league.v1.model_pb2 import ListModelsRequest, Stage

from trainingrun_league.errors import Exhausted, InvalidRequest, NotPermitted
from trainingrun_league.web.context import CALL_SECONDS, CONTEXT, Context, readable, script_data
from trainingrun_league.web.pages import find_champion
from trainingrun_league.web.presentation import (
    name_of,
    state_json,
    turn_json,
    turns_json,
)
from trainingrun_league.web.rates import Rate, RateLimit, network_of
from trainingrun_league.web.sessions import new_person

CHAMPION: Final = "champion"
GAMES_OF_PERSON: Final = Rate(burst=10, seconds=600.0)
GAMES_OF_ADDRESS: Final = Rate(burst=30, seconds=600.0)
MOST_STREAMS, MOST_STREAMS_OF_ADDRESS = 1000, 40
_FIRST_WAIT_SECONDS: Final = 3
_BEAT_SECONDS: Final = 15.0
_GAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_TICKET: Final = re.compile(r"[\x21-\x7e]{1,200}")
_OPPONENT: Final = re.compile(r"champion|(model|builtin)/[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_MODELS: Final = 30

routes: Final = web.RouteTableDef()


class Traffic:
    """How much each person and each address does."""

    def __init__(self) -> None:
        self._of_person = RateLimit(GAMES_OF_PERSON)
        self._of_address = RateLimit(GAMES_OF_ADDRESS)
        self._streams: dict[str, int] = {}

    def count_game(self, person: str, address: str, *, now: float) -> None:
        """Count a game that somebody begins; raises Exhausted where they are too many."""
        if not (self._of_address.take(address, now=now) and self._of_person.take(person, now=now)):
            raise Exhausted(
                f"You have begun {GAMES_OF_PERSON.burst} games within ten minutes: rest a little."
            )

    def open_stream(self, address: str) -> None:
        """Count a page that follows a game; raises Exhausted where they are too many."""
        if (
            sum(self._streams.values()) >= MOST_STREAMS
            or self._streams.get(address, 0) >= MOST_STREAMS_OF_ADDRESS
        ):
            raise Exhausted("Too many pages follow games now: close some.")
        self._streams[address] = self._streams.get(address, 0) + 1

    def close_stream(self, address: str) -> None:
        """Count no longer."""
        left = self._streams.get(address, 1) - 1
        if left:
            self._streams[address] = left
        else:
            self._streams.pop(address, None)


TRAFFIC: Final = web.AppKey("traffic", Traffic)


@routes.get("/play")
async def choose(request: web.Request) -> web.Response:
    """Show whom one can play."""
    return await _form(request, chosen=request.query.get("opponent", CHAMPION)[:200])


@routes.post("/play")
async def begin(request: web.Request) -> web.StreamResponse:
    """Ask for a game against somebody."""
    context, form = request.app[CONTEXT], await request.post()
    name, opponent = str(form.get("name", "")), str(form.get("opponent", ""))
    if _OPPONENT.fullmatch(opponent) is None:
        return await _form(request, problem="Choose an opponent from the list.", status=400)
    person = context.sessions.person(request)
    try:
        player = person or new_person(name)
        request.app[TRAFFIC].count_game(player, network_of(request.remote), now=context.clock())
        answer = await _find(context, player, opponent=opponent, ticket="")
    except (InvalidRequest, Exhausted) as error:
        status = 400 if isinstance(error, InvalidRequest) else 429
        return await _form(request, chosen=opponent, name=name, problem=str(error), status=status)
    except grpc.aio.AioRpcError as error:
        if error.code() not in _SAID_TO_PEOPLE:
            raise
        return await _form(
            request, chosen=opponent, name=name, problem=error.details() or "", status=409
        )
    response = _seated_or_waiting(context, answer)
    if person is None:
        context.sessions.welcome(response, player)
    return response


_SAID_TO_PEOPLE: Final = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""What the Matchmaker says of a request, in sentences that people read."""


@routes.get("/play/wait")
async def wait(request: web.Request) -> web.StreamResponse:
    """Wait for the opponent; the page asks again by itself."""
    context, ticket = request.app[CONTEXT], request.query.get("ticket", "")
    person = context.sessions.person(request)
    if person is None or _TICKET.fullmatch(ticket) is None:
        raise web.HTTPSeeOther("/play")
    try:
        answer = await _find(context, person, opponent="", ticket=ticket)
    except grpc.aio.AioRpcError as error:
        if error.code() not in _SAID_TO_PEOPLE:
            raise
        return await _form(request, problem=error.details() or "", status=409)
    if answer.HasField("match"):
        return _seated_or_waiting(context, answer)
    return context.page(request, "waiting.html", {"ticket": ticket})


@routes.post("/play/cancel")
async def cancel(request: web.Request) -> web.StreamResponse:
    """Wait no longer."""
    context, form = request.app[CONTEXT], await request.post()
    ticket = str(form.get("ticket", ""))
    if context.sessions.person(request) and _TICKET.fullmatch(ticket):
        await context.peers.matchmaker.CancelMatch(
            CancelMatchRequest(ticket=ticket), timeout=CALL_SECONDS
        )
    raise web.HTTPSeeOther("/play")


@routes.get("/games/{id}")
async def game(request: web.Request) -> web.Response:
    """Show a game: to its player with moves to choose, to others as it is played or was."""
    context, game_id = request.app[CONTEXT], _game_id(request)
    token, seat = context.sessions.seat(request, game_id), 0
    person = context.sessions.person(request)
    if token and person is not None:
        try:
            joined = await context.peers.game.JoinGame(
                JoinGameRequest(game_id=game_id, player_id=person, seat_token=token),
                timeout=CALL_SECONDS,
            )
            seat, state = joined.seat, joined.state
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.PERMISSION_DENIED:
                raise
            token = ""  # an old cookie: watch
    if not seat:
        state = await _state(context, game_id)
    begin_text, turns = await _turns(context, state)
    players = list(state.players)
    data = {
        "league": context.settings.league,
        "seat": seat,
        "names": [name_of(player) for player in players],
        "text": begin_text,
        "turns": turns,
        "state": state_json(state),
    }
    return context.page(
        request,
        "game.html",
        {
            "data": script_data(data),
            "board": context.settings.board,
            "players": players,
            "yours": seat,
        },
    )


@routes.get("/games/{id}/events")
async def events(request: web.Request) -> web.StreamResponse:
    """Send every state of a game as it comes (server-sent events)."""
    context, game_id = request.app[CONTEXT], _game_id(request)
    token, address = context.sessions.seat(request, game_id), network_of(request.remote)
    traffic = request.app[TRAFFIC]
    traffic.open_stream(address)
    call = context.peers.game.StreamGame(StreamGameRequest(game_id=game_id, seat_token=token))
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    )
    try:
        await response.prepare(request)
        await _follow(call, response)
        await response.write(b"event: end\ndata: {}\n\n")
    except (ConnectionError, grpc.aio.AioRpcError):
        pass  # the browser asks again by itself
    finally:
        call.cancel()
        traffic.close_stream(address)
    return response


@routes.post("/games/{id}/actions")
async def act(request: web.Request) -> web.Response:
    """Play a move."""
    context, game_id = request.app[CONTEXT], _game_id(request)
    if request.content_type != "application/json":
        raise InvalidRequest("Send JSON.")
    token = context.sessions.seat(request, game_id)
    if not token:
        raise NotPermitted("You have no seat in this game.")
    turn, action = await _move(request)
    before = await context.peers.game.GetGameState(
        GetGameStateRequest(game_id=game_id, seat_token=token), timeout=CALL_SECONDS
    )
    played = await context.peers.game.SubmitAction(
        SubmitActionRequest(
            idempotency_key=f"web/{secrets.token_hex(8)}",
            game_id=game_id,
            seat_token=token,
            expected_turn=turn,
            action=action,
        ),
        timeout=CALL_SECONDS,
    )
    return web.json_response(_event(played.state, before.state.seat_to_move))


async def _form(
    request: web.Request,
    *,
    chosen: str = CHAMPION,
    name: str = "",
    problem: str = "",
    status: int = 200,
) -> web.Response:
    context, notices = request.app[CONTEXT], list[str]()
    values = {
        "opponents": await _opponents(context, notices),
        "chosen": chosen,
        "name": name[:24],
        "problem": problem,
        "notices": notices,
    }
    return context.page(request, "play.html", values, status=status)


async def _opponents(context: Context, notices: list[str]) -> list[dict[str, str]]:
    champion = await find_champion(context, notices)
    found = []
    if champion is not None:
        found.append({"id": CHAMPION, "name": f"the champion ({champion.id})"})
    models = await readable(
        lambda: context.peers.model.ListModels(
            ListModelsRequest(
                stages=[Stage.STAGE_VALIDATED, Stage.STAGE_RETIRED], page_size=_MODELS
            ),
            timeout=CALL_SECONDS,
        ),
        notices,
        "The models",
    )
    for each in models.models if models else ():
        found.append(
            {"id": f"model/{each.id}", "name": f"{each.id} ({each.lineage} {each.version})"}
        )
    found.append({"id": "builtin/random", "name": "random moves"})
    if context.settings.can_search:
        found += [
            {"id": f"builtin/mcts-{n}", "name": f"tree search, {n} simulations"}
            for n in (100, 1000)
        ]
    return found


async def _find(context: Context, player: str, *, opponent: str, ticket: str) -> FindMatchResponse:
    request = FindMatchRequest(
        idempotency_key=f"web/{secrets.token_hex(8)}",
        player_id=player,
        mode=QueueMode.QUEUE_MODE_CASUAL,
        opponent=opponent,
        ticket=ticket,
        wait=Duration(seconds=_FIRST_WAIT_SECONDS),
    )
    return await context.peers.matchmaker.FindMatch(
        request, timeout=_FIRST_WAIT_SECONDS + CALL_SECONDS
    )


def _seated_or_waiting(context: Context, answer: FindMatchResponse) -> web.Response:
    """Send a browser to its game, or to wait for it."""
    if not answer.HasField("match"):
        return web.Response(status=303, headers={"Location": f"/play/wait?ticket={answer.ticket}"})
    found = answer.match
    response = web.Response(status=303, headers={"Location": f"/games/{found.game_id}"})
    context.sessions.keep_seat(response, found.game_id, found.seat_token)
    return response


async def _state(context: Context, game_id: str) -> GameState:
    found = await context.peers.game.GetGameState(
        GetGameStateRequest(game_id=game_id), timeout=CALL_SECONDS
    )
    return found.state


async def _turns(context: Context, state: GameState) -> tuple[str, list[dict[str, Any]]]:
    """Return the position at the begin and every move up to a state; without what is secret."""
    try:
        replay = await context.peers.game.GetReplay(
            GetReplayRequest(game_id=state.game_id), timeout=CALL_SECONDS
        )
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
            raise
        hidden = turn_json(seat=0, action=0, text="", board="", thought=None)
        return "", [hidden] * state.turn
    return replay.text, turns_json(replay)[: state.turn]


async def _follow(call: Any, response: web.StreamResponse) -> None:
    """Write a stream's states as they come, and a beat in between so that proxies keep it open."""
    mover = 0
    while True:
        reading = asyncio.ensure_future(call.read())
        try:
            while not (await asyncio.wait({reading}, timeout=_BEAT_SECONDS))[0]:
                await response.write(b": beat\n\n")
        finally:
            if not reading.done():
                reading.cancel()
        answer = reading.result()
        if answer is grpc.aio.EOF:
            return
        said = json.dumps(_event(answer.state, mover), separators=(",", ":"))
        await response.write(f"event: state\ndata: {said}\n\n".encode())
        mover = answer.state.seat_to_move


def _event(state: GameState, mover: int) -> dict[str, Any]:
    """Return a state with the move that led to it; ``mover`` is who made it, 0 for unknown."""
    found = state_json(state)
    if mover and state.turn:
        found["last"] = turn_json(
            seat=mover,
            action=state.last_action,
            text=state.last_action_text,
            board=state.text,
            thought=state.last_thought if state.HasField("last_thought") else None,
        )
    return found


async def _move(request: web.Request) -> tuple[int, int]:
    try:
        found = await request.json()
        turn, action = found["turn"], found["action"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidRequest("Send JSON with turn and action.") from error
    if not all(type(each) is int and 0 <= each < 2**31 for each in (turn, action)):
        raise InvalidRequest("turn and action are numbers.")
    return turn, action


def _game_id(request: web.Request) -> str:
    game_id = request.match_info["id"]
    if _GAME.fullmatch(game_id) is None:
        raise web.HTTPNotFound
    return game_id
