"""Delivers what the database holds for others: results to the Elo service, verdicts to the Model's.

An outbox: a row says what is due until the other service has accepted it, so that a crash between
two services loses nothing, and the match id or the verdict's key makes a second delivery harmless.
What a service refuses for good (the request stays wrong) is set aside with the reason: one bad
result must not hold up those after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose, Score
from trainingrun_contracts.league.v1.elo_pb2 import MatchResult, UpdateEloRatingsRequest
from trainingrun_contracts.league.v1.model_pb2 import (
    ReportEvaluationRequest,
    ReportValidationRequest,
    Validation,
)

from trainingrun_league.matchmaker.matches import model_id
from trainingrun_league.matchmaker.pool import Entry, Results
from trainingrun_league.matchmaker.records import Due, DueVerdict, Records
from trainingrun_league.peers import Peers

MOST_AT_ONCE: Final = 500
REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
    }
)
"""The same request will be refused again."""

_log: Final = logging.getLogger(__name__)


class Deliveries:
    """See above. Every method raises ``AioRpcError`` where the other service cannot be reached."""

    def __init__(self, records: Records, peers: Peers, clock: Callable[[], float]) -> None:
        self._records, self._peers, self._clock = records, peers, clock

    async def results(self) -> None:
        """Deliver all results that are due."""
        while due := await self._records.due_ratings(MOST_AT_ONCE):
            try:
                await self._rate(due)
            except grpc.aio.AioRpcError as error:
                if error.code() not in REFUSALS:
                    raise
                await self._one_by_one(due)

    async def _one_by_one(self, due: Sequence[Due]) -> None:
        for each in due:
            try:
                await self._rate([each])
            except grpc.aio.AioRpcError as error:
                if error.code() not in REFUSALS:
                    raise
                _log.warning("the Elo service refuses match %s: %s", each.id, error.details())
                problem = f"not rated: {error.details()}"
                await self._records.note_rated([each.id], self._clock(), problem)

    async def _rate(self, due: Sequence[Due]) -> None:
        request = UpdateEloRatingsRequest(results=[_result(each) for each in due])
        await self._peers.elo.UpdateEloRatings(request)
        await self._records.note_rated([each.id for each in due], self._clock())

    async def verdicts(self) -> None:
        """Deliver all verdicts that are due."""
        for due in await self._records.due_verdicts():
            problem = ""
            try:
                await self._peers.model.ReportEvaluation(_evaluation(due))
            except grpc.aio.AioRpcError as error:
                if error.code() not in REFUSALS:
                    raise
                problem = error.details() or error.code().name
                _log.warning("the verdict on %s is not followed: %s", due.candidate, problem)
            await self._records.note_verdict(due, self._clock(), problem)

    async def refuse(self, entry: Entry, problem: str) -> None:
        """Report that a model cannot be validated."""
        request = ReportValidationRequest(
            idempotency_key=f"validation/{entry.id}/given-up",
            id=entry.id,
            validation=Validation(problem=problem),
        )
        try:
            await self._peers.model.ReportValidation(request)
        except grpc.aio.AioRpcError as error:
            if error.code() not in REFUSALS:
                raise
            _log.warning("the Model service keeps %s: %s", entry.id, error.details())


def _result(due: Due) -> MatchResult:
    played_at = Timestamp()
    played_at.FromMilliseconds(int(due.closed_at * 1000))
    return MatchResult(
        match_id=due.id,
        first=due.first,
        second=due.second,
        score=score_of(due.results),
        purpose=MatchPurpose.ValueType(due.purpose),
        played_at=played_at,
    )


def _evaluation(due: DueVerdict) -> ReportEvaluationRequest:
    return ReportEvaluationRequest(
        idempotency_key=f"gate/{due.candidate}/{due.champion}"[:200],
        id=model_id(due.candidate),
        champion_id=model_id(due.champion),
        score=score_of(due.score),
        promote=due.promote,
        reason=due.reason,
    )


def score_of(results: Results) -> Score:
    """Return results as a message."""
    return Score(wins=results.wins, draws=results.draws, losses=results.losses)
