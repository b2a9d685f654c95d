"""One declaration is a kind of resource: defined, watched, reconciled, granted rights, listed.

``testkit.operator.echo`` declares it, and the operator is started with it by three lines; no other
module knows of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from trainingrun import ClusterPlace, Refused, connect_to
from trainingrun_operator.kube.permissions import permissions
from trainingrun_reconciler.resources import RESOURCE_KINDS

from testkit.control_plane.api_client import has_condition
from testkit.control_plane.plane import ControlPlane, KubectlError
from testkit.operator.echo import DEFINITION, ECHO, Echo
from testkit.operator.operator_process import (
    SYSTEM,
    OperatorProcess,
    chart_objects,
    install_chart,
)
from tools import crd, rbac

ACCOUNT: Final = "echo-operator"
PROGRAM: Final = """
import sys
from testkit.operator.echo import ECHO
from trainingrun_operator.process.main import main
from trainingrun_reconciler.resources import RESOURCE_KINDS

RESOURCE_KINDS.register(ECHO)
sys.exit(main())
"""
Kubectl = Callable[..., str]


def echo(namespace: str, name: str, word: str, times: int = 1) -> dict[str, Any]:
    """An Echo as its user writes it."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "Echo",
        "metadata": metadata,
        "spec": {"word": word, "times": times},
    }


def grant(plane: ControlPlane, rules: list[dict[str, list[str]]], lease: str) -> None:
    """An account with these rights and those on the lease; the chart's own stays as it is."""
    api, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    here = {"name": ACCOUNT, "namespace": SYSTEM}
    subjects = [{"kind": "ServiceAccount", **here}]
    plane.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": here},
        {"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": ACCOUNT}, "rules": rules},
        {
            "apiVersion": api,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ACCOUNT},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": ACCOUNT},
            "subjects": subjects,
        },
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": here,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": lease},
            "subjects": subjects,
        },
    )


