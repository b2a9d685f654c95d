"""The operator itself: restarts, memory, permissions, and what it serves over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from trainingrun_contracts.metrics import Server, served_by
from trainingrun_operator.kube.permissions import LEASE_PERMISSIONS, permissions

from testkit.control_plane.audit_log import whole_lines
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import LEASE, SYSTEM, OperatorProcess, Trainer

CHILDREN = (
    "deployments,jobs,services,secrets,configmaps,serviceaccounts,networkpolicies,"
    "poddisruptionbudgets"
)
RESIDENT_MEGABYTES = 120
RUNS = 10


def versions(trainer: Trainer, name: str) -> dict[str, str]:
    """Generation of what has one (controllers write the status of others), else the version."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": str(
            each["metadata"].get("generation") or each["metadata"]["resourceVersion"]
        )
        for each in trainer.objects(CHILDREN, name)
    }


def identities(trainer: Trainer, name: str) -> set[str]:
    """Identities of all children, pods included."""
    return {each["metadata"]["uid"] for each in trainer.objects(f"{CHILDREN},pods", name)}


def writes_in(plane: ControlPlane, namespace: str) -> list[dict[str, Any]]:
    """All writes of the operator to children in a namespace, from the audit log."""
    user = f"system:serviceaccount:{SYSTEM}:trainingrun-operator"
    log = whole_lines(plane.folder / "logs" / "audit.json")
    events = (json.loads(line) for line in log if user in line)
    return [
        event
        for event in events
        if event["user"]["username"] == user
        and event["verb"] in {"create", "patch", "update", "delete"}
        and event["objectRef"].get("namespace") == namespace
        and event["objectRef"]["resource"] not in {"trainingruns", "events"}
    ]


def test_a_killed_operator_starts_again_and_changes_nothing(
    trainer: Trainer, operator: OperatorProcess, control_plane: ControlPlane
) -> None:
    """After kill -9 the next operator finds all as it should be: not one write to a child."""
    fleet = trainer.start("kill", games=100_000)
    trainer.wait_for_members("kill")
    before, alive = versions(trainer, "kill"), identities(trainer, "kill")
    operator.kill()
    written = len(writes_in(control_plane, trainer.namespace))
    operator.start()
    games = fleet.games
    trainer.wait_until(lambda: trainer.run("kill")["status"]["games"]["played"] > games)
    assert versions(trainer, "kill") == before
    assert identities(trainer, "kill") == alive
    assert writes_in(control_plane, trainer.namespace)[written:] == []


def test_an_outage_of_the_api_server_is_waited_out(
    trainer: Trainer, operator: OperatorProcess, control_plane: ControlPlane
) -> None:
    """After the API server came back the same process follows what happens again."""
    trainer.start("outage", games=100_000)
    trainer.wait_for("outage", "Ready")
    control_plane.stop_part("kube-apiserver", at_once=True)
    control_plane.start_part("kube-apiserver")
    trainer.start("after", games=100_000)
    trainer.wait_for("after", "Ready", seconds=90)
    assert operator.ask("/livez") == "ok"


def test_ten_runs_fit_into_120_megabytes(trainer: Trainer, fresh_operator: OperatorProcess) -> None:
    """Ten runs under way, each with its children in the cache."""
    for number in range(RUNS):
        trainer.start(f"many-{number}", games=100_000)
    for number in range(RUNS):
        trainer.wait_for(f"many-{number}", "Ready")
    resident = fresh_operator.resident_megabytes()
    print(f"operator with {RUNS} runs: {resident:.1f} MB resident")
    assert resident < RESIDENT_MEGABYTES


def test_it_tells_how_it_is(trainer: Trainer, operator: OperatorProcess) -> None:
    """/livez, /readyz and /metrics answer, and the metrics count runs."""
    trainer.apply("told")
    trainer.wait_until(lambda: "status" in trainer.run("told"))
    assert operator.ask("/livez") == "ok"
    assert operator.ask("/readyz") == "ok"
    line = next(
        line
        for line in operator.ask("/metrics").splitlines()
        if line.startswith("trainingrun_operator_runs ")
    )
    assert float(line.split()[1]) >= 1


def reconciles(operator: OperatorProcess) -> dict[str, str]:
    """The samples about reconciles."""
    return dict(
        line.rsplit(" ", 1)
        for line in operator.ask("/metrics").splitlines()
        if line.startswith("trainingrun_operator_reconcile")
    )


def test_it_counts_its_reconciles(trainer: Trainer, operator: OperatorProcess) -> None:
    """/metrics has reconciles by result, and how long they took."""
    done = 'trainingrun_operator_reconciles_total{kind="TrainingRun",result="done"}'
    before = float(reconciles(operator).get(done, 0))
    trainer.apply("counted")
    trainer.wait_until(lambda: float(reconciles(operator)[done]) > before)  # when it is over
    told = reconciles(operator)
    assert (
        float(told['trainingrun_operator_reconciles_total{kind="TrainingRun",result="bug"}']) == 0
    )
    assert 'trainingrun_operator_reconciles_total{kind="TrainingRun",result="failed"}' in told
    assert float(told["trainingrun_operator_reconcile_seconds_count"]) >= 1


def test_it_serves_the_registry_of_metrics(trainer: Trainer, operator: OperatorProcess) -> None:
    """/metrics has every metric of the operator and of runs, and samples of each run's members."""
    trainer.start("measured", games=100_000)
    trainer.wait_for("measured", "Ready")
    text = operator.ask("/metrics")
    for metric in (*served_by(Server.OPERATOR), *served_by(Server.RUN)):
        assert f"# TYPE {metric.name} {metric.kind.value}" in text, metric.name
    labels = 'run="measured",state="ready"'
    (line,) = [line for line in text.splitlines() if labels in line and 'role="learner"' in line]
    assert line.startswith("trainingrun_run_members{namespace=")
    assert float(line.split()[-1]) == 1


def test_it_asks_for_nothing_that_the_chart_does_not_allow(
    operator: OperatorProcess, control_plane: ControlPlane
) -> None:
    """Whatever all tests until now made it do, each verb is in the chart's list."""
    allowed = {
        (verb, permission.kind.group, permission.resource)
        for permission in (*permissions(), *LEASE_PERMISSIONS)
        for verb in permission.verbs
    } | {("create", "authorization.k8s.io", "selfsubjectaccessreviews")}
    used = {
        (each.verb, each.group, each.resource)
        for each in control_plane.verbs_used_by(SYSTEM, "trainingrun-operator")
    }
    assert used <= allowed, used - allowed


def test_without_its_role_it_says_which_verbs_are_missing(
    operator: OperatorProcess, control_plane: ControlPlane
) -> None:
    """An account without the chart's role: one sentence, exit code 2, no traceback."""
    kubeconfig = control_plane.kubeconfig_for(SYSTEM, "default")
    done = run_operator("--kubeconfig", str(kubeconfig))
    assert done.returncode == 2
    assert "may not" in done.stderr
    assert "create secrets" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_cluster_it_says_where_it_looked(tmp_path: Path) -> None:
    """No kubeconfig: one sentence, exit code 2."""
    done = run_operator("--kubeconfig", str(tmp_path / "none"))
    assert done.returncode == 2
    assert str(tmp_path / "none") in done.stderr
    assert "Traceback" not in done.stderr


def run_operator(*options: str) -> subprocess.CompletedProcess[str]:
    """Run an operator that is expected to end by itself."""
    ports = "--health-port=0", "--metrics-port=0"
    command = [sys.executable, "-m", "trainingrun_operator", *LEASE, *ports]
    return subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=60, check=False
    )
