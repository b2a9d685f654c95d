"""Deployments: daemons, actors and the evaluator."""

from __future__ import annotations

from typing import Any

from trainingrun_operator.backends import RunIdentity
from trainingrun_operator.backends.kubernetes.kinds import DEPLOYMENT
from trainingrun_operator.backends.kubernetes.render.admission import admission_labels
from trainingrun_operator.backends.kubernetes.render.metadata import (
    ROLL_HASH,
    Manifest,
    manifest,
    role_name,
    selector,
)
from trainingrun_operator.desired.workload import Workload


def deployment(run: RunIdentity, workload: Workload, template: dict[str, Any]) -> Manifest:
    """The Deployment of a role; a new roll hash replaces its pods a quarter at a time."""
    return manifest(
        DEPLOYMENT,
        run,
        role_name(run, workload.role),
        role=workload.role,
        labels_beside=admission_labels(workload),
        annotations={ROLL_HASH: workload.roll_hash},
        spec={
            "replicas": workload.replicas,
            "selector": {"matchLabels": selector(run, workload.role)},
            "template": template,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "revisionHistoryLimit": 1,
            "progressDeadlineSeconds": 600,
        },
    )
