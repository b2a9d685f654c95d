"""What somebody else deletes or changes of a run's objects comes back, and nothing else moves."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from testkit.control_plane.audit_log import whole_lines
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import SYSTEM, OperatorProcess, Trainer

CHILDREN = (
    "deployments,jobs,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets"
)


def states(trainer: Trainer, name: str) -> dict[str, tuple[str, str]]:
    """Identity, and what was asked for, of all children and pods."""
    objects = trainer.objects(f"{CHILDREN},pods", name)
    return {
        f"{each['kind']}/{each['metadata']['name']}": (each["metadata"]["uid"], content(each))
        for each in objects
    }


def content(document: dict[str, Any]) -> str:
    """Spec or data of an object, without what the cluster has assigned."""
    wanted = dict(document.get("spec") or document.get("data") or {})
    for assigned in ("clusterIP", "clusterIPs", "nodeName"):
        wanted.pop(assigned, None)
    return json.dumps(wanted, sort_keys=True)


def writes_to(plane: ControlPlane, namespace: str) -> list[str]:
    """Verb and object of the operator's writes to children in a namespace, from the audit log."""
    user = f"system:serviceaccount:{SYSTEM}:trainingrun-operator"
    log = whole_lines(plane.folder / "logs" / "audit.json")
    found = [json.loads(line) for line in log if user in line]
    return [
        f"{each['verb']} {each['objectRef']['resource']}/{each['objectRef'].get('name')}"
        for each in found
        if each["user"]["username"] == user
        and each["verb"] in {"create", "patch", "update", "delete"}
        and each["objectRef"].get("namespace") == namespace
        and each["objectRef"]["resource"] not in {"trainingruns", "events"}
    ]


def games(trainer: Trainer, name: str) -> int:
    """Games in the status."""
    return int(trainer.run(name)["status"]["games"]["played"])


def has_played(trainer: Trainer, name: str, at_least: int) -> bool:
    """Whether the status has this many games."""
    return games(trainer, name) >= at_least


def exists(trainer: Trainer, name: str, key: str) -> bool:
    """Whether a child is there."""
    return key in states(trainer, name)


def let_looks_pass(trainer: Trainer, name: str) -> None:
    """Wait until the operator has written newer counters twice."""
    for _ in range(2):
        at_least = games(trainer, name) + 1
        trainer.wait_until(partial(has_played, trainer, name, at_least))


def test_a_deployment_that_somebody_deletes_comes_back(trainer: Trainer) -> None:
    """The loop is level-triggered: what is missing is made again."""
    trainer.start("lost")
    trainer.wait_for("lost", "Ready")
    (before,) = trainer.objects("deployments", "lost,trainingrun.dev/role=daemon")
    trainer.delete("deployment", "lost-daemon")
    trainer.wait_until(
        lambda: any(
            each["metadata"]["uid"] != before["metadata"]["uid"]
            for each in trainer.objects("deployments", "lost,trainingrun.dev/role=daemon")
        )
    )


def test_what_goes_with_a_role_comes_back_when_it_is_deleted(trainer: Trainer) -> None:
    """Service, budget, policies, configuration and account: each alone, all else untouched."""
    trainer.start("holes", games=100_000)
    trainer.wait_for_members("holes")
    for kind, name in (
        ("Service", "holes-daemon"),
        ("PodDisruptionBudget", "holes-daemon"),
        ("NetworkPolicy", "holes-daemon"),
        ("NetworkPolicy", "holes-learner"),
        ("ConfigMap", "holes-config"),
        ("ServiceAccount", "holes-pods"),
        ("ServiceAccount", "holes-learner"),
    ):
        key, before = f"{kind}/{name}", states(trainer, "holes")
        trainer.delete(kind, name)
        trainer.wait_until(partial(exists, trainer, "holes", key))
        after = states(trainer, "holes")
        assert after[key][0] != before[key][0]
        assert after[key][1] == before[key][1]
        assert {each: after[each] for each in after if each != key} == {
            each: before[each] for each in before if each != key
        }, key


EDITS = (
    ("Service", "edits-daemon", {"spec": {"selector": {"app": "mine"}}}),
    ("PodDisruptionBudget", "edits-daemon", {"spec": {"maxUnavailable": "100%"}}),
    ("NetworkPolicy", "edits-actor", {"spec": {"ingress": [{}]}}),
    ("ConfigMap", "edits-config", {"data": {"run.json": "{}"}}),
)


def test_what_somebody_changes_is_put_back(
    trainer: Trainer, operator: OperatorProcess, control_plane: ControlPlane
) -> None:
    """An edit of what is ours alone is undone by one write each; a restart writes nothing more."""
    trainer.start("edits", games=100_000)
    trainer.wait_for_members("edits")
    before, begun = states(trainer, "edits"), len(writes_to(control_plane, trainer.namespace))
    for kind, name, edit in EDITS:
        trainer.change(kind, name, edit, by="somebody")
        trainer.wait_until(lambda: states(trainer, "edits") == before)
    operator.kill()
    operator.start()
    let_looks_pass(trainer, "edits")
    assert states(trainer, "edits") == before
    assert sorted(writes_to(control_plane, trainer.namespace)[begun:]) == [
        "patch configmaps/edits-config",
        "patch networkpolicies/edits-actor",
        "patch poddisruptionbudgets/edits-daemon",
        "patch services/edits-daemon",
    ]


def test_what_somebody_adds_beside_ours_is_left_alone(
    trainer: Trainer, control_plane: ControlPlane
) -> None:
    """A key of one's own in the ConfigMap stays; it costs one write, and not one per reconcile."""
    trainer.start("adds", games=100_000)
    trainer.wait_for("adds", "Ready")
    begun = len(writes_to(control_plane, trainer.namespace))
    trainer.change("configmap", "adds-config", {"data": {"notes": "mine"}}, by="somebody")
    let_looks_pass(trainer, "adds")
    (found,) = (
        each
        for each in trainer.objects("configmaps", "adds")
        if each["metadata"]["name"] == "adds-config"
    )
    assert found["data"]["notes"] == "mine"
    assert writes_to(control_plane, trainer.namespace)[begun:] == ["patch configmaps/adds-config"]


def test_a_role_that_goes_is_told_so_once(trainer: Trainer, operator: OperatorProcess) -> None:
    """While its pods end, which takes many reconciles, nothing is asked again."""
    trainer.start("slow", games=100_000)
    trainer.wait_for("slow", "Ready")
    actors = "trainingrun.dev/role=actor"
    trainer.kubectl("annotate", "pods", "-l", actors, "bed.trainingrun.dev/stop-after=8s")
    trainer.patch("slow", '{"suspend": true}')
    trainer.wait_until(lambda: not trainer.objects("deployments", f"slow,{actors}"))
    assert operator.log().count("run slow: remove actor") == 1
