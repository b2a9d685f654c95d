"""All parts of the operator, started in the order in which they need one another."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, Final

from trainingrun_contracts.backoff import Backoff
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.controller.idle import batch_delay
from trainingrun_reconciler.controller.loop import Reconciler
from trainingrun_reconciler.controller.queue import ReconcileQueue
from trainingrun_reconciler.store import RunKey

from trainingrun_operator.kube.backend import BackendConfig, KubernetesBackend
from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.events import EventWriter
from trainingrun_operator.kube.lease import LeaderElector
from trainingrun_operator.kube.observe import ObjectCache
from trainingrun_operator.kube.store import KubernetesStore
from trainingrun_operator.process.operator_metrics import OperatorMetrics
from trainingrun_operator.process.options import Options
from trainingrun_operator.process.supervision import Supervisor

_LOG = logging.getLogger(__name__)
RESYNC_SECONDS: Final = 300.0
LAG_SECONDS: Final = 1.0
IDLE_INTERVAL: Final = 30.0
"""The longest time between two reconciles of an idle run, where there are few runs."""
PATIENCE_SECONDS: Final = 60.0
_BACKOFF: Final = Backoff(first=0.5, longest=5.0)


async def retry_until_ready(act: Callable[[], Awaitable[None]]) -> None:
    """Retry for a minute: an API server may start after its operator, or be overloaded.

    Raises:
        BackendError: the minute is over, or a retry cannot help.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    for failures in count(1):
        try:
            await act()
        except BackendError as error:
            if not error.retry or time.monotonic() > deadline:
                raise
            _LOG.warning("%s", error)
            await asyncio.sleep(_BACKOFF.seconds(failures))
        else:
            return


class ServiceError(Exception):
    """A part of the operator failed again and again: a bug, which the log shows."""


class Service:
    """The operator of one process.

    Attributes:
        working: whether everything that exists is known and runs are worked on.
        lag: by how many seconds the event loop last was late.
        supervisor: of the parts that run in the background.
        elector: of the lease by which this operator leads; None when it is the only one.
    """

    def __init__(self, client: Client, options: Options, elector: LeaderElector | None) -> None:
        self.metrics = OperatorMetrics()
        config = BackendConfig(
            options.namespaces,
            options.own_namespace,
            options.redis_address,
            unsafe_overrides=options.unsafe_overrides,
            key=(options.claim.namespace, options.claim.name) if options.claim else None,
            metrics_from=options.metrics_from,
        )
        self.client = client
        client.listener = self.metrics.observe_request
        self.elector = elector
        self.objects = ObjectCache(self._changed)
        self.backend = KubernetesBackend(client, self.objects, config)
        events = EventWriter(client, instance=options.identity)
        self.store = KubernetesStore(
            client, events, watched=options.namespaces, requeue=self._requeue
        )
        self.store.listener = self.metrics.observe_status
        settings = replace(options.settings, idle_interval=IDLE_INTERVAL)
        self.reconciler = Reconciler(self.store, self.backend, settings, may_act=client.fence.check)
        self.reconciler.listener = self.metrics.observe_action
        self.queue = ReconcileQueue(
            self.reconciler.reconcile, listener=self.metrics.observe_reconcile
        )
        self.working = False
        self.lag = 0.0
        self.supervisor = Supervisor(self.metrics.observe_failure)

    async def start(self) -> None:
        """Fill the caches, then work: nothing is decided on half a picture."""
        start = self.supervisor.start
        for informer in self.backend.informers:
            start(f"the watch of {informer.scope.kind.plural}", informer.run)
        start("the measurement of the event loop", self._measure_lag)
        await self._synced()
        await retry_until_ready(self.resync)
        start("the work queue", self.queue.run)
        start("the regular reading of all runs", self._resync_forever)
        start("the poll of idle runs", lambda: self.reconciler.poll_idle_runs(self.queue.add))
        self.working = True
        _LOG.info("%d runs, %d objects of theirs", len(self.store.known()), len(self.objects))

    async def stop(self) -> None:
        """End all parts; what is under way is left to the next operator."""
        self.working = False
        await self.supervisor.stop()
        await self.reconciler.close()

    def on_run_event(self, document: Mapping[str, Any], *, gone: bool) -> None:
        """Cache a TrainingRun as it is now, or drop one that is gone, and reconcile it."""
        if not gone and self.store.has(document):
            return  # our own status, or what the first list had
        key = self.store.update(document, gone=gone)
        if gone:
            self.backend.forget(document["metadata"]["uid"])
        self.queue.add(key, urgent=True)

    async def resync(self) -> None:
        """List all runs again and reconcile each."""
        await self.store.resync()
        for key in self.store.known():
            self.queue.add(key)

    @property
    def is_alive(self) -> bool:
        """Whether no part of the operator has failed too often."""
        return not self.broken.is_set()

    @property
    def broken(self) -> asyncio.Event:
        """Set when a part has failed too often; the process then ends."""
        return self.supervisor.broken

    @property
    def leads(self) -> bool:
        """Whether this operator may write."""
        return self.client.fence.is_open

    def watch_age(self) -> float:
        """Seconds since the quietest watch last heard from the API server."""
        return time.monotonic() - min(each.seen_at for each in self.backend.informers)

    async def _synced(self) -> None:
        """Wait for the first lists.

        Raises:
            ServiceError: an informer has ended instead.
        """
        lists = asyncio.create_task(self.backend.synced())
        broken = asyncio.create_task(self.broken.wait())
        await asyncio.wait({lists, broken}, return_when=asyncio.FIRST_COMPLETED)
        lists.cancel()
        broken.cancel()
        if self.broken.is_set():
            raise ServiceError("the cluster's objects cannot be watched, see the log above")

    def _requeue(self, key: RunKey, seconds: float) -> None:
        self.queue.add(key, after=seconds)

    def _changed(self, key: RunKey) -> None:
        """Reconcile once for objects that change together, as ten pods that start do."""
        self.queue.add(key, after=batch_delay(len(self.store)))

    async def _resync_forever(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_SECONDS)
            try:
                await self.resync()
            except BackendError as error:
                _LOG.warning("reading all runs anew: %s", error)

    async def _measure_lag(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(LAG_SECONDS)
            self.lag = time.monotonic() - before - LAG_SECONDS
