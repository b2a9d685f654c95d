"""Spot machines that are taken back, drains, lost nodes: replaced, counted, blamed on no one.

What reaches a run without any right to nodes is the pod: it is evicted, marked by the kubelet of a
node that shuts down, or ends because its own machine asked it to. The Job's rules are the cluster's
to follow, so its real controller does here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from testkit.operator.operator_process import Trainer, condition

LEARNER = "trainingrun.dev/role=learner"
NO_FAILURE_ALLOWED = {"backoffLimit": 0, "batchTransitions": 2048}


def interruptions(trainer: Trainer, name: str, role: str) -> int:
    """As the status counts them."""
    roles = trainer.run(name).get("status", {}).get("roles", [])
    return sum(int(each.get("interruptions", 0)) for each in roles if each["name"] == role)


def running_pods(trainer: Trainer, name: str, role: str) -> dict[str, dict[str, Any]]:
    """Pods of a role that run and stay, by uid."""
    return {
        pod["metadata"]["uid"]: pod
        for pod in trainer.objects("pods", f"{name},trainingrun.dev/role={role}")
        if pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
    }


def evict(trainer: Trainer, pod: str) -> None:
    """As a termination handler drains: through the eviction API, which asks the budget."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    path = f"/api/v1/namespaces/{trainer.namespace}/pods/{pod}/eviction"
    trainer.plane.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))


def may_be_disrupted(trainer: Trainer, name: str, role: str) -> bool:
    """Whether the role's budget, if it has one, lets a pod go."""
    budgets = trainer.objects("poddisruptionbudgets", f"{name},trainingrun.dev/role={role}")
    return all(each.get("status", {}).get("disruptionsAllowed", 0) for each in budgets)


def wait_until_told(trainer: Trainer, name: str, words: str) -> None:
    """Wait for the event of an interruption with these words; it follows the status."""
    trainer.wait_until(
        lambda: any(
            reason == "Interrupted" and words in note for reason, note in trainer.events(name)
        )
    )


def test_a_learner_that_is_taken_twice_has_not_failed_once(trainer: Trainer) -> None:
    """No failure is allowed, its node shuts down twice: twice another pod continues. The Job's
    controller takes twice as long for each, whatever it was that ended the last one."""
    trainer.start("twice", learner=NO_FAILURE_ALLOWED)
    trainer.wait_for("twice", "Ready")
    seen: set[str] = set()
    for times in (1, 2):
        seen |= running_pods(trainer, "twice", "learner").keys()
        trainer.plane.play(trainer.namespace, LEARNER, "evict")
        trainer.wait_until(
            lambda: bool(running_pods(trainer, "twice", "learner").keys() - seen)  # noqa: B023 - waited for here
        )
        trainer.wait_until(
            lambda: interruptions(trainer, "twice", "learner") == times  # noqa: B023 - waited for here
        )
    run = trainer.run("twice")
    assert condition(run, "Failed")["status"] == "False"
    assert interruptions(trainer, "twice", "daemon") == 0
    wait_until_told(trainer, "twice", "TerminationByKubelet")
    (job,) = trainer.objects("jobs", "twice")
    assert "Failed" not in {each["type"] for each in job["status"].get("conditions", [])}


def test_a_learner_that_its_machine_told_to_end_has_not_failed(trainer: Trainer) -> None:
    """Exit code 75 without a word of the cluster: the learner had read its machine's notice."""
    trainer.start("notice", learner=NO_FAILURE_ALLOWED)
    trainer.wait_for("notice", "Ready")
    before = running_pods(trainer, "notice", "learner").keys()
    trainer.plane.play(trainer.namespace, LEARNER, "fail", exit_code="75")
    trainer.wait_until(lambda: bool(running_pods(trainer, "notice", "learner").keys() - before))
    trainer.wait_until(lambda: interruptions(trainer, "notice", "learner") == 1)
    assert condition(trainer.run("notice"), "Failed")["status"] == "False"


def test_the_same_end_without_a_reason_is_a_failure(trainer: Trainer) -> None:
    """Expect the budget to count what neither the cluster nor the machine asked for, or it would
    count nothing: the exit code of a pod that is killed."""
    trainer.start("blamed", learner=NO_FAILURE_ALLOWED)
    trainer.wait_for("blamed", "Ready")
    trainer.plane.play(trainer.namespace, LEARNER, "fail", exit_code="143")
    run = trainer.wait_for("blamed", "Failed")
    assert condition(run, "Failed")["reason"] == "LearnerFailed"
    assert interruptions(trainer, "blamed", "learner") == 0


@pytest.mark.parametrize("role", ["daemon", "actor"])
def test_a_drained_member_is_replaced_and_counted(trainer: Trainer, role: str) -> None:
    """The eviction API marks the pod before it goes; it is counted once, however long it takes."""
    trainer.start(f"drained-{role}", daemon={"autoscaling": {"minReplicas": 2, "maxReplicas": 2}})
    trainer.wait_for(f"drained-{role}", "Ready")
    name = f"drained-{role}"
    uid, pod = next(iter(running_pods(trainer, name, role).items()))
    trainer.wait_until(lambda: may_be_disrupted(trainer, name, role))  # counted after it is ready
    evict(trainer, pod["metadata"]["name"])
    trainer.wait_until(lambda: interruptions(trainer, name, role) == 1)
    trainer.wait_until(
        lambda: uid not in {p["metadata"]["uid"] for p in trainer.objects("pods", name)}
    )
    trainer.wait_for(name, "Ready")
    assert interruptions(trainer, name, role) == 1
    wait_until_told(trainer, name, pod["metadata"]["name"])
    assert condition(trainer.run(name), "Degraded")["status"] == "False"
