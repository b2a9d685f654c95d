"""One declaration is a role: rendered, observed, counted, paid for, and part of a run's life.

Its processes on this machine are in ``tests/local/test_a_sixth_role.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from trainingrun.estimate.bill import bill_of_spec
from trainingrun.estimate.fleet import Fleet
from trainingrun.estimate.needs import needs_of
from trainingrun_api.conditions import ConditionType
from trainingrun_operator.kube.observe import ObjectCache, roles_from
from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.desired.cost import cost_so_far
from trainingrun_reconciler.desired.observed import Observed, ObservedRole, Problem
from trainingrun_reconciler.desired.redis_config import config_file
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.kinds import DEPLOYMENT, POD
from trainingrun_reconciler.manifests.access import managed_secret, redis_url_key
from trainingrun_reconciler.manifests.metadata import Manifest, labels, selector
from trainingrun_reconciler.manifests.objects import (
    companions,
    role_objects,
    shared_names,
    shared_objects,
)
from trainingrun_reconciler.manifests.probes import probes
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.redis import REDIS
from trainingrun_reconciler.roles.registry import Registry
from trainingrun_reconciler.roles.workload import Probe, Role
from trainingrun_reconciler.settings import Settings

from testkit.operator.simulated_run import UID, running, training_run
from testkit.operator.sixth_role import GREETER, PORT, ROLE, WITHOUT
from tools import roles_page

RUN = RunIdentity("default", "run", UID)
SHARED = SharedResources(config=b"{}", managed_redis=True)
METRICS_FROM = {"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}
PRICES = {"actorHourly": 0.5}


@pytest.fixture(autouse=True)
def _a_sixth_role() -> Iterator[None]:
    """The role is there for the time of a test."""
    with ROLES.also(GREETER):
        yield
    assert ROLE not in ROLES


def rendered(role: Role = ROLE) -> dict[str, Manifest]:
    """The objects of a role in a run with two daemons, by kind."""
    workload = workloads(training_run(), Settings(), scaled=2)[role]
    url = redis_url_key(RUN, SHARED, user=role.value)
    made = role_objects(
        RUN, workload, url, operator_namespace="system", metrics_from=[METRICS_FROM]
    )
    return {each["kind"]: each for each in made}


def pods(role: Role) -> dict[str, Any]:
    """As a peer of a network policy."""
    return {"podSelector": {"matchLabels": selector(RUN, role)}}


def test_it_has_a_workload_like_any_role() -> None:
    """As many members as it declares, replaced by its own hash."""
    made = workloads(training_run(), Settings(), scaled=2)[ROLE]
    again = workloads(training_run(imagePullPolicy="Always"), Settings(), scaled=2)[ROLE]
    assert (made.replicas, made.image, made.port) == (3, Settings().images.actor, PORT)
    assert made.daemon_token is not None, "it shows the token to the daemons that it connects to"
    assert made.template_hash == again.template_hash, (
        "no field of the spec is promised to replace it"
    )


def test_it_is_rendered() -> None:
    """A Deployment, a Service, a policy and a disruption budget, with a pod of its own account."""
    found = rendered()
    assert found.keys() == {"Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget"}
    assert {each["metadata"]["name"] for each in found.values()} == {"run-greeter"}
    assert len(companions(ROLE)) == len(found) - 1
    pod = found["Deployment"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "run-greeter"
    assert pod["topologySpreadConstraints"]
    (container,) = pod["containers"]
    assert [each["name"] for each in container["ports"]] == ["greeter", "metrics"]
    assert "clusterIP" not in found["Service"]["spec"], "any member will do"


@pytest.mark.parametrize(
    ("probe", "question"),
    [
        (Probe.TCP, {"tcpSocket": {"port": PORT}}),
        (Probe.HTTP, {"httpGet": {"port": PORT, "path": "/healthz"}}),
        (Probe.GRPC, {"grpc": {"port": PORT}}),
    ],
)
def test_it_is_asked_whether_it_serves_as_it_declares(
    probe: Probe, question: dict[str, Any]
) -> None:
    """Start, readiness and life are the same question, asked with other patience."""
    workload = workloads(training_run(), Settings(), scaled=2)[ROLE]
    made = probes(replace(workload, probe=probe))
    assert made.keys() == {"startupProbe", "readinessProbe", "livenessProbe"}
    for each in made.values():
        assert question.items() <= each.items()


def test_a_declaration_that_cannot_work_is_refused() -> None:
    """A name that is taken, a peer that is not there, a Service without a port."""
    others = Registry(REDIS)
    with pytest.raises(ValueError, match="declared twice"):
        others.register(REDIS)
    with pytest.raises(ValueError, match="connects to daemon: declare it first"):
        others.register(GREETER)
    with pytest.raises(ValueError, match="has no port"):
        others.register(replace(GREETER, connects_to=(), port=None))


def test_it_has_an_account_that_is_shared_with_nobody() -> None:
    """Its ServiceAccount is made with the others, and missed where it is gone."""
    accounts = [
        each["metadata"]["name"]
        for each in shared_objects(RUN, SHARED)
        if each["kind"] == "ServiceAccount"
    ]
    assert sorted(accounts) == ["run-greeter", "run-learner", "run-pods"]
    assert {name for _, name in shared_names(RUN)} > set(accounts)


def test_it_may_connect_where_it_says_and_the_others_let_it_in() -> None:
    """Its own policy has ways out to its peers alone; that of the daemons has it as a source."""
    policy = rendered()["NetworkPolicy"]["spec"]
    own, metrics = policy["ingress"]
    assert own["ports"] == [{"protocol": "TCP", "port": PORT}]
    assert metrics["from"] == [METRICS_FROM]
    _, *ways_out = policy["egress"]
    assert [each["to"] for each in ways_out] == [[pods(Role.REDIS)], [pods(Role.DAEMON)]]
    assert [each["ports"][0]["port"] for each in ways_out] == [6379, 17171]
    (of_daemons,) = rendered(Role.DAEMON)["NetworkPolicy"]["spec"]["ingress"]
    assert pods(ROLE) in of_daemons["from"]


def test_it_has_a_user_of_redis() -> None:
    """The Secret holds its URL, and the server's file what it may do."""
    secret = managed_secret(RUN, "origin")["stringData"]
    assert secret["greeter-url"].startswith("redis://greeter:")
    (user,) = (line for line in config_file(UID, "origin").splitlines() if " greeter " in line)
    assert f"%R~tr:{UID}:weights:*" in user
    assert user.endswith("+hset")


