"""The methods of the Elo service; what they decide is in the modules beside."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from trainingrun_contracts.league.v1 import elo_pb2_grpc
from trainingrun_contracts.league.v1.elo_pb2 import (
    Player,
    RegisterPolicyRequest,
    RegisterPolicyResponse,
    UpdateEloRatingsRequest,
    UpdateEloRatingsResponse,
)

from trainingrun_league.declaration import Host
from trainingrun_league.elo.records import add_results, player_row
from trainingrun_league.elo.requests import MOST_RESULTS, checked_result, kind_of
from trainingrun_league.elo.tables import LONGEST_ID, PlayerRow
from trainingrun_league.errors import InvalidRequest, Unavailable
from trainingrun_league.settings import ServiceName
from trainingrun_league.store.engine import reading, writing
from trainingrun_league.store.idempotency import Request, once
from trainingrun_league.store.inserting import insert_new


class EloServicer(elo_pb2_grpc.EloServiceServicer):
    """See ``elo.proto``."""

    def __init__(self, host: Host) -> None:
        self._host = host

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
        return await once(self._host.engine, key, RegisterPolicyResponse, register)

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
        return UpdateEloRatingsResponse(accepted=accepted, repeated_results=len(results) - accepted)

    async def ready(self) -> str:
        """Return why it cannot serve."""
        try:
            async with reading(self._host.engine) as connection:
                await connection.execute(text("SELECT 1"))
        except Unavailable as error:
            return str(error)
        return ""
