"""Probes: whether a container has started, serves, and is alive."""

from __future__ import annotations

from typing import Any, Final

from trainingrun_reconciler.roles.workload import Probe, Workload

HEALTH_FILE: Final = "/tmp/health"  # noqa: S108 - in the pod's own emptyDir
HEALTH_PATH: Final = "/healthz"
SERVES_SECONDS: Final = 30
ALIVE_SECONDS: Final = 120


def probes(workload: Workload) -> dict[str, Any]:
    """The three probes of a container.

    A start may take five minutes (a large image, a checkpoint to load); only then is silence a
    reason to restart.
    """
    match workload.probe:
        case Probe.TCP:
            return _asked({"tcpSocket": {"port": workload.port}})
        case Probe.HTTP:
            return _asked({"httpGet": {"port": workload.port, "path": HEALTH_PATH}})
        case Probe.GRPC:
            return _asked({"grpc": {"port": workload.port}})
        case Probe.HEALTH_FILE:
            return _by_file()


def _asked(question: dict[str, Any]) -> dict[str, Any]:
    """The probes of a container that is asked on its port."""
    check = {**question, "timeoutSeconds": 3}
    return {
        "startupProbe": {**check, "periodSeconds": 2, "failureThreshold": 150},
        "readinessProbe": {**check, "periodSeconds": 5, "failureThreshold": 2},
        "livenessProbe": {**check, "periodSeconds": 20, "failureThreshold": 5},
    }


def _by_file() -> dict[str, Any]:
    """The probes of a container that touches a file."""
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
    """The health file was touched within these seconds; a shell costs less than a Python."""
    script = f"test $(( $(date +%s) - $(stat -c %Y {HEALTH_FILE}) )) -lt {seconds}"
    return {"exec": {"command": ["sh", "-c", script]}, "timeoutSeconds": 10}
