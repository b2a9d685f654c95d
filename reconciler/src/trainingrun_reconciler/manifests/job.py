"""The Job of the learner: a task that must end well, and is not blamed for lost nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trainingrun_contracts.exit_codes import FINAL, NO_FAILURE

from trainingrun_reconciler.kinds import JOB
from trainingrun_reconciler.manifests.admission import admission_labels
from trainingrun_reconciler.manifests.metadata import (
    TEMPLATE_HASH,
    Manifest,
    manifest,
    role_name,
)
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Workload


def job(run: RunIdentity, workload: Workload, template: dict[str, Any]) -> Manifest:
    """The Job. A replacement waits until its predecessor is gone: one learner at a time."""
    return manifest(
        JOB,
        run,
        role_name(run, workload.role),
        role=workload.role,
        labels_beside=admission_labels(workload),
        annotations={TEMPLATE_HASH: workload.template_hash},
        spec={
            # A suspended Job is how Kueue finds what waits; it alone lets the Job begin.
            **({"suspend": True} if workload.admission is not None else {}),
            "completions": workload.replicas,
            "parallelism": workload.replicas,
            "backoffLimit": workload.backoff_limit,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _rules(workload.role.value)},
            "template": template,
        },
    )


def _rules(container: str) -> list[dict[str, Any]]:
    """The first rule that fits decides; a failure that none fits counts against backoffLimit."""
    disrupted = {"type": "DisruptionTarget", "status": "True"}
    return [
        {"action": "FailJob", "onExitCodes": _codes(container, FINAL)},
        {"action": "Ignore", "onPodConditions": [disrupted]},
        {"action": "Ignore", "onExitCodes": _codes(container, NO_FAILURE)},
    ]


def _codes(container: str, codes: Iterable[int]) -> dict[str, Any]:
    return {"containerName": container, "operator": "In", "values": sorted(map(int, codes))}
