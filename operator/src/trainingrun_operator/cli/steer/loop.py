"""Looks at a hosted run again and again, until it is over or a signal comes.

A signal ends the loop and nothing else: the roles go on, and the next ``steer`` finds them. (They
are whoever's that started them, and get their own signals from there.)
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
from trainingrun_contracts.api.conditions import ConditionType

from trainingrun_operator.backends.local.hosted import HostedBackend
from trainingrun_operator.backends.local.store import LocalStore
from trainingrun_operator.cli.errors import UserError
from trainingrun_operator.cli.steer.scraping import ScrapeFile
from trainingrun_operator.cli.terminal import echo
from trainingrun_operator.controller.loop import ReconcileError, Reconciler, RunView
from trainingrun_operator.controller.run_metrics import RunCollector
from trainingrun_operator.settings import Settings

_TELL_SECONDS: Final = 15.0
_LOOK_UP_SECONDS: Final = 10.0
_AFTER_FAILURE_SECONDS: Final = 1.0


class End(Enum):
    """How the leading of a run ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Ending:
    """The kind, and a sentence for people."""

    kind: End
    message: str


class Steering:
    """Leads one run; use it once. ``health`` is a file that is touched after each look."""

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
        self._told_at = float("-inf")

    async def run(self, *, metrics_port: int) -> Ending:
        """Look until the end.

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
                delay = await self._look()
                ending = self._ending()
                if ending is not None:
                    return ending
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), delay)
            return Ending(
                End.STOPPED, "stopped steering; roles keep running, start steer again to resume"
            )
        finally:
            await self._reconciler.close()

    async def _look(self) -> float:
        """One look; gives the seconds to the next."""
        try:
            delay = await self._reconciler.reconcile(self._store.key)
        except ReconcileError as error:
            echo(f"! {error}")
            return _AFTER_FAILURE_SECONDS
        if self._health is not None:
            self._health.touch()
        self._tell()
        await self._look_up()
        limit = self._settings.active_seconds
        return min(delay, limit) if delay is not None else limit

    def _ending(self) -> Ending | None:
        succeeded = self._store.run.status.condition(ConditionType.SUCCEEDED)
        if succeeded is None or succeeded.status == "Unknown":
            return None
        kind = End.COMPLETE if succeeded.status == "True" else End.FAILED
        return Ending(kind, succeeded.message)

    def _tell(self) -> None:
        """Every now and then, one line about the state."""
        if time.monotonic() - self._told_at < _TELL_SECONDS:
            return
        self._told_at = time.monotonic()
        run = self._store.run
        games = run.status.games
        played = (games.played or 0) if games is not None else 0
        echo(f"{run.status.summary or 'starting'}; games {played}/{run.spec.games}")

    async def _look_up(self) -> None:
        if time.monotonic() - self._looked_up_at < _LOOK_UP_SECONDS:
            return
        self._looked_up_at = time.monotonic()
        with contextlib.suppress(OSError):  # a full disk, which the store tells of
            await self._targets.refresh()

    def _views(self) -> list[RunView]:
        view = self._reconciler.view(self._store.key)
        return [view] if view is not None else []

    def _serve(self, port: int) -> None:
        """What the operator tells of a run, for this one, as long as the process lives."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(RunCollector(self._views))
        try:
            start_http_server(port, registry=registry)
        except OSError as error:
            raise UserError(
                f"--metrics-port {port}: {error.strerror}: give a free one, or 0 for none"
            ) from error
