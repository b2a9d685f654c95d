"""Every way to rest and to end, with operators that die after each action, over Kubernetes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from trainingrun_api.run import parse
from trainingrun_operator.kube.backend import BackendConfig, KubernetesBackend
from trainingrun_operator.kube.client import Client, load_configuration
from trainingrun_operator.kube.observe import ObjectCache
from trainingrun_reconciler.desired.redis_config import OPERATOR
from trainingrun_reconciler.memory import MemoryRunStore

from testkit.control_plane.plane import ControlPlane
from testkit.operator.dying_operators import Course
from testkit.operator.scripted_fleet import ScriptedFleet
from testkit.servers.redis_server import RedisServer

NAME = "mortal"


def _document(namespace: str, queue: RedisServer) -> dict[str, Any]:
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {
            "games": 1_000_000,
            "decks": [{"name": "red_aggro"}],
            "daemon": {"autoscaling": {"maxReplicas": 2}},
            "redis": {"url": queue.url_of(OPERATOR)},
            "checkpoint": {"storage": {"directory": {"path": "/tmp/checkpoints"}}},
        },
    }


async def _walk(plane: ControlPlane, namespace: str, uid: str, queue: RedisServer) -> Course:
    document = _document(namespace, queue)
    document["metadata"]["uid"] = uid
    store, fleet = MemoryRunStore(), ScriptedFleet(queue, uid)
    client = Client(await load_configuration(plane.kubeconfig))
    backend = KubernetesBackend(client, ObjectCache(lambda _: None), BackendConfig((namespace,)))
    label = "trainingrun.dev/role=learner"

    def end_learner() -> None:
        plane.play_present(namespace, label, "complete")

    watch = asyncio.create_task(backend.children.run())
    course = Course(
        store,
        store.put(parse(document)),
        backend,
        fleet,
        queue.client(),
        end_learner=end_learner,
    )
    fleet.start()
    try:
        await backend.children.synced()
        await course.walk()
    finally:
        fleet.stop()
        course.redis.close()
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await client.close()
    return course


def test_operators_that_die_after_each_action_walk_a_run_through_its_life(
    control_plane: ControlPlane, chart: None, namespace: str, queue_server: RedisServer
) -> None:
    """Real controllers and a real API server between the deaths; nothing but the ended learner is
    left. The run that owns the children is suspended: no operator beside these touches it."""
    owner = _document(namespace, queue_server)
    owner["spec"]["suspend"] = True
    uid = control_plane.api.apply(owner)["metadata"]["uid"]
    course = asyncio.run(_walk(control_plane, namespace, uid, queue_server))
    assert course.deaths > 20
    labels = f"trainingrun.dev/run={NAME}"
    left = control_plane.api.list("deployments,jobs", namespace, labels=labels)
    live = [each for each in left if "deletionTimestamp" not in each["metadata"]]
    assert [each["metadata"]["name"] for each in live] == [f"{NAME}-learner"]
