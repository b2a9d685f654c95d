"""The TrainingRun itself, and the reading of a document into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from trainingrun_api import rules
from trainingrun_api.conditions import ConditionType
from trainingrun_api.explanation import Problem
from trainingrun_api.resource import Column, Resource, ResourceDefinition, SpecError
from trainingrun_api.rules import Rule
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_api.status import TrainingRunStatus

QUEUE_LABEL: Final = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL: Final = "kueue.x-k8s.io/priority-class"
"""Kueue's own labels, which a Job has too: the LocalQueue that admits the run, and its priority."""


class TrainingRun(Resource):
    """A distributed self-play training: game daemons, actors, a learner, and the queue between."""

    rules: ClassVar[tuple[Rule, ...]] = rules.RUN

    api_version: Literal["trainingrun.dev/v1alpha1"] = Field(description="Version of the API.")
    kind: Literal["TrainingRun"] = Field(description="Kind of the object.")
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


def _of_daemons(count: str) -> str:
    return f'.status.roles[?(@.name=="daemon")].{count}'


COLUMNS: Final = (
    Column("Status", "string", ".status.summary", "What the run does now."),
    Column("Games", "integer", ".status.games.played", "Games played."),
    Column("Target", "integer", ".spec.games", "Games asked for."),
    Column("Games/s", "number", ".status.games.perSecond", "Games per second."),
    Column(
        "Queue",
        "integer",
        ".status.transitions.queued",
        "Transitions that wait for the learner.",
    ),
    Column("Daemons", "integer", _of_daemons("ready"), "Game daemons that serve."),
    Column("WinRate", "string", ".status.winRate", "Win rate with its 95 % interval."),
    Column("Checkpoint", "date", ".status.checkpoint.savedAt", "Age of the newest checkpoint."),
    Column("Age", "date", ".metadata.creationTimestamp", "Age of the run."),
)
WIDE_COLUMNS: Final = (
    Column("Desired", "integer", _of_daemons("desired"), "Game daemons that should be there."),
    Column("Model", "integer", ".status.model.version", "Version of the newest weights."),
    Column(
        "Elo",
        "number",
        ".status.evaluation[0].elo",
        "Elo of the weights that were evaluated last.",
    ),
    Column("Bottleneck", "string", ".status.bottleneck", "The role that the others wait for."),
    Column("Cost", "number", ".status.cost.spent", "What was spent so far."),
)
DEFINITION: Final = ResourceDefinition(
    model=TrainingRun,
    plural="trainingruns",
    columns=(*COLUMNS, *(replace(each, wide=True) for each in WIDE_COLUMNS)),
    short_names=("tr",),
    immutable=rules.IMMUTABLE,
    conditions=tuple(each.value for each in ConditionType),
)


def parse(document: Mapping[str, Any], *, ignore_unknown: bool = False) -> TrainingRun:
    """Read a TrainingRun (:meth:`ResourceDefinition.read`).

    Raises:
        SpecError: it is not a valid TrainingRun.
    """
    return DEFINITION.read(document, ignore_unknown=ignore_unknown)


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
