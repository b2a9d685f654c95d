"""The host of one run outside a cluster: one object in memory, the control loop, and its end.

The control loop is the cluster's own. What is added here is the life of one process: reconcile
again and again, serve metrics, take signals, and end when the run has ended. Whose processes the
roles are is the strategy's: its own (``trainingrun local``), or somebody else's
(``trainingrun steer``). Not here: terminals, and when a run of either kind is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, start_http_server
from trainingrun_reconciler.backends import Backend
from trainingrun_reconciler.controller.loop import ReconcileError, Reconciler
from trainingrun_reconciler.controller.run_metrics import RunCollector
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.settings import Settings

from trainingrun.local.store import LocalStore

_LOG: Final = logging.getLogger(__name__)
_AFTER_FAILURE_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 1.0
_DRAIN_SECONDS: Final = 60.0
_GAMES_SECONDS: Final = 5.0


class Outcome(Enum):
    """Why a host ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    STOPPED = "stopped"
    KILLED = "killed"
    TIME_OVER = "time over"
    RESTING = "resting"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True)
class RunEnding:
    """The outcome, and a sentence for people."""

    outcome: Outcome
    message: str = ""


class HostStrategy(Protocol):
    """What differs with whose processes the roles are."""

    @property
    def signals(self) -> Sequence[signal.Signals]:
        """Those that :meth:`on_signal` handles; all others do what they do in any program."""

    def on_signal(self) -> None:
        """A person, or what started this process, asks for the end."""

    async def attend(self) -> None:
        """Run beside the loop until cancelled; an error in it ends the host."""

    def on_reconciled(self, view: RunView) -> None:
        """A reconcile has succeeded."""

    def ending(self, view: RunView | None) -> RunEnding | None:
        """Return why the host ends now; None to continue."""

    async def close(self) -> None:
        """Let go of the roles; the loop has ended."""


class RunHost:
    """Reconciles one run until its strategy ends it; use it once."""

    def __init__(
        self, store: LocalStore, backend: Backend, settings: Settings, *, changed: asyncio.Event
    ) -> None:
        """
        Args:
            store: of the run.
            backend: of its roles.
            settings: see :func:`host_settings`.
            changed: set by the backend, so that the loop need not wait for its next reconcile.
        """
        self._key = store.key
        self._interval = settings.active_interval
        self._reconciler = Reconciler(store, backend, settings)
        self._changed = changed
        self._over = asyncio.Event()

    @property
    def view(self) -> RunView | None:
        """The latest reconcile."""
        return self._reconciler.view(self._key)

    def wake(self) -> None:
        """Reconcile soon: something has changed."""
        self._changed.set()

    def end_now(self) -> None:
        """Ask the strategy for the end at once; a reconcile under way is given up."""
        self._over.set()
        self._changed.set()

    def serve_metrics(self, port: int, address: str) -> None:
        """Serve the metrics that the operator has of a run, as long as the process lives.

        Raises:
            OSError: the port cannot be used.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(RunCollector(lambda: [self.view] if self.view is not None else []))
        start_http_server(port, addr=address, registry=registry)

    async def run(self, strategy: HostStrategy) -> RunEnding:
        """Reconcile until the end."""
        attending = asyncio.create_task(strategy.attend())
        try:
            with _handled(strategy):
                try:
                    return await self._loop(strategy, attending)
                finally:
                    await self._reconciler.close()
                    await strategy.close()
        finally:
            attending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await attending

    async def _loop(self, strategy: HostStrategy, attending: asyncio.Task[None]) -> RunEnding:
        while True:
            if attending.done():
                attending.result()  # a bug beside the loop must not go unseen
            self._changed.clear()
            delay = await self._unless_over(self._reconcile(strategy))
            ending = strategy.ending(self.view)
            if ending is not None:
                return ending
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), delay)

    async def _unless_over(self, step: Coroutine[None, None, float]) -> float:
        """Return the reconcile's answer; do not wait for it when an immediate end is requested."""
        stepping, over = asyncio.create_task(step), asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({stepping, over}, return_when=asyncio.FIRST_COMPLETED)
            return stepping.result() if stepping.done() else 0.0
        finally:
            for task in (stepping, over):
                task.cancel()
            await asyncio.wait({stepping, over})

    async def _reconcile(self, strategy: HostStrategy) -> float:
        """Reconcile once; return the seconds to the next."""
        try:
            delay = await self._reconciler.reconcile(self._key)
        except ReconcileError as error:
            _LOG.warning("%s", error)
            return _AFTER_FAILURE_SECONDS
        if self.view is not None:
            strategy.on_reconciled(self.view)
        return min(delay, self._interval) if delay is not None else self._interval


class Timer:
    """Says what is due again; the first time at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = float("-inf")

    def is_due(self) -> bool:
        """Return whether the time is over; then it begins anew."""
        now = time.monotonic()
        is_due = now - self._last >= self._seconds
        self._last = now if is_due else self._last
        return is_due


def host_settings(storage: str) -> Settings:
    """Return the settings that hold for every host; ``storage`` is of runs that name none."""
    return Settings(
        default_storage=storage,
        default_claim=False,
        actor_stop_seconds=_GAMES_SECONDS,
        active_interval=_POLL_SECONDS,
        drain_deadline_seconds=_DRAIN_SECONDS,
    )


@contextlib.contextmanager
def _handled(strategy: HostStrategy) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in strategy.signals:
        loop.add_signal_handler(number, strategy.on_signal)
    try:
        yield
    finally:
        for number in strategy.signals:
            loop.remove_signal_handler(number)
