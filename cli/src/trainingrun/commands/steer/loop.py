"""Reconciles a hosted run again and again, until it has ended or a signal comes.

A signal ends the loop and nothing else: the roles continue, and the next ``steer`` finds them.
(What started them ends them with signals of its own.)
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from trainingrun_reconciler.controller.loop import ReconcileError, Reconciler
from trainingrun_reconciler.controller.run_metrics import RunCollector
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.settings import Settings

from trainingrun.commands.errors import UserError
from trainingrun.commands.steer.scraping import ScrapeFile
from trainingrun.commands.terminal import echo
from trainingrun.local.hosted import HostedBackend
from trainingrun.local.store import LocalStore

_REPORT_SECONDS: Final = 15.0
_RESOLVE_SECONDS: Final = 10.0
_AFTER_FAILURE_SECONDS: Final = 1.0


class End(Enum):
    """How the leading of a run ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class SteeringEnding:
    """The kind, and a sentence for people."""

    kind: End
    message: str


class Steering:
    """Reconciles one run; use it once. ``health`` is a file touched after each reconcile."""

    def __init__(
        self,
        store: LocalStore,
        backend: HostedBackend,
        settings: Settings,
        *,
        health: Path | None,
        targets: ScrapeFile,
    ) -> None:
        self._targets = targets
        self._looked_up_at = float("-inf")
        self._store = store
        self._health = health
        self._settings = settings
        self._reconciler = Reconciler(store, backend, settings)
        self._stop = asyncio.Event()
        self._reported_at = float("-inf")

    async def run(self, *, metrics_port: int) -> SteeringEnding:
        """Reconcile until the end.

        Raises:
            UserError: the port for metrics is taken.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        if metrics_port:
            self._serve(metrics_port)
        try:
            while not self._stop.is_set():
                delay = await self._reconcile()
                ending = self._ending()
                if ending is not None:
                    return ending
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), delay)
            return SteeringEnding(
                End.STOPPED, "stopped steering; roles keep running, start steer again to resume"
            )
        finally:
            await self._reconciler.close()

    async def _reconcile(self) -> float:
        """Reconcile once; return the seconds to the next."""
        try:
            delay = await self._reconciler.reconcile(self._store.key)
        except ReconcileError as error:
            echo(f"! {error}")
            return _AFTER_FAILURE_SECONDS
        if self._health is not None:
            self._health.touch()
        self._report()
        await self._look_up()
        limit = self._settings.active_interval
        return min(delay, limit) if delay is not None else limit

    def _ending(self) -> SteeringEnding | None:
        status = self._store.run.status
        if status.end is None:
            return None
        return SteeringEnding(
            End.COMPLETE if status.is_complete else End.FAILED, status.end.message
        )

    def _report(self) -> None:
        """Print one line about the state every few seconds."""
        if time.monotonic() - self._reported_at < _REPORT_SECONDS:
            return
        self._reported_at = time.monotonic()
        run = self._store.run
        games = run.status.games
        played = (games.played or 0) if games is not None else 0
        echo(f"{run.status.summary or 'starting'}; games {played}/{run.spec.games}")

    async def _look_up(self) -> None:
        if time.monotonic() - self._looked_up_at < _RESOLVE_SECONDS:
            return
        self._looked_up_at = time.monotonic()
        with contextlib.suppress(OSError):  # a full disk, which the store reports
            await self._targets.refresh()

    def _views(self) -> list[RunView]:
        view = self._reconciler.view(self._store.key)
        return [view] if view is not None else []

    def _serve(self, port: int) -> None:
        """Serve the metrics that the operator has of a run, as long as the process lives."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(RunCollector(self._views))
        try:
            start_http_server(port, registry=registry)
        except OSError as error:
            raise UserError(
                f"--metrics-port {port}: {error.strerror}: give a free one, or 0 for none"
            ) from error
