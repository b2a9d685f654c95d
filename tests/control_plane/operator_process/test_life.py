"""The life of a run as its user sees it: apply, look, suspend, resume, complete, delete."""

from __future__ import annotations

from typing import Any

from operator_bed import OperatorProcess, Trainer, condition
from trainingrun_contracts.reports import Intent

EVERYTHING = (
    "deployments,jobs,statefulsets,pods,services,secrets,configmaps,serviceaccounts,"
    "persistentvolumeclaims,networkpolicies,poddisruptionbudgets"
)
WORKERS = "deployments,jobs"


def played(run: dict[str, Any]) -> int:
    """Games in the status."""
    return int(run.get("status", {}).get("games", {}).get("played", 0))


def names(objects: list[dict[str, Any]]) -> set[str]:
    """Kind and name of each."""
    return {f"{each['kind']}/{each['metadata']['name']}" for each in objects}


def active_pods(trainer: Trainer, name: str) -> list[dict[str, Any]]:
    """Pods that have not ended; an ended learner is kept."""
    pods = trainer.objects("pods", name)
    return [each for each in pods if each["status"]["phase"] in ("Pending", "Running")]


def test_a_run_becomes_its_children_which_it_owns(trainer: Trainer) -> None:
    """Every child exists, is labelled, and has the run as its controller without blocking it."""
    trainer.start("first")
    trainer.wait_for("first", "Ready")
    children = [each for each in trainer.objects(EVERYTHING, "first") if each["kind"] != "Pod"]
    assert names(children) == {
        "Deployment/first-daemon", "Deployment/first-actor", "Deployment/first-evaluator",
        "Job/first-learner", "Service/first-daemon", "PodDisruptionBudget/first-daemon",
        "Secret/first-redis", "ConfigMap/first-config", "ServiceAccount/first-pods",
        "NetworkPolicy/first-daemon", "NetworkPolicy/first-actor", "NetworkPolicy/first-learner",
        "NetworkPolicy/first-evaluator",
    }  # fmt: skip
    uid = trainer.run("first")["metadata"]["uid"]
    for child in children:
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (uid, True), child["metadata"]["name"]
        assert owner["blockOwnerDeletion"] is False
        assert child["metadata"]["labels"]["trainingrun.dev/uid"] == uid


def test_the_table_shows_games_rising(trainer: Trainer) -> None:
    """``kubectl get tr`` shows state, games, queue and daemons of a run under way."""
    trainer.start("table", games=5000)
    trainer.wait_for("table", "Ready")
    trainer.wait_until(lambda: played(trainer.run("table")) > 50)
    header, row = trainer.kubectl("get", "tr", "table").splitlines()
    assert header.split()[:6] == ["NAME", "STATUS", "GAMES", "GAMES/S", "QUEUE", "DAEMONS"]
    assert "/5000" in row
    assert "1/1" in row


def test_suspend_drains_and_removes_and_resume_brings_back(trainer: Trainer) -> None:
    """Suspend walks drain and flush before anything goes; resume starts the same roles again."""
    fleet = trainer.start("pause", games=100_000)
    trainer.wait_for("pause", "Ready")
    trainer.patch("pause", '{"suspend": true}')
    trainer.wait_until(lambda: fleet.intent is Intent.FLUSH)
    assert names(trainer.objects("jobs", "pause")) == {"Job/pause-learner"}
    trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "complete")
    trainer.wait_for("pause", "Suspended")
    trainer.wait_until(lambda: not active_pods(trainer, "pause"))
    before = played(trainer.run("pause"))
    trainer.patch("pause", '{"suspend": false}')
    trainer.wait_until(lambda: played(trainer.run("pause")) > before)
    assert names(trainer.objects(WORKERS, "pause")) == {
        "Deployment/pause-daemon", "Deployment/pause-actor", "Deployment/pause-evaluator",
        "Job/pause-learner",
    }  # fmt: skip
    assert fleet.intent is Intent.RUN


def test_a_complete_run_succeeds_and_keeps_its_learner(trainer: Trainer) -> None:
    """At its target the run drains, flushes, evaluates, and ends with the condition Succeeded."""
    fleet = trainer.start("done", games=60)
    trainer.wait_until(lambda: fleet.intent is Intent.FLUSH)
    trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "complete")
    run = trainer.wait_for("done", "Succeeded")
    assert played(run) >= 60
    trainer.wait_until(lambda: not trainer.objects("deployments", "done"))
    assert names(trainer.objects("jobs", "done")) == {"Job/done-learner"}
    assert "Completed" in [reason for reason, _ in trainer.events("done")]
    assert condition(run, "Succeeded")["reason"] == "Completed"
    trainer.wait_until(lambda: "1/1" not in trainer.kubectl("get", "tr", "done"), seconds=30)


def test_deletion_leaves_nothing_while_the_operator_is_down(
    trainer: Trainer, operator: OperatorProcess
) -> None:
    """The garbage collector takes everything; no finalizer waits for the operator."""
    trainer.start("gone")
    trainer.wait_for("gone", "Ready")
    operator.kill()
    try:
        trainer.kubectl("delete", "trainingrun", "gone", "--timeout=30s")
        trainer.wait_until(lambda: not trainer.objects(EVERYTHING, "gone"))
    finally:
        operator.start()


def test_a_managed_redis_has_a_password_that_only_its_secret_knows(trainer: Trainer) -> None:
    """The StatefulSet, its Service and claim are made; the password stands nowhere else."""
    redis = {"managed": {"memory": "512Mi"}}
    trainer.apply("own", redis=redis, checkpoint={"size": "1Gi"})
    trainer.wait_until(lambda: names(trainer.objects("statefulsets", "own")) != set())
    (secret,) = trainer.objects("secrets", "own")
    assert set(secret["data"]) == {"url", "redis.conf"}
    everything = trainer.kubectl(
        "get", "statefulsets,pods,configmaps,services,trainingruns", "-o", "yaml"
    )
    assert "user trainingrun" not in everything
    assert "redis://trainingrun:" not in everything
    assert names(trainer.objects("persistentvolumeclaims,services", "own")) >= {
        "PersistentVolumeClaim/own-redis", "Service/own-redis",
    }  # fmt: skip
