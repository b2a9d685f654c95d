"""Services of the roles that others connect to, and what protects their pods."""

from __future__ import annotations

from trainingrun_reconciler.kinds import CLAIM, DISRUPTION_BUDGET, SERVICE
from trainingrun_reconciler.manifests.metadata import (
    Manifest,
    manifest,
    role_name,
    selector,
)
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Storage, Workload


def service(run: RunIdentity, workload: Workload, *, headless: bool) -> Manifest:
    """The Service of a role; headless where clients want each pod, not any of them."""
    port = {"name": workload.role.value, "port": workload.port, "targetPort": workload.port}
    spec = {
        "type": "ClusterIP",
        "selector": selector(run, workload.role),
        "ports": [{**port, "protocol": "TCP"}],
    }
    if headless:
        spec["clusterIP"] = "None"
    name = role_name(run, workload.role)
    return manifest(SERVICE, run, name, role=workload.role, spec=spec)


def disruption_budget(run: RunIdentity, workload: Workload) -> Manifest:
    """The drain of a node takes a quarter of the role's pods at a time, and always at least one."""
    spec = {
        "maxUnavailable": "25%",
        "selector": {"matchLabels": selector(run, workload.role)},
    }
    name = role_name(run, workload.role)
    return manifest(DISRUPTION_BUDGET, run, name, role=workload.role, spec=spec)


def claim(run: RunIdentity, workload: Workload, storage: Storage) -> Manifest:
    """A claim of the default storage class, deleted with the run."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size}},
    }
    return manifest(CLAIM, run, role_name(run, workload.role), role=workload.role, spec=spec)
