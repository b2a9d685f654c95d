"""Which objects a role needs, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trainingrun_operator.backends import Ground, RunIdentity
from trainingrun_operator.backends.kubernetes.kinds import (
    CONFIG_MAP,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from trainingrun_operator.backends.kubernetes.render.access import (
    SecretKey,
    account_name,
    config_map,
    config_name,
    service_accounts,
)
from trainingrun_operator.backends.kubernetes.render.deployment import deployment
from trainingrun_operator.backends.kubernetes.render.job import job
from trainingrun_operator.backends.kubernetes.render.metadata import Manifest
from trainingrun_operator.backends.kubernetes.render.network_policy import (
    daemon_policy,
    metrics_policy,
    redis_policy,
)
from trainingrun_operator.backends.kubernetes.render.service import (
    claim,
    disruption_budget,
    service,
)
from trainingrun_operator.backends.kubernetes.render.stateful_set import stateful_set
from trainingrun_operator.backends.kubernetes.render.template import finished_template
from trainingrun_operator.desired.workload import Restart, Role, Workload

COMPANIONS: Final[Mapping[Role, tuple[Kind, ...]]] = {
    Role.REDIS: (NETWORK_POLICY, SERVICE),
    Role.DAEMON: (NETWORK_POLICY, SERVICE, DISRUPTION_BUDGET),
    Role.LEARNER: (NETWORK_POLICY,),
    Role.ACTOR: (NETWORK_POLICY,),
    Role.EVALUATOR: (NETWORK_POLICY,),
}
"""What every role has beside what makes its pods, and beside a claim: one object of each kind."""


def shared_objects(run: RunIdentity, ground: Ground) -> tuple[Manifest, ...]:
    """What all roles share, save the Secret, which is created and never applied."""
    return (*service_accounts(run), config_map(run, ground.config))


def shared_names(run: RunIdentity) -> frozenset[tuple[Kind, str]]:
    """Kind and name of each of the :func:`shared_objects`."""
    accounts = ((SERVICE_ACCOUNT, account_name(run, role)) for role in Role)
    return frozenset((*accounts, (CONFIG_MAP, config_name(run))))


def role_objects(
    run: RunIdentity, workload: Workload, redis_url: SecretKey,
    *, operator_namespace: str | None, metrics_from: Sequence[Mapping[str, Any]] = (),
    unsafe_overrides: bool = False,
) -> tuple[Manifest, ...]:  # fmt: skip
    """All objects of a role. The policy comes before the pods that it is about.

    ``metrics_from`` are the peers of a NetworkPolicy that may read the role's metrics.

    Raises:
        OverrideError: the user's changes of the pod template cannot be followed.
    """
    template = finished_template(run, workload, redis_url, unsafe_overrides=unsafe_overrides)
    found: list[Manifest] = []
    if workload.storage is not None and workload.storage.claim is None:
        found.append(claim(run, workload, workload.storage))
    match workload.role:
        case Role.REDIS:
            found.append(redis_policy(run, workload, operator_namespace=operator_namespace))
            found.append(service(run, workload, headless=False))
        case Role.DAEMON:
            found.append(daemon_policy(run, workload))
            found.append(service(run, workload, headless=True))
            found.append(disruption_budget(run, workload))
        case Role.LEARNER | Role.ACTOR | Role.EVALUATOR:
            found.append(metrics_policy(run, workload, metrics_from=metrics_from))
    found.append(_controller(run, workload, template))
    return tuple(found)


def _controller(run: RunIdentity, workload: Workload, template: dict[str, Any]) -> Manifest:
    if workload.restart is Restart.UNTIL_SUCCESS:
        return job(run, workload, template)
    if workload.role is Role.REDIS:
        return stateful_set(run, workload, template)
    return deployment(run, workload, template)
