"""The StatefulSet of a managed Redis: never two at once on the same data."""

from __future__ import annotations

from typing import Any

from trainingrun_reconciler.kinds import STATEFUL_SET
from trainingrun_reconciler.manifests.metadata import (
    TEMPLATE_HASH,
    Manifest,
    manifest,
    role_name,
    selector,
)
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Workload


def stateful_set(run: RunIdentity, workload: Workload, template: dict[str, Any]) -> Manifest:
    """The StatefulSet; its claim is an object of its own, so that the run owns and deletes it."""
    return manifest(
        STATEFUL_SET,
        run,
        role_name(run, workload.role),
        role=workload.role,
        annotations={TEMPLATE_HASH: workload.template_hash},
        spec={
            "replicas": workload.replicas,
            "serviceName": role_name(run, workload.role),
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": selector(run, workload.role)},
            "template": template,
        },
    )
