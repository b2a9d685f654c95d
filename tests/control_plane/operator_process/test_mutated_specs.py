"""Two hundred specs that are slightly wrong, on the real API server with the operator running.

Their namespace has a quota of no pods, so that the strangest ones cost nothing: what is looked at
is what people are told.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from trainingrun_api.conditions import Reason
from trainingrun_api.resource import SpecError
from trainingrun_api.run import parse

from testkit.control_plane.api_connections import ApiError
from testkit.control_plane.plane import ControlPlane
from testkit.hostile.mutated_specs import mutated_specs
from testkit.operator.operator_process import OperatorProcess, Trainer, condition

COUNT = 200
Document = dict[str, Any]


def refusal_there(plane: ControlPlane, document: Document) -> str:
    """What the API server says of a run; nothing when it takes it, and then it is there."""
    try:
        plane.api.create(document)
    except ApiError as error:
        if error.status not in (400, 422):
            raise
        return error.told
    return ""


def runs_of(plane: ControlPlane, namespace: str) -> dict[str, Document]:
    """All runs of a namespace by name."""
    return {each["metadata"]["name"]: each for each in plane.api.list("trainingruns", namespace)}


def refusal_here(document: Document) -> str:
    """What `trainingrun local` says of the document; nothing when it takes it."""
    try:
        parse(document)
    except SpecError as error:
        return str(error)
    return ""


def is_told(run: Document) -> bool:
    """Whether the operator has said something about the run as it stands."""
    ready = condition(run, "Ready")
    return bool(ready) and ready["observedGeneration"] == run["metadata"]["generation"]


@pytest.fixture
def crowd(control_plane: ControlPlane, namespace: str) -> str:
    """A namespace in which no pod may be made."""
    name = f"{namespace}-crowd"
    control_plane.create_namespace(name)
    control_plane.kubectl("-n", name, "create", "quota", "none", "--hard=pods=0")
    return name


def test_every_mutated_spec_is_refused_or_told_and_nothing_else_suffers(
    trainer: Trainer, operator: OperatorProcess, crowd: str
) -> None:
    """Refused with a sentence at a field, by both readers alike; or accepted, and a condition with
    a documented reason follows. The operator lives, and a run beside them plays on."""
    fleet = trainer.start("beside", games=1_000_000)
    before = trainer.wait_for("beside", "Ready")
    plane, differing = trainer.plane, []
    accepted = set()
    for number, spec in enumerate(mutated_specs(COUNT)):
        document = {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": f"mutant-{number}", "namespace": crowd},
            "spec": spec,
        }
        refusal, here = refusal_there(plane, document), refusal_here(document)
        if bool(refusal) != bool(here):
            differing.append((spec, refusal, here))
        if refusal:
            assert "spec" in refusal, refusal
        else:
            accepted.add(document["metadata"]["name"])
    assert differing == []
    assert COUNT / 5 < len(accepted) < COUNT * 4 / 5
    trainer.wait_until(lambda: all(is_told(run) for run in runs_of(plane, crowd).values()))
    for name, run in runs_of(plane, crowd).items():
        ready = condition(run, "Ready")
        assert ready["reason"] in set(Reason), name
        assert ready["message"], name
        assert "Traceback" not in json.dumps(run["status"]), name
    assert runs_of(plane, crowd).keys() == accepted
    after, played = trainer.run("beside"), fleet.games
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert condition(after, "Ready")["status"] == "True"
    trainer.wait_until(lambda: fleet.games > played)
    assert operator.is_ready()
    assert "Traceback" not in operator.log()
    plane.delete_namespace(crowd)
