"""What is reported to a user when something is wrong: a condition and an event with the real
message."""

from __future__ import annotations

import json
from typing import Any

from testkit.control_plane.api_connections import ApiError
from testkit.operator.operator_process import OperatorProcess, Trainer, condition
from testkit.operator.pod_templates import asked_of

SPEC_SCHEMA = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"


def test_an_unknown_deck_is_refused_with_those_that_exist(trainer: Trainer) -> None:
    """The condition names the deck and the choices, and nothing is started."""
    trainer.apply("deck", decks=[{"name": "red_aggro"}, {"name": "blue_control"}])
    trainer.wait_until(lambda: "UnknownDeck" in str(trainer.run("deck").get("status")))
    assert "blue_control" in str(trainer.run("deck")["status"]["conditions"])
    assert "white_weenie" in str(trainer.run("deck")["status"]["conditions"])
    trainer.wait_until(lambda: any("blue_control" in note for _, note in trainer.events("deck")))
    assert trainer.objects("deployments,jobs", "deck") == []


def test_a_run_that_a_newer_client_wrote_is_told_so_once(
    trainer: Trainer, operator: OperatorProcess
) -> None:
    """What the CRD lets in and this operator cannot read: a condition, one event, no retries.

    The CRD gets a value more, as that of a newer release has; with an older value the run starts.
    """
    known = f"{SPEC_SCHEMA}/imagePullPolicy/enum"
    change_crd(trainer, {"op": "add", "path": f"{known}/-", "value": "Sometimes"})
    try:
        trainer.wait_until(lambda: accepts(trainer, imagePullPolicy="Sometimes"))
        trainer.apply("newer", imagePullPolicy="Sometimes")
        run = trainer.wait_for("newer", "Ready=False")
        told = condition(run, "Ready")
        assert told["reason"] == "InvalidSpec"
        assert told["observedGeneration"] == run["metadata"]["generation"]
        assert "imagePullPolicy" in told["message"]
        assert run["status"]["summary"].startswith("Invalid: ")
        assert [reason for reason, _ in trainer.events("newer")] == ["InvalidSpec"]
        trainer.apply("older")
        trainer.wait_until(lambda: bool(trainer.objects("deployments", "older")))
        assert operator.log().count("newer: it cannot be read") == 1
        assert (
            trainer.run("newer")["metadata"]["resourceVersion"]
            == (run["metadata"]["resourceVersion"])
        )
        trainer.patch("newer", '{"imagePullPolicy": "Always"}')
        trainer.wait_until(lambda: bool(trainer.objects("deployments", "newer")))
    finally:
        change_crd(trainer, {"op": "remove", "path": f"{known}/3"})


def test_a_field_of_a_newer_definition_stops_no_run(
    trainer: Trainer, operator: OperatorProcess
) -> None:
    """In an upgrade the definition is ahead of the operator for a while: runs continue as
    before."""
    novelty = f"{SPEC_SCHEMA}/novelty"
    change_crd(trainer, {"op": "add", "path": novelty, "value": {"type": "string"}})
    try:
        trainer.wait_until(lambda: accepts(trainer, novelty="yes"))
        operator.kill()  # a watch from before the change would be told of the run without the field
        operator.start()
        trainer.apply("ahead", novelty="yes")
        trainer.wait_until(lambda: bool(trainer.objects("deployments", "ahead")))
        assert "InvalidSpec" not in [reason for reason, _ in trainer.events("ahead")]
    finally:
        change_crd(trainer, {"op": "remove", "path": novelty})


def change_crd(trainer: Trainer, operation: dict[str, Any]) -> None:
    """Change the CRD by one operation of a JSON patch."""
    name = "crd/trainingruns.trainingrun.dev"
    trainer.plane.kubectl("patch", name, "--type=json", "-p", json.dumps([operation]))


def accepts(trainer: Trainer, **spec: Any) -> bool:
    """Whether the API server takes and keeps these fields: a changed CRD takes a moment."""
    tried = trainer.manifest("tried", **spec)
    try:
        kept = trainer.plane.api.create(tried, strict=False, dry_run=True)["spec"]
    except ApiError:
        return False
    return set(spec) <= set(kept)


def test_an_image_that_cannot_be_pulled_is_named(trainer: Trainer) -> None:
    """DaemonsAvailable is False with the image's name, and an event says the same."""
    daemon = {"template": asked_of("daemon", image="registry.invalid/daemon:9")}
    trainer.apply("image", daemon=daemon)
    trainer.wait_for("image", "DaemonsAvailable=False")
    trainer.wait_until(
        lambda: condition(trainer.run("image"), "DaemonsAvailable")["reason"] == "ImageUnavailable"
    )
    found = condition(trainer.run("image"), "DaemonsAvailable")
    assert "registry.invalid/daemon:9" in found["message"]
    trainer.wait_until(
        lambda: any("registry.invalid/daemon:9" in note for _, note in trainer.events("image"))
    )


def test_a_wrong_redis_password_is_told_without_showing_it(trainer: Trainer) -> None:
    """QueueAvailable is False and says that the password was refused; it is shown nowhere."""
    url = f"redis://operator:guess-1@{trainer.queue.address}/0"
    trainer.apply("password", redis={"url": url})
    trainer.wait_for("password", "QueueAvailable=False")
    run = trainer.run("password")
    found = condition(run, "QueueAvailable")
    assert found["reason"] == "AuthenticationFailed"
    assert "password" in found["message"]
    assert "guess-1" not in str(run["status"])
    trainer.wait_until(lambda: any("password" in note for _, note in trainer.events("password")))


def test_a_missing_redis_secret_is_named(trainer: Trainer) -> None:
    """The message says which Secret to create, and the run starts once it is there."""
    trainer.apply("secret", redis={"urlSecretRef": {"name": "my-redis"}})
    trainer.wait_until(lambda: "my-redis" in str(trainer.run("secret").get("status")))
    url = trainer.manifest("any")["spec"]["redis"]["url"]
    trainer.kubectl("create", "secret", "generic", "my-redis", f"--from-literal=url={url}")
    trainer.wait_for("secret", "QueueAvailable")


def test_a_learner_that_crashes_for_good_fails_its_run(trainer: Trainer) -> None:
    """Exit code 2 is a wrong configuration: no retries, Failed=True, the rest is removed."""
    trainer.start("crash")
    trainer.wait_for("crash", "Ready")
    trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "fail", exit_code="2")
    trainer.kubectl("wait", "--for=condition=Failed", "trainingrun/crash", "--timeout=90s")
    run = trainer.run("crash")
    assert condition(run, "Failed")["reason"] == "LearnerFailed"
    trainer.wait_until(lambda: not trainer.objects("deployments", "crash"))


def test_an_evicted_learner_is_replaced_and_not_blamed(trainer: Trainer) -> None:
    """A spot loss is no failure, even where no failure is allowed."""
    learner = {"backoffLimit": 0, "batchTransitions": 2048}
    trainer.start("spot", learner=learner)
    trainer.wait_for("spot", "Ready")
    (before,) = trainer.objects("pods", "spot,trainingrun.dev/role=learner")
    trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "evict")
    trainer.wait_until(
        lambda: any(
            pod["metadata"]["uid"] != before["metadata"]["uid"]
            and pod["status"]["phase"] == "Running"
            for pod in trainer.objects("pods", "spot,trainingrun.dev/role=learner")
        )
    )
    assert condition(trainer.run("spot"), "Failed")["status"] == "False"
