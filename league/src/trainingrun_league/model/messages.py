"""Rows and requests as messages: what is on the wire, and the checks of what came over it."""

from __future__ import annotations

import re
from typing import Final

from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.weights import MAX_BYTES

from trainingrun_league.errors import InvalidRequest
from trainingrun_league.model.records import Page, Publication, id_of, number_of
from trainingrun_league.model.stages import Stage
from trainingrun_league.model.tables import ChangeRow, ModelRow

MOST_PAGE: Final = 1000
DEFAULT_PAGE: Final = 100
MOST_KEY: Final = 200
MOST_REASON: Final = 2000
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LINEAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")
_MOST_COUNT: Final = 2**53

_STAGES: Final = {
    Stage.PENDING_VALIDATION: pb.STAGE_PENDING_VALIDATION,
    Stage.VALIDATED: pb.STAGE_VALIDATED,
    Stage.PROMOTED: pb.STAGE_PROMOTED,
    Stage.REJECTED: pb.STAGE_REJECTED,
    Stage.RETIRED: pb.STAGE_RETIRED,
}
_OUTCOMES: Final = {
    Stage.PENDING_VALIDATION: pb.PublishPolicyResponse.OUTCOME_PENDING_VALIDATION,
    Stage.VALIDATED: pb.PublishPolicyResponse.OUTCOME_ACCEPTED,
    Stage.PROMOTED: pb.PublishPolicyResponse.OUTCOME_ACCEPTED,
    Stage.REJECTED: pb.PublishPolicyResponse.OUTCOME_REJECTED,
    Stage.RETIRED: pb.PublishPolicyResponse.OUTCOME_ACCEPTED,
}


def model_message(row: ModelRow) -> pb.Model:
    """Return a model as clients see it."""
    message = pb.Model(
        id=id_of(row.number),
        lineage=row.lineage,
        version=row.version,
        parent=row.parent,
        role=pb.PopulationRole.ValueType(row.role),
        stage=_STAGES[Stage(row.stage)],
        reason=row.reason,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        schema_hash=row.schema_hash,
        algorithm=row.algorithm,
        simulations=row.simulations,
        training_games=row.training_games,
        published_at=_timestamp(row.published_at),
    )
    if row.validation:
        json_format.Parse(row.validation, message.validation)
    return message


def changed_message(change: ChangeRow, row: ModelRow) -> pb.Model:
    """Return a model as a change left it."""
    message = model_message(row)
    message.stage, message.reason = _STAGES[Stage(change.after)], change.reason
    return message


def change_message(change: ChangeRow) -> pb.StageChange:
    """Return a change as clients see it."""
    return pb.StageChange(
        before=_STAGES[Stage(change.before)] if change.before else pb.STAGE_UNSPECIFIED,
        after=_STAGES[Stage(change.after)],
        reason=change.reason,
        by=change.by,
        at=_timestamp(change.at),
    )


def published_message(row: ModelRow) -> pb.PublishPolicyResponse:
    """Return the answer to who published a model."""
    return pb.PublishPolicyResponse(outcome=_OUTCOMES[Stage(row.stage)], model=model_message(row))


def validation_document(message: pb.Validation) -> str:
    """Return a report of a validation as it is kept."""
    return json_format.MessageToJson(message, indent=None)


def publication_of(header: pb.PublishPolicyRequest.Header, *, schema_hash: str) -> Publication:
    """Check what a learner says of its model.

    Raises:
        InvalidRequest: a field is wrong, or the model is of another environment.
        NotFound: its parent has no id.
    """
    if not (_LINEAGE.fullmatch(header.lineage) and len(header.lineage) <= MOST_KEY):
        raise InvalidRequest(
            f"lineage {header.lineage[:64]!r}: name who trains the model in letters, digits and"
            " _./-, such as NAMESPACE/NAME"
        )
    if header.schema_hash != schema_hash:
        raise InvalidRequest(
            f"schema_hash {header.schema_hash[:64]!r}: this league plays the environment of schema"
            f" {schema_hash!r}: publish to a league of the run's environment"
        )
    if not _SHA256.fullmatch(header.sha256):
        raise InvalidRequest("sha256: give the 64 hexadecimal digits of the bytes' hash")
    if not 1 <= header.size_bytes <= MAX_BYTES:
        raise InvalidRequest(
            f"size_bytes {header.size_bytes}: a model has 1 to {MAX_BYTES} bytes (256 MiB)"
        )
    if not (_PART.fullmatch(header.algorithm) and len(header.algorithm) <= 64):
        raise InvalidRequest(f"algorithm {header.algorithm[:64]!r}: name one, such as ppo")
    if max(header.version, header.training_games) > _MOST_COUNT:
        raise InvalidRequest("version and training_games are at most 2^53")
    if header.role not in pb.PopulationRole.values():
        raise InvalidRequest(f"role {header.role}: there is no such role")
    if header.parent:
        number_of(header.parent)
    require_key(header.idempotency_key)
    return Publication(
        idempotency_key=header.idempotency_key,
        lineage=header.lineage,
        version=header.version,
        parent=header.parent,
        role=header.role,
        sha256=header.sha256,
        size_bytes=header.size_bytes,
        schema_hash=header.schema_hash,
        algorithm=header.algorithm,
        simulations=header.simulations,
        training_games=header.training_games,
    )


def page_of(request: pb.ListModelsRequest) -> Page:
    """Check which models are asked for.

    Raises:
        InvalidRequest: the page is too large, its token is none, or a stage is none.
    """
    if request.page_size > MOST_PAGE:
        raise InvalidRequest(f"page_size {request.page_size}: ask for at most {MOST_PAGE}")
    below = None
    if request.page_token:
        if not (request.page_token.isascii() and request.page_token.isdigit()) or (
            len(request.page_token) >= 19
        ):
            raise InvalidRequest("page_token: give the next_page_token of the page before")
        below = int(request.page_token)
    stages = {number: stage for stage, number in _STAGES.items()}
    unknown = [each for each in request.stages if each not in stages]
    if unknown:
        raise InvalidRequest(f"stages: {unknown[0]} is no stage")
    return Page(
        tuple(stages[each] for each in request.stages),
        request.lineage,
        request.page_size or DEFAULT_PAGE,
        below,
    )


def require_key(key: str) -> None:
    """Check an idempotency key, which may be empty.

    Raises:
        InvalidRequest: it is too long or unprintable.
    """
    if len(key) > MOST_KEY or not key.isprintable():
        raise InvalidRequest(f"idempotency_key: at most {MOST_KEY} printable characters")


def reason_of(reason: str, otherwise: str) -> str:
    """Return a reason as it is kept.

    Raises:
        InvalidRequest: it is too long.
    """
    if len(reason) > MOST_REASON:
        raise InvalidRequest(f"reason: at most {MOST_REASON} characters")
    return reason or otherwise


def name_of(by: str) -> str:
    """Return who asked.

    Raises:
        InvalidRequest: it is empty or too long.
    """
    if not by or len(by) > MOST_KEY or not by.isprintable():
        raise InvalidRequest(f"by: say who asks, in at most {MOST_KEY} printable characters")
    return by


def _timestamp(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromNanoseconds(round(seconds * 1e9))
    return stamp
