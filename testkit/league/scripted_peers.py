"""The Model and the Game service as a Matchmaker sees them, played by the test's process.

Real gRPC servers without TLS that do what the protocol says and no more: models have the stages
that the test or a report gives them, games exist and are never played. They outlive restarts of the
league under test, and can be away for a while (``stop``, ``start``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Self

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from trainingrun_contracts.league.v1.game_pb2 import CreateGameRequest, CreateGameResponse
from trainingrun_contracts.league.v1.game_pb2_grpc import (
    GameServiceServicer,
    add_GameServiceServicer_to_server,
)
from trainingrun_contracts.league.v1.model_pb2 import (
    ListModelsRequest,
    ListModelsResponse,
    Model,
    PopulationRole,
    ReportEvaluationRequest,
    ReportEvaluationResponse,
    ReportValidationRequest,
    ReportValidationResponse,
    Stage,
    WatchPolicyRequest,
    WatchPolicyResponse,
)
from trainingrun_contracts.league.v1.model_pb2_grpc import (
    ModelServiceServicer,
    add_ModelServiceServicer_to_server,
)

from testkit.ports import free_port

_THREADS: Final = 64
_POLL_SECONDS: Final = 0.2


class ScriptedModels(ModelServiceServicer):
    """Models by id; every change is streamed to those who watch."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.evaluations: dict[str, ReportEvaluationRequest] = {}
        self.validations: list[ReportValidationRequest] = []
        self._log: list[str] = []
        self._changed = threading.Condition()

    def publish(
        self,
        name: str,
        stage: Stage.ValueType = Stage.STAGE_VALIDATED,
        role: PopulationRole.ValueType = PopulationRole.POPULATION_ROLE_MAIN,
        *,
        lineage: str = "",
    ) -> None:
        """Add a model."""
        with self._changed:
            at = Timestamp(seconds=1_000_000_000 + len(self.models))
            self.models[name] = Model(
                id=name, lineage=lineage or name, stage=stage, role=role, published_at=at
            )
            self._note(name)

    def stage(self, name: str) -> Stage.ValueType:
        """Return the stage of a model."""
        with self._changed:
            return self.models[name].stage

    def promote(self, name: str) -> None:
        """Make a model the champion, as a person does by hand."""
        with self._changed:
            self._promote(name)

    def _promote(self, name: str) -> None:
        for other in self.models.values():
            if other.stage == Stage.STAGE_PROMOTED and other.id != name:
                other.stage = Stage.STAGE_RETIRED
                self._note(other.id)
        self.models[name].stage = Stage.STAGE_PROMOTED
        self._note(name)

    def _note(self, name: str) -> None:
        self._log.append(name)
        self._changed.notify_all()

    def ListModels(self, request: ListModelsRequest, context: Any) -> ListModelsResponse:
        """Those of the stages that are named."""
        with self._changed:
            found = [model for model in self.models.values() if model.stage in request.stages]
            return ListModelsResponse(models=found)

    def WatchPolicy(
        self, request: WatchPolicyRequest, context: Any
    ) -> Iterator[WatchPolicyResponse]:
        """Stream what is there, then each change."""
        with self._changed:
            seen, names = len(self._log), list(self.models)
        while context.is_active():
            for name in names:
                with self._changed:
                    copy = Model()
                    copy.CopyFrom(self.models[name])
                yield WatchPolicyResponse(model=copy)
            with self._changed:
                if len(self._log) == seen:
                    self._changed.wait(_POLL_SECONDS)
                names, seen = self._log[seen:], len(self._log)

    def ReportEvaluation(
        self, request: ReportEvaluationRequest, context: Any
    ) -> ReportEvaluationResponse:
        """Promote or reject, once."""
        with self._changed:
            is_new = request.idempotency_key not in self.evaluations
            self.evaluations[request.idempotency_key] = request
            model = self.models[request.id]
            if is_new and model.stage != Stage.STAGE_VALIDATED:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "it is not validated")
            if is_new and request.promote:
                self._promote(request.id)
            elif is_new:
                model.stage = Stage.STAGE_REJECTED
                self._note(request.id)
            return ReportEvaluationResponse(model=model)

    def ReportValidation(
        self, request: ReportValidationRequest, context: Any
    ) -> ReportValidationResponse:
        """Validate or reject."""
        with self._changed:
            self.validations.append(request)
            model = self.models[request.id]
            is_usable = not request.validation.problem
            model.stage = Stage.STAGE_VALIDATED if is_usable else Stage.STAGE_REJECTED
            self._note(request.id)
            return ReportValidationResponse(model=model)


class ScriptedGames(GameServiceServicer):
    """Games by idempotency key."""

    def __init__(self) -> None:
        self.games: dict[str, CreateGameRequest] = {}
        self._lock = threading.Lock()

    def CreateGame(self, request: CreateGameRequest, context: Any) -> CreateGameResponse:
        """Make a game, once for a key."""
        with self._lock:
            self.games.setdefault(request.idempotency_key, request)
        game_id = f"game-{request.idempotency_key}"
        tokens = [f"{game_id}-seat-1", f"{game_id}-seat-2"]
        return CreateGameResponse(game_id=game_id, address="127.0.0.1:1", seat_tokens=tokens)


class ScriptedPeers:
    """Both services on ports of their own."""

    def __init__(self) -> None:
        self.models = ScriptedModels()  # type: ignore[abstract]  # what a Matchmaker calls
        self.games = ScriptedGames()  # type: ignore[abstract]
        self._ports = {"model": free_port(), "game": free_port()}
        self._servers: list[grpc.Server] = []

    @property
    def arguments(self) -> list[str]:
        """How the league under test finds them."""
        return [f"--address={name}=127.0.0.1:{port}" for name, port in self._ports.items()]

    def start(self, *names: str) -> None:
        """Serve these, or both."""
        for name in names or tuple(self._ports):
            server = grpc.server(ThreadPoolExecutor(_THREADS), options=[("grpc.so_reuseport", 0)])
            if name == "model":
                add_ModelServiceServicer_to_server(self.models, server)
            else:
                add_GameServiceServicer_to_server(self.games, server)
            server.add_insecure_port(f"127.0.0.1:{self._ports[name]}")
            server.start()
            self._servers.append(server)

    def stop(self) -> None:
        """Serve neither."""
        for server in self._servers:
            server.stop(grace=0).wait()
        self._servers.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
