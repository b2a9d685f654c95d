"""Where pods may run, and by which labels they are admitted."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_api.run import parse
from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.manifests.access import redis_url_key
from trainingrun_reconciler.manifests.metadata import Manifest
from trainingrun_reconciler.manifests.objects import role_objects
from trainingrun_reconciler.manifests.placement import SPOT
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

RUN = RunIdentity("space", "quick", "8f2c-uid")
QUEUE, PRIORITY = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def controllers(labels: dict[str, str] | None = None, **spec: Any) -> dict[Role, Manifest]:
    """What makes the pods of each role."""
    metadata = {"name": RUN.name, "namespace": RUN.namespace, "uid": RUN.uid}
    document = {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {**metadata, "labels": labels},
        "spec": {"games": 100, "decks": [{"name": "red_aggro"}], **spec},
    }
    url = redis_url_key(RUN, SharedResources(config=b"{}", managed_redis=True))
    return {
        role: role_objects(RUN, workload, url, operator_namespace=None)[-1]
        for role, workload in workloads(parse(document), Settings(), scaled=2).items()
    }


def pods(**spec: Any) -> dict[Role, dict[str, Any]]:
    """The pod's spec of each role."""
    return {role: each["spec"]["template"]["spec"] for role, each in controllers(**spec).items()}


def may_run_on(pod: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether the required affinity lets a pod onto a node with these labels: the slow reading."""
    required = pod["affinity"]["nodeAffinity"].get(REQUIRED)
    if required is None:
        return True
    return any(
        all(
            (labels.get(each["key"]) in each["values"]) == (each["operator"] == "In")
            for each in term["matchExpressions"]
        )
        for term in required["nodeSelectorTerms"]
    )


def prefers(pod: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a node with these labels is liked better than one without."""
    return any(
        labels.get(each["key"]) in each["values"]
        for term in pod["affinity"]["nodeAffinity"].get(PREFERRED, ())
        for each in term["preference"]["matchExpressions"]
    )


@pytest.mark.parametrize(("label", "value"), SPOT)
def test_spot_nodes_of_every_cloud_are_taken_as_the_role_says(label: str, value: str) -> None:
    """Never, Prefer and Require; what is not Never also tolerates the taint of the same name."""
    found = pods(daemon={"spot": "Require"}, learner={"spot": "Prefer"}, actor={"spot": "Never"})
    spot, plain = {label: value}, {label: "on-demand"}
    daemon, learner, actor = (found[role] for role in (Role.DAEMON, Role.LEARNER, Role.ACTOR))
    assert (may_run_on(daemon, spot), may_run_on(daemon, plain)) == (True, False)
    assert (may_run_on(learner, spot), may_run_on(learner, plain)) == (True, True)
    assert (prefers(learner, spot), prefers(learner, plain)) == (True, False)
    assert (may_run_on(actor, spot), may_run_on(actor, plain)) == (False, True)
    taint = {"key": label, "operator": "Equal", "value": value, "effect": "NoSchedule"}
    assert taint in daemon["tolerations"]
    assert taint in learner["tolerations"]
    assert "tolerations" not in actor


def test_without_a_word_the_learner_and_redis_stay_off_spot_nodes() -> None:
    """Daemons and actors are cheap to lose; what a run's state hangs on is not."""
    found, spot = pods(), {"cloud.google.com/gke-spot": "true"}
    may = {role: may_run_on(pod, spot) for role, pod in found.items()}
    assert may == {
        Role.REDIS: False,
        Role.LEARNER: False,
        Role.DAEMON: True,
        Role.ACTOR: True,
        Role.EVALUATOR: True,
    }
    assert all(may_run_on(pod, {}) for pod in found.values())


def test_daemons_are_spread_over_nodes_and_zones() -> None:
    """A node that is lost takes few of them; where there is no room they may stand together."""
    controller = controllers()[Role.DAEMON]
    template = controller["spec"]["template"]
    for each in template["spec"]["topologySpreadConstraints"]:
        assert each["whenUnsatisfiable"] == "ScheduleAnyway"
        wanted = each["labelSelector"]["matchLabels"].items()
        assert wanted <= template["metadata"]["labels"].items()
    keys = [each["topologyKey"] for each in template["spec"]["topologySpreadConstraints"]]
    assert keys == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]


def test_a_queue_is_asked_by_labels_and_a_suspended_job() -> None:
    """Learner, daemons and actors carry queue and priority; no pod has a gate of ours."""
    found = controllers({QUEUE: "games", PRIORITY: "low"})
    asked = {role for role, each in found.items() if QUEUE in each["metadata"]["labels"]}
    assert asked == {Role.DAEMON, Role.LEARNER, Role.ACTOR}
    for role in asked:
        labels = found[role]["metadata"]["labels"]
        assert (labels[QUEUE], labels[PRIORITY]) == ("games", "low")
        assert "schedulingGates" not in found[role]["spec"]["template"]["spec"]
    assert found[Role.LEARNER]["spec"]["suspend"] is True


def test_without_a_queue_nothing_waits() -> None:
    """No label of Kueue, and a Job that begins at once."""
    for each in controllers().values():
        assert not [label for label in each["metadata"]["labels"] if "kueue" in label]
        assert "suspend" not in each["spec"]


NOTICES = [
    ("aws-node-termination-handler/spot-itn", "", "NoSchedule"),
    ("karpenter.sh/disrupted", "", "NoSchedule"),
    ("cloud.google.com/impending-node-termination", "", "NoSchedule"),
    ("remediator.kubernetes.azure.com/unschedulable", "", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "", "NoSchedule"),
    ("node.kubernetes.io/out-of-service", "nodeshutdown", "NoExecute"),
]
"""How a node that goes is marked: AWS' termination handler, Karpenter, GKE, AKS, a drain, and one
that is gone."""


def tolerates(pod: dict[str, Any], taint: tuple[str, str, str]) -> bool:
    """Whether a pod stands a taint (key, value, effect) for ever: the slow reading."""
    key, value, effect = taint
    return any(
        each.get("key", key) == key
        and (each["operator"] == "Exists" or each.get("value") == value)
        and each.get("effect", effect) == effect
        and "tolerationSeconds" not in each
        for each in pod.get("tolerations", ())
    )


@pytest.mark.parametrize("taint", NOTICES)
def test_a_node_that_goes_is_not_tolerated(taint: tuple[str, str, str]) -> None:
    """Else a pod would be put on it, and a handler would not drain it."""
    for pod in pods(learner={"spot": "Prefer", "gpus": 1}).values():
        assert not tolerates(pod, taint)


def test_a_spot_node_that_is_silent_is_given_up_after_a_minute() -> None:
    """Members that may be on spot nodes; the others wait as long as the cluster says."""
    found = pods()
    for role, pod in found.items():
        seconds = {each.get("tolerationSeconds") for each in pod.get("tolerations", ())} - {None}
        assert seconds == (set() if role in {Role.LEARNER, Role.REDIS} else {60})


def test_a_learner_with_a_gpu_may_stand_on_a_node_for_gpus() -> None:
    """GKE and most others taint them, so that no one else takes the room; daemons need not go."""
    found = pods(learner={"gpus": 1})
    taint = ("nvidia.com/gpu", "present", "NoSchedule")
    assert tolerates(found[Role.LEARNER], taint)
    assert not tolerates(found[Role.DAEMON], taint)
    assert not tolerates(pods(learner={"gpus": 0})[Role.LEARNER], taint)
