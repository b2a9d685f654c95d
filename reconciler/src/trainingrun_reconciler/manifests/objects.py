"""Which objects a role needs, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.kinds import (
    CONFIG_MAP,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from trainingrun_reconciler.manifests.access import (
    SecretKey,
    account_name,
    config_map,
    config_name,
    service_accounts,
)
from trainingrun_reconciler.manifests.deployment import deployment
from trainingrun_reconciler.manifests.job import job
from trainingrun_reconciler.manifests.metadata import Manifest
from trainingrun_reconciler.manifests.network_policy import network_policy
from trainingrun_reconciler.manifests.service import (
    claim,
    disruption_budget,
    service,
)
from trainingrun_reconciler.manifests.stateful_set import stateful_set
from trainingrun_reconciler.manifests.template import finished_template
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Controller, Service
from trainingrun_reconciler.roles.workload import Role, Workload


def companions(role: Role) -> tuple[Kind, ...]:
    """What a role has beside what makes its pods, and beside a claim: one object of each kind."""
    declared = ROLES[role]
    found = {
        NETWORK_POLICY: True,
        SERVICE: declared.service is not None,
        DISRUPTION_BUDGET: declared.is_spread,
    }
    return tuple(kind for kind, is_there in found.items() if is_there)


def shared_objects(run: RunIdentity, shared: SharedResources) -> tuple[Manifest, ...]:
    """What all roles share, save the Secret, which is created and never applied."""
    return (*service_accounts(run), config_map(run, shared.config))


def shared_names(run: RunIdentity) -> frozenset[tuple[Kind, str]]:
    """Kind and name of each of the :func:`shared_objects`."""
    accounts = ((SERVICE_ACCOUNT, account_name(run, role)) for role in ROLES.names)
    return frozenset((*accounts, (CONFIG_MAP, config_name(run))))


def role_objects(
    run: RunIdentity,
    workload: Workload,
    redis_url: SecretKey,
    *,
    operator_namespace: str | None,
    metrics_from: Sequence[Mapping[str, Any]] = (),
    unsafe_overrides: bool = False,
) -> tuple[Manifest, ...]:
    """All objects of a role. The policy comes before the pods that it is about.

    ``metrics_from`` are the peers of a NetworkPolicy that may read the role's metrics.

    Raises:
        OverrideError: the user's changes of the pod template cannot be followed.
    """
    template = finished_template(run, workload, redis_url, unsafe_overrides=unsafe_overrides)
    found: list[Manifest] = []
    if workload.storage is not None and workload.storage.claim is None:
        found.append(claim(run, workload, workload.storage))
    found.append(
        network_policy(
            run, workload, operator_namespace=operator_namespace, metrics_from=metrics_from
        )
    )
    declared = ROLES[workload.role]
    if declared.service is not None:
        headless = declared.service is Service.EACH_MEMBER
        found.append(service(run, workload, headless=headless))
    if declared.is_spread:
        found.append(disruption_budget(run, workload))
    found.append(_controller(run, workload, template))
    return tuple(found)


def _controller(run: RunIdentity, workload: Workload, template: dict[str, Any]) -> Manifest:
    match ROLES[workload.role].controller:
        case Controller.JOB:
            return job(run, workload, template)
        case Controller.STATEFUL_SET:
            return stateful_set(run, workload, template)
        case Controller.DEPLOYMENT:
            return deployment(run, workload, template)
