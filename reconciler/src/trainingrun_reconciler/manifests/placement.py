"""Where pods may run: spot nodes by the labels that clouds give them, and apart from one another.

There is no common label for spot nodes, so each of the well-known ones is named. A node that has
none of them counts as an ordinary one.
"""

from __future__ import annotations

from typing import Any, Final

from trainingrun_reconciler.manifests import metadata
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Role, Workload

SPOT: Final = (
    ("karpenter.sh/capacity-type", "spot"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("cloud.google.com/gke-spot", "true"),
    ("cloud.google.com/gke-preemptible", "true"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
)
"""Label and value of spot nodes: Karpenter, managed node groups of EKS, GKE (spot, and what it had
before), AKS. AKS taints them so, GKE where it provisions nodes by itself."""
_GONE: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_GONE_SECONDS: Final = 60
"""A spot node that does not answer is not coming back; without a word of ours pods would wait for
it for five minutes."""
_GPU_TAINT: Final = "nvidia.com/gpu"
"""GKE puts it on nodes with a GPU, and so do most who make such nodes elsewhere."""
_SPREAD: Final = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
_PREFERENCE: Final = 50


def placement(run: RunIdentity, workload: Workload) -> dict[str, Any]:
    """The fields of a pod's spec that say where it may run."""
    found: dict[str, Any] = {"affinity": {"nodeAffinity": _affinity(workload.spot)}}
    tolerations = _tolerations(workload)
    if tolerations:
        found["tolerations"] = tolerations
    if ROLES[workload.role].is_spread:
        found["topologySpreadConstraints"] = _spread(run, workload.role)
    return found


def _affinity(spot: str) -> dict[str, Any]:
    """Terms of a required affinity are alternatives; the expressions of one hold together."""
    match spot:
        case "Require":
            terms = [{"matchExpressions": [_is(key, "In", value)]} for key, value in SPOT]
        case "Prefer":
            preferred = [
                {
                    "weight": _PREFERENCE,
                    "preference": {"matchExpressions": [_is(key, "In", value)]},
                }
                for key, value in SPOT
            ]
            return {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
        case _:
            terms = [{"matchExpressions": [_is(key, "NotIn", value) for key, value in SPOT]}]
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}


def _is(key: str, operator: str, value: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": [value]}


def _tolerations(workload: Workload) -> list[dict[str, Any]]:
    """Taints that say what a node is; never those that say that it goes, by which it is drained."""
    found: list[dict[str, Any]] = []
    if workload.resources.gpus:
        found.append({"key": _GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"})
    if workload.spot != "Never":
        found += [
            {"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"}
            for key, value in SPOT
        ]
        found += [
            {
                "key": key,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": _GONE_SECONDS,
            }
            for key in _GONE
        ]
    return found


def _spread(run: RunIdentity, role: Role) -> list[dict[str, Any]]:
    """One node or zone that is lost takes as few members as can be; room goes before spread."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": metadata.selector(run, role)},
        }
        for key in _SPREAD
    ]