@pytest.fixture(scope="module")
def operator(
    control_plane: ControlPlane, programs_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """The operator with the second kind, its definition, and the rights that it declares."""
    helm = programs_folder / "helm"
    install_chart(control_plane, helm)
    with RESOURCE_KINDS.also(ECHO):
        files = crd.crd_files(DEFINITION)
        rules = list(rbac.rules(permissions()))
    control_plane.apply(yaml.safe_load(files["crds/trainingrun.dev_echoes.yaml"]))
    control_plane.wait_for_definition(DEFINITION.name)
    (lease,) = (each for each in chart_objects(helm) if each["kind"] == "Role")
    grant(control_plane, rules, lease["metadata"]["name"])
    kubeconfig = control_plane.kubeconfig_for(SYSTEM, ACCOUNT)
    folder = tmp_path_factory.mktemp("operator")
    process = OperatorProcess(kubeconfig, folder, program=("-c", PROGRAM))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def place(control_plane: ControlPlane, operator: OperatorProcess, namespace: str) -> ControlPlane:
    """The control plane, with an operator that knows the kind."""
    return control_plane


def children(place: ControlPlane, namespace: str, name: str) -> set[str]:
    """Kind and name of what an Echo owns."""
    labels = f"trainingrun.dev/kind=Echo,trainingrun.dev/name={name}"
    found = place.api.list("configmaps,jobs", namespace, labels=labels)
    return {f"{each['kind']}/{each['metadata']['name']}" for each in found}


def granted() -> set[tuple[str, str]]:
    """What the operator may do, by resource and verb."""
    return {(each.resource, verb) for each in permissions() for verb in each.verbs}


def test_the_rights_are_those_that_it_declares() -> None:
    """On its resources, on their status, and on its objects as far as no kind needs them yet."""
    before = granted()
    with RESOURCE_KINDS.also(ECHO):
        more = granted() - before
        people = rbac.people_template()
    own = {("echoes", verb) for verb in ("list", "watch")}
    assert more == own | {("echoes/status", "patch"), ("configmaps", "delete")}
    assert "resources: [trainingruns, leagues, tournaments, echoes]" in people
    assert granted() == before


def test_its_rules_are_the_api_servers(kubectl: Kubectl, operator: OperatorProcess) -> None:
    """A rule between fields and a field that cannot change, with the sentences of the models."""
    with pytest.raises(KubectlError, match="silence cannot be heard twice: set times to 1"):
        kubectl("apply", "-f", "-", stdin=json.dumps(echo("", "calm", "silence", 2)))
    kubectl("apply", "-f", "-", stdin=json.dumps(echo("", "calm", "silence")))
    with pytest.raises(KubectlError, match="what was said cannot be unsaid: make a new one"):
        kubectl("apply", "-f", "-", stdin=json.dumps(echo("", "calm", "peace")))


def test_it_is_reconciled_with_its_objects(
    place: ControlPlane, namespace: str, kubectl: Kubectl
) -> None:
    """Its objects are made, owned, put back and removed; what it does is its status."""
    place.apply(echo(namespace, "hill", "hallo", 3))
    both = {"ConfigMap/hill-words", "Job/hill-voice"}
    place.wait_until(lambda: children(place, namespace, "hill") == both, "objects of the echo")
    uid = place.api.get("echo", "hill", namespace)["metadata"]["uid"]
    (owner,) = place.api.get("configmap", "hill-words", namespace)["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Echo", uid, True)

    def word() -> str:
        return str(place.api.get("configmap", "hill-words", namespace)["data"]["word"])

    place.api.patch("configmap", "hill-words", namespace, change={"data": {"word": "other"}})
    place.wait_until(lambda: word() == "hallo", "the word is put back")
    place.play(namespace, "trainingrun.dev/name=hill", "complete")
    kubectl("wait", "--for=condition=Heard", "echo/hill", "--timeout=90s")
    header, row = kubectl("get", "ec", "hill").splitlines()
    assert header.split() == ["NAME", "WORD", "HEARD"]
    assert row.split() == ["hill", "hallo", "3"]
    place.wait_until(lambda: "was heard" in kubectl("describe", "echo", "hill"), "the event")
    place.api.patch("echo", "hill", namespace, change={"spec": {"times": 1}})
    place.wait_until(
        lambda: children(place, namespace, "hill") == {"ConfigMap/hill-words"},
        "the Job goes when it is wanted no longer",
    )
    place.api.delete("echo", "hill", namespace)
    gone = "what goes with the echo"  # once the garbage collector has found out about the new kind
    place.wait_until(lambda: not children(place, namespace, "hill"), gone, seconds=90)


def test_a_refusal_is_a_condition_and_stays_with_it(
    place: ControlPlane, namespace: str, operator: OperatorProcess
) -> None:
    """An object of somebody else has the name: it is left alone, and the Echo says so."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"word": "mine"}}
    place.apply({**config, "metadata": {"name": "wall-words", "namespace": namespace}})
    place.apply(echo(namespace, "wall", "hallo"), echo(namespace, "well", "hallo"))

    def wall() -> dict[str, Any]:
        return place.api.get("echo", "wall", namespace)

    place.wait_until(lambda: has_condition(wall(), "Degraded"), "Degraded")
    (found,) = (each for each in wall()["status"]["conditions"] if each["type"] == "Degraded")
    assert found["reason"] == "NameTaken"
    assert "give the Echo another name" in found["message"]
    assert place.api.get("configmap", "wall-words", namespace)["data"] == {"word": "mine"}
    own = {"ConfigMap/well-words"}
    place.wait_until(lambda: children(place, namespace, "well") == own, "the other one")
    assert 'reconciles_total{kind="Echo",result="bug"} 0.0' in operator.ask("/metrics")


def test_the_sdk_reads_it(place: ControlPlane, namespace: str) -> None:
    """Submitted, listed, waited for, with its events, and deleted, as models of its own."""
    at = ClusterPlace(namespace, kubeconfig=place.kubeconfig)
    with connect_to(DEFINITION, at) as echoes:
        with pytest.raises(Refused, match="silence cannot be heard twice"):
            echoes.submit(echo(namespace, "vale", "silence", 2))
        made = echoes.submit(echo(namespace, "vale", "hallo"))
        assert isinstance(made, Echo)
        seen = echoes.wait("vale", "Heard", timeout=60)
        assert (seen.status.heard, seen.status.summary) == (1, "says hallo")
        with pytest.raises(Refused, match="did you mean Heard"):
            echoes.wait("vale", "Herd")
        assert [each.metadata.name for each in echoes.list()] == ["vale"]
        echoes.delete("vale")
        place.wait_until(lambda: not children(place, namespace, "vale"), "it is gone", seconds=90)
        assert echoes.list() == ()
