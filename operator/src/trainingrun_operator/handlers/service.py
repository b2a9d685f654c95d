"""All parts of the operator, started in the order in which they need one another."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from trainingrun_operator.backends import BackendError
from trainingrun_operator.backends.kubernetes.backend import KubernetesBackend, Site
from trainingrun_operator.backends.kubernetes.client import Client
from trainingrun_operator.backends.kubernetes.events import EventWriter
from trainingrun_operator.backends.kubernetes.lease import LeaseKeeper
from trainingrun_operator.backends.kubernetes.observe import Children
from trainingrun_operator.backends.kubernetes.store import KubernetesStore
from trainingrun_operator.backends.store import RunKey
from trainingrun_operator.controller.loop import Reconciler
from trainingrun_operator.controller.pace import pause_after_change
from trainingrun_operator.controller.queue import ReconcileQueue
from trainingrun_operator.handlers.meters import Meters
from trainingrun_operator.handlers.options import Options
from trainingrun_operator.handlers.supervision import Supervisor

_LOG = logging.getLogger(__name__)
RESYNC_SECONDS: Final = 300.0
LAG_SECONDS: Final = 1.0
REST_SECONDS: Final = 30.0
"""The longest pause between two looks at a run at rest, where there are few runs."""
PATIENCE_SECONDS: Final = 60.0


async def patiently(act: Callable[[], Awaitable[None]]) -> None:
    """Try for a minute: an API server may come up after its operator, or be busy with itself.

    Raises:
        BackendError: it went on too long, or trying again cannot help.
    """
    pause, deadline = 0.5, time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await act()
        except BackendError as error:
            if not error.retry or time.monotonic() > deadline:
                raise
            _LOG.warning("%s", error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, 5.0)


class ServiceError(Exception):
    """A part of the operator failed again and again: a bug of ours, which the log tells."""


class Service:
    """The operator of one process.

    Attributes:
        working: whether everything that exists is known and runs are worked on.
        lag: by how many seconds the event loop last was late.
        supervisor: of the parts that run in the background.
        keeper: of the lease by which this operator leads; None when it is the only one.
    """

    def __init__(self, client: Client, options: Options, keeper: LeaseKeeper | None) -> None:
        self.meters = Meters()
        site = Site(
            options.namespaces,
            options.own_namespace,
            options.redis_address,
            unsafe_overrides=options.unsafe_overrides,
            key=(options.claim.namespace, options.claim.name) if options.claim else None,
            metrics_from=options.metrics_from,
        )
        self.client = client
        client.listener = self.meters.asked
        self.keeper = keeper
        self.children = Children(self._changed)
        self.backend = KubernetesBackend(client, self.children, site)
        events = EventWriter(client, instance=options.identity)
        self.store = KubernetesStore(
            client, events, watched=options.namespaces, later=self._look_later
        )
        self.store.listener = self.meters.told
        settings = replace(options.settings, rest_seconds=REST_SECONDS)
        self.reconciler = Reconciler(self.store, self.backend, settings, may_act=client.fence.check)
        self.reconciler.listener = self.meters.acted
        self.queue = ReconcileQueue(self.reconciler.reconcile, listener=self.meters.looked)
        self.working = False
        self.lag = 0.0
        self.supervisor = Supervisor(self.meters.failed)

    async def start(self) -> None:
        """See everything, then work: nothing is decided on half a picture."""
        start = self.supervisor.start
        for informer in self.backend.informers:
            start(f"the watch of {informer.scope.kind.plural}", informer.run)
        start("the measurement of the event loop", self._measure_lag)
        await self._synced()
        await patiently(self.resync)
        start("the work queue", self.queue.run)
        start("the regular reading of all runs", self._resync_forever)
        start("the pulse of runs at rest", lambda: self.reconciler.pulse(self.queue.add))
        self.working = True
        _LOG.info("%d runs, %d objects of theirs", len(self.store.known()), len(self.children))

    async def stop(self) -> None:
        """End all parts; what is under way is left to the next operator."""
        self.working = False
        await self.supervisor.stop()
        await self.reconciler.close()

    def tell(self, document: Mapping[str, Any], *, gone: bool) -> None:
        """Take in a TrainingRun as it is now, or that it is gone, and have it looked at."""
        if not gone and self.store.has(document):
            return  # our own status, or what the list at the start told
        key = self.store.tell(document, gone=gone)
        if gone:
            self.backend.forget(document["metadata"]["uid"])
        self.queue.add(key, urgent=True)

    async def resync(self) -> None:
        """Read all runs anew and have each looked at."""
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

    def _look_later(self, key: RunKey, seconds: float) -> None:
        self.queue.add(key, after=seconds)

    def _changed(self, key: RunKey) -> None:
        """Objects change in flocks (ten pods start together): one look for all of them."""
        self.queue.add(key, after=pause_after_change(len(self.store)))

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
