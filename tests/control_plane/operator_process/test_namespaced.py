"""An operator for named namespaces alone, under the one Role that the chart gives it in each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainingrun_contracts.reports import Intent

from testkit.control_plane.audit_log import whole_lines
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import OperatorProcess, Trainer, chart_objects
from testkit.servers.redis_server import RedisServer

NARROW = "narrow-system"
_RIGHTS = ("ServiceAccount", "Role", "RoleBinding")


@pytest.fixture
def narrow(
    control_plane: ControlPlane, chart: None, programs_folder: Path, namespace: str, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """The operator of the test's namespace; its account is bound nowhere else."""
    control_plane.create_namespace(NARROW)
    options = "--namespace", NARROW, f"--set=watchNamespaces={{{namespace}}}"
    made = chart_objects(programs_folder / "helm", *options)
    bound = [each for each in made if each["kind"] == "ClusterRoleBinding"]
    assert bound == []  # the chart's ClusterRoles are people's, and nobody's by themselves
    control_plane.apply(*(each for each in made if each["kind"] in _RIGHTS))
    kubeconfig = control_plane.kubeconfig_for(NARROW, "trainingrun-operator")
    process = OperatorProcess(
        kubeconfig,
        tmp_path,
        f"--namespaces={namespace}",
        f"--lease-namespace={NARROW}",
        name="narrow",
    )
    process.start()
    yield process
    process.stop()
    control_plane.delete_namespace(NARROW)


def refusals(plane: ControlPlane) -> list[str]:
    """What the account asked for and was not allowed, from the audit log."""
    user = f"system:serviceaccount:{NARROW}:trainingrun-operator"
    lines = whole_lines(plane.folder / "logs" / "audit.json")
    events = (json.loads(line) for line in lines if user in line)
    return [
        f"{each['verb']} {each['requestURI']}"
        for each in events
        if each["user"]["username"] == user and each["responseStatus"].get("code") == 403
    ]


def test_it_works_in_its_namespace_and_asks_for_nothing_elsewhere(
    narrow: OperatorProcess, control_plane: ControlPlane, namespace: str, queue_server: RedisServer
) -> None:
    """A run there goes from its start to its end and is deleted with its time to live; one
    elsewhere is not touched; not one request was forbidden."""
    elsewhere = f"{namespace}-elsewhere"
    control_plane.create_namespace(elsewhere)
    there = Trainer(control_plane, elsewhere, queue_server)
    there.apply("untouched")
    here = Trainer(control_plane, namespace, queue_server)
    try:
        fleet = here.start("ours", games=60, ttlSecondsAfterFinished=0)
        here.wait_until(lambda: fleet.intent is Intent.FLUSH)
        control_plane.play(namespace, "trainingrun.dev/role=learner", "complete")
        here.wait_until_gone("trainingrun", "ours")
    finally:
        here.close()
    assert "status" not in there.run("untouched")
    assert there.objects("deployments,jobs,configmaps", "untouched") == []
    assert refusals(control_plane) == []
    control_plane.delete_namespace(elsewhere)
