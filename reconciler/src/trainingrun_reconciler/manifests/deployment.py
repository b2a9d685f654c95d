"""Deployments: daemons, actors and the evaluator."""

from __future__ import annotations

from typing import Any

from trainingrun_reconciler.kinds import DEPLOYMENT
from trainingrun_reconciler.manifests.admission import admission_labels
from trainingrun_reconciler.manifests.metadata import (
    TEMPLATE_HASH,
    Manifest,
    manifest,
    role_name,
    selector,
)
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Workload


def deployment(run: RunIdentity, workload: Workload, template: dict[str, Any]) -> Manifest:
    """The Deployment of a role; a new roll hash replaces its pods a quarter at a time."""
    return manifest(
        DEPLOYMENT,
        run,
        role_name(run, workload.role),
        role=workload.role,
        labels_beside=admission_labels(workload),
        annotations={TEMPLATE_HASH: workload.template_hash},
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
