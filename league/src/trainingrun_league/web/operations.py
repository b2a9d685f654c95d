"""What the league's operator asks: how it is, and tournaments, as JSON behind the services' token.

Belongs here: gathering what the services say (``contracts.league_report``). Does not belong here:
what they decide, and pages for people. The operator of a cluster speaks no gRPC; a player's token
and a browser's cookie open nothing here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import grpc
import grpc.aio
import msgspec
from aiohttp import web
from trainingrun_contracts.league.v1 import elo_pb2, matchmaker_pb2, model_pb2, replay_pb2
from trainingrun_contracts.league_report import (
    OPERATOR_KEEPER,
    OPERATOR_PATH,
    STATUS_PATH,
    TABLES_PATH,
    TOURNAMENTS_PATH,
    LeagueReport,
    QueueReport,
    StandingReport,
    TableMarks,
    TableReport,
    TablesMarked,
    TournamentFormat,
    TournamentOrder,
    TournamentReport,
    TournamentState,
)

from trainingrun_league.declaration import Audience
from trainingrun_league.errors import InvalidRequest, NotPermitted, Unavailable
from trainingrun_league.peers import Peers
from trainingrun_league.server.tokens import InvalidToken, TokenKey
from trainingrun_league.web.context import CONTEXT

TOKENS: Final = web.AppKey("tokens", TokenKey)
routes: Final = web.RouteTableDef()
_BEARER: Final = "Bearer "
_PAGE: Final = 1000
_PAGES: Final = 20
"""At most this many pages are read to count; of more models or players, the number is that many."""
_AWAY: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_FORMATS: Final = {
    TournamentFormat.ROUND_ROBIN: matchmaker_pb2.TOURNAMENT_FORMAT_ROUND_ROBIN,
    TournamentFormat.SINGLE_ELIMINATION: matchmaker_pb2.TOURNAMENT_FORMAT_SINGLE_ELIMINATION,
    TournamentFormat.SWISS: matchmaker_pb2.TOURNAMENT_FORMAT_SWISS,
}
_STATES: Final = {
    matchmaker_pb2.TOURNAMENT_STATE_COMPLETE: TournamentState.COMPLETE,
    matchmaker_pb2.TOURNAMENT_STATE_FAILED: TournamentState.FAILED,
}


def is_operators(request: web.Request) -> bool:
    """Say whether a request is for these answers, which are JSON with a token and no page."""
    return request.path.startswith(f"{OPERATOR_PATH}/")


@routes.get(STATUS_PATH)
async def read_status(request: web.Request) -> web.Response:
    """Answer how the league is; what a service does not say is absent, with the reason."""
    _check_token(request)
    return _json(await league_report(request.app[CONTEXT].peers))


@routes.put(TOURNAMENTS_PATH + "{key}")
async def order_tournament(request: web.Request) -> web.Response:
    """Make the tournament of a key unless it is there, and answer how it is."""
    _check_token(request)
    try:
        order = msgspec.json.decode(await request.read(), type=TournamentOrder)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"the tournament cannot be read: {error}") from error
    matchmaker = request.app[CONTEXT].peers.matchmaker
    made = await matchmaker.CreateTournament(
        matchmaker_pb2.CreateTournamentRequest(
            idempotency_key=request.match_info["key"],
            name=order.name,
            format=_FORMATS[order.format],
            entrants=order.entrants,
            pairs_per_match=order.pairs_per_match,
            rounds=order.rounds,
            seed=order.seed,
        )
    )
    return _json(await _tournament(request, made.tournament.id))


@routes.get(TOURNAMENTS_PATH + "{id}")
async def read_tournament(request: web.Request) -> web.Response:
    """Answer how a tournament is."""
    _check_token(request)
    return _json(await _tournament(request, request.match_info["id"]))


@routes.put(TABLES_PATH)
async def mark_tables(request: web.Request) -> web.Response:
    """Take over which runs of the operator's are over."""
    _check_token(request)
    try:
        marks = msgspec.json.decode(await request.read(), type=TableMarks)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"the tables cannot be read: {error}") from error
    answer = await request.app[CONTEXT].peers.replay.MarkTables(
        replay_pb2.MarkTablesRequest(
            keeper=OPERATOR_KEEPER, ended=[*marks.ended], live=[*marks.live]
        )
    )
    return _json(TablesMarked(answer.changed))


