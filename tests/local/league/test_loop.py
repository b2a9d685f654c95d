"""The whole loop of a league with its real services; the worker alone is scripted.

Two planted models are published, validated, tested, promoted, rolled back and rated, and meet in a
tournament. Who is stronger is planted in what the worker reports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
from google.protobuf.duration_pb2 import Duration
from safetensors.numpy import save
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import model_pb2 as models
from trainingrun_contracts.league.v1.elo_pb2 import GetRankedPoliciesRequest, ListResultsRequest
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    CreateTournamentRequest,
    GameResult,
    GetQueueStatsRequest,
    GetTournamentRequest,
    LeaseMatchRequest,
    ReportResultRequest,
    TournamentFormat,
    TournamentState,
)
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.metrics import Server, served_by
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

from testkit.league.league_process import LeagueProcess
from testkit.waiting import until

SCHEMA = spec_of(config_of("connect_four")).schema_hash
SOUND = models.Validation(loads=True, is_finite=True, games=4, decisions_per_second=100)


class ScriptedWorker:
    """Validates every model, and lets the stronger one win: by ``strength``, 0 for builtins."""

    def __init__(self, match_channel: grpc.Channel, model_channel: grpc.Channel) -> None:
        self.matchmaker = MatchmakerServiceStub(match_channel)
        self.models = ModelServiceStub(model_channel)
        self.strength: dict[str, float] = {}

    def step(self) -> None:
        """Do one piece of work, if there is any."""
        lent = self.matchmaker.LeaseMatch(
            LeaseMatchRequest(worker="w", wait=Duration(nanos=300_000_000))
        )
        if lent.validate_model_id:
            self.models.ReportValidation(
                models.ReportValidationRequest(
                    idempotency_key=f"v/{lent.validate_model_id}",
                    id=lent.validate_model_id,
                    validation=SOUND,
                )
            )
        elif lent.HasField("match"):
            self._play(lent.match)

    def _play(self, match: Any) -> None:
        first, second = (self.strength.get(name, 0.0) for name in (match.first, match.second))
        outcome = 1.0 if first > second else -1.0
        games = [GameResult(outcome=outcome, moves=20, seed=n) for n in range(2 * match.pairs)]
        self.matchmaker.ReportResult(
            ReportResultRequest(
                idempotency_key=match.match_id, match_id=match.match_id, worker="w", games=games
            )
        )

    def work_until(self, holds: Callable[[], bool], what: str) -> None:
        """Work until it holds."""
        until(lambda: holds() or self.step(), seconds=120, what=what, every=0.0)

    def publish(self, lineage: str, strength: float) -> str:
        """Publish a model of so much strength; return its id."""
        blob = save({"a": np.full(8, strength, np.float32)}, metadata={"schema_hash": SCHEMA})
        header = models.PublishPolicyRequest.Header(
            idempotency_key=lineage,
            lineage=lineage,
            version=1,
            schema_hash=SCHEMA,
            algorithm="ppo",
        )
        name = str(publish(self.models, header, blob, seconds=30).model.id)
        self.strength[f"model/{name}"] = strength
        return name

    def stage(self, name: str) -> models.Stage.ValueType:
        """The stage of a model now."""
        return self.models.GetModel(models.GetModelRequest(id=name)).model.stage


def test_two_models_are_published_promoted_rolled_back_and_meet_in_a_tournament(
    league: LeagueProcess,
) -> None:
    """Expect the first to be promoted without games and the stronger second after the gate; a
    rollback to hold; the stronger one to win the tournament; and every match that was reported to
    be rated, by a service that was killed in between."""
    with (
        league.blocking("matchmaker") as match_channel,
        league.blocking("model") as model_channel,
        league.blocking("elo") as elo_channel,
    ):
        worker, elo = ScriptedWorker(match_channel, model_channel), EloServiceStub(elo_channel)
        weak = worker.publish("weak", 1.0)
        promoted, retired = models.Stage.STAGE_PROMOTED, models.Stage.STAGE_RETIRED
        worker.work_until(lambda: worker.stage(weak) == promoted, "the first is the champion")
        strong = worker.publish("strong", 2.0)
        worker.work_until(lambda: worker.stage(strong) == promoted, "the stronger one is promoted")
        assert worker.stage(weak) == retired

        league.kill()
        league.start()
        rollback = models.RollbackModelRequest(idempotency_key="r", by="test", reason="a trial")
        assert worker.models.RollbackModel(rollback).champion.id == weak
        request = CreateTournamentRequest(
            idempotency_key="t",
            name="cup",
            format=TournamentFormat.TOURNAMENT_FORMAT_ROUND_ROBIN,
            entrants=["champion", f"model/{strong}", "builtin/random"],
            pairs_per_match=2,
        )
        served = league.metrics()
        for metric in served_by(Server.LEAGUE):
            assert f"# TYPE {metric.name} {metric.kind.value}\n" in served, metric.name
        created: list[str] = []
        until(lambda: _create(worker, request, created), seconds=30, what="the champion is known")

        def is_complete() -> bool:
            asked = GetTournamentRequest(id=created[0])
            found = worker.matchmaker.GetTournament(asked).tournament
            return bool(found.state == TournamentState.TOURNAMENT_STATE_COMPLETE)

        worker.work_until(is_complete, "the tournament is complete")
        cup = worker.matchmaker.GetTournament(GetTournamentRequest(id=created[0])).tournament
        assert [each.player_id for each in cup.standings] == [
            f"model/{strong}",
            f"model/{weak}",
            "builtin/random",
        ]
        worker.work_until(lambda: _is_idle(worker), "nothing is left to play")
        reported = worker.matchmaker.GetQueueStats(GetQueueStatsRequest()).reported_matches
        until(lambda: _rated(elo) == reported, seconds=30, what="all is rated")
        until(lambda: _ranking(elo)[:2] == [strong, weak], seconds=90, what="ratings are fitted")


def _create(worker: ScriptedWorker, request: CreateTournamentRequest, created: list[str]) -> bool:
    try:
        created.append(worker.matchmaker.CreateTournament(request).tournament.id)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
            raise
        return False  # the models are not known yet
    return True


def _is_idle(worker: ScriptedWorker) -> bool:
    stats = worker.matchmaker.GetQueueStats(GetQueueStatsRequest())
    return bool(stats.open_matches + stats.leased_matches == 0)


def _rated(elo: EloServiceStub) -> int:
    count, token = 0, ""
    while True:
        page = elo.ListResults(ListResultsRequest(page_size=100, page_token=token))
        count, token = count + len(page.results), page.next_page_token
        if not token:
            return count


def _ranking(elo: EloServiceStub) -> list[str]:
    ranked = elo.GetRankedPolicies(GetRankedPoliciesRequest(page_size=10))
    return [player.id.removeprefix("model/") for player in ranked.players]