def told(name: str, kind: str, owner: str, **content: Any) -> dict[str, Any]:
    """An object of the role as the API server gives it."""
    meta = {
        "name": name,
        "namespace": RUN.namespace,
        "uid": name,
        "labels": labels(RUN, ROLE),
        "ownerReferences": [{"kind": kind, "name": owner, "uid": UID, "controller": True}],
        "annotations": {"trainingrun.dev/roll-hash": "roll"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": meta, **content}


def test_it_is_observed() -> None:
    """Its Deployment makes it exist, its pods are members with endpoints."""
    cache = ObjectCache(lambda _: None)
    cache.update(DEPLOYMENT, told("run-greeter", "TrainingRun", "run", spec={"replicas": 3}))
    ready = {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    cache.update(POD, told("one", "ReplicaSet", "run-greeter-7f9c", spec={}, status=ready))
    seen = roles_from(cache.of(RUN))[ROLE]
    assert (seen.replicas, seen.template_hash) == (3, "roll")
    assert [each.endpoint for each in seen.ready] == [f"10.0.0.7:{PORT}"]
    assert not seen.intact, "its Service, policy and budget are missing"
    assert cache.roles(RUN).keys() == {ROLE}


def test_a_run_is_ready_with_it_and_degraded_with_its_troubles() -> None:
    """It counts as every role does that a run is not ready without."""
    world = running()
    assert world.ready(ROLE) == world.ready(Role.DAEMON) + 1
    ready = world.run.status.condition(ConditionType.READY)
    assert ready is not None
    assert ready.is_true
    world.backend.fail(UID, ROLE, Problem("ImagePullBackOff", "no such image"))
    world.step()
    ready = world.run.status.condition(ConditionType.READY)
    degraded = world.run.status.condition(ConditionType.DEGRADED)
    assert ready is not None
    assert degraded is not None
    assert not ready.is_true
    assert "greeters: greeter-" in ready.message
    assert degraded.is_true
    assert degraded.message.startswith("greeter greeter-")


def test_it_leaves_when_the_run_rests_and_comes_back() -> None:
    """A worker is gone while the run is suspended; so it is when the run is complete."""
    world = running()
    world.change(suspend=True)
    world.settle()
    assert world.backend.roles(UID).keys() == {Role.REDIS, Role.LEARNER}
    world.change(suspend=False)
    world.until(lambda it: it.ready(ROLE) > 0)
    world.until(lambda it: it.run.status.finished_at is not None, steps=2000)
    world.settle()
    assert ROLE not in world.backend.roles(UID)


def test_it_goes_from_a_run_that_has_it_no_longer() -> None:
    """Whether a run has the role is asked at every reconcile; without it the run is whole."""
    world = running()
    metadata = world.run.metadata.model_copy(update={"annotations": {WITHOUT: "yes"}})
    world.run = world.run.model_copy(update={"metadata": metadata})
    status = world.look().status
    assert status.role(ROLE.value) is not None, "it is counted as long as it is there"
    world.until(lambda it: ROLE not in it.backend.roles(UID))
    world.step()
    assert world.run.status.role(ROLE.value) is None
    ready = world.run.status.condition(ConditionType.READY)
    assert ready is not None
    assert ready.is_true


def test_it_stands_in_the_reference() -> None:
    """With what it is for, and what it opens and reaches."""
    lines = roles_page.page().splitlines()
    assert "- **greeter**: Greets every daemon." in lines
    (_, network) = (line for line in lines if line.startswith("| greeter |"))
    assert f"| {PORT} |" in network
    assert "name resolution, redis, daemon" in network
    (_, of_daemons) = (line for line in lines if line.startswith("| daemon |"))
    assert "actor, evaluator, greeter" in of_daemons


def test_it_costs_what_it_declares() -> None:
    """By the hour of each member that serves; in a plan, of each that is wanted."""
    run = training_run(cost=PRICES)
    world = running()
    there: ObservedRole = world.backend.roles(UID)[ROLE]
    first = cost_so_far(run, Observed({ROLE: there}), now=0.0)
    assert first is not None
    assert first.hourly == pytest.approx(0.5 * len(there.ready))
    fleet = Fleet(4, 2, 1.0, 100.0, "engine")
    parts = {part.role: part.count for part in bill_of_spec(needs_of(run), fleet).parts}
    assert parts["greeter"] == 5
