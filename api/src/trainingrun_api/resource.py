"""What all resources of ours have in common: their definition, their metadata, how one is read.

Belongs here: what the API server knows about a kind (names, columns, rules about changes) and
what a client needs to read its objects. Does not belong here: what the operator does about them
(``trainingrun_reconciler.resources``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Generic, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from trainingrun_api.bounds import broken_bounds
from trainingrun_api.explanation import Problem, problems_from
from trainingrun_api.model import ApiModel
from trainingrun_api.pod_template import TemplatePaths, template_paths
from trainingrun_api.rules import Immutable
from trainingrun_api.status import ResourceStatus

GROUP: Final = "trainingrun.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"


class SpecError(Exception):
    """A document is not a valid resource; one problem per wrong field, each with its path."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Metadata(ApiModel):
    """What Kubernetes knows of every object, as far as it is used; the rest is ignored."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(description="Name of the object.", min_length=1)
    namespace: str = Field("default", description="Namespace of the object.")
    uid: str = Field("", description="Identity of this object; a namesake made later has another.")
    generation: int = Field(1, description="Counts the changes of the spec.")
    resource_version: str = Field("", description="Counts the changes of the whole object.")
    creation_timestamp: datetime | None = Field(None, description="When it was made.")
    deletion_timestamp: datetime | None = Field(None, description="When its deletion was asked.")
    finalizers: tuple[str, ...] = Field((), description="Who must act before the object may go.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the object.")
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Annotations of the object."
    )


class Resource(ApiModel):
    """Base of the resources. Each has its own ``api_version`` and ``kind`` (constants), ``spec``,
    and a ``status`` with a default."""

    api_version: str = Field(description="Version of the API.")
    kind: str = Field(description="Kind of the object.")
    metadata: Metadata = Field(description="Name and the like.")
    spec: ApiModel
    status: ResourceStatus


R_co = TypeVar("R_co", bound=Resource, covariant=True)


@dataclass(frozen=True)
class Column:
    """A column of ``kubectl get``: its name, OpenAPI type, JSON path and description.

    ``wide`` ones are shown with ``-o wide`` alone.
    """

    name: str
    type: str
    path: str
    description: str
    wide: bool = False


@dataclass(frozen=True)
class ResourceDefinition(Generic[R_co]):
    """A kind as the API server knows it.

    ``model`` has the kind's name, its fields and the rules between them; ``immutable`` are the
    fields of the spec that cannot change, ``conditions`` the types of those in the status.
    """

    model: type[R_co]
    plural: str
    columns: tuple[Column, ...] = ()
    short_names: tuple[str, ...] = ()
    immutable: tuple[Immutable, ...] = ()
    conditions: tuple[str, ...] = ()
    group: str = GROUP
    version: str = VERSION

    @property
    def kind(self) -> str:
        """The kind's name."""
        return self.model.__name__

    @property
    def api_version(self) -> str:
        """Group and version, as a document has them."""
        return f"{self.group}/{self.version}"

    @property
    def name(self) -> str:
        """Name of the CustomResourceDefinition."""
        return f"{self.plural}.{self.group}"

    def read(self, document: Mapping[str, Any], *, ignore_unknown: bool = False) -> R_co:
        """Read an object as YAML or the API server gives it; null means not given.

        ``ignore_unknown`` is for what an API server has stored: it holds no field that its
        definition does not know, so one that we do not know was defined by a later version, and
        filled in by default. An operator that is being upgraded must not refuse every object for
        it.

        Raises:
            SpecError: it is not valid; all wrong fields are named, not only the first.
        """
        if not isinstance(document, Mapping):
            wanted = "expected a mapping with apiVersion, kind, metadata and spec"
            raise SpecError((Problem("", f"is no {self.kind}: {wanted}"),))
        kept = _without_managed_fields(document)
        broken = broken_bounds(kept, _template_paths(self.model))
        if broken:
            raise SpecError(broken)
        given = _without_nulls(kept)
        try:
            return self._read(given)
        except ValidationError as error:
            unknown = _unknown_fields(error) if ignore_unknown else ()
            if not unknown:
                raise SpecError(problems_from(error, self.model)) from error
        for location in unknown:
            _remove(given, location)
        try:
            return self._read(given)
        except ValidationError as error:
            raise SpecError(problems_from(error, self.model)) from error

    def _read(self, given: Mapping[str, Any]) -> R_co:
        return self.model.model_validate_json(json.dumps(given), by_alias=True, by_name=False)


@cache
def _template_paths(model: type[Resource]) -> TemplatePaths:
    spec = model.model_fields["spec"].annotation
    assert isinstance(spec, type), "each kind has a spec of its own model"
    return tuple(template_paths(spec))


def _unknown_fields(error: ValidationError) -> tuple[tuple[int | str, ...], ...]:
    """Where the fields are that no model knows.

    Pydantic's own way to ignore them would also take from pod templates what is not listed there.
    """
    return tuple(each["loc"] for each in error.errors() if each["type"] == "extra_forbidden")


def _remove(document: Any, location: tuple[int | str, ...]) -> None:
    *above, name = location
    for step in above:
        document = document[step]
    del document[name]


def _without_managed_fields(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """No code here reads them, and they are as deep as whatever was written."""
    meta = document.get("metadata")
    if not isinstance(meta, Mapping) or "managedFields" not in meta:
        return document
    kept = {name: each for name, each in meta.items() if name != "managedFields"}
    return {**document, "metadata": kept}


def _without_nulls(value: Any) -> Any:
    """A plain copy without null entries, as the API server prunes them; times become text."""
    if isinstance(value, Mapping):
        kept = ((str(key), each) for key, each in value.items() if each is not None)
        return {key: _without_nulls(each) for key, each in kept}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
