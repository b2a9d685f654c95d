"""What a run controls is its own, and nothing else: neither labels nor names make it so."""

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
from trainingrun_operator.kube.observe import ObjectCache
from trainingrun_reconciler.backends import BackendError, SharedResources
from trainingrun_reconciler.desired.actions import Apply
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import DaemonToken, Role
from trainingrun_reconciler.settings import Settings

from testkit.control_plane.plane import ControlPlane, KubectlError

pytestmark = pytest.mark.usefixtures("chart")

RUN: Final[dict[str, Any]] = {
    "apiVersion": "trainingrun.dev/v1alpha1",
    "kind": "TrainingRun",
    "spec": {"games": 100, "decks": [{"name": "red_aggro"}], "suspend": True},
}
GROUND: Final = SharedResources(config=b"{}", managed_redis=True)
SECONDS: Final = 60.0


class Place:
    """The whole cluster as an operator sees it, with one run; ``restart`` is a new operator."""

    def __init__(self, plane: ControlPlane, namespace: str, client: Client) -> None:
        self.plane = plane
        self.namespace = namespace
        self.client = client
        self.cache = ObjectCache(lambda _: None)
        self.backend = self.restart(self.cache)
        self.run = self.apply("ours")

    def restart(self, cache: ObjectCache | None = None) -> KubernetesBackend:
        """Another operator of the same installation."""
        config = BackendConfig(key=(self.namespace, "operator"))
        known = cache if cache is not None else ObjectCache(lambda _: None)
        return KubernetesBackend(self.client, known, config)

    def apply(self, name: str) -> RunIdentity:
        """A run that no operator works on."""
        document = {**RUN, "metadata": {"name": name, "namespace": self.namespace}}
        uid = self.plane.api.apply(document)["metadata"]["uid"]
        return RunIdentity(self.namespace, name, uid)

    def kubectl(self, *arguments: str) -> str:
        """kubectl in the namespace of the run."""
        return self.plane.kubectl("-n", self.namespace, *arguments)

    def secret(self) -> dict[str, str]:
        """What the run's Secret says."""
        found = self.plane.api.get("secret", "ours-redis", self.namespace)
        return dict(found["data"])

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(SECONDS):
            while not holds():  # noqa: ASYNC110 - a cache is asked
                await asyncio.sleep(0.1)


@asynccontextmanager
async def _place(plane: ControlPlane, namespace: str) -> AsyncIterator[Place]:
    client = Client(await load_configuration(plane.kubeconfig))
    made = Place(plane, namespace, client)
    watch = asyncio.create_task(made.backend.children.run())
    try:
        await made.backend.children.synced()
        yield made
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await client.close()


def on_place(plane: ControlPlane, namespace: str, act: Callable[[Place], Awaitable[None]]) -> None:
    """Run a test in an event loop of its own."""

    async def run() -> None:
        async with _place(plane, namespace) as made:
            await act(made)

    asyncio.run(run())


def labelled(run: RunIdentity, role: str) -> dict[str, str]:
    """The labels that an object of the run has, as anybody can read and write them."""
    return {
        "trainingrun.dev/run": run.name,
        "trainingrun.dev/uid": run.uid,
        "trainingrun.dev/role": role,
    }


def forged(kind: str, namespace: str, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """A Deployment or a Job that bears a run's labels and belongs to no one."""
    container = {"name": "x", "image": "example.com/x:1"}
    template: dict[str, Any] = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec: dict[str, Any] = {"template": template}
    if kind == "Deployment":
        spec |= {"replicas": 1, "selector": {"matchLabels": labels}}
    else:
        template["spec"]["restartPolicy"] = "Never"
        spec["backoffLimit"] = 0
    version = "apps/v1" if kind == "Deployment" else "batch/v1"
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}


