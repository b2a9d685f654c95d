"""The finished pod template of a role: what we render, with the user's changes laid over it.

A change that weakens the pod is refused with its path, before anything is written, unless the
operator was started to let such changes through; then the cluster's own admission is the judge.
"""

from __future__ import annotations

import json
from typing import Any

from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.manifests.access import SecretKey
from trainingrun_reconciler.manifests.merge import MergeError, merged
from trainingrun_reconciler.manifests.pod import pod_template
from trainingrun_reconciler.manifests.pod_security import weaknesses
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Workload


class OverrideError(BackendError):
    """A change of a pod template that cannot be followed; trying again cannot help."""

    def __init__(self, workload: Workload, what: str) -> None:
        super().__init__(
            "OverrideRefused", f"{ROLES[workload.role].template_path}.{what}", retry=False
        )


def finished_template(
    run: RunIdentity, workload: Workload, redis_url: SecretKey, *, unsafe_overrides: bool
) -> dict[str, Any]:
    """The template of a role's pods.

    Raises:
        OverrideError: the user's changes do not fit, or weaken the pod.
    """
    ours = pod_template(run, workload, redis_url)
    if not workload.pod_override:
        return ours
    over = json.loads(workload.pod_override)
    try:
        template = merged(ours, over)
    except MergeError as error:
        raise OverrideError(workload, str(error)) from error
    if not unsafe_overrides:
        _check_security(workload, template, ours)
    return template


def _check_security(workload: Workload, template: dict[str, Any], ours: dict[str, Any]) -> None:
    try:
        found = next(weaknesses(template, ours), None)
    except (AttributeError, TypeError) as error:  # a text where an object belongs, or the reverse
        raise OverrideError(
            workload, f"spec: a field has another type than in Kubernetes ({error})"
        ) from error
    if found is not None:
        raise OverrideError(
            workload,
            f"{found.path}: refused, because {found.why}: remove it, or have the operator"
            " installed with security.allowUnsafeOverrides=true",
        )
