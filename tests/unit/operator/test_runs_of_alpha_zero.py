"""Runs of AlphaZero: their roles and what those are given, and the whole life of one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_api.conditions import ConditionType
from trainingrun_api.resource import SpecError
from trainingrun_api.run import check_update
from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import RunConfig, decode, encode
from trainingrun_reconciler.controller.state import shared_resources
from trainingrun_reconciler.desired import redis_config
from trainingrun_reconciler.desired.actions import PublishSlots, Remove
from trainingrun_reconciler.desired.run_config import run_config
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.manifests.access import SecretKey, managed_secret
from trainingrun_reconciler.manifests.network_policy import network_policy
from trainingrun_reconciler.manifests.template import finished_template
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role, Workload
from trainingrun_reconciler.settings import Images, Settings

from testkit.operator.alpha_zero import SEARCHED, SERVED
from testkit.operator.simulated_run import (
    UID,
    SimulatedRun,
    completed,
    holds,
    running,
    training_run,
)
from testkit.soak_share import share_of

ALWAYS = {Role.REDIS, Role.LEARNER}
INTERRUPTIONS = st.lists(st.integers(0, 3), min_size=1, max_size=30)
OWNER = RunIdentity("space", "quick", "8f2c-uid")


def made_of(spec: dict[str, Any], settings: Settings | None = None) -> dict[Role, Workload]:
    """The workloads of a run."""
    return dict(workloads(training_run(**spec), settings or Settings(), scaled=1))


def config_of(spec: dict[str, Any]) -> RunConfig:
    """What its roles read."""
    return decode(encode(run_config(training_run(**spec), Settings())))


@pytest.mark.parametrize(
    ("spec", "more"), [(SEARCHED, set()), (SERVED, {Role.INFERENCE})], ids=["alone", "served"]
)
def test_a_run_has_workers_in_the_place_of_daemons_and_actors(
    spec: dict[str, Any], more: set[Role]
) -> None:
    """And inference servers where they are asked for; a run of PPO has none of them."""
    usual = {Role.REDIS, Role.LEARNER, Role.SELFPLAY, Role.EVALUATOR}
    assert set(made_of(spec)) == usual | more
    assert not {Role.SELFPLAY, Role.INFERENCE} & set(made_of({}))


def test_who_searches_has_the_image_with_the_search() -> None:
    """The learner and the servers have torch's, and actors of PPO stay as small as they were."""
    images = Images(**{name: name for name in ("daemon", "actor", "trainer", "redis", "search")})
    found = {role: each.image for role, each in made_of(SERVED, Settings(images=images)).items()}
    assert found == {
        Role.REDIS: "redis",
        Role.LEARNER: "trainer",
        Role.INFERENCE: "trainer",
        Role.SELFPLAY: "search",
        Role.EVALUATOR: "search",
    }
    assert made_of({}, Settings(images=images))[Role.EVALUATOR].image == "actor"


def test_what_is_asked_of_actors_is_asked_of_workers() -> None:
    """Number, image, place and container: users know them as actors."""
    template = {
        "spec": {
            "nodeSelector": {"pool": "cores"},
            "containers": [{"name": "actor", "image": "mine:1", "env": []}],
        }
    }
    made = made_of(SEARCHED | {"actor": {"replicas": 7, "template": template, "spot": "Require"}})
    workers = made[Role.SELFPLAY]
    assert (workers.replicas, workers.image, workers.spot) == (7, "mine:1", "Require")
    url = SecretKey("quick-redis", "selfplay-url")
    pod = finished_template(OWNER, workers, url, unsafe_overrides=False)["spec"]
    assert [each["name"] for each in pod["containers"]] == ["selfplay"]
    assert pod["nodeSelector"] == {"pool": "cores"}
    assert made[Role.EVALUATOR].image == "mine:1"


@pytest.mark.parametrize(("cores", "workers"), [(None, 4), (1, 1), (2, 1), (8, 7)])
def test_how_many_workers_there_are_by_default(cores: int | None, workers: int) -> None:
    """On one machine a core is left for the learner; on a cluster nobody knows the cores."""
    made = made_of(SEARCHED, Settings(daemon_limit=cores))
    assert made[Role.SELFPLAY].replicas == workers


