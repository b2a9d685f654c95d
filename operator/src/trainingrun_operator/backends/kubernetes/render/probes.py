"""Probes: whether a container has started, serves, and is alive."""

from __future__ import annotations

from typing import Any, Final

from trainingrun_operator.desired.workload import Probe, Workload

HEALTH_FILE: Final = "/tmp/health"  # noqa: S108 - in the pod's own emptyDir
SERVES_SECONDS: Final = 30
ALIVE_SECONDS: Final = 120


def probes(workload: Workload) -> dict[str, Any]:
    """The three probes of a container.

    A start may take five minutes (a large image, a checkpoint to load); only then is silence a
    reason to restart.
    """
    if workload.probe is Probe.TCP:
        check = {"tcpSocket": {"port": workload.port}, "timeoutSeconds": 3}
        return {
            "startupProbe": {**check, "periodSeconds": 2, "failureThreshold": 150},
            "readinessProbe": {**check, "periodSeconds": 5, "failureThreshold": 2},
            "livenessProbe": {**check, "periodSeconds": 20, "failureThreshold": 5},
        }
    start = {
        "exec": {"command": ["test", "-e", HEALTH_FILE]},
        "initialDelaySeconds": 4,
        "timeoutSeconds": 10,
    }
    return {
        "startupProbe": {**start, "periodSeconds": 3, "failureThreshold": 100},
        "readinessProbe": {**_age(SERVES_SECONDS), "periodSeconds": 15, "failureThreshold": 2},
        "livenessProbe": {**_age(ALIVE_SECONDS), "periodSeconds": 60, "failureThreshold": 3},
    }


def _age(seconds: int) -> dict[str, Any]:
    """The health file was touched within so many seconds; a shell costs less than a Python."""
    script = f"test $(( $(date +%s) - $(stat -c %Y {HEALTH_FILE}) )) -lt {seconds}"
    return {"exec": {"command": ["sh", "-c", script]}, "timeoutSeconds": 10}
