"""One member: a process that is started, probed, started again, and ended.

All of a member's life is one task; its end is requested, and may be waited for. The order at
the end is SIGTERM, the grace period, SIGKILL, each to the whole process group.
"""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import contextlib
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_reconciler.desired.observed import Finished, Member, Problem

from trainingrun.local.backoff import Again, Exit, Over, Record, Rules, after_exit
from trainingrun.local.logs import LogFile
from trainingrun.local.probes import ReadinessProbe
from trainingrun.local.spawn import send, spawn

_STARTING_PROBE_SECONDS: Final = 0.1
_SERVING_PROBE_SECONDS: Final = 5.0
_FAILED_PROBES: Final = 3
_TAIL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Launch:
    """All that it takes to start one member.

    ``folder`` is its working folder; None: ours. ``failed_start`` is for a program that ends with
    status 0 when it cannot start: what is said of one that never served; starting it again would
    not help.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    probe: ReadinessProbe
    rules: Rules
    grace_seconds: float
    folder: Path | None = None
    failed_start: str = ""


class Supervisor:
    """Keeps one member alive until it is asked to end."""

    def __init__(
        self, launch: Launch, *, template_hash: str, on_change: Callable[[], None]
    ) -> None:
        self.name = launch.name
        self.template_hash = template_hash
        self.finished: Finished | None = None
        self._launch = launch
        self._log = LogFile(launch.log)
        self._on_change = on_change
        self._record = Record()
        self._ready = False
        self._served = False
        self._problem: Problem | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._started_at: float | None = None
        self._ending = asyncio.Event()
        self._grace = launch.grace_seconds
        self._life = asyncio.create_task(self._live(), name=f"supervise {launch.name}")

    @property
    def pid(self) -> int | None:
        """The running process; None between two lives."""
        return self._process.pid if self._process is not None else None

    @property
    def is_ending(self) -> bool:
        """Whether it was asked to end."""
        return self._ending.is_set()

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is left, after it was asked to end."""
        return self._life.done() and self.is_ending

    def observed(self) -> Member:
        """Return the member as it is now."""
        return Member(
            name=self.name,
            ready=self._ready and not self.is_ending,
            endpoint=self._launch.probe.endpoint,
            started_at=self._started_at,
            restarts=self._record.restarts,
            problem=self._problem,
        )

    def end(self, *, grace: float | None = None) -> None:
        """Ask it to end; a second call may shorten the grace period only before the first ran."""
        if grace is not None:
            self._grace = min(self._grace, grace)
        self._ending.set()

    async def ended(self) -> None:
        """Wait until it is gone; call :meth:`end` first."""
        await self._life

    def kill(self) -> None:
        """End it at once."""
        self.end(grace=0)
        if self._process is not None:
            send(self._process, signal.SIGKILL)

    async def _live(self) -> None:
        while not self.is_ending:
            end = await self._one_life()
            if self.is_ending:
                break
            match after_exit(end, self._launch.rules, self._record):
                case Over(record=record, finished=finished, problem=problem):
                    self._record, self.finished, self._problem = record, finished, problem
                    self._on_change()
                    break
                case Again(seconds=seconds, record=record, problem=problem):
                    self._record, self._problem = record, problem
                    self._on_change()
                    await self._asked_to_end(within=seconds)
        self._on_change()

    async def _one_life(self) -> Exit:
        """From the start of a process to its end."""
        self._launch.probe.begin()
        self._served = False
        self._log.begin(f"{self.name} starts at {time.strftime('%Y-%m-%d %H:%M:%S')}")
        begun = time.monotonic()
        try:
            process = await spawn(
                self._launch.command, self._launch.environment, self._launch.folder
            )
        except OSError as error:
            last_line = f"cannot run {self._launch.command[0]}: {error.strerror}"
            return Exit(2, 0.0, last_line)
        self._process, self._started_at = process, time.time()
        assert process.stdout is not None, "the output was asked for"
        writing = asyncio.create_task(self._log.follow(process.stdout))
        probing = asyncio.create_task(self._probe())
        try:
            code = await self._wait(process)
        finally:
            probing.cancel()
            self._ready, self._process = False, None
            send(process, signal.SIGKILL)  # what it may have left behind
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(writing, _TAIL_SECONDS)
        last_line = self._log.last_line.removeprefix(f"{Path(self._launch.command[0]).name}: ")
        if code == 0 and self._launch.failed_start and not self._served:
            said = f"{self._launch.failed_start}: {last_line or 'it said nothing'}"
            return Exit(ExitCode.WRONG, time.monotonic() - begun, said)
        return Exit(code, time.monotonic() - begun, last_line)

    async def _wait(self, process: asyncio.subprocess.Process) -> int:
        """Its exit code; it is ended when somebody asks."""
        gone = asyncio.create_task(process.wait())
        asked = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait({gone, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                send(process, signal.SIGTERM)
                await asyncio.wait({gone}, timeout=self._grace)
            if not gone.done():
                send(process, signal.SIGKILL)
            return await gone
        finally:
            asked.cancel()

    async def _asked_to_end(self, *, within: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), within)

    async def _probe(self) -> None:
        failed = 0
        while True:
            serves = await self._launch.probe.is_serving()
            self._served = self._served or serves
            failed = 0 if serves else failed + 1
            ready = serves or (self._ready and failed < _FAILED_PROBES)
            if ready != self._ready:
                self._ready = ready
                self._problem = None if ready else self._problem
                self._on_change()
            await asyncio.sleep(_SERVING_PROBE_SECONDS if ready else _STARTING_PROBE_SECONDS)
