"""A run as a document to send, and what is wrong with one before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trainingrun_api.resource import SpecError
from trainingrun_api.run import TrainingRun, parse

from trainingrun.sdk import RunRefused

Document = dict[str, Any]
_SENT_METADATA: Final = ("name", "namespace", "labels", "annotations")


def sent_document(run: TrainingRun | Mapping[str, Any]) -> Document:
    """Return what a place is given: what the user wrote, without status and what the server keeps.

    Raises:
        RunRefused: it is not a valid TrainingRun; one line per wrong field.
    """
    written = run if isinstance(run, Mapping) else _written(run)
    try:
        parse(written)
    except SpecError as error:
        raise RunRefused("\n".join(map(str, error.problems))) from error
    metadata = {
        key: value for key, value in written["metadata"].items() if key in _SENT_METADATA and value
    }
    return {
        "apiVersion": written["apiVersion"],
        "kind": written["kind"],
        "metadata": metadata,
        "spec": written["spec"],
    }


def _written(run: TrainingRun) -> Mapping[str, Any]:
    """Only what was set: a default that is not sent may change with the version of the API."""
    document: Document = run.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_unset=True, exclude={"status"}
    )
    return {"apiVersion": run.api_version, "kind": run.kind, **document}
