"""One supervised member, with small real programs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from trainingrun.local.backoff import Rules
from trainingrun.local.probes import HealthFileProbe, PortProbe, ReadinessProbe
from trainingrun.local.supervisor import Launch, Supervisor
from trainingrun_reconciler.roles.workload import Restart

WAIT_SECONDS = 20
SERVES = """
import pathlib, socket, sys
server = socket.create_server(("127.0.0.1", 0))
pathlib.Path(sys.argv[1]).write_text(str(server.getsockname()[1]))
while True: server.accept()[0].close()
"""
TOUCHES = """
import pathlib, sys, threading
pathlib.Path(sys.argv[1]).touch(); threading.Event().wait()
"""
STUBBORN = """
import pathlib, signal, sys, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch(); threading.Event().wait()
"""
COMPLAINS = """
import sys
print("all well", flush=True)
sys.exit(sys.stderr.write("nothing is right\\n") and 2)
"""


class Watched:
    """A supervisor whose changes can be awaited."""

    def __init__(
        self, tmp_path: Path, code: str, *, task: bool = False, probe: ReadinessProbe | None = None
    ) -> None:
        self.mark = tmp_path / "mark"
        self._changed = asyncio.Event()
        launch = Launch(
            name="member-0",
            command=(sys.executable, "-c", code, str(self.mark)),
            environment=dict(os.environ),
            log=tmp_path / "member-0.log",
            probe=probe or HealthFileProbe(self.mark),
            rules=Rules(Restart.UNTIL_SUCCESS if task else Restart.ALWAYS, 3),
            grace_seconds=0.3,
        )
        self.it = Supervisor(launch, template_hash="h", on_change=self._changed.set)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for changes until it holds."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def over(self) -> None:
        """End it."""
        self.it.end()
        await self.it.ended()


def test_ready_when_the_port_answers(tmp_path: Path) -> None:
    """Expect the endpoint that the process wrote, and nothing left after the end."""

    async def scene() -> None:
        watched = Watched(tmp_path, SERVES, probe=PortProbe(port_file=tmp_path / "mark"))
        await watched.until(lambda: watched.it.observed().ready)
        endpoint = watched.it.observed().endpoint
        assert endpoint == f"127.0.0.1:{(tmp_path / 'mark').read_text()}"
        pid = watched.it.pid
        await watched.over()
        assert watched.it.is_gone
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(scene())


def test_killed_member_comes_back(tmp_path: Path) -> None:
    """Expect another process after a kill, counted as a restart, with the reason meanwhile."""

    async def scene() -> None:
        watched = Watched(tmp_path, TOUCHES)
        await watched.until(lambda: watched.it.observed().ready)
        first = watched.it.pid
        assert first is not None
        os.kill(first, 9)
        await watched.until(lambda: watched.it.observed().problem is not None)
        problem = watched.it.observed().problem
        assert problem is not None
        assert problem.message == "killed by signal 9; it starts again in 1 s"
        await watched.until(lambda: watched.it.observed().ready)
        assert watched.it.observed().restarts == 1
        assert watched.it.observed().problem is None
        assert watched.it.pid != first
        await watched.over()

    asyncio.run(scene())


def test_user_error_is_told_once(tmp_path: Path) -> None:
    """Expect the last line as the problem, and no second process."""

    async def scene() -> None:
        watched = Watched(tmp_path, COMPLAINS, task=True)
        await watched.until(lambda: watched.it.finished is not None)
        assert watched.it.finished is not None
        assert watched.it.finished.message == "nothing is right"
        assert watched.it.observed().restarts == 0
        await watched.over()

    asyncio.run(scene())


def test_missing_program(tmp_path: Path) -> None:
    """Expect a problem that names the program, and no endless tries."""

    async def scene() -> None:
        launch = Launch(
            name="member-0",
            command=("/nowhere/program",),
            environment={},
            log=tmp_path / "member-0.log",
            probe=HealthFileProbe(tmp_path / "mark"),
            rules=Rules(Restart.ALWAYS, 3),
            grace_seconds=1,
        )
        changed = asyncio.Event()
        supervisor = Supervisor(launch, template_hash="h", on_change=changed.set)
        await asyncio.wait_for(changed.wait(), WAIT_SECONDS)
        problem = supervisor.observed().problem
        assert problem is not None
        assert problem.message == "cannot run /nowhere/program: No such file or directory"
        supervisor.end()
        await supervisor.ended()

    asyncio.run(scene())


def test_a_stubborn_member_is_killed(tmp_path: Path) -> None:
    """Expect SIGKILL after the grace period."""

    async def scene() -> None:
        watched = Watched(tmp_path, STUBBORN)
        await watched.until(lambda: watched.it.observed().ready)
        async with asyncio.timeout(WAIT_SECONDS):
            await watched.over()
        assert watched.it.pid is None

    asyncio.run(scene())


def test_ended_during_back_off(tmp_path: Path) -> None:
    """Expect the end at once, and not after the pause."""

    async def scene() -> None:
        watched = Watched(tmp_path, "raise SystemExit(1)")
        await watched.until(lambda: watched.it.observed().restarts >= 1)
        async with asyncio.timeout(0.9):
            await watched.over()
        assert watched.it.is_gone

    asyncio.run(scene())