def test_labels_alone_make_nothing_a_part_of_a_run(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Daemons and a failed learner in another namespace, and a role that no one knows in the run's
    own: none of it is seen, and nothing stops the run from being reconciled."""
    elsewhere = f"{namespace}-neighbour"
    control_plane.create_namespace(elsewhere, restricted=False)

    async def act(made: Place) -> None:
        control_plane.apply(
            forged("Deployment", elsewhere, "ours-daemon", labelled(made.run, "daemon")),
            forged("Job", elsewhere, "ours-learner", labelled(made.run, "learner")),
            forged("Deployment", elsewhere, "ours-bogus", labelled(made.run, "bogus")),
        )
        at_home = forged("Deployment", namespace, "ours-bogus", labelled(made.run, "bogus"))
        control_plane.apply({**at_home, "spec": {**at_home["spec"], "replicas": 0}})
        await made.until(lambda: len(made.cache) >= 7)  # four, and the pods of three of them
        assert await made.backend.observe(made.run) == {}
        run_there = replace(made.run, namespace=elsewhere)
        assert await made.backend.observe(run_there) == {}  # nobody controls them there either

    on_place(control_plane, namespace, act)


def test_an_object_of_somebody_else_is_refused_and_asked_for_rarely(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Whatever labels it bears; while it is there, the API server is not asked at every
    reconcile."""

    async def act(made: Place) -> None:
        owner = made.apply("theirs")
        made.kubectl("create", "configmap", "ours-config")
        reference = (
            '{"metadata": {"ownerReferences": [{"apiVersion": "trainingrun.dev/v1alpha1", "kind":'
            f' "TrainingRun", "name": "theirs", "uid": "{owner.uid}", "controller": true}}]}}}}'
        )
        made.kubectl("patch", "configmap", "ours-config", "-p", reference)
        made.kubectl("label", "configmap", "ours-config", f"trainingrun.dev/uid={made.run.uid}")
        asked: list[str] = []
        made.client.listener = lambda verb, _status, _seconds: asked.append(verb)
        for _ in range(5):
            with pytest.raises(BackendError, match="ours-config belongs to something else"):
                await made.backend.prepare(made.run, GROUND)
        assert asked.count("POST") <= 3  # the two accounts, and the configuration once
        assert made.kubectl("get", "configmap", "ours-config", "-o=jsonpath={.data}") == ""

    on_place(control_plane, namespace, act)


def test_a_secret_that_is_deleted_comes_back_with_the_same_passwords(
    control_plane: ControlPlane, namespace: str
) -> None:
    """By an operator that was restarted meanwhile, too: Redis continues with the old ones. No
    client can change what it says."""

    async def act(made: Place) -> None:
        await made.backend.prepare(made.run, GROUND)
        before = made.secret()
        with pytest.raises(KubectlError, match="immutable"):
            made.kubectl("patch", "secret", "ours-redis", "-p", '{"data": {"url": "eA=="}}')
        made.kubectl("delete", "secret", "ours-redis")
        after = made.restart()
        assert await after.redis_url(made.run, GROUND) is None
        await after.prepare(made.run, GROUND)
        assert made.secret() == before
        assert await after.redis_url(made.run, GROUND) is not None

    on_place(control_plane, namespace, act)


def test_a_key_that_is_none_makes_no_passwords(control_plane: ControlPlane, namespace: str) -> None:
    """Expect a refusal that names the Secret where its key is empty, for anybody could compute what
    is derived from that, or is missing."""

    async def act(made: Place) -> None:
        for entry in ("key=", "other=x"):
            made.kubectl("create", "secret", "generic", "operator", f"--from-literal={entry}")
            with pytest.raises(BackendError, match=f"Secret {namespace}/operator"):
                await made.backend.prepare(made.run, GROUND)
            made.kubectl("delete", "secret", "operator")
        await made.backend.prepare(made.run, GROUND)

    on_place(control_plane, namespace, act)


def test_a_secret_that_somebody_else_made_is_refused(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Even one that holds a URL, bears the run's labels, or belongs to a namesake that is on its
    way out; once it is gone, the run gets its own."""

    async def act(made: Place) -> None:
        made.kubectl("create", "secret", "generic", "ours-redis", "--from-literal=url=redis://x")
        made.kubectl("label", "secret", "ours-redis", f"trainingrun.dev/uid={made.run.uid}")
        assert await made.backend.redis_url(made.run, GROUND) is None
        with pytest.raises(BackendError, match="is not controlled by this TrainingRun") as refused:
            await made.backend.prepare(made.run, GROUND)
        assert refused.value.reason == "NameTaken"
        assert await made.backend.redis_url(made.run, GROUND) is None
        made.kubectl("delete", "secret", "ours-redis")
        await made.backend.prepare(made.run, GROUND)
        assert await made.backend.redis_url(made.run, GROUND) is not None

    on_place(control_plane, namespace, act)


def test_a_token_that_is_deleted_comes_back_as_it_was(
    control_plane: ControlPlane, namespace: str
) -> None:
    """By an operator that was restarted meanwhile, too: daemons continue with the old one. It is
    made where daemons ask for one of ours, and never taken from somebody else."""
    shared = replace(GROUND, daemon_token=DaemonToken())

    async def act(made: Place) -> None:
        def token() -> str:
            return made.kubectl("get", "secret", "ours-daemon", "-o=jsonpath={.data.token}")

        await made.backend.prepare(made.run, GROUND)
        assert "ours-daemon" not in made.kubectl("get", "secrets")
        await made.backend.prepare(made.run, shared)
        before = token()
        with pytest.raises(KubectlError, match="immutable"):
            made.kubectl("patch", "secret", "ours-daemon", "-p", '{"data": {"token": "eA=="}}')
        made.kubectl("delete", "secret", "ours-daemon")
        after = made.restart()
        await after.prepare(made.run, shared)
        assert token() == before
        made.kubectl("delete", "secret", "ours-daemon")
        made.kubectl("create", "secret", "generic", "ours-daemon", "--from-literal=token=x")
        third = made.restart()
        with pytest.raises(BackendError, match="ours-daemon is not controlled by this") as refused:
            await third.prepare(made.run, shared)
        assert refused.value.reason == "NameTaken"

    on_place(control_plane, namespace, act)


def test_a_claim_that_is_deleted_is_missed_and_made_again(
    control_plane: ControlPlane, namespace: str
) -> None:
    """The role is not intact, says that its storage is lost, and is whole after the next apply."""
    run = parse({**RUN, "metadata": {"name": "ours"}, "spec": {**RUN["spec"], "suspend": False}})
    redis = workloads(run, Settings(), scaled=1)[Role.REDIS]

    async def act(made: Place) -> None:
        await made.backend.prepare(made.run, GROUND)
        await made.backend.perform(made.run, Apply(redis))
        there = (await made.backend.observe(made.run))[Role.REDIS]
        assert (there.intact, there.storage_lost) == (True, False)
        made.kubectl("scale", "statefulset", "ours-redis", "--replicas=0")
        made.kubectl("delete", "pod", "-l", "trainingrun.dev/role=redis", "--wait=true")
        made.kubectl("delete", "pvc", "ours-redis", "--wait=true", "--timeout=60s")
        async with asyncio.timeout(SECONDS):
            while not (await made.backend.observe(made.run))[Role.REDIS].storage_lost:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await made.backend.perform(made.run, Apply(redis))
        there = (await made.backend.observe(made.run))[Role.REDIS]
        assert (there.intact, there.storage_lost, there.replicas) == (True, False, 1)

    on_place(control_plane, namespace, act)
