"""The chart on a real API server: installed, upgraded, rolled back, removed, and taken up again."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.control_plane.api_schemas import write_schemas
from testkit.control_plane.helm_release import Release, older_chart
from testkit.control_plane.plane import ControlPlane, KubectlError
from testkit.control_plane.rendered_chart import render
from testkit.tree import CHART, TESTKIT

ROOT = CHART.parents[1]
CRD = "trainingruns.trainingrun.dev"
NEW_FIELD = "activeDeadlineSeconds"
OLDER = "0.0.9"
RUN: dict[str, Any] = {
    "apiVersion": "trainingrun.dev/v1alpha1",
    "kind": "TrainingRun",
    "metadata": {"name": "kept"},
    "spec": {"games": 100, "decks": [{"name": "red_aggro"}]},
}
MONITORING = TESTKIT / "control_plane" / "monitoring_crds.yaml"
_NUMBERS = itertools.count(1)


@pytest.fixture
def release(
    control_plane: ControlPlane, programs_folder: Path, tmp_path: Path
) -> Iterator[Release]:
    """A release of its own; what is left of it goes with its namespace."""
    name = f"release-{next(_NUMBERS)}"
    control_plane.create_namespace(name)
    made = Release(programs_folder / "helm", control_plane, name, name, tmp_path)
    yield made
    if made.name in made.run("list", "--short"):
        made.uninstall()
    control_plane.delete_namespace(name)


def test_an_upgrade_brings_the_definition_along_and_a_rollback_takes_it_back(
    release: Release, control_plane: ControlPlane, tmp_path: Path
) -> None:
    """An older chart, then ours, then back: the field and the number of operators are as each chart
    has them, and the run that was there at first is there still."""
    older = older_chart(tmp_path / "older", version=OLDER, without=NEW_FIELD)
    # Another test may have applied the definition by hand; a cluster with an older release has not.
    release.install(older, "--set=replicas=1", "--take-ownership")
    assert not knows_field(control_plane)
    create_run(release)
    before = release.get("trainingrun", "kept")["metadata"]["uid"]

    release.upgrade(CHART, "--reset-values")
    assert knows_field(control_plane)
    operator = f"{release.name}-operator"
    control_plane.wait_until(  # helm looks at the pods; the Deployment counts them a moment later
        lambda: release.get("deploy", operator)["status"].get("readyReplicas") == 2,
        "both operators are counted",
        seconds=60,
    )
    assert release.get("pdb", operator)["spec"]["maxUnavailable"] == 1
    change = {"spec": {NEW_FIELD: 600}}
    control_plane.wait_until(  # an API server that lags behind may not have taken it
        lambda: NEW_FIELD in patched(release, change), "the new field is stored", seconds=60
    )

    release.rollback(1)
    assert not knows_field(control_plane)
    assert release.get("deploy", f"{release.name}-operator")["spec"]["replicas"] == 1
    assert release.get("trainingrun", "kept")["metadata"]["uid"] == before
    assert [chart for chart, _ in release.history()] == [
        f"trainingrun-{OLDER}",
        "trainingrun-0.1.0",
        f"trainingrun-{OLDER}",
    ]
    release.upgrade(CHART, "--reset-values")  # what other tests of the session expect


def test_uninstalling_keeps_the_definition_and_the_runs(
    release: Release, control_plane: ControlPlane
) -> None:
    """All else goes, and the next install takes both over; its notes say what to do then."""
    notes = release.install(CHART, "--take-ownership")
    assert f"helm test {release.name} -n {release.namespace}" in notes
    assert "kubectl apply -f examples/quickstart.yaml" in notes
    create_run(release)
    uid = control_plane.api.get("crd", CRD)["metadata"]["uid"]
    said = release.uninstall()
    assert "resource policy" in said
    assert control_plane.api.get("crd", CRD)["metadata"]["uid"] == uid
    assert release.get("trainingrun", "kept")["spec"]["games"] == 100
    for kind in ("deployment", "lease", "networkpolicy", "pdb", "role", "rolebinding", "service"):
        assert release.list(kind) == []
    assert control_plane.api.find("clusterrole", f"{release.name}-operator") is None
    release.install()
    assert control_plane.api.get("crd", CRD)["metadata"]["uid"] == uid
    assert release.get("trainingrun", "kept")["spec"]["games"] == 100


def test_namespaced_mode_gives_no_right_elsewhere(
    release: Release, control_plane: ControlPlane, namespace: str
) -> None:
    """With one namespace to watch, the account may all it needs there and nothing in another; the
    program of ``helm test`` says so."""
    release.install(CHART, f"--set=watchNamespaces={{{namespace}}}", "--set=crds.enabled=false")
    account = control_plane.kubeconfig_for(release.namespace, f"{release.name}-operator")
    lease = f"--lease={release.namespace}/{release.name}-operator"
    given = installation(account, f"--namespaces={namespace}", lease)
    assert (given.returncode, given.stderr) == (0, "")
    refused = installation(account, lease)
    assert refused.returncode == 2
    assert "may not" in refused.stderr
    assert "in all namespaces" in refused.stderr
    silent = installation(account, f"--namespaces={namespace}", "--health=http://127.0.0.1:9")
    assert silent.returncode == 2
    assert "no operator answers at http://127.0.0.1:9/readyz" in silent.stderr


def test_helm_test_runs_the_pod_and_tells_its_end(
    release: Release, control_plane: ControlPlane
) -> None:
    """The pod is admitted to a restricted namespace, and its end is helm's."""
    release.install(CHART, "--take-ownership")
    command = [str(release.helm), "test", release.name, "--namespace", release.namespace]
    command += ["--kubeconfig", str(control_plane.kubeconfig), "--timeout=90s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as helm:
        selector = "app.kubernetes.io/component=test"
        control_plane.play(release.namespace, selector, "complete")
        said, _ = helm.communicate(timeout=120)
    assert helm.returncode == 0
    assert "Succeeded" in said
    assert release.list("pods", selector), "helm test --logs reads the log of a pod that is there"


def test_the_roles_of_people_reach_training_runs(
    release: Release, control_plane: ControlPlane
) -> None:
    """Bound to one of the cluster's own roles, a person may do with the runs of that namespace what
    the role says: the controller manager has added our rules to it."""
    release.install(CHART, "--take-ownership")
    of = ["-n", release.namespace]
    roles = ("view", "edit", "admin")
    for role in roles:
        bound = [f"--clusterrole={role}", f"--user={role}er"]
        control_plane.kubectl("create", "rolebinding", role, *bound, *of)

    def may(role: str, verb: str, part: str = "") -> bool:
        kind = "trainingruns"
        return control_plane.api.may(f"{role}er", verb, kind, release.namespace, part=part)

    control_plane.wait_until(
        lambda: all(may(role, "list") for role in roles), "added rules", seconds=90
    )
    expected = {
        "view": {"watch"},
        "edit": {"watch", "create", "delete"},
        "admin": {"watch", "create", "delete"},
    }
    verbs = set.union(*expected.values())
    assert {role: {verb for verb in verbs if may(role, verb)} for role in roles} == expected
    assert not any(may(role, "patch", "status") for role in roles)


def test_the_operator_can_be_pinned_to_what_it_makes(
    release: Release, control_plane: ControlPlane
) -> None:
    """With the policy its account makes pods for a run, under the run's account, and not without a
    run, under another account or with a token, although its role would let it."""
    release.install(CHART, "--take-ownership", "--set=security.pinOperator=true")
    account = control_plane.kubeconfig_for(release.namespace, f"{release.name}-operator")
    right = deployment_of_a_run(release.namespace)

    def refusal(made: dict[str, Any]) -> str:
        """What the API server says to the operator's account; nothing where it agrees."""
        command = ("create", "--dry-run=server", "-f", "-")
        try:
            control_plane.kubectl(*command, stdin=json.dumps(made), kubeconfig=account)
        except KubectlError as error:
            return str(error)
        return ""

    def changed(path: str, value: Any) -> dict[str, Any]:
        made = json.loads(json.dumps(right))
        inner, *names = made, *path.split(".")
        for name in names[:-1]:
            inner = inner[name]
        inner[names[-1]] = value
        return dict(made)

    alone = changed("metadata.ownerReferences", [])
    control_plane.wait_until(lambda: bool(refusal(alone)), "the policy acts", seconds=60)
    assert refusal(right) == ""
    assert "for TrainingRuns alone" in refusal(alone)
    other = changed("spec.template.spec.serviceAccountName", "builder")
    assert "under an account of its own" in refusal(other)
    token = changed("spec.template.spec.automountServiceAccountToken", value=True)
    assert "hold no token" in refusal(token)
    projected = [{"serviceAccountToken": {"path": "token"}}]
    volume = [{"name": "token", "projected": {"sources": projected}}]
    assert "not as a volume" in refusal(changed("spec.template.spec.volumes", volume))
    assert "of the cluster itself" in refusal(changed("metadata.namespace", "kube-system"))


def deployment_of_a_run(namespace: str) -> dict[str, Any]:
    """What the operator makes of a run called quick, as far as the policy reads it."""
    owner = {"apiVersion": "trainingrun.dev/v1alpha1", "kind": "TrainingRun"}
    labels = {"trainingrun.dev/run": "quick"}
    pod = {
        "serviceAccountName": "quick-pods",
        "automountServiceAccountToken": False,
        "containers": [{"name": "actor", "image": "actor:1"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "quick-actor",
            "namespace": namespace,
            "ownerReferences": [{**owner, "name": "quick", "uid": "1-2-3"}],
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def test_a_lease_that_operators_made_is_left_to_them(
    release: Release, control_plane: ControlPlane
) -> None:
    """One that is there already, without helm's mark, neither stops an installation nor changes."""
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": f"{release.name}-operator", "namespace": release.namespace},
        "spec": {"holderIdentity": "one", "leaseDurationSeconds": 15},
    }
    control_plane.apply(lease)
    release.install(CHART, "--take-ownership")
    assert release.get("lease", f"{release.name}-operator")["spec"]["holderIdentity"] == "one"
    release.upgrade()
    assert release.get("lease", f"{release.name}-operator")["spec"]["holderIdentity"] == "one"


def test_monitoring_appears_when_its_definitions_do(
    release: Release, control_plane: ControlPlane
) -> None:
    """The same chart on a cluster that gets the Prometheus operator later."""
    release.install(CHART, "--take-ownership")
    control_plane.kubectl("apply", "-f", str(MONITORING))
    definitions = yaml.safe_load_all(MONITORING.read_text())
    for each in definitions:
        control_plane.wait_for_definition(each["metadata"]["name"])  # helm asks what is served
    try:
        release.upgrade()
        for made in release.made("PodMonitor", "PrometheusRule"):
            stored = release.get(made["kind"], made["metadata"]["name"])
            assert stored["spec"] == made["spec"]
        boards = release.list("configmaps", "grafana_dashboard=1")
        assert len(boards) == 4
    finally:
        release.uninstall()
        control_plane.kubectl("delete", "-f", str(MONITORING), "--wait=true")


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--set=watchNamespaces={a,b}", "--set=replicas=1", "--set=priorityClassName=high"),
        (
            "--set=images.pullSecrets={registry}",
            '--set-json=affinity={"nodeAffinity":{}}',
            '--set-json=tolerations=[{"operator":"Exists"}]',
            '--set-json=networkPolicy.metricsFrom=[{"podSelector":{}}]',
            "--set=monitoring.dashboards=always",
        ),
    ],
)
def test_kubeconform_finds_nothing(
    options: tuple[str, ...], control_plane: ControlPlane, programs_folder: Path, tmp_path: Path
) -> None:
    """Every object and our examples fit the API server's own schemas, strictly."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    control_plane.wait_for_definition(CRD)
    objects = [*render(str(programs_folder / "helm"), *options).objects]
    objects += [yaml.safe_load(file.read_text()) for file in sorted(ROOT.glob("examples/*.yaml"))]
    kinds = {(each["apiVersion"], each["kind"]) for each in objects}
    location = write_schemas(control_plane, tmp_path, kinds)
    program = programs_folder / "kubeconform"
    found = conform(program, location, objects)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(objects)} resources found" in found.stdout
    assert "Skipped: 0" in found.stdout
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    deployment["spec"]["replica"] = 2
    assert "'replica' not allowed" in conform(program, location, [deployment]).stdout


def conform(
    program: Path, location: str, objects: list[dict[str, Any]]
) -> subprocess.CompletedProcess[str]:
    """What kubeconform says of objects."""
    return subprocess.run(
        [program, "-strict", "-summary", "-schema-location", location, "-"],
        input=yaml.safe_dump_all(objects),
        capture_output=True,
        text=True,
        check=False,
    )


def knows_field(plane: ControlPlane) -> bool:
    """Whether the definition has the field that the older chart lacks."""
    version = plane.api.get("crd", CRD)["spec"]["versions"][0]
    return NEW_FIELD in version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]


def create_run(release: Release) -> None:
    """A run in the release's namespace."""
    release.plane.wait_for_definition(CRD)
    document = json.dumps(RUN)
    release.plane.kubectl("apply", "-n", release.namespace, "-f", "-", stdin=document)


def patched(release: Release, change: dict[str, Any]) -> dict[str, Any]:
    """The run's spec after a merge patch."""
    changed = release.plane.api.patch("trainingrun", "kept", release.namespace, change=change)
    return dict(changed["spec"])


def installation(kubeconfig: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The program of ``helm test``, under an account."""
    module = "trainingrun_operator.process.helm_test"
    command = [sys.executable, "-m", module, f"--kubeconfig={kubeconfig}", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
