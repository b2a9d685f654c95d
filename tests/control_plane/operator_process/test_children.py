"""Failures of a run's objects and pods: the condition has the cluster's own words, and when the
cause is gone the run continues, without anybody having touched the operator."""

from __future__ import annotations

import json
from typing import Any

from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import Trainer, condition

MINE = {"app": "mine"}
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": MINE},
    "spec": {"restartPolicy": "Always", "containers": [{"name": "mine", "image": "mine:1"}]},
}
CLAIMED: dict[str, dict[str, Any]] = {
    "configmap": {"kind": "ConfigMap", "metadata": {"name": "configmap-config"}},
    "account": {"kind": "ServiceAccount", "metadata": {"name": "account-pods"}},
    "service": {
        "kind": "Service",
        "metadata": {"name": "service-daemon"},
        "spec": {"selector": MINE, "ports": [{"port": 80}]},
    },
    "claim": {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "claim-learner"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
    },
    "deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "deployment-daemon"},
        "spec": {"replicas": 0, "selector": {"matchLabels": MINE}, "template": TEMPLATE},
    },
    "job": {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "job-learner"},
        "spec": {
            "suspend": True,
            "template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}},
        },
    },
}
"""By the run whose name it takes: an object of somebody else."""


def says(trainer: Trainer, name: str, kind: str, *words: str) -> bool:
    """Whether a condition of a run has these words in its reason or message."""
    found = condition(trainer.run(name), kind)
    told = f"{found.get('reason')} {found.get('message')}"
    return all(word in told for word in words)


def wait_for_words(trainer: Trainer, name: str, kind: str, *words: str) -> None:
    """Wait until a condition has these words; a failure shows what it had instead."""
    try:
        trainer.wait_until(lambda: says(trainer, name, kind, *words))
    except AssertionError as error:
        raise AssertionError(f"{words} not in {trainer.run(name)['status']}") from error


def test_nothing_of_somebody_else_is_taken_over(trainer: Trainer) -> None:
    """Each name that is taken is reported; the other's object stays as it was, and the run begins
    once it is gone."""
    for name, claimed in CLAIMED.items():
        meta = {**claimed["metadata"], "namespace": trainer.namespace}
        trainer.plane.apply({"apiVersion": "v1", **claimed, "metadata": meta})
        trainer.start(name, checkpoint={"size": "1Gi"} if name == "claim" else FILES)
    for name, claimed in CLAIMED.items():
        taken = f"{claimed['kind']} {trainer.namespace}/{claimed['metadata']['name']} belongs to"
        wait_for_words(trainer, name, "Degraded", "NameTaken", taken)
        kind = claimed["kind"].lower()
        meta = trainer.plane.api.get(kind, claimed["metadata"]["name"], trainer.namespace)
        assert "ownerReferences" not in meta["metadata"]
        assert "trainingrun.dev/uid" not in meta["metadata"].get("labels", {})
        trainer.ask_to_delete(kind, claimed["metadata"]["name"])
    for name in CLAIMED.keys() - {"claim"}:  # nothing on this bed binds claims
        trainer.wait_for(name, "Ready")


FILES = {"storage": {"directory": {"path": "/tmp/checkpoints"}}}


def test_a_limit_and_a_quota_are_told_in_the_clusters_words(trainer: Trainer) -> None:
    """What a ReplicaSet is refused stands in DaemonsAvailable; a Job's refusals are in its events,
    and LearnerAvailable says where to look. Without the cause each run becomes ready."""
    meta = {"namespace": trainer.namespace}
    limits = {"limits": [{"type": "Container", "max": {"memory": "16Mi"}}]}
    trainer.plane.apply(policy("LimitRange", {"name": "narrow", **meta}, limits))
    trainer.start("limited")
    wait_for_words(trainer, "limited", "DaemonsAvailable", "CreationFailed", "16Mi")
    trainer.delete("limitrange", "narrow")
    trainer.wait_for("limited", "Ready")
    trainer.plane.apply(policy("ResourceQuota", {"name": "small", **meta}, {"hard": {"pods": "0"}}))
    trainer.start("refused")
    wait_for_words(
        trainer, "refused", "DaemonsAvailable", "CreationFailed", "exceeded quota: small"
    )
    wait_for_words(trainer, "refused", "LearnerAvailable", "describe job refused-learner")
    trainer.delete("resourcequota", "small")
    trainer.wait_for("refused", "Ready", seconds=90)


