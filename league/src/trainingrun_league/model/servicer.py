"""The servicer of models: reads requests, lets others decide, writes answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceServicer

from trainingrun_league.declaration import Host
from trainingrun_league.errors import Damaged, Exhausted, InvalidRequest, NotFound
from trainingrun_league.model import stages
from trainingrun_league.model.current import CurrentModel, CurrentModels
from trainingrun_league.model.feed import ChangeFeed
from trainingrun_league.model.figures import Figures
from trainingrun_league.model.messages import (
    change_message,
    changed_message,
    model_message,
    name_of,
    page_of,
    published_message,
    reason_of,
    validation_document,
)
from trainingrun_league.model.one_ahead import one_ahead
from trainingrun_league.model.publication import artefact_of, take_publication
from trainingrun_league.model.records import Change, ModelRecords, Page, number_of
from trainingrun_league.model.tables import ModelRow
from trainingrun_league.settings import ServiceName
from trainingrun_league.store.idempotency import Request, once

MOST_PUBLICATIONS: Final = 8
"""At once; each has some chunks in memory and a file or an upload open."""
MOST_WATCHERS: Final = 1000
MOST_DOWNLOADS: Final = 64
"""At once; more wait. One that is not read holds some 6 MB until it is cut off."""
_CHANGES_A_READ: Final = 500

Parts = AsyncIterator[pb.PublishPolicyRequest]
Answer = TypeVar("Answer", bound=Message)


class ModelServicer(ModelServiceServicer):
    """See ``model.proto``.

    Attributes:
        records: the models.
        feed: wakes watchers; somebody has to run it.
        figures: the metrics.
    """

    def __init__(self, host: Host, schema_hash: str) -> None:
        self._host = host
        self._schema_hash = schema_hash
        self.records = ModelRecords(host.engine, host.clock)
        self._current = CurrentModels(self.records)
        self.feed = ChangeFeed(self.records)
        self.figures = Figures(host.metrics)
        self._publications = 0
        self._watchers = 0
        self._downloads = asyncio.Semaphore(MOST_DOWNLOADS)

    # ---- learners

    async def PublishPolicy(
        self, request_iterator: Parts, context: Any
    ) -> pb.PublishPolicyResponse:
        """Take a policy; return its model, or the one that is there already."""
        if self._publications >= MOST_PUBLICATIONS:
            raise Exhausted(
                f"{MOST_PUBLICATIONS} publications are under way: try again in a moment"
            )
        self._publications += 1
        try:
            row = await take_publication(
                request_iterator,
                records=self.records,
                artefacts=self._host.artefacts,
                schema_hash=self._schema_hash,
            )
        finally:
            self._publications -= 1
        self.feed.wake()
        answer = published_message(row)
        self.figures.published(answer.outcome)
        return answer

    # ---- who plays

    async def GetPolicy(
        self, request: pb.GetPolicyRequest, context: Any
    ) -> AsyncIterator[pb.GetPolicyResponse]:
        """Send a policy in chunks, from where the caller has it."""
        model = await self._asked_for(request)
        row, is_same = model.row, request.have_sha256 == model.row.sha256
        header = pb.GetPolicyResponse.Header(model=model.message, not_modified=is_same)
        if not is_same and request.offset > row.size_bytes:
            raise InvalidRequest(
                f"offset {request.offset}: model {header.model.id} has {row.size_bytes} bytes"
            )
        yield pb.GetPolicyResponse(header=header)
        left = 0 if is_same else row.size_bytes - request.offset
        if not left:
            return
        try:
            async with self._downloads:
                read = self._host.artefacts.read(artefact_of(row.sha256), request.offset)
                async for chunk in one_ahead(read):
                    left -= len(chunk)
                    self.figures.served(len(chunk))
                    yield pb.GetPolicyResponse(chunk=chunk)
        except NotFound as error:
            raise Damaged(
                f"the bytes of model {header.model.id} are gone: restore the league's artefacts,"
                " or publish the model again"
            ) from error
        if left:
            raise Damaged(f"{left} bytes of model {header.model.id} are missing in the artefacts")

    async def _asked_for(self, request: pb.GetPolicyRequest) -> CurrentModel:
        match request.WhichOneof("which"):
            case "model_id":
                return await self._current.find(number_of(request.model_id))
            case "champion" if request.champion:
                return await self._current.find(None)
        raise InvalidRequest("say which model: model_id, or champion")

    async def WatchPolicy(
        self, request: pb.WatchPolicyRequest, context: Any
    ) -> AsyncIterator[pb.WatchPolicyResponse]:
        """Send what is there now, then each change."""
        if self._watchers >= MOST_WATCHERS:
            raise Exhausted(f"{MOST_WATCHERS} watch already: ask with ListModels instead")
        self._watchers += 1
        try:
            # Read before the models are: a change between the two is sent twice, never not at all.
            seen = await self.records.latest_change()
            async for row in self._present(champion_only=request.champion_only):
                yield pb.WatchPolicyResponse(model=model_message(row))
            while True:
                await self.feed.beyond(seen)
                for change, row in await self.records.changes_after(seen, most=_CHANGES_A_READ):
                    seen = change.number
                    if not request.champion_only or change.after == stages.Stage.PROMOTED.value:
                        yield pb.WatchPolicyResponse(model=changed_message(change, row))
        finally:
            self._watchers -= 1

    async def _present(self, *, champion_only: bool) -> AsyncIterator[ModelRow]:
        if champion_only:
            champion = await self.records.champion()
            if champion is not None:
                yield champion
            return
        below: int | None = None
        while rows := await self.records.page(Page(size=_CHANGES_A_READ, below=below)):
            for row in rows:
                yield row
            below = rows[-1].number

    # ---- people

    async def GetModel(self, request: pb.GetModelRequest, context: Any) -> pb.GetModelResponse:
        """Return a model with its history and its ancestors."""
        row = await self.records.get(number_of(request.id))
        return pb.GetModelResponse(
            model=model_message(row),
            changes=map(change_message, await self.records.history(row.number)),
            ancestors=map(model_message, await self.records.ancestors(row)),
        )

    async def ListModels(
        self, request: pb.ListModelsRequest, context: Any
    ) -> pb.ListModelsResponse:
        """Return a page of models."""
        page = page_of(request)
        rows = await self.records.page(page)
        more = str(rows[-1].number) if len(rows) == page.size else ""
        return pb.ListModelsResponse(models=map(model_message, rows), next_page_token=more)

    async def PromoteModel(
        self, request: pb.PromoteModelRequest, context: Any
    ) -> pb.PromoteModelResponse:
        """Make a model the champion."""
        number, by = number_of(request.id), name_of(request.by)
        reason = reason_of(request.reason, f"promoted by {by}")

        async def act(connection: AsyncConnection) -> pb.PromoteModelResponse:
            row = await self.records.change(
                connection,
                Change(number, by),
                lambda models: stages.promote(models, number, reason=reason),
            )
            return pb.PromoteModelResponse(champion=model_message(row))

        return await self._once(request, request.idempotency_key, pb.PromoteModelResponse, act)

    async def RollbackModel(
        self, request: pb.RollbackModelRequest, context: Any
    ) -> pb.RollbackModelResponse:
        """Make a former champion the champion."""
        number, by = number_of(request.id) if request.id else None, name_of(request.by)
        reason = reason_of(request.reason, f"rolled back by {by}")

        async def act(connection: AsyncConnection) -> pb.RollbackModelResponse:
            row = await self.records.change(
                connection,
                Change(number, by),
                lambda models: stages.roll_back(models, number, reason=reason),
            )
            return pb.RollbackModelResponse(champion=model_message(row))

        return await self._once(request, request.idempotency_key, pb.RollbackModelResponse, act)

    # ---- the league

    async def ReportValidation(
        self, request: pb.ReportValidationRequest, context: Any
    ) -> pb.ReportValidationResponse:
        """Take whether a model may be used."""
        number, problem = number_of(request.id), _problem_of(request.validation)
        document = validation_document(request.validation)

        async def act(connection: AsyncConnection) -> pb.ReportValidationResponse:
            row = await self.records.change(
                connection,
                Change(number, "worker", document),
                lambda models: stages.validate(models, number, problem=problem),
            )
            return pb.ReportValidationResponse(model=model_message(row))

        return await self._once(request, request.idempotency_key, pb.ReportValidationResponse, act)

    async def ReportEvaluation(
        self, request: pb.ReportEvaluationRequest, context: Any
    ) -> pb.ReportEvaluationResponse:
        """Take what the gate found of a model."""
        number = number_of(request.id)
        against = number_of(request.champion_id) if request.champion_id else None
        reason = reason_of(request.reason, _reason_of_gate(request))

        def decide(models: stages.Models) -> tuple[stages.Step, ...]:
            return stages.evaluate(
                models, number, against=against, promote=request.promote, reason=reason
            )

        async def act(connection: AsyncConnection) -> pb.ReportEvaluationResponse:
            row = await self.records.change(connection, Change(number, "matchmaker"), decide)
            return pb.ReportEvaluationResponse(model=model_message(row))

        return await self._once(request, request.idempotency_key, pb.ReportEvaluationResponse, act)

    async def _once(
        self,
        request: Message,
        key: str,
        answer: type[Answer],
        act: Callable[[AsyncConnection], Awaitable[Answer]],
    ) -> Answer:
        """Do what a request asks for once, whatever its key was answered before."""
        asked = Request(ServiceName.MODEL.value, key, request, self._host.clock())
        given = await once(self._host.engine, asked, answer, act)
        self.feed.wake()
        return given


def _problem_of(validation: pb.Validation) -> str:
    """Return why a model may not be used; empty where it may."""
    if validation.problem:
        return reason_of(validation.problem, "")
    if not validation.loads:
        return "its weights do not load"
    return "" if validation.is_finite else "its answers are not finite"


def _reason_of_gate(request: pb.ReportEvaluationRequest) -> str:
    score = request.score
    played = f"{score.wins} won, {score.draws} drawn, {score.losses} lost"
    verdict = "better than" if request.promote else "not better than"
    return f"{verdict} {request.champion_id or 'none'}: {played}"
