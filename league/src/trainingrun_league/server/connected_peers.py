"""The other services over gRPC: ``Peers``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import grpc.aio
from trainingrun_contracts.league.channel import ServiceAddress, open_channel
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub

from trainingrun_league.errors import Unavailable
from trainingrun_league.settings import ServiceName

if TYPE_CHECKING:  # the generated types of asynchronous clients are in its stubs alone
    from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceAsyncStub
    from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceAsyncStub
    from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceAsyncStub
    from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceAsyncStub
    from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceAsyncStub

CALL_SECONDS: Final = 10.0


class ConnectedPeers:
    """See ``Peers``. ``where`` is read at the first call: ports are known after the bind."""

    def __init__(self, where: Mapping[ServiceName, ServiceAddress]) -> None:
        self._where = where
        self._channels: dict[ServiceName, grpc.aio.Channel] = {}
        self._stubs: dict[ServiceName, Any] = {}

    @property
    def game(self) -> GameServiceAsyncStub:
        """See ``Peers``."""
        return cast("GameServiceAsyncStub", self._stub(ServiceName.GAME, GameServiceStub))

    @property
    def matchmaker(self) -> MatchmakerServiceAsyncStub:
        """See ``Peers``."""
        stub = self._stub(ServiceName.MATCHMAKER, MatchmakerServiceStub)
        return cast("MatchmakerServiceAsyncStub", stub)

    @property
    def model(self) -> ModelServiceAsyncStub:
        """See ``Peers``."""
        return cast("ModelServiceAsyncStub", self._stub(ServiceName.MODEL, ModelServiceStub))

    @property
    def elo(self) -> EloServiceAsyncStub:
        """See ``Peers``."""
        return cast("EloServiceAsyncStub", self._stub(ServiceName.ELO, EloServiceStub))

    @property
    def replay(self) -> ReplayServiceAsyncStub:
        """See ``Peers``."""
        return cast("ReplayServiceAsyncStub", self._stub(ServiceName.REPLAY, ReplayServiceStub))

    def _stub(self, service: ServiceName, make: Callable[[Any], Any]) -> Any:
        if service not in self._stubs:
            if service not in self._where:
                raise Unavailable(
                    f"this process knows no {service.value} service: start it with --address"
                    f" {service.value}=HOST:PORT"
                )
            channel = open_channel(self._where[service], seconds=CALL_SECONDS)
            self._channels[service], self._stubs[service] = channel, make(channel)
        return self._stubs[service]

    async def close(self) -> None:
        """Close what was connected."""
        for channel in self._channels.values():
            await channel.close()
