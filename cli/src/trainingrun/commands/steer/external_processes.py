"""A run whose processes somebody else starts, until it has ended or a signal comes.

A signal ends the loop and nothing else: the roles continue, and the next ``steer`` finds them.
(What started them ends them with signals of its own.)
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun_reconciler.controller.state import RunView

from trainingrun.commands.steer.scraping import ScrapeFile
from trainingrun.commands.terminal import echo
from trainingrun.local.host import Outcome, RunEnding, RunHost, Timer
from trainingrun.local.hosted import HostedBackend
from trainingrun.local.store import LocalStore

_SHOW_SECONDS: Final = 1.0
_REPORT_SECONDS: Final = 15.0
_RESOLVE_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Reporting:
    """Where others see that a run is led: ``health`` is a file touched after each reconcile,
    ``targets`` the list of addresses for Prometheus."""

    health: Path | None
    targets: ScrapeFile


class ExternalProcesses:
    """Steers one run; use it once. A :class:`HostStrategy`."""

    # A terminal that goes away (SIGHUP) ends steering as it ends any program, unless under nohup.
    signals = (signal.SIGINT, signal.SIGTERM)

    def __init__(
        self, host: RunHost, store: LocalStore, backend: HostedBackend, reporting: Reporting
    ) -> None:
        self._host = host
        self._store = store
        self._backend = backend
        self._reporting = reporting
        self._is_stopped = False

    def on_signal(self) -> None:
        """See HostStrategy."""
        self._is_stopped = True
        self._host.end_now()

    async def attend(self) -> None:
        """See HostStrategy. Print a line about the state, and keep the addresses up to date."""
        reporting, resolving = Timer(_REPORT_SECONDS), Timer(_RESOLVE_SECONDS)
        while True:
            if self._host.view is not None and reporting.is_due():
                self._report()
            if self._host.view is not None and resolving.is_due():
                with contextlib.suppress(OSError):  # a full disk, which the store reports
                    await self._reporting.targets.refresh()
            await asyncio.sleep(_SHOW_SECONDS)

    def on_reconciled(self, _view: RunView) -> None:
        """See HostStrategy."""
        if self._reporting.health is not None:
            self._reporting.health.touch()

    def ending(self, _view: RunView | None) -> RunEnding | None:
        """See HostStrategy."""
        if self._is_stopped:
            return RunEnding(
                Outcome.STOPPED, "stopped steering; roles keep running, start steer again to resume"
            )
        status = self._store.run.status
        if status.end is None:
            return None
        outcome = Outcome.COMPLETE if status.is_complete else Outcome.FAILED
        return RunEnding(outcome, status.end.message)

    async def close(self) -> None:
        """See HostStrategy."""
        await self._backend.close()

    def _report(self) -> None:
        run = self._store.run
        games = run.status.games
        played = (games.played or 0) if games is not None else 0
        echo(f"{run.status.summary or 'starting'}; games {played}/{run.spec.games}")
