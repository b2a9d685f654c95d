"""The life of a run as its user sees it: apply, get, suspend, resume, complete, delete."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from trainingrun_contracts.reports import Evaluation, Intent, queue_evaluation
from trainingrun_operator.kube.store import STATUS_MANAGER
from trainingrun_protocol.access import read_token

from testkit.operator.operator_process import OperatorProcess, Trainer, condition

EVERYTHING = (
    "deployments,jobs,statefulsets,pods,services,secrets,configmaps,serviceaccounts,"
    "persistentvolumeclaims,networkpolicies,poddisruptionbudgets"
)
WORKERS = "deployments,jobs"
ROLE_URLS = {"learner-url", "actor-url", "evaluator-url"}
RECORDING = "trainingrun_trainer.recording"


def members(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The members of each role, as the status counts them."""
    return {each["name"]: each for each in run["status"]["roles"]}


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
        "Deployment/first-daemon",
        "Deployment/first-actor",
        "Deployment/first-evaluator",
        "Job/first-learner",
        "Service/first-daemon",
        "PodDisruptionBudget/first-daemon",
        "Secret/first-redis",
        "Secret/first-daemon",
        "ConfigMap/first-config",
        "ServiceAccount/first-pods",
        "ServiceAccount/first-learner",
        "NetworkPolicy/first-daemon",
        "NetworkPolicy/first-actor",
        "NetworkPolicy/first-learner",
        "NetworkPolicy/first-evaluator",
    }
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
    assert header.split()[:6] == ["NAME", "STATUS", "GAMES", "TARGET", "GAMES/S", "QUEUE"]
    assert "5000" in row


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
    workers = {
        "Deployment/pause-daemon",
        "Deployment/pause-actor",
        "Deployment/pause-evaluator",
        "Job/pause-learner",
    }
    # Games may rise before the learner of before is gone, which the new one has to wait for.
    trainer.wait_until(lambda: names(trainer.objects(WORKERS, "pause")) == workers)
    assert fleet.intent is Intent.RUN


def test_a_complete_run_succeeds_and_keeps_its_learner(trainer: Trainer) -> None:
    """At its target the run drains, flushes, evaluates, and ends with the condition Complete."""
    fleet = trainer.start("done", games=60)
    trainer.wait_until(lambda: fleet.intent is Intent.FLUSH)
    trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "complete")
    trainer.kubectl("wait", "--for=condition=Complete", "trainingrun/done", "--timeout=90s")
    run = trainer.run("done")
    assert played(run) >= 60
    trainer.wait_until(lambda: not trainer.objects("deployments", "done"))
    assert names(trainer.objects("jobs", "done")) == {"Job/done-learner"}
    trainer.wait_for_event("done", "Completed")
    assert condition(run, "Complete")["reason"] == "Completed"
    trainer.wait_until(lambda: members(trainer.run("done"))["daemon"]["ready"] == 0, seconds=30)


def test_deletion_leaves_nothing_while_the_operator_is_down(
    trainer: Trainer, operator: OperatorProcess
) -> None:
    """The garbage collector takes everything; no finalizer waits for the operator."""
    trainer.start("gone")
    trainer.wait_for("gone", "Ready")
    operator.kill()
    try:
        trainer.delete("trainingrun", "gone")
        trainer.wait_until(lambda: not trainer.objects(EVERYTHING, "gone"))
    finally:
        operator.start()


