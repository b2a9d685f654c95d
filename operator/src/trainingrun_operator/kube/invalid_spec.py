"""The status of a run that the CRD let through and that cannot be read all the same.

A newer client with a newer CRD may write what this operator does not know. Such a run is left as it
is: what was reported of it before stays in its status, beside the reason why it is not followed.
Plain documents and not models, because the models have just refused it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from trainingrun_api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_api.resource import SpecError

_CONDITIONS: Final = (
    (ConditionType.READY, ConditionStatus.FALSE),
    (ConditionType.DEGRADED, ConditionStatus.TRUE),
)
_MESSAGE_LIMIT: Final = 1000
_SUMMARY_LIMIT: Final = 160


def refusal_message(error: SpecError) -> str:
    """All problems in one line."""
    return "; ".join(str(problem) for problem in error.problems)[:_MESSAGE_LIMIT]


def refusal_status(document: Mapping[str, Any], error: SpecError, *, now: float) -> dict[str, Any]:
    """The status that stands, with the refusal; the same as it was where it says so already."""
    status = dict(document.get("status") or {})
    generation, message = document["metadata"].get("generation", 1), refusal_message(error)
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    for kind, value in _CONDITIONS:
        old = conditions.get(kind.value, {})
        same = old.get("status") == value.value
        conditions[kind.value] = {
            "type": kind.value,
            "status": value.value,
            "reason": Reason.INVALID_SPEC.value,
            "message": message,
            "lastTransitionTime": old["lastTransitionTime"] if same else _written(now),
            "observedGeneration": generation,
        }
    summary = f"Invalid: {message}"[:_SUMMARY_LIMIT]
    reported = {"conditions": list(conditions.values()), "summary": summary}
    return {**status, **reported, "observedGeneration": generation}


def _written(now: float) -> str:
    return datetime.fromtimestamp(int(now), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
