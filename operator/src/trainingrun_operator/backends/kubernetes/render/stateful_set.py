"""The StatefulSet of a managed Redis: never two at once on the same data."""

from __future__ import annotations

from typing import Any

from trainingrun_operator.backends import RunIdentity
from trainingrun_operator.backends.kubernetes.kinds import STATEFUL_SET
from trainingrun_operator.backends.kubernetes.render.metadata import (
    ROLL_HASH,
    Manifest,
    manifest,
    role_name,
    selector,
)
from trainingrun_operator.desired.workload import Workload


def stateful_set(run: RunIdentity, workload: Workload, template: dict[str, Any]) -> Manifest:
    """The StatefulSet; its claim is an object of its own, so that the run owns and deletes it."""
    return manifest(
        STATEFUL_SET,
        run,
        role_name(run, workload.role),
        role=workload.role,
        annotations={ROLL_HASH: workload.roll_hash},
        spec={
            "replicas": workload.replicas,
            "serviceName": role_name(run, workload.role),
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": selector(run, workload.role)},
            "template": template,
        },
    )