def test_a_server_asks_for_its_gpus_and_bounds_its_batches() -> None:
    """As the spec says, within the bounds of their number."""
    spec = SERVED | {"inference": {"gpus": 1, "maxBatch": 64, "minReplicas": 2, "maxReplicas": 3}}
    server = made_of(spec)[Role.INFERENCE]
    assert server.resources.gpus == 1
    assert server.replicas == 2
    assert server.command == ("trainingrun-inference", "--max-batch", "64")


def test_only_who_searches_may_connect_to_a_server() -> None:
    """Workers and evaluator, to its port."""
    server = made_of(SERVED)[Role.INFERENCE]
    policy = network_policy(OWNER, server, operator_namespace=None, metrics_from=())
    (rule,) = policy["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 17172}]
    labels = [each["podSelector"]["matchLabels"] for each in rule["from"]]
    assert sorted(each["trainingrun.dev/role"] for each in labels) == ["evaluator", "selfplay"]


def test_a_redis_knows_the_roles_of_its_own_run() -> None:
    """No user, password or URL of a role that the run's algorithm does not have; one of each that
    it may come to have."""
    ppo = shared_resources(training_run(), Settings()).redis_roles
    zero = shared_resources(training_run(**SEARCHED), Settings()).redis_roles
    assert set(redis_config.users(ppo)) == {"operator", "learner", "actor", "evaluator"}
    assert set(redis_config.users(zero)) == {
        *("operator", "learner", "selfplay", "inference", "evaluator")
    }
    assert redis_config.users().keys() > redis_config.users(ppo).keys()
    file = redis_config.config_file("uid", "secret", roles=ppo)
    names = [row.split()[1] for row in file.splitlines() if row.startswith("user ")]
    assert names == ["default", *redis_config.users(ppo)]
    secret = managed_secret(OWNER, "secret", roles=ppo)["stringData"]
    urls = {name.removesuffix("-url") for name in secret if name.endswith("-url")}
    assert urls == set(redis_config.users(ppo)) - {redis_config.OPERATOR}


def test_a_server_reads_weights_and_writes_neither_them_nor_the_queue() -> None:
    """Its user of Redis has its reports alone."""
    rights = redis_config.users()["inference"]
    assert {each.value for each in rights.writes} == {"players", "roles"}
    assert "weights" in {each.value for each in rights.reads}
    assert "xadd" not in rights.all_commands


def test_nobody_shows_a_token_of_daemons() -> None:
    """There are none."""
    assert not [each.role for each in made_of(SERVED).values() if each.daemon_token is not None]


def test_the_configuration_holds_what_the_spec_says() -> None:
    """Each number where its role reads it, defaults where none is given; PPO has none of it."""
    plain = config_of(SEARCHED)
    assert plain.alpha_zero == AlphaZeroConfig()
    assert config_of({}).alpha_zero is None
    spec = SERVED | {
        "algorithm": {
            "alphaZero": {
                "search": {"simulations": 200, "method": "puct"},
                "replay": {"mostRows": 30_000},
                "average": 0.5,
            }
        },
        "learner": {"network": {"kind": "resnet", "width": 64, "layers": 4}},
    }
    found = config_of(spec)
    assert found.alpha_zero is not None
    assert found.alpha_zero.search.simulations == 200
    assert found.alpha_zero.search.method == "puct"
    assert found.alpha_zero.replay.most_rows == 30_000
    assert found.alpha_zero.average == 0.5
    assert found.alpha_zero.inference_servers
    assert found.learner.network == Network("resnet", 64, 4)


def test_no_segment_of_a_search_is_stale() -> None:
    """What a search found stays true, however many publications ago."""
    assert config_of(SEARCHED | {"learner": {"maxPolicyLag": 2}}).learner.max_policy_lag == 10**6
    assert config_of({"learner": {"maxPolicyLag": 2}}).learner.max_policy_lag == 2


def test_numbers_of_an_algorithm_change_and_the_algorithm_does_not() -> None:
    """In either direction; PPO may be written down where it was the default."""
    searched = training_run(**SEARCHED).spec
    changed = training_run(**SEARCHED | {"algorithm": {"alphaZero": {"batch": 64}}}).spec
    played = training_run(**SEARCHED | {"algorithm": {"ppo": {}}}).spec
    check_update(searched, changed)
    check_update(played, training_run(**SEARCHED | {"algorithm": {"ppo": {"clip": 0.1}}}).spec)
    for old, new in ((searched, played), (played, searched)):
        with pytest.raises(SpecError, match="fit no other algorithm"):
            check_update(old, new)


def test_a_document_of_before_is_told_where_ppo_stands() -> None:
    """The section moved whole."""
    with pytest.raises(SpecError, match=r"spec\.learner\.ppo: .* as spec\.algorithm\.ppo"):
        training_run(learner={"ppo": {"clip": 0.1}})


def interrupted(world: SimulatedRun, limits: list[int]) -> SimulatedRun:
    """After reconciles in each of which the operator dies once it has done a number of actions."""
    for limit in limits:
        world.step(limit=limit)
    return world


def roles(world: SimulatedRun) -> set[Role]:
    """Those that exist."""
    return set(world.backend.roles(UID))


def walked_through_its_life(spec: dict[str, Any], limits: list[int]) -> SimulatedRun:
    """Run, suspend, resume, complete, with the interruptions at the begin of each."""
    world = interrupted(SimulatedRun(training_run(**spec | {"games": 100_000})), limits)
    world.until(holds(ConditionType.READY))
    world.change(suspend=True)
    interrupted(world, limits).until(holds(ConditionType.SUSPENDED))
    world.until(lambda each: not each.look().actions)
    assert world.queued == 0, "what was played is trained before the run rests"
    assert world.lost == 0, "no worker goes before its games have ended"
    assert roles(world) <= ALWAYS
    before = world.played
    world.change(suspend=False)
    interrupted(world, limits).until(lambda each: each.played > before)
    world.until(holds(ConditionType.READY))
    world.change(games=world.played)
    interrupted(world, limits).until(completed, steps=500)
    return world


@pytest.mark.soak
@settings(max_examples=share_of(60))
@given(spec=st.sampled_from([SEARCHED, SERVED]), limits=INTERRUPTIONS)
def test_the_life_of_a_run_with_an_operator_that_dies(
    spec: dict[str, Any], limits: list[int]
) -> None:
    """Whatever it has done when it dies, the next one leads the run to the same end."""
    world = walked_through_its_life(spec, limits)
    transitions = world.run.status.transitions
    assert transitions is not None
    assert transitions.produced == transitions.trained
    assert roles(world) == ALWAYS
    assert {each.opponent for each in world.evaluations if each.version == world.version} == set(
        world.run.spec.evaluation_opponents
    )
    assert not any(isinstance(each, PublishSlots) for each in world.actions), "no role has slots"


@pytest.mark.parametrize("limit", [1, 2])
def test_its_life_with_an_operator_that_dies_at_every_look(limit: int) -> None:
    """One action, or two, of each reconcile are done, and no status but that of one without
    more."""
    world = walked_through_its_life(SERVED, [limit] * 40)
    assert roles(world) == ALWAYS
    assert world.queued == 0


def test_servers_stay_as_long_as_anybody_searches() -> None:
    """Workers go first; the evaluator asks them in the last evaluation."""
    world = running(**SERVED, games=60)
    world.until(lambda each: Role.SELFPLAY not in roles(each), steps=200)
    assert Role.INFERENCE in roles(world)
    world.until(completed, steps=500)
    gone = [each.role for each in world.actions if isinstance(each, Remove)]
    assert gone.index(Role.SELFPLAY) < gone.index(Role.EVALUATOR) < gone.index(Role.INFERENCE)


def test_its_status_counts_its_roles() -> None:
    """By name, with the games of the workers."""
    world = running(**SERVED)
    counted = {each.name: each for each in world.run.status.roles}
    assert list(counted) == ["learner", "inference", "selfplay", "evaluator"]
    assert counted["selfplay"].display == "4/4"
    assert counted["selfplay"].busy
    assert counted["inference"].display == "1/1"
