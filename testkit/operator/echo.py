"""A kind of resource that no release has: an Echo says a word a number of times.

It has a spec of two fields, a rule between them, a field that cannot change, a ConfigMap, a Job
whose pod is played, a condition, a column and an event. Nothing but this module knows of it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal

from pydantic import Field
from trainingrun_api.conditions import ConditionStatus
from trainingrun_api.model import ApiModel
from trainingrun_api.resource import Column, Resource, ResourceDefinition
from trainingrun_api.rules import Immutable, Rule
from trainingrun_api.status import ResourceStatus
from trainingrun_reconciler.controller.manifest_loop import ManifestReconciler
from trainingrun_reconciler.desired.conditions import ConditionState
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.kinds import CONFIG_MAP, JOB, Kind
from trainingrun_reconciler.manifests.metadata import Manifest, manifest
from trainingrun_reconciler.outcome import Outcome
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.resources.declaration import Host, ResourceKind, owned
from trainingrun_reconciler.views import ControllerView, View


class EchoSpec(ApiModel):
    """What is said, and how often."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            name="silence-is-said-once",
            field="times",
            cel="self.word != 'silence' || self.times == 1",
            holds=lambda spec: spec.word != "silence" or spec.times == 1,
            template="silence cannot be heard twice: set times to 1",
        ),
    )

    word: str = Field(description="What is said.", max_length=40)
    times: int = Field(1, description="How often.", ge=1, le=9)


class EchoStatus(ResourceStatus):
    """What was seen of an echo."""

    heard: int | None = Field(None, description="How often it was said.")


class Echo(Resource):
    """A word that comes back."""

    api_version: Literal["trainingrun.dev/v1alpha1"] = Field(description="Version of the API.")
    kind: Literal["Echo"] = Field(description="Kind of the object.")
    spec: EchoSpec = Field(description="What is said, and how often.")
    status: EchoStatus = Field(default_factory=EchoStatus, description="What was seen of it.")


def decide(echo: Echo, views: tuple[View, ...], _now: float) -> Outcome:
    """A ConfigMap with the word, and for more than one time a Job that says it."""
    spec, owner = echo.spec, Owner.of(KIND, echo.metadata)
    words = manifest(CONFIG_MAP, owner, f"{owner.name}-words", data={"word": spec.word})
    is_heard = spec.times == 1 or any(
        isinstance(view, ControllerView) and view.finished is not None and view.finished.succeeded
        for view in views
    )
    before = echo.status.condition("Heard")
    return Outcome(
        status=EchoStatus(summary=f"says {spec.word}", heard=spec.times if is_heard else 0),
        children=(words,) if spec.times == 1 else (words, _job(owner, spec)),
        conditions={"Heard": HEARD if is_heard else SILENT},
        events=(RunEvent("Heard", f"{spec.word} was heard"),)
        if is_heard and (before is None or not before.is_true)
        else (),
    )


def _job(owner: Owner, spec: EchoSpec) -> Manifest:
    name = f"{owner.name}-voice"
    security: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "voice",
        "image": "voice",
        "args": [spec.word] * spec.times,
        "securityContext": security,
    }
    labels = manifest(JOB, owner, name)["metadata"]["labels"]
    pod = {"restartPolicy": "Never", "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return manifest(JOB, owner, name, spec={"template": template})


def _reconciler(host: Host) -> ManifestReconciler[Echo]:
    return ManifestReconciler(KIND, decide, host.store, host.children, removed=ECHO.removed)


HEARD: Final = ConditionState(ConditionStatus.TRUE, "Heard", "all of it was heard")
SILENT: Final = ConditionState(ConditionStatus.FALSE, "Speaking", "the Job speaks")
DEFINITION: Final = ResourceDefinition(
    model=Echo,
    plural="echoes",
    columns=(
        Column("Word", "string", ".spec.word", "What is said."),
        Column("Heard", "integer", ".status.heard", "How often it was said."),
    ),
    short_names=("ec",),
    conditions=("Heard", "Degraded"),
    immutable=(Immutable("word-fixed", ("word",), "what was said cannot be unsaid"),),
)
KIND: Final = Kind.of(DEFINITION)
ECHO: Final = ResourceKind(
    definition=DEFINITION, children=(owned(CONFIG_MAP), owned(JOB)), reconciler=_reconciler
)
