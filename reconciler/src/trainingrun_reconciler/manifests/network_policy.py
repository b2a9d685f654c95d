"""Network policies: who may connect to the pods of a run, and where its engines may connect to.

Daemons and Redis hold what is worth attacking (an engine that runs foreign decks, all data) and
need no way out but name resolution. Actors and the learner are not bound in where they connect to:
a Redis or a bucket outside the cluster may be anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trainingrun_reconciler.kinds import NETWORK_POLICY
from trainingrun_reconciler.manifests.metadata import (
    UID_LABEL,
    Manifest,
    manifest,
    role_name,
    selector,
)
from trainingrun_reconciler.manifests.pod import METRICS_PORT
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Entrance, RoleDeclaration
from trainingrun_reconciler.roles.workload import Workload

_DNS: Final = {
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def network_policy(
    run: RunIdentity,
    workload: Workload,
    *,
    operator_namespace: str | None,
    metrics_from: Sequence[Mapping[str, Any]],
) -> Manifest:
    """Who may connect to the pods of a role, and to which port.

    ``metrics_from`` are the peers that may read its metrics. Where no peer may connect there is no
    rule at all: a rule with an empty ``from`` would let in everybody.
    """
    declared = ROLES[workload.role]
    rules = [
        (_sources(run, declared, operator_namespace), workload.port),
        ([*metrics_from] if declared.serves_metrics else [], METRICS_PORT),
    ]
    spec = {
        "podSelector": {"matchLabels": selector(run, workload.role)},
        "policyTypes": ["Ingress", "Egress"] if declared.is_confined else ["Ingress"],
        "ingress": [
            {"from": peers, "ports": [{"protocol": "TCP", "port": port}]}
            for peers, port in rules
            if peers
        ],
    }
    if declared.is_confined:
        spec["egress"] = [_DNS, *_ways_out(run, declared)]
    name = role_name(run, workload.role)
    return manifest(NETWORK_POLICY, run, name, role=workload.role, spec=spec)


def _sources(
    run: RunIdentity, declared: RoleDeclaration, operator_namespace: str | None
) -> list[dict[str, Any]]:
    match declared.entrance:
        case Entrance.NONE:
            return []
        case Entrance.CLIENTS:
            return [_pods(selector(run, role)) for role in ROLES.clients_of(declared.role)]
        case Entrance.RUN:
            sources = [_pods({UID_LABEL: run.uid})]
            if operator_namespace:
                name = {"kubernetes.io/metadata.name": operator_namespace}
                sources.append({"namespaceSelector": {"matchLabels": name}})
            return sources


def _ways_out(run: RunIdentity, declared: RoleDeclaration) -> list[dict[str, Any]]:
    return [
        {
            "to": [_pods(selector(run, role))],
            "ports": [{"protocol": "TCP", "port": ROLES[role].port}],
        }
        for role in declared.connects_to
    ]


def _pods(labels: Mapping[str, str]) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": dict(labels)}}