def policy(kind: str, meta: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """What an administrator bounds a namespace by."""
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": spec}


def test_evictions_and_a_node_that_is_lost(trainer: Trainer, control_plane: ControlPlane) -> None:
    """Daemons that are evicted come back; those that are driven off their node and find no other
    say what is missing, and run once there is room again. Neither is a failure of the run."""
    control_plane.add_nodes(1, prefix=f"{trainer.namespace}-lost")
    node = f"{trainer.namespace}-lost-0"
    control_plane.kubectl("label", "node", node, f"only-for={trainer.namespace}")
    there = {"spec": {"nodeSelector": {"only-for": trainer.namespace}}}
    trainer.start("driven", daemon={"template": there, "autoscaling": {"maxReplicas": 1}})
    trainer.wait_for("driven", "Ready")
    begun = running(trainer, "driven")
    evicted = "trainingrun.dev/run=driven,trainingrun.dev/role=daemon"
    control_plane.play(trainer.namespace, evicted, "evict")
    trainer.wait_until(lambda: renewed(trainer, "driven", begun))
    before = running(trainer, "driven")
    control_plane.kubectl("taint", "node", node, "broken=yes:NoExecute")
    wait_for_words(trainer, "driven", "DaemonsAvailable", "Unschedulable", "untolerated taint")
    control_plane.kubectl("taint", "node", node, "broken-")
    trainer.wait_for("driven", "Ready")
    assert renewed(trainer, "driven", before)
    assert condition(trainer.run("driven"), "Failed")["status"] == "False"


def running(trainer: Trainer, name: str) -> set[str]:
    """The daemons of a run that run now."""
    pods = daemons(trainer, name)
    return {pod["metadata"]["uid"] for pod in pods if pod["status"]["phase"] == "Running"}


def renewed(trainer: Trainer, name: str, before: set[str]) -> bool:
    """Whether daemons run, and none of those before."""
    now = running(trainer, name)
    return bool(now) and not now & before


def daemons(trainer: Trainer, name: str) -> list[dict[str, Any]]:
    """The daemons' pods of a run."""
    return trainer.objects("pods", f"{name},trainingrun.dev/role=daemon")


def test_a_change_that_weakens_or_does_not_fit_leaves_what_runs_alone(trainer: Trainer) -> None:
    """Refused by us, refused by the API server: reported with path and words; the pods of before
    stay, and a change that is allowed rolls them."""
    trainer.start("pods", games=100_000)
    trainer.wait_for_members("pods")
    before = {pod["metadata"]["uid"] for pod in trainer.objects("pods", "pods")}
    for role, change, words in (
        (
            "learner",
            {"hostNetwork": True},
            ("OverrideRefused", "learner.template.spec.hostNetwork"),
        ),
        ("learner", {"nodeSelector": {"no key": "x"}}, ("spec.template.spec.nodeSelector",)),
        ("daemon", {"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}, ("hostPath",)),
    ):
        given = json.dumps({role: {"template": {"spec": change}}})
        trainer.patch("pods", given)
        wait_for_words(trainer, "pods", "Degraded", *words)
        trainer.patch("pods", json.dumps({role: {"template": None}}))
    trainer.wait_for("pods", "Degraded=False")
    assert {pod["metadata"]["uid"] for pod in trainer.objects("pods", "pods")} == before
    labelled = {"metadata": {"labels": {"team": "blue"}}}
    trainer.patch("pods", json.dumps({"daemon": {"template": labelled}}))
    trainer.wait_until(
        lambda: any(
            pod["metadata"]["labels"].get("team") == "blue" for pod in daemons(trainer, "pods")
        )
    )


def test_a_run_waits_for_kueue(trainer: Trainer, control_plane: ControlPlane) -> None:
    """Without Kueue the conditions say that no one will admit it; with Kueue it waits with nothing
    but its suspended learner; admitted (here by a stand-in that does what Kueue does) it runs, and
    when the admission is taken back it waits again."""
    document = trainer.manifest("queued", games=100_000)
    document["metadata"]["labels"] = {
        "kueue.x-k8s.io/queue-name": "games",
        "kueue.x-k8s.io/priority-class": "low",
    }
    control_plane.api.apply(document)
    trainer.play("queued")
    wait_for_words(trainer, "queued", "Ready", "QueueControllerMissing", "kueue.x-k8s.io")
    assert condition(trainer.run("queued"), "Degraded")["status"] == "True"
    kueue = kueue_definition()
    control_plane.apply(kueue)
    wait_for_words(trainer, "queued", "Ready", "WaitingForQuota", "queue games")
    run = trainer.run("queued")
    assert condition(run, "Degraded")["status"] == "False"
    assert run["status"]["summary"].startswith("Waiting: queue games")
    assert "startedAt" not in run["status"]
    assert trainer.objects("deployments,statefulsets,pods", "queued") == []
    (job,) = trainer.objects("jobs", "queued")
    labels = job["metadata"]["labels"]
    assert job["spec"]["suspend"] is True
    assert labels["kueue.x-k8s.io/queue-name"] == "games"
    assert labels["kueue.x-k8s.io/priority-class"] == "low"
    let_begin(trainer, "queued-learner", admitted=True)
    trainer.wait_for("queued", "Ready")
    (job,) = trainer.objects("jobs", "queued")
    assert job["spec"]["suspend"] is False
    let_begin(trainer, "queued-learner", admitted=False)
    wait_for_words(trainer, "queued", "Ready", "WaitingForQuota", "queue games")
    assert daemons(trainer, "queued") != []  # for a minute: it may be let go on at once
    let_begin(trainer, "queued-learner", admitted=True)
    trainer.wait_for("queued", "Ready")
    control_plane.api.delete("crd", kueue["metadata"]["name"])


def let_begin(trainer: Trainer, job: str, *, admitted: bool) -> None:
    """What Kueue does to a Job: let it begin, or take its admission back."""
    trainer.change("job", job, {"spec": {"suspend": not admitted}}, by="kueue")


def kueue_definition() -> dict[str, Any]:
    """Enough of Kueue for discovery to serve its group."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1beta1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "workloads.kueue.x-k8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a test"},
        },
        "spec": {
            "group": "kueue.x-k8s.io",
            "names": {"kind": "Workload", "plural": "workloads"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
