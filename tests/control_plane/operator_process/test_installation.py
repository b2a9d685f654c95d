"""The program of ``helm test`` against an operator that works."""

from __future__ import annotations

import subprocess
import sys

from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import SYSTEM, OperatorProcess


def test_an_installation_that_is_complete_is_said_to_be(
    control_plane: ControlPlane, operator: OperatorProcess
) -> None:
    """Definition, permissions, lease and operator are there: a sentence each, and exit code 0."""
    kubeconfig = control_plane.kubeconfig_for(SYSTEM, "trainingrun-operator")
    command = [sys.executable, "-m", "trainingrun_operator.process.helm_test"]
    command += [f"--kubeconfig={kubeconfig}", f"--lease={SYSTEM}/trainingrun-operator"]
    command += [f"--health=http://127.0.0.1:{operator.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "the definition is served and the permissions are complete",
        "an operator is ready",
    ]
