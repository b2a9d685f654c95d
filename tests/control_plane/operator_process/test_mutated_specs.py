"""Two hundred specs that are slightly wrong, on the real API server with the operator running.

Their namespace has a quota of no pods, so that the strangest ones cost nothing: what is looked at
is what people are told.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

import pytest
import yaml
from control_plane import ControlPlane
from mutated_specs import mutated_specs
from operator_bed import OperatorProcess, Trainer, condition
from trainingrun_contracts.api.conditions import Reason
from trainingrun_contracts.api.run import SpecError, parse

COUNT = 200
PATH = "/apis/trainingrun.dev/v1alpha1/namespaces/{}/trainingruns"
Document = dict[str, Any]


class Clerk:
    """Gives documents to the API server one by one, quicker than kubectl."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        config = yaml.safe_load(plane.kubeconfig.read_text())
        token = config["users"][0]["user"]["token"]
        self._url = plane.url + PATH.format(namespace)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._trust = ssl.create_default_context(cafile=str(plane.certificate))

    def create(self, document: Document) -> str:
        """Create a run; returns the refusal, or nothing when it was accepted."""
        address = f"{self._url}?fieldValidation=Strict"
        data = json.dumps(document).encode()
        request = urllib.request.Request(address, data, self._headers, method="POST")
        try:
            with urllib.request.urlopen(request, context=self._trust, timeout=30):
                return ""
        except urllib.error.HTTPError as error:
            if error.code not in (400, 422):
                raise
            return str(json.loads(error.read())["message"])

    def runs(self) -> dict[str, Document]:
        """All runs of the namespace by name."""
        request = urllib.request.Request(self._url, headers=self._headers)
        with urllib.request.urlopen(request, context=self._trust, timeout=30) as answer:
            items = json.load(answer)["items"]
        return {each["metadata"]["name"]: each for each in items}


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
    clerk, differing = Clerk(trainer.plane, crowd), []
    accepted = set()
    for number, spec in enumerate(mutated_specs(COUNT)):
        document = {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": f"mutant-{number}", "namespace": crowd},
            "spec": spec,
        }
        refusal, here = clerk.create(document), refusal_here(document)
        if bool(refusal) != bool(here):
            differing.append((spec, refusal, here))
        if refusal:
            assert "spec" in refusal, refusal
        else:
            accepted.add(document["metadata"]["name"])
    assert differing == []
    assert COUNT / 5 < len(accepted) < COUNT * 4 / 5
    trainer.wait_until(lambda: all(is_told(run) for run in clerk.runs().values()))
    for name, run in clerk.runs().items():
        ready = condition(run, "Ready")
        assert ready["reason"] in set(Reason), name
        assert ready["message"], name
        assert "Traceback" not in json.dumps(run["status"]), name
    assert clerk.runs().keys() == accepted
    after, played = trainer.run("beside"), fleet.games
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert condition(after, "Ready")["status"] == "True"
    trainer.wait_until(lambda: fleet.games > played)
    assert operator.is_ready()
    assert "Traceback" not in operator.log()
    trainer.plane.kubectl("delete", "namespace", crowd, "--wait=false")
