"""Network policies: who may connect to the pods of a run, and where its engines may connect to.

Daemons and Redis hold what is worth attacking (an engine that runs foreign decks, all data) and
need no way out but name resolution. Actors and the learner are not bound in where they connect to:
a Redis or a bucket outside the cluster may be anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trainingrun_operator.backends import RunIdentity
from trainingrun_operator.backends.kubernetes.kinds import NETWORK_POLICY
from trainingrun_operator.backends.kubernetes.render.metadata import (
    UID_LABEL,
    Manifest,
    manifest,
    role_name,
    selector,
)
from trainingrun_operator.backends.kubernetes.render.pod import METRICS_PORT
from trainingrun_operator.desired.workload import Role, Workload

_DNS: Final = {
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def redis_policy(
    run: RunIdentity, workload: Workload, *, operator_namespace: str | None
) -> Manifest:
    """Redis: from the pods of this run, and from the operator's namespace."""
    sources: list[dict[str, Any]] = [{"podSelector": {"matchLabels": {UID_LABEL: run.uid}}}]
    if operator_namespace:
        name = {"kubernetes.io/metadata.name": operator_namespace}
        sources.append({"namespaceSelector": {"matchLabels": name}})
    return _closed(run, workload, sources)


def daemon_policy(run: RunIdentity, workload: Workload) -> Manifest:
    """Daemons: from the players of this run."""
    players = (Role.ACTOR, Role.EVALUATOR)
    sources = [{"podSelector": {"matchLabels": selector(run, role)}} for role in players]
    return _closed(run, workload, sources)


def metrics_policy(
    run: RunIdentity, workload: Workload, *, metrics_from: Sequence[Mapping[str, Any]]
) -> Manifest:
    """All other roles: nothing but the scraping of their metrics, by these peers (none: nobody).

    Without peers there is no rule at all: a rule with an empty ``from`` would let in everybody.
    """
    ports = [{"protocol": "TCP", "port": METRICS_PORT}]
    spec = {
        "podSelector": {"matchLabels": selector(run, workload.role)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [*metrics_from], "ports": ports}] if metrics_from else [],
    }
    name = role_name(run, workload.role)
    return manifest(NETWORK_POLICY, run, name, role=workload.role, spec=spec)


def _closed(run: RunIdentity, workload: Workload, sources: list[dict[str, Any]]) -> Manifest:
    spec = {
        "podSelector": {"matchLabels": selector(run, workload.role)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": sources, "ports": [{"protocol": "TCP", "port": workload.port}]}],
        "egress": [_DNS],
    }
    name = role_name(run, workload.role)
    return manifest(NETWORK_POLICY, run, name, role=workload.role, spec=spec)
