"""What should exist for a spec, and which changes replace which members."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_api.quantities import bytes_of
from trainingrun_contracts import run_config as contract
from trainingrun_reconciler.desired.run_config import run_config
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles.workload import PLACEHOLDERS, Role, Storage, filled
from trainingrun_reconciler.settings import Settings

from testkit.operator.pod_templates import asked_of
from testkit.operator.simulated_run import training_run

SETTINGS = Settings()


def _hashes(**spec: Any) -> dict[Role, str]:
    made = workloads(training_run(**spec), SETTINGS, scaled=2)
    return {role: workload.template_hash for role, workload in made.items()}


def _rolled(**spec: Any) -> set[Role]:
    before, after = _hashes(), _hashes(**spec)
    return {role for role in after if before[role] != after[role]}


@pytest.mark.parametrize(
    ("spec", "rolled"),
    [
        ({"games": 99}, set()),
        ({"suspend": True}, set()),
        ({"ttlSecondsAfterFinished": 5}, set()),
        ({"seed": 2}, {Role.LEARNER, Role.ACTOR, Role.EVALUATOR}),
        ({"decks": [{"name": "red_aggro"}]}, {Role.ACTOR, Role.EVALUATOR}),
        ({"algorithm": {"ppo": {"clip": 0.1}}}, {Role.LEARNER}),
        ({"learner": {"batchTransitions": 2048}}, {Role.LEARNER, Role.ACTOR}),
        ({"evaluation": {"games": 10}}, {Role.EVALUATOR}),
        ({"checkpoint": {"keep": 9}}, {Role.LEARNER}),
        ({"redis": {"managed": {"memory": "2Gi"}}}, {Role.REDIS}),
        (
            {"imagePullPolicy": "Always"},
            {Role.REDIS, Role.DAEMON, Role.LEARNER, Role.ACTOR, Role.EVALUATOR},
        ),
    ],
)
def test_a_change_replaces_the_members_that_read_it(
    spec: dict[str, Any], rolled: set[Role]
) -> None:
    """And no others: what is live is not in any hash."""
    assert _rolled(**spec) == rolled


def test_autoscaling_bounds_replace_nothing() -> None:
    """They are the operator's own business."""
    scaling = {"minReplicas": 1, "maxReplicas": 9}
    assert _rolled(daemon={"gamesPerDaemon": 4, "autoscaling": scaling}) == set()


def test_the_number_of_members_is_in_no_hash() -> None:
    """Scaling replaces no one."""
    few = workloads(training_run(), SETTINGS, scaled=1)
    many = workloads(training_run(), SETTINGS, scaled=50)
    assert {role: each.template_hash for role, each in few.items()} == {
        role: each.template_hash for role, each in many.items()
    }


def test_actors_follow_the_slots_of_the_daemons() -> None:
    """Every slot can be used: 50 daemons of 4 games need 13 actors of 16 games."""
    assert workloads(training_run(), SETTINGS, scaled=50)[Role.ACTOR].replicas == 13
    fixed = training_run(actor={"replicas": 3})
    assert workloads(fixed, SETTINGS, scaled=50)[Role.ACTOR].replicas == 3


def test_a_given_redis_is_not_made() -> None:
    """url or urlSecretRef: no Redis workload."""
    for redis in ({"url": "redis://r:6379/0"}, {"urlSecretRef": {"name": "s"}}):
        assert Role.REDIS not in workloads(training_run(redis=redis), SETTINGS, scaled=1)


@pytest.mark.parametrize(
    ("storage", "url", "claim"),
    [
        (None, "file:///checkpoints", Storage("/checkpoints", size="10Gi")),
        ({"s3": {"bucket": "bucket", "prefix": "prefix"}}, "s3://bucket/prefix", None),
        ({"directory": {"path": "/data/run"}}, "file:///data/run", None),
        (
            {"persistentVolumeClaim": {"claimName": "mine", "path": "a/b"}},
            "file:///checkpoints/a/b",
            Storage("/checkpoints", claim="mine"),
        ),
        (
            {"persistentVolumeClaim": {"claimName": "mine"}},
            "file:///checkpoints",
            Storage("/checkpoints", claim="mine"),
        ),
    ],
)
def test_storage_is_told_to_the_learner_as_it_sees_it(
    storage: dict[str, Any] | None, url: str, claim: Storage | None
) -> None:
    """A claim is mounted, and the configuration has the path below the mount."""
    run = training_run(checkpoint={"storage": storage} if storage else {})
    assert run_config(run, SETTINGS).checkpoint.storage == url
    assert workloads(run, SETTINGS, scaled=1)[Role.LEARNER].storage == claim


def test_the_run_configuration_is_what_the_roles_can_read() -> None:
    """It survives the way through its own codec, and is named by the uid that never repeats."""
    config = run_config(training_run(), SETTINGS)
    assert contract.decode(contract.encode(config)) == config
    assert config.run_id == "uid-1"


def test_no_command_holds_a_secret_and_every_placeholder_is_known() -> None:
    """Backends can fill every command; the password of Redis only comes by file."""
    values = {name: "x" for name in PLACEHOLDERS}
    for workload in workloads(training_run(), SETTINGS, scaled=1).values():
        assert not any("{" in part for part in filled(workload.command, values))
        assert "--requirepass" not in workload.command


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [("1Gi", 2**30), ("512Mi", 2**29), ("1.5k", 1500), ("2000m", 2), ("7", 7)],
)
def test_quantities_are_bytes(quantity: str, amount: int) -> None:
    """In all spellings of Kubernetes."""
    assert bytes_of(quantity) == amount


def test_memory_that_is_asked_for_is_also_the_limit() -> None:
    """A request above the default limit would otherwise be refused."""
    run = training_run(
        actor={"template": asked_of("actor", resources={"requests": {"memory": "2Gi"}})}
    )
    amounts = workloads(run, SETTINGS, scaled=1)[Role.ACTOR].resources
    assert (amounts.memory, amounts.memory_limit) == ("2Gi", "2Gi")


def test_an_actor_has_time_to_end_its_games_before_it_is_killed() -> None:
    """On a cluster: as long as a game may last, so that all is sent within a minute and a half of
    a spot machine's notice; and then some."""
    for timeout, seconds in ((20, 20), (600, 80)):
        run = training_run(daemon={"gameTimeoutSeconds": timeout})
        assert run_config(run, SETTINGS).actor.stop_seconds == seconds
        assert workloads(run, SETTINGS, scaled=1)[Role.ACTOR].grace_seconds > seconds + 20
