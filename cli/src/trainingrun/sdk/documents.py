"""A resource as a document to send, and what is wrong with one before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from trainingrun_api.resource import Resource, ResourceDefinition, SpecError

from trainingrun.sdk.errors import Refused

R = TypeVar("R", bound=Resource)
Document = dict[str, Any]
_SENT_METADATA: Final = ("name", "namespace", "labels", "annotations")


def sent_document(resource: R | Mapping[str, Any], definition: ResourceDefinition[R]) -> Document:
    """Return what a place is given: what the user wrote, without status and what the server keeps.

    Raises:
        Refused: it is not valid; one line per wrong field.
    """
    written = resource if isinstance(resource, Mapping) else _written(resource)
    try:
        definition.read(written)
    except SpecError as error:
        raise Refused("\n".join(map(str, error.problems))) from error
    metadata = {
        key: value for key, value in written["metadata"].items() if key in _SENT_METADATA and value
    }
    return {
        "apiVersion": written["apiVersion"],
        "kind": written["kind"],
        "metadata": metadata,
        "spec": written["spec"],
    }


def _written(resource: Resource) -> Mapping[str, Any]:
    """Only what was set: a default that is not sent may change with the version of the API."""
    document: Document = resource.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_unset=True, exclude={"status"}
    )
    return {"apiVersion": resource.api_version, "kind": resource.kind, **document}