def test_a_managed_redis_has_a_password_that_only_its_secret_knows(trainer: Trainer) -> None:
    """The StatefulSet, its Service and claim are made; the password stands nowhere else."""
    redis = {"managed": {"memory": "512Mi"}}
    trainer.apply("own", redis=redis, checkpoint={"size": "1Gi"})
    trainer.wait_until(lambda: names(trainer.objects("statefulsets", "own")) != set())
    secrets = {each["metadata"]["name"]: each["data"] for each in trainer.objects("secrets", "own")}
    assert {name: set(data) for name, data in secrets.items()} == {
        "own-redis": {"url", *ROLE_URLS, "redis.conf", "secret"},
        "own-daemon": {"token"},
    }
    token = base64.b64decode(secrets["own-daemon"]["token"]).decode()
    assert read_token(token, where="the Secret").text == token
    kinds = "statefulsets,pods,configmaps,services,trainingruns"
    everything = json.dumps(trainer.plane.api.list(kinds, trainer.namespace))
    assert "user operator" not in everything
    assert "redis://operator:" not in everything
    assert "redis://actor:" not in everything
    assert token not in everything
    assert names(trainer.objects("persistentvolumeclaims,services", "own")) >= {
        "PersistentVolumeClaim/own-redis",
        "Service/own-redis",
    }


def pod_ids(trainer: Trainer, name: str, *roles: str) -> set[str]:
    """Identities of the pods of these roles that live."""
    pods = [each for role in roles for each in pods_of(trainer, name, role)]
    return {each["metadata"]["uid"] for each in pods if "deletionTimestamp" not in each["metadata"]}


def pods_of(trainer: Trainer, name: str, role: str) -> list[dict[str, Any]]:
    """The pods of one role."""
    pods = trainer.objects("pods", name)
    return [each for each in pods if each["metadata"]["labels"]["trainingrun.dev/role"] == role]


def test_a_changed_learner_restarts_alone(trainer: Trainer) -> None:
    """A new Job for the learner; the pods of daemons and actors are the same ones."""
    trainer.start("tuned", games=100_000)
    trainer.wait_for_members("tuned")
    kept = pod_ids(trainer, "tuned", "daemon", "actor", "evaluator")
    (before,) = trainer.objects("jobs", "tuned")
    trainer.patch("tuned", '{"algorithm": {"ppo": {"learningRate": 0.0007}}}')

    def is_new() -> bool:
        jobs = trainer.objects("jobs", "tuned")
        return bool(jobs) and jobs[0]["metadata"]["uid"] != before["metadata"]["uid"]

    trainer.wait_until(is_new)
    trainer.wait_for("tuned", "Ready")
    assert pod_ids(trainer, "tuned", "daemon", "actor", "evaluator") == kept


def test_a_run_without_money_stops_and_goes_on_when_it_has_more(trainer: Trainer) -> None:
    """The budget stops it as suspend does; the table shows what was spent; a higher one resumes."""
    cost = {"learnerHourly": 100_000.0, "currency": "EUR", "budget": 100.0}
    fleet = trainer.start("dear", games=100_000, cost=cost)
    trainer.wait_until(lambda: fleet.intent is Intent.FLUSH)
    trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "complete")
    run = trainer.wait_for("dear", "Suspended")
    told = condition(run, "Suspended")
    assert told["reason"] == "BudgetExhausted"
    assert "raise it to continue" in told["message"]
    assert run["status"]["cost"]["spent"] >= 100
    spent = int(run["status"]["cost"]["spent"])
    assert f" {spent}" in trainer.kubectl("get", "tr", "dear", "-o", "wide")
    trainer.wait_until(lambda: not active_pods(trainer, "dear"))
    before = played(trainer.run("dear"))
    trainer.patch("dear", '{"cost": {"budget": 1000000000}}')
    trainer.wait_until(lambda: played(trainer.run("dear")) > before)
    trainer.wait_for_event("dear", "BudgetExhausted", "Suspended", "Resumed")