async def league_report(peers: Peers) -> LeagueReport:
    """Return how the league is, of what its services say."""
    silent: list[str] = []
    models = champion = games = queue = None
    try:
        models, champion = await _models(peers)
    except grpc.aio.AioRpcError as error:
        silent.append(_silence("Model", error))
    try:
        games = await _games(peers)
    except grpc.aio.AioRpcError as error:
        silent.append(_silence("Elo", error))
    try:
        queue = await _queue(peers)
    except grpc.aio.AioRpcError as error:
        silent.append(_silence("Matchmaker", error))
    problem = "; ".join(silent) or None
    return LeagueReport(
        models=models,
        champion=champion or None,
        games=games,
        queue=queue,
        tables=await _tables(peers),
        problem=problem,
    )


def _silence(service: str, error: grpc.aio.AioRpcError) -> str:
    """Return what is said of a service that gives no answer.

    Raises:
        AioRpcError: it gives one, and it is no answer to this.
    """
    if error.code() not in _AWAY:
        raise error
    return f"the {service} service cannot be reached"


async def _models(peers: Peers) -> tuple[int, str]:
    """Return how many models there are, and the champion's id."""
    count = 0
    async for page in _model_pages(peers):
        count += len(page.models)
    stages = [model_pb2.STAGE_PROMOTED]
    promoted = await peers.model.ListModels(model_pb2.ListModelsRequest(stages=stages, page_size=1))
    return count, next((each.id for each in promoted.models), "")


async def _model_pages(peers: Peers) -> AsyncIterator[model_pb2.ListModelsResponse]:
    token = ""
    for _ in range(_PAGES):
        request = model_pb2.ListModelsRequest(page_size=_PAGE, page_token=token)
        page = await peers.model.ListModels(request)
        yield page
        token = page.next_page_token
        if not token:
            return


async def _games(peers: Peers) -> int:
    """Return the games that ratings rest on: each counts for two players."""
    seats, token = 0, ""
    for _ in range(_PAGES):
        request = elo_pb2.GetRankedPoliciesRequest(page_size=_PAGE, page_token=token)
        page = await peers.elo.GetRankedPolicies(request)
        seats += sum(each.rating.games for each in page.players)
        token = page.next_page_token
        if not token:
            break
    return seats // 2


async def _queue(peers: Peers) -> QueueReport:
    found = await peers.matchmaker.GetQueueStats(matchmaker_pb2.GetQueueStatsRequest())
    return QueueReport(
        players=found.waiting_players,
        open_matches=found.open_matches,
        leased_matches=found.leased_matches,
        wanted_workers=found.wanted_workers,
        reported_matches=found.reported_matches,
    )


async def _tables(peers: Peers) -> tuple[TableReport, ...]:
    """Return the replay tables of the operator's runs; none where the service is silent:
    they are compared again with the next report."""
    request = replay_pb2.ListTablesRequest(keeper=OPERATOR_KEEPER)
    try:
        found = await peers.replay.ListTables(request)
    except Unavailable:  # this process does not know where it is
        return ()
    except grpc.aio.AioRpcError as error:
        if error.code() not in (*_AWAY, grpc.StatusCode.UNIMPLEMENTED):
            raise
        return ()
    return tuple(TableReport(each.name, each.HasField("ended_at")) for each in found.tables)


async def _tournament(request: web.Request, id: str) -> TournamentReport:
    matchmaker = request.app[CONTEXT].peers.matchmaker
    answer = await matchmaker.GetTournament(matchmaker_pb2.GetTournamentRequest(id=id))
    found = answer.tournament
    return TournamentReport(
        id=found.id,
        state=_STATES.get(found.state, TournamentState.RUNNING),
        round=found.round,
        rounds=found.rounds,
        standings=tuple(_standing(each) for each in found.standings),
        problem=found.problem,
    )


def _standing(found: matchmaker_pb2.Standing) -> StandingReport:
    return StandingReport(
        player=found.player_id,
        rank=found.rank,
        points=found.points,
        tie_break=found.tie_break,
        wins=found.score.wins,
        draws=found.score.draws,
        losses=found.score.losses,
    )


def _check_token(request: web.Request) -> None:
    """See that the caller is a service.

    Raises:
        NotPermitted: it is not, or says nothing.
    """
    given = request.headers.get("Authorization", "")
    try:
        caller = request.app[TOKENS].verify(given.removeprefix(_BEARER))
    except InvalidToken as error:
        raise NotPermitted("This needs the token of the league's services.") from error
    if not given.startswith(_BEARER) or caller.audience is not Audience.SERVICES:
        raise NotPermitted("This needs the token of the league's services.")


def _json(value: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
