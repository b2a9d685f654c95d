"""The methods of the Elo service; what they decide is in the modules beside."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sqlalchemy import select, text
from trainingrun_contracts.league.v1 import elo_pb2_grpc
from trainingrun_contracts.league.v1.elo_pb2 import (
    GetEloRatingRequest,
    GetEloRatingResponse,
    GetPayoffMatrixRequest,
    GetPayoffMatrixResponse,
    GetRankedPoliciesRequest,
    GetRankedPoliciesResponse,
    ListResultsRequest,
    ListResultsResponse,
    Player,
    RegisterPolicyRequest,
    RegisterPolicyResponse,
    UpdateEloRatingsRequest,
    UpdateEloRatingsResponse,
)

from trainingrun_league.declaration import Host
from trainingrun_league.elo.answers import (
    page_begin,
    page_size,
    payoff_message,
    player_message,
    result_message,
    timestamp,
)
from trainingrun_league.elo.fitting import Fitting
from trainingrun_league.elo.ranking import Ranked, Registered
from trainingrun_league.elo.records import add_results, player_row
from trainingrun_league.elo.requests import MOST_RESULTS, checked_result, kind_of
from trainingrun_league.elo.tables import LONGEST_ID, PlayerRow, ResultRow
from trainingrun_league.errors import InvalidRequest, NotFound, Unavailable
from trainingrun_league.settings import ServiceName
from trainingrun_league.store.engine import reading, writing
from trainingrun_league.store.idempotency import Request, once
from trainingrun_league.store.inserting import insert_new

MOST_PLAYERS: Final = 200
USUAL_PLAYERS: Final = 32


class EloServicer(elo_pb2_grpc.EloServiceServicer):
    """See ``elo.proto``."""

    def __init__(self, host: Host, fitting: Fitting) -> None:
        self._host = host
        self._fitting = fitting

    async def RegisterPolicy(
        self, request: RegisterPolicyRequest, context: Any
    ) -> RegisterPolicyResponse:
        """Make a player known before it has results."""
        if kind_of(request.player_id) != request.kind:
            raise InvalidRequest(f"kind does not fit the player {request.player_id}")
        if len(request.name) > LONGEST_ID:
            raise InvalidRequest(f"name may have {LONGEST_ID} characters")
        now = self._host.clock()
        row = player_row(request.player_id, now=now, name=request.name)

        async def register(connection: Any) -> RegisterPolicyResponse:
            await insert_new(connection, PlayerRow, [row])
            player = Player(id=row["id"], kind=request.kind, name=row["name"])
            return RegisterPolicyResponse(player=player)

        key = Request(ServiceName.ELO.value, request.idempotency_key, request, now)
        answer = await once(self._host.engine, key, RegisterPolicyResponse, register)
        self._fitting.results_came()
        return answer

    async def UpdateEloRatings(
        self, request: UpdateEloRatingsRequest, context: Any
    ) -> UpdateEloRatingsResponse:
        """Keep results, each match once."""
        if not 0 < len(request.results) <= MOST_RESULTS:
            raise InvalidRequest(
                f"results: 1 to {MOST_RESULTS} are possible, not {len(request.results)}"
            )
        now = self._host.clock()
        results = [checked_result(each, now=now) for each in request.results]
        async with writing(self._host.engine) as connection:
            accepted = await add_results(connection, results, now=now)
        if accepted:
            self._fitting.results_came()
        return UpdateEloRatingsResponse(accepted=accepted, repeated_results=len(results) - accepted)

    async def GetEloRating(
        self, request: GetEloRatingRequest, context: Any
    ) -> GetEloRatingResponse:
        """Return one player as of the last fit; one that came after it has no rating yet."""
        ranking = self._fitting.ranking
        found = ranking.by_id.get(request.player_id) or await self._unranked(request.player_id)
        return GetEloRatingResponse(
            player=player_message(found), fitted_at=timestamp(ranking.fitted_at)
        )

    async def _unranked(self, player_id: str) -> Ranked:
        kind_of(player_id)
        async with reading(self._host.engine) as connection:
            row = (
                await connection.execute(
                    select(
                        PlayerRow.id, PlayerRow.kind, PlayerRow.name, PlayerRow.registered_at
                    ).where(PlayerRow.id == player_id)
                )
            ).one_or_none()
        if row is None:
            raise NotFound(f"there is no player {player_id}: register it, or report a result")
        return Ranked(Registered(row.id, row.kind, row.name, row.registered_at))

    async def GetRankedPolicies(
        self, request: GetRankedPoliciesRequest, context: Any
    ) -> GetRankedPoliciesResponse:
        """Return the ranking, page after page."""
        ranking = self._fitting.ranking
        kinds = set(request.kinds)
        order = [each for each in ranking.order if not kinds or each.player.kind in kinds]
        size, begin = page_size(request.page_size), page_begin(request.page_token) or 0
        end = begin + size
        return GetRankedPoliciesResponse(
            players=[player_message(each) for each in order[begin:end]],
            next_page_token=str(end) if end < len(order) else "",
            fitted_at=timestamp(ranking.fitted_at),
        )

    async def GetPayoffMatrix(
        self, request: GetPayoffMatrixRequest, context: Any
    ) -> GetPayoffMatrixResponse:
        """Return who beats whom."""
        ranking = self._fitting.ranking
        if len(request.players) > MOST_PLAYERS:
            raise InvalidRequest(f"players: {MOST_PLAYERS} at most, not {len(request.players)}")
        if len(set(request.players)) < len(request.players):
            raise InvalidRequest("players: one is named twice")
        if request.players:
            players = [
                ranking.by_id.get(name) or await self._unranked(name) for name in request.players
            ]
        else:
            players = [each for each in ranking.order if each.elo is not None][:USUAL_PLAYERS]
        return await asyncio.to_thread(payoff_message, ranking, players)

    async def ListResults(self, request: ListResultsRequest, context: Any) -> ListResultsResponse:
        """Return results of matches, the newest first."""
        size, before = page_size(request.page_size), page_begin(request.page_token)
        statement = select(ResultRow.__table__).order_by(ResultRow.number.desc()).limit(size + 1)
        if before is not None:
            statement = statement.where(ResultRow.number < before)
        if request.player_id:
            kind_of(request.player_id)
            mine = request.player_id
            statement = statement.where((ResultRow.first == mine) | (ResultRow.second == mine))
        async with reading(self._host.engine) as connection:
            rows = (await connection.execute(statement)).all()
        return ListResultsResponse(
            results=[result_message(row) for row in rows[:size]],
            next_page_token=str(rows[size - 1].number) if len(rows) > size else "",
        )

    async def ready(self) -> str:
        """Return why it cannot serve."""
        try:
            async with reading(self._host.engine) as connection:
                await connection.execute(text("SELECT 1"))
        except Unavailable as error:
            return str(error)
        return ""