def test_a_run_that_is_strong_enough_is_complete(trainer: Trainer) -> None:
    """The newest evaluation reaches stopWhen.winRate: it ends as at its last game, and what it was
    is written by a pod in the learner's place."""
    goal = {"winRate": 0.8, "opponent": "random"}
    fleet = trainer.start("strong", games=100_000, stopWhen=goal)
    trainer.wait_for("strong", "Ready")
    with trainer.queue.client() as client, client.pipeline() as pipe:
        result = Evaluation(time.time(), 1, fleet.games, "random", 400, 360, 0, 0.9, 0.87, 0.93)
        queue_evaluation(pipe, fleet.keys.evaluations, result)
        pipe.execute()
    trainer.wait_until(lambda: fleet.intent is Intent.FLUSH)
    label = "trainingrun.dev/role=learner"
    trainer.plane.play(trainer.namespace, label, "complete")
    trainer.wait_until(lambda: fleet.intent is Intent.EVALUATE)

    def recorders() -> list[str]:
        pods = trainer.plane.api.list("pods", trainer.namespace, labels=label)
        commands = {
            pod["metadata"]["name"]: pod["spec"]["containers"][0].get("command", ()) for pod in pods
        }
        return [
            name for name, words in commands.items() if "trainingrun_trainer.recording" in words
        ]

    trainer.wait_until(lambda: len(recorders()) == 1)
    trainer.plane.play(trainer.namespace, label, "complete")
    run = trainer.wait_for("strong", "Complete")
    assert condition(run, "Complete")["reason"] == "WinRateReached"


def write_status_as_the_operator(trainer: Trainer, name: str, **fields: Any) -> None:
    """Fields of a status, owned by who owns it: so the operator may take them away again."""
    run = trainer.run(name)
    written = {key: run[key] for key in ("apiVersion", "kind")}
    metadata = {"name": name, "namespace": trainer.namespace}
    written |= {"metadata": metadata, "status": {**run["status"], **fields}}
    trainer.plane.kubectl(
        "apply",
        "-f",
        "-",
        "--server-side",
        "--force-conflicts",
        "--subresource=status",
        f"--field-manager={STATUS_MANAGER}",
        stdin=json.dumps(written),
    )


def test_an_idle_run_stops_even_if_the_operator_was_away_meanwhile(
    trainer: Trainer, operator: OperatorProcess
) -> None:
    """The last progress stands in the status; the annotation lets the run continue."""
    fleet = trainer.start("idle", games=100_000, idleShutdownSeconds=3600)
    trainer.wait_for("idle", "Ready")
    fleet.games_per_tick = 0
    trainer.wait_until(lambda: played(trainer.run("idle")) == fleet.games)
    operator.kill()
    try:
        write_status_as_the_operator(trainer, "idle", progressedAt="2026-01-01T00:00:00Z")
    finally:
        operator.start()
    trainer.wait_until(lambda: fleet.intent is Intent.FLUSH)
    trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "complete")
    run = trainer.wait_for("idle", "Suspended")
    assert condition(run, "Suspended")["reason"] == "Idle"
    fleet.games_per_tick = 2
    wake = {"annotations": {"trainingrun.dev/wake": "now"}}
    trainer.change("trainingrun", "idle", {"metadata": wake})
    trainer.wait_until(lambda: played(trainer.run("idle")) > played(run))


def test_a_run_that_asks_for_it_takes_its_checkpoints_with_it(trainer: Trainer) -> None:
    """It is held until the cleaner has ended in the learner's place; the rest goes before."""
    trainer.start("clean", games=100_000, reclaimPolicy="Delete")
    trainer.wait_for("clean", "Ready")
    assert trainer.run("clean")["metadata"]["finalizers"] == ["trainingrun.dev/storage"]
    trainer.ask_to_delete("trainingrun", "clean")

    def removes() -> bool:
        pods = trainer.objects("pods", "clean")  # and not the Job: its pod is told to end
        commands = [each["spec"]["containers"][0]["command"] for each in pods]
        return any("trainingrun_trainer.checkpoint" in command for command in commands)

    trainer.wait_until(removes)
    trainer.wait_until(lambda: not trainer.objects("deployments", "clean"))
    trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "complete")
    trainer.wait_until_gone("trainingrun", "clean")
    trainer.wait_for_event("clean", "StorageDeleted")  # it is told after the run was let go
