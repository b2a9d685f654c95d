"""A role that is declared in a test alone runs as processes, like any other."""

from __future__ import annotations

import asyncio
from pathlib import Path

from trainingrun.local.backend import LocalBackend
from trainingrun.local.folder import RunFolder
from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.desired.actions import Apply, Remove
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.settings import Settings

from testkit.operator.simulated_run import UID, training_run
from testkit.operator.sixth_role import GREETER, ROLE

DECKS = Path(__file__).resolve().parents[2] / "decks"
RUN = RunIdentity("local", "run", UID)
WAIT_SECONDS = 30


async def walked(folder: RunFolder) -> None:
    """Members start, serve, go and leave no process."""
    changed = asyncio.Event()
    backend = LocalBackend(folder, decks=DECKS, on_change=changed.set)

    async def until(number: int) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                changed.clear()
                seen = (await backend.observe(RUN)).get(ROLE)
                if (len(seen.ready) if seen is not None else 0) == number:
                    return
                await changed.wait()

    await backend.prepare(RUN, SharedResources(config=b"{}", managed_redis=True))
    assert (backend.url_of(ROLE.value) or "").startswith("redis://greeter:")
    wanted = workloads(training_run(), Settings(), scaled=1)[ROLE]
    try:
        await backend.perform(RUN, Apply(wanted))
        await until(wanted.replicas)
        assert len(backend.pids()[ROLE]) == wanted.replicas
        await backend.perform(RUN, Remove(ROLE))
        await until(0)
    finally:
        await backend.close()
    assert not any(backend.pids().values())


def test_its_members_are_processes_of_this_machine(tmp_path: Path) -> None:
    """The process table has them under the role's name, with a URL of Redis of their own."""
    folder = RunFolder(tmp_path / "run")
    folder.make()
    with ROLES.also(GREETER):
        asyncio.run(walked(folder))
