"""The naive kopf form of the operator: what the first tutorial leads to, with the same children.

Handlers for creation and update make each child by a plain create call, ``kopf.adopt`` makes them
ours, and a timer per object lists its pods and writes the status through kopf's patch. No cache, no
server-side apply, no shared loop. It decides nothing: no drains, no scaling, no learner's life; so
its load is the least that this form can have. The children are rendered by the operator's own
functions, because what is compared is the loop.

    python -m benchmarks.operator.scale_naive --kubeconfig FILE      run by operator_scale.py
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import kopf
from trainingrun_api.run import parse
from trainingrun_operator.kube.client import Client, load_configuration
from trainingrun_operator.kube.throttle import TokenBucket
from trainingrun_operator.process.kopf_watch import connection
from trainingrun_reconciler.controller.state import shared_resources
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.errors import ConflictError
from trainingrun_reconciler.kinds import POD, TRAINING_RUN
from trainingrun_reconciler.manifests.access import given_secret, redis_url_key
from trainingrun_reconciler.manifests.metadata import RUN_LABEL
from trainingrun_reconciler.manifests.objects import role_objects, shared_objects
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.resources import RESOURCE_KINDS
from trainingrun_reconciler.settings import Settings

TIMER_SECONDS = 10.0
"""A look every ten seconds: half as often as the law of scaling would like."""
READY_FILE = "READY"
_KINDS = {kind.name: kind for kind in (each.kind for each in RESOURCE_KINDS.children)}


def children_of(body: kopf.Body) -> list[dict[str, Any]]:
    """All children of a run, as the operator renders them."""
    run = parse(dict(body))
    identity = RunIdentity(run.metadata.namespace, run.metadata.name, run.metadata.uid)
    shared, settings = shared_resources(run, Settings()), Settings()
    made = [dict(each) for each in shared_objects(identity, shared)]
    made.append(dict(given_secret(identity, str(run.spec.redis.url))))
    least = run.spec.daemon.autoscaling.min_replicas
    for workload in workloads(run, settings, scaled=least).values():
        url = redis_url_key(identity, shared, user=workload.role.value)
        made += [
            dict(each) for each in role_objects(identity, workload, url, operator_namespace=None)
        ]
    return made


def registry(client: Client, folder: Path) -> kopf.OperatorRegistry:
    """The handlers."""
    made = kopf.OperatorRegistry()
    place = TRAINING_RUN.group, TRAINING_RUN.version, TRAINING_RUN.plural

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection(client)

    @kopf.on.startup(registry=made)
    async def startup(**_: Any) -> None:
        (folder / READY_FILE).touch()

    @kopf.on.create(*place, registry=made)
    @kopf.on.update(*place, field="spec", registry=made)
    async def ensure(body: kopf.Body, namespace: str | None, **_: Any) -> None:
        for child in children_of(body):
            kopf.adopt(child, owner=body)
            try:
                await client.create(_KINDS[child["kind"]].path(namespace), child)
            except ConflictError:
                continue

    @kopf.timer(*place, interval=TIMER_SECONDS, registry=made)
    async def look(name: str, namespace: str | None, patch: kopf.Patch, **_: Any) -> None:
        selector = f"{RUN_LABEL}={name}"
        pods = await client.get(POD.path(namespace), labelSelector=selector)
        ready = sum(each.get("status", {}).get("phase") == "Running" for each in pods["items"])
        patch.status["summary"] = f"{ready} of {len(pods['items'])} pods run"

    return made


async def work(kubeconfig: Path, folder: Path) -> None:
    """Run until told to stop."""
    client = Client(await load_configuration(kubeconfig), TokenBucket(1e6, 1e6))
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    try:
        await kopf.operator(
            registry=registry(client, folder), settings=settings, standalone=True, clusterwide=True
        )
    finally:
        await client.close()


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(description="The naive operator.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    asyncio.run(work(given.kubeconfig, given.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
