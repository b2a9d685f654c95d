"""The TrainingRun itself, and the reading of a document into one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, ValidationError

from trainingrun_api import rules
from trainingrun_api.bounds import broken_bounds
from trainingrun_api.explanation import Problem, problems_from
from trainingrun_api.model import ApiModel
from trainingrun_api.rules import Rule
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_api.status import TrainingRunStatus

GROUP: Final = "trainingrun.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
QUEUE_LABEL: Final = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL: Final = "kueue.x-k8s.io/priority-class"
"""Kueue's own labels, which a Job has too: the LocalQueue that admits the run, and its priority."""
KIND: Final = "TrainingRun"
PLURAL: Final = "trainingruns"
NO_MAPPING: Final = "is no TrainingRun: expected a mapping with apiVersion, kind, metadata and spec"


class SpecError(Exception):
    """A document is not a valid TrainingRun; one problem per wrong field, each with its path."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Metadata(ApiModel):
    """What Kubernetes knows of every object, as far as it is used; the rest is ignored."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(description="Name of the run.", min_length=1)
    namespace: str = Field("default", description="Namespace of the run.")
    uid: str = Field("", description="Identity of this object; a namesake made later has another.")
    generation: int = Field(1, description="Counts the changes of the spec.")
    resource_version: str = Field("", description="Counts the changes of the whole object.")
    creation_timestamp: datetime | None = Field(None, description="When it was made.")
    deletion_timestamp: datetime | None = Field(None, description="When its deletion was asked.")
    finalizers: tuple[str, ...] = Field((), description="Who must act before the run may go.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the object.")
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Annotations of the object."
    )


class TrainingRun(ApiModel):
    """A distributed self-play training: game daemons, actors, a learner, and the queue between."""

    rules: ClassVar[tuple[Rule, ...]] = rules.RUN

    api_version: Literal["trainingrun.dev/v1alpha1"] = Field(description="Version of the API.")
    kind: Literal["TrainingRun"] = Field(description="Kind of the object.")
    metadata: Metadata = Field(description="Name and the like.")
    spec: TrainingRunSpec = Field(
        description="What a training run should do, with which parts, and where its results go."
    )
    status: TrainingRunStatus = Field(
        default_factory=TrainingRunStatus,
        description="What was seen of the run; written by the operator, never by people.",
    )

    @property
    def queue(self) -> str | None:
        """The LocalQueue of Kueue that admits the run; None where none is asked."""
        return self.metadata.labels.get(QUEUE_LABEL) or None

    @property
    def queue_priority(self) -> str | None:
        """Kueue's WorkloadPriorityClass of the run, in its queue."""
        return self.metadata.labels.get(PRIORITY_LABEL) or None


def parse(document: Mapping[str, Any], *, ignore_unknown: bool = False) -> TrainingRun:
    """Read a TrainingRun as YAML or the API server gives it; null means not given.

    ``ignore_unknown`` is for what an API server has stored: it holds no field that its definition
    does not know, so one that we do not know was defined by a later version, and filled in by
    default. An operator that is being upgraded must not refuse every run for it.

    Raises:
        SpecError: it is not a valid TrainingRun; all wrong fields are named, not only the first.
    """
    if not isinstance(document, Mapping):
        raise SpecError((Problem("", NO_MAPPING),))
    kept = _without_managed_fields(document)
    broken = broken_bounds(kept)
    if broken:
        raise SpecError(broken)
    given = _without_nulls(kept)
    try:
        return _read(given)
    except ValidationError as error:
        unknown = _unknown_fields(error) if ignore_unknown else ()
        if not unknown:
            raise SpecError(problems_from(error, TrainingRun)) from error
    for location in unknown:
        _remove(given, location)
    try:
        return _read(given)
    except ValidationError as error:
        raise SpecError(problems_from(error, TrainingRun)) from error


def check_update(old: TrainingRunSpec, new: TrainingRunSpec) -> None:
    """Check that a run that exists may get this new spec.

    Raises:
        SpecError: a field that cannot change was changed.
    """
    changed = tuple(
        Problem(f"spec.{rule.field}", rule.message)
        for rule in rules.IMMUTABLE
        if rule.value(old) != rule.value(new)
    )
    if changed:
        raise SpecError(changed)


def _read(given: Mapping[str, Any]) -> TrainingRun:
    return TrainingRun.model_validate_json(json.dumps(given), by_alias=True, by_name=False)


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
