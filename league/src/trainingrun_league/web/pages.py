"""The pages that show the league: each asks the services and fills a template."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import grpc
import grpc.aio
from aiohttp import web
from trainingrun_contracts.league.v1.elo_pb2 import (
    GetEloRatingRequest,
    GetPayoffMatrixRequest,
    GetRankedPoliciesRequest,
    ListResultsRequest,
)
from trainingrun_contracts.league.v1.game_pb2 import GamePhase, ListGamesRequest
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    GetQueueStatsRequest,
    GetTournamentRequest,
    ListTournamentsRequest,
)
from trainingrun_contracts.league.v1.model_pb2 import (
    GetModelRequest,
    ListModelsRequest,
    Model,
    Stage,
)

from trainingrun_league.errors import InvalidRequest, Unavailable
from trainingrun_league.peers import Peers
from trainingrun_league.web.context import CALL_SECONDS, CONTEXT, Context, readable
from trainingrun_league.web.presentation import (
    change_row,
    circle_text,
    game_row,
    ladder_rows,
    lineages_of,
    matrix_rows,
    model_row,
    result_rows,
    tournament_page,
)

_ROWS: Final = 50
_MOST_MATRIX: Final = 16
_SHOWN: Final = {
    "": (),
    "running": (GamePhase.GAME_PHASE_WAITING, GamePhase.GAME_PHASE_RUNNING),
    "finished": (GamePhase.GAME_PHASE_FINISHED,),
}

routes: Final = web.RouteTableDef()


@routes.get("/")
async def ladder(request: web.Request) -> web.Response:
    """Show the champion and the ladder."""
    context, notices = request.app[CONTEXT], list[str]()
    champion = await find_champion(context, notices)
    ranked = await readable(
        lambda: context.peers.elo.GetRankedPolicies(
            GetRankedPoliciesRequest(page_size=_ROWS, page_token=_after(request)),
            timeout=CALL_SECONDS,
        ),
        notices,
        "The ladder",
    )
    queue = await readable(
        lambda: context.peers.matchmaker.GetQueueStats(
            GetQueueStatsRequest(), timeout=CALL_SECONDS
        ),
        notices,
        "The queue",
    )
    champion_id = f"model/{champion.id}" if champion else ""
    rows = ladder_rows(ranked.players, champion_id) if ranked else []
    return context.page(
        request,
        "ladder.html",
        {
            "champion": champion,
            "rows": rows,
            "older": _older("/", ranked),
            "queue": queue,
            "notices": notices,
        },
    )


@routes.get("/matrix")
async def matrix(request: web.Request) -> web.Response:
    """Show who beats whom."""
    context, notices = request.app[CONTEXT], list[str]()
    ranked = await readable(
        lambda: context.peers.elo.GetRankedPolicies(
            GetRankedPoliciesRequest(page_size=_MOST_MATRIX), timeout=CALL_SECONDS
        ),
        notices,
        "The ladder",
    )
    players = [player.id for player in ranked.players] if ranked else []
    found = None
    if players:
        found = await readable(
            lambda: context.peers.elo.GetPayoffMatrix(
                GetPayoffMatrixRequest(players=players), timeout=CALL_SECONDS
            ),
            notices,
            "The matrix",
        )
    rows = matrix_rows(found) if found else []
    circle = circle_text(found) if found else ""
    return context.page(
        request, "matrix.html", {"rows": rows, "circle": circle, "notices": notices}
    )


@routes.get("/models")
async def models(request: web.Request) -> web.Response:
    """Show the models by lineage."""
    context, notices = request.app[CONTEXT], list[str]()
    found = await readable(
        lambda: context.peers.model.ListModels(
            ListModelsRequest(page_size=_ROWS, page_token=_after(request)), timeout=CALL_SECONDS
        ),
        notices,
        "The models",
    )
    lineages = lineages_of(found.models) if found else []
    older = _older("/models", found)
    return context.page(
        request, "models.html", {"lineages": lineages, "older": older, "notices": notices}
    )


@routes.get("/models/{id}")
async def model(request: web.Request) -> web.Response:
    """Show one model with its history."""
    context, notices, model_id = request.app[CONTEXT], list[str](), _id(request)
    found = await context.peers.model.GetModel(GetModelRequest(id=model_id), timeout=CALL_SECONDS)
    player = f"model/{model_id}"
    return context.page(
        request,
        "model.html",
        {
            "model": model_row(found.model),
            "changes": [change_row(each) for each in found.changes],
            "ancestors": [model_row(each) for each in found.ancestors],
            "rating": await _rating(context.peers, player),
            "results": await _results(context.peers, player, notices),
            "notices": notices,
        },
    )


@routes.get("/tournaments")
async def tournaments(request: web.Request) -> web.Response:
    """Show the tournaments."""
    context, notices = request.app[CONTEXT], list[str]()
    found = await readable(
        lambda: context.peers.matchmaker.ListTournaments(
            ListTournamentsRequest(page_size=_ROWS, page_token=_after(request)),
            timeout=CALL_SECONDS,
        ),
        notices,
        "The tournaments",
    )
    pages = [tournament_page(each) for each in found.tournaments] if found else []
    older = _older("/tournaments", found)
    return context.page(
        request, "tournaments.html", {"tournaments": pages, "older": older, "notices": notices}
    )


@routes.get("/tournaments/{id}")
async def tournament(request: web.Request) -> web.Response:
    """Show one tournament: standings and bracket."""
    context = request.app[CONTEXT]
    found = await context.peers.matchmaker.GetTournament(
        GetTournamentRequest(id=_id(request)), timeout=CALL_SECONDS
    )
    page = tournament_page(found.tournament)
    return context.page(request, "tournament.html", {"tournament": page})


@routes.get("/games")
async def games(request: web.Request) -> web.Response:
    """Show the games, newest first."""
    context, notices = request.app[CONTEXT], list[str]()
    show = request.query.get("show", "")
    if show not in _SHOWN:
        raise InvalidRequest(f"show={show[:40]}: there are running and finished")
    found = await readable(
        lambda: context.peers.game.ListGames(
            ListGamesRequest(phases=_SHOWN[show], page_size=_ROWS, page_token=_after(request)),
            timeout=CALL_SECONDS,
        ),
        notices,
        "The games",
    )
    rows = [game_row(each) for each in found.games] if found else []
    return context.page(
        request,
        "games.html",
        {
            "games": rows,
            "show": show,
            "older": _older("/games", found, show=show),
            "notices": notices,
        },
    )


async def find_champion(context: Context, notices: list[str]) -> Model | None:
    """Return the champion; None where there is none, or it cannot be read."""
    found = await readable(
        lambda: context.peers.model.ListModels(
            ListModelsRequest(stages=[Stage.STAGE_PROMOTED], page_size=1), timeout=CALL_SECONDS
        ),
        notices,
        "The champion",
    )
    return found.models[0] if found and found.models else None


async def _rating(peers: Peers, player: str) -> Any:
    try:
        found = await peers.elo.GetEloRating(
            GetEloRatingRequest(player_id=player), timeout=CALL_SECONDS
        )
    except (grpc.aio.AioRpcError, Unavailable):  # it has not played, or the ladder is away
        return None
    return ladder_rows([found.player], "")[0] if found.player.rating.games else None


async def _results(peers: Peers, player: str, notices: list[str]) -> Any:
    try:
        found = await readable(
            lambda: peers.elo.ListResults(
                ListResultsRequest(player_id=player, page_size=20), timeout=CALL_SECONDS
            ),
            notices,
            "The results",
        )
    except grpc.aio.AioRpcError:  # it has not played
        return []
    return result_rows(found, player) if found else []


def _id(request: web.Request) -> str:
    return request.match_info["id"][:200]


def _after(request: web.Request) -> str:
    return request.query.get("after", "")[:500]


def _older(path: str, answer: Any, **query: str) -> str:
    """Return the address of the next page; empty where there is none."""
    token = answer.next_page_token if answer is not None else ""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode({**given, 'after': token})}" if token else ""
