"""A lease on a real API server: who ends gives it back, whatever was under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from trainingrun_operator.kube.client import Client, load_configuration
from trainingrun_operator.kube.fence import Fence
from trainingrun_operator.kube.lease import LeaderElector, LeaseConfig
from trainingrun_reconciler.kinds import LEASE

from testkit.control_plane.plane import ControlPlane

NAME = "held"


def with_elector(
    plane: ControlPlane, namespace: str, act: Callable[[Client, LeaderElector], Awaitable[None]]
) -> None:
    """Run a test with an elector that holds the lease."""

    async def run() -> None:
        client = Client(await load_configuration(plane.kubeconfig))
        try:
            elector = LeaderElector(client, LeaseConfig(namespace, NAME, "one"), Fence())
            await elector.acquire()
            await act(client, elector)
        finally:
            await client.close()

    asyncio.run(run())


def holder(plane: ControlPlane, namespace: str) -> str:
    """Who holds the lease."""
    return str(plane.api.get("lease", NAME, namespace)["spec"]["holderIdentity"])


def test_a_lease_is_given_back_after_a_renewal_whose_answer_was_lost(
    control_plane: ControlPlane, namespace: str
) -> None:
    """The server has a newer version of it than the elector has seen, and it is still its own."""

    async def renewed_unseen(client: Client, elector: LeaderElector) -> None:
        path = LEASE.path(namespace, NAME)
        found = await client.get(path)
        spec = {**found["spec"], "renewTime": "2026-01-01T00:00:00.000000Z"}
        await client.replace(path, {**found, "spec": spec})
        await elector.release()

    with_elector(control_plane, namespace, renewed_unseen)
    assert holder(control_plane, namespace) == ""


def test_a_lease_that_another_took_stays_with_that_one(
    control_plane: ControlPlane, namespace: str
) -> None:
    """It was frozen past its time: what it gives back is no longer its own."""

    async def taken(client: Client, elector: LeaderElector) -> None:
        path = LEASE.path(namespace, NAME)
        found = await client.get(path)
        transitions = found["spec"]["leaseTransitions"] + 1
        spec = {**found["spec"], "holderIdentity": "two", "leaseTransitions": transitions}
        await client.replace(path, {**found, "spec": spec})
        await elector.release()

    with_elector(control_plane, namespace, taken)
    assert holder(control_plane, namespace) == "two"
