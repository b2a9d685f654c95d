"""The Kubernetes backend by itself, on a real API server with real controllers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Final

import pytest
from trainingrun_api.run import parse
from trainingrun_operator.kube.backend import BackendConfig, KubernetesBackend
from trainingrun_operator.kube.client import Client, load_configuration
from trainingrun_operator.kube.informer import Informer, Scope
from trainingrun_operator.kube.observe import ObjectCache
from trainingrun_reconciler.backends import BackendError, SharedResources
from trainingrun_reconciler.desired.actions import Apply, Remove, RemoveFirst
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.errors import ExpiredError
from trainingrun_reconciler.kinds import CONFIG_MAP, Kind
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role, Workload
from trainingrun_reconciler.settings import Settings

from testkit.control_plane.plane import ControlPlane

pytestmark = pytest.mark.usefixtures("chart")

RUN: Final[dict[str, Any]] = {
    "apiVersion": "trainingrun.dev/v1alpha1",
    "kind": "TrainingRun",
    "spec": {"games": 100, "decks": [{"name": "red_aggro"}]},
}
GROUND = SharedResources(config=b"{}", managed_redis=True)
SECONDS = 40.0


class Bench:
    """A backend that follows one namespace, and one run in it."""

    def __init__(self, backend: KubernetesBackend, client: Client, run: RunIdentity) -> None:
        self.backend = backend
        self.client = client
        self.run = run

    async def role(self, role: Role) -> ObservedRole | None:
        """What is seen of a role."""
        return (await self.backend.observe(self.run)).get(role)

    async def apply(self, workload: Workload) -> None:
        """Apply a workload."""
        await self.backend.perform(self.run, Apply(workload))

    async def until(self, role: Role, holds: Callable[[ObservedRole | None], bool]) -> ObservedRole:
        """Wait until something holds of a role; returns the role."""
        async with asyncio.timeout(SECONDS):
            while not holds(found := await self.role(role)):  # noqa: ASYNC110 - a cache is asked
                await asyncio.sleep(0.1)
        return found or ObservedRole(0, "")


@asynccontextmanager
async def bench(plane: ControlPlane, namespace: str, name: str = "bench") -> AsyncIterator[Bench]:
    """A bench with a run of its own: what has no owner that exists is collected as garbage."""
    meta = {"name": name, "namespace": namespace}
    plane.apply({**RUN, "metadata": meta, "spec": {**RUN["spec"], "suspend": True}})
    owner = plane.api.get("trainingrun", name, namespace)["metadata"]["uid"]
    client = Client(await load_configuration(plane.kubeconfig))
    config = BackendConfig((namespace,), key=(namespace, "operator"))
    backend = KubernetesBackend(client, ObjectCache(lambda _: None), config)
    watch = asyncio.create_task(backend.children.run())
    try:
        await backend.children.synced()
        made = Bench(backend, client, RunIdentity(namespace, name, owner))
        await backend.prepare(made.run, GROUND)
        yield made
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await client.close()


def workload(role: Role) -> Workload:
    """One role of a run, without a claim, so that its pods need no volume."""
    run = parse({**RUN, "metadata": {"name": "bench"}})
    return replace(workloads(run, Settings(), scaled=3)[role], storage=None, command=("x",))


def on_bench(plane: ControlPlane, namespace: str, act: Callable[[Bench], Awaitable[None]]) -> None:
    """Run a test on a bench in an event loop of its own."""

    async def run() -> None:
        async with bench(plane, namespace) as made:
            await act(made)

    asyncio.run(run())


def ready(count: int) -> Callable[[ObservedRole | None], bool]:
    """This many members are there, and all serve."""
    return lambda role: role is not None and len(role.ready) == len(role.members) == count


def test_a_shrinking_role_loses_the_members_that_were_named(
    control_plane: ControlPlane, namespace: str
) -> None:
    """RemoveFirst decides which pod a Deployment takes away."""

    async def act(made: Bench) -> None:
        daemons = workload(Role.DAEMON)
        await made.apply(daemons)
        before = await made.until(Role.DAEMON, ready(3))
        idle = before.members[1].name
        await made.backend.perform(made.run, RemoveFirst(Role.DAEMON, (idle, "never-was")))
        await made.apply(replace(daemons, replicas=2))
        after = await made.until(Role.DAEMON, ready(2))
        assert {each.name for each in after.members} == {
            each.name for each in before.members if each.name != idle
        }

    on_bench(control_plane, namespace, act)


def test_members_go_on_under_a_version_that_would_begin_them_otherwise(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Nothing that the user asked has changed: the number of members follows, their template and
    the members stay."""

    async def act(made: Bench) -> None:
        await made.apply(workload(Role.DAEMON))
        before = await made.until(Role.DAEMON, ready(3))
        await made.apply(replace(workload(Role.DAEMON), command=("newer",), replicas=4))
        after = await made.until(Role.DAEMON, ready(4))
        assert {each.name for each in before.members} < {each.name for each in after.members}
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/bench-daemon"
        there = await made.client.get(path)
        assert there["spec"]["template"]["spec"]["containers"][0]["command"] == ["x"]

    on_bench(control_plane, namespace, act)


