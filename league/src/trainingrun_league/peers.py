"""The services of a league as another one calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the generated types of asynchronous clients are in its stubs alone
    from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceAsyncStub
    from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceAsyncStub
    from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceAsyncStub
    from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceAsyncStub
    from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceAsyncStub


class Peers(Protocol):
    """Clients with a service's token and a deadline on every call; connected when first called."""

    @property
    def game(self) -> GameServiceAsyncStub:
        """The Game service."""

    @property
    def matchmaker(self) -> MatchmakerServiceAsyncStub:
        """The Matchmaker service."""

    @property
    def model(self) -> ModelServiceAsyncStub:
        """The Model service."""

    @property
    def elo(self) -> EloServiceAsyncStub:
        """The Elo service."""

    @property
    def replay(self) -> ReplayServiceAsyncStub:
        """The Replay service."""