def test_a_number_of_members_that_comes_back_is_asked_for_again(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Two, and one as at first: what was last asked for is there."""

    async def act(made: Bench) -> None:
        actors = workload(Role.ACTOR)
        for count in (1, 2, 1, 2):
            await made.apply(replace(actors, replicas=count))
            await made.until(Role.ACTOR, ready(count))

    on_bench(control_plane, namespace, act)


def test_applying_twice_writes_once(control_plane: ControlPlane, namespace: str) -> None:
    """What is there as it should be is not sent again."""

    async def act(made: Bench) -> None:
        await made.apply(workload(Role.ACTOR))
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/bench-actor"
        await made.until(Role.ACTOR, ready(workload(Role.ACTOR).replicas))
        settled = "jsonpath={.status.conditions[?(@.type=='Progressing')].reason}"
        control_plane.kubectl(  # the controller's own last write
            "-n",
            namespace,
            "wait",
            f"--for={settled}=NewReplicaSetAvailable",
            "deployment/bench-actor",
            "--timeout=30s",
        )
        before = (await made.client.get(path))["metadata"]["resourceVersion"]
        await made.apply(workload(Role.ACTOR))
        await made.backend.prepare(made.run, GROUND)
        assert (await made.client.get(path))["metadata"]["resourceVersion"] == before

    on_bench(control_plane, namespace, act)


def test_a_role_that_goes_is_seen_until_its_pods_are_gone(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Remove is not done before the members are; then the role has no entry."""

    async def act(made: Bench) -> None:
        await made.apply(workload(Role.ACTOR))
        await made.until(Role.ACTOR, ready(workload(Role.ACTOR).replicas))
        selector = "trainingrun.dev/role=actor"
        control_plane.kubectl(
            "-n", namespace, "annotate", "pods", "-l", selector, "bed.trainingrun.dev/stop-after=1h"
        )
        await made.backend.perform(made.run, Remove(Role.ACTOR))
        still = await made.until(Role.ACTOR, lambda role: role is None or not role.ready)
        assert still.members
        control_plane.kubectl(  # they end now, and not before they were seen
            "-n", namespace, "delete", "pods", "-l", selector, "--force", "--grace-period=0"
        )
        await made.until(Role.ACTOR, lambda role: role is None)
        assert control_plane.api.list("pods,networkpolicies", namespace, labels=selector) == []

    on_bench(control_plane, namespace, act)


def test_a_learner_with_another_hash_is_replaced(
    control_plane: ControlPlane, namespace: str
) -> None:
    """A Job cannot change its pods: the old one goes first, the next reconcile makes the new
    one."""

    async def act(made: Bench) -> None:
        learner = workload(Role.LEARNER)
        await made.apply(learner)
        await made.until(Role.LEARNER, ready(1))
        changed = replace(learner, template_hash="another")
        await made.apply(changed)
        await made.until(Role.LEARNER, lambda role: role is None)
        await made.apply(changed)
        now = await made.until(Role.LEARNER, ready(1))
        assert now.template_hash == "another"

    on_bench(control_plane, namespace, act)


def test_the_password_is_made_once(control_plane: ControlPlane, namespace: str) -> None:
    """A second preparation, as after a restart, finds the same URL."""

    async def act(made: Bench) -> None:
        first = await made.backend.redis_url(made.run, GROUND)
        made.backend.forget(made.run.uid)
        await made.backend.prepare(made.run, GROUND)
        assert first is not None
        assert first.endswith(f"@bench-redis.{namespace}.svc:6379/0")
        assert await made.backend.redis_url(made.run, GROUND) == first

    on_bench(control_plane, namespace, act)


def test_a_forgotten_version_is_listed_anew(control_plane: ControlPlane, namespace: str) -> None:
    """Where the API server cannot continue from (410), what went away meanwhile is reported as
    gone."""
    told: list[tuple[str, bool]] = []

    def listen(_: Kind, document: dict[str, Any], *, gone: bool = False) -> None:
        told.append((document["metadata"]["name"], gone))

    async def act(made: Bench) -> None:
        informer = Informer(made.client, Scope(CONFIG_MAP, namespace, "bed=410"), listen)
        control_plane.kubectl("-n", namespace, "create", "configmap", "stays")
        control_plane.kubectl("-n", namespace, "create", "configmap", "goes")
        control_plane.kubectl("-n", namespace, "label", "configmap", "stays", "goes", "bed=410")
        await informer.list_all()
        control_plane.kubectl("-n", namespace, "delete", "configmap", "goes")
        control_plane.stop_part("kube-apiserver", at_once=True)
        control_plane.start_part("kube-apiserver")
        with pytest.raises(ExpiredError):
            await informer.watch_from("1")
        await informer.list_all()

    on_bench(control_plane, namespace, act)
    assert sorted(told) == [("goes", False), ("goes", True), ("stays", False), ("stays", False)]


def test_a_name_that_is_taken_is_told(control_plane: ControlPlane, namespace: str) -> None:
    """A Secret of somebody else is never used, and never overwritten."""
    control_plane.kubectl("-n", namespace, "create", "secret", "generic", "bench-redis")

    async def act(_: Bench) -> None:
        pytest.fail("the preparation should have been refused")

    with pytest.raises(BackendError, match="is not controlled by this TrainingRun"):
        on_bench(control_plane, namespace, act)
