"""All parts of the operator, started in the order in which they need one another."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any, Final

from trainingrun_api.run import TrainingRun
from trainingrun_contracts.backoff import Backoff
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.controller.idle import batch_delay
from trainingrun_reconciler.controller.queue import ReconcileQueue
from trainingrun_reconciler.kinds import TRAINING_RUN
from trainingrun_reconciler.leagues.objects import Place
from trainingrun_reconciler.resources import RESOURCE_KINDS
from trainingrun_reconciler.resources.declaration import Host, ResourceKind, ResourceReconciler
from trainingrun_reconciler.settings import Settings
from trainingrun_reconciler.store import ResourceKey

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


def _league_place(options: Options) -> Place:
    """What this installation decides about leagues."""
    images = options.settings.images
    return Place(
        image=images.league,
        worker_image=images.search,
        metrics_from=options.metrics_from,
        unsafe_overrides=options.unsafe_overrides,
    )


class ServiceError(Exception):
    """A part of the operator failed again and again: a bug, which the log shows."""


@dataclass(frozen=True)
class KindAtWork:
    """A kind of resource in this process: what is known of its resources, and who reconciles."""

    store: KubernetesStore[Any]
    reconciler: ResourceReconciler


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
            league_address=options.league_address,
            refused=options.settings.refused_networks,
        )
        self.client = client
        client.listener = self.metrics.observe_request
        self.elector = elector
        self.objects = ObjectCache(self._changed)
        self.backend = KubernetesBackend(client, self.objects, config)
        events = EventWriter(client, instance=options.identity)
        settings = replace(options.settings, idle_interval=IDLE_INTERVAL)
        self.kinds = {
            each.kind.name: self._at_work(each, events, options, settings)
            for each in RESOURCE_KINDS
        }
        self.queue = ReconcileQueue(self._reconcile, listener=self.metrics.observe_reconcile)
        self.working = False
        self.lag = 0.0
        self.supervisor = Supervisor(self.metrics.observe_failure)

    def _at_work(
        self, declared: ResourceKind, events: EventWriter, options: Options, settings: Settings
    ) -> KindAtWork:
        store: KubernetesStore[Any] = KubernetesStore(
            self.client, events, declared, watched=options.namespaces, requeue=self._requeue
        )
        store.listener = self.metrics.observe_status
        reconciler = declared.reconciler(
            Host(
                store,
                self.backend.children,
                self.backend,
                settings,
                self.backend.leagues,
                _league_place(options),
                self._runs_of,
                self.client.fence.check,
            )
        )
        reconciler.listener = self.metrics.observe_action
        return KindAtWork(store, reconciler)

    def _runs_of(self, namespace: str) -> Mapping[str, bool]:
        """The training runs of a namespace, by UID, and whether each is over; one that cannot be
        read is not."""
        store: KubernetesStore[TrainingRun] = self.kinds[TRAINING_RUN.name].store
        return {
            uid: run is not None and run.status.end is not None
            for uid, run in store.identified(namespace)
        }

    async def _reconcile(self, key: ResourceKey) -> float | None:
        return await self.kinds[key.kind].reconciler.reconcile(key)

    def known(self) -> Iterator[ResourceKey]:
        """All resources that are known."""
        return (key for kind in self.kinds.values() for key in kind.store.known())

    async def start(self) -> None:
        """Fill the caches, then work: nothing is decided on half a picture."""
        start = self.supervisor.start
        for informer in self.backend.children.informers:
            start(f"the watch of {informer.scope.kind.plural}", informer.run)
        start("the measurement of the event loop", self._measure_lag)
        await self._synced()
        await retry_until_ready(self.resync)
        start("the work queue", self.queue.run)
        start("the regular reading of all resources", self._resync_forever)
        for name, kind in self.kinds.items():
            start(f"the poll of {name}s", partial(kind.reconciler.poll, self.queue.add))
        self.working = True
        _LOG.info("%d resources, %d objects of theirs", len([*self.known()]), len(self.objects))

    async def stop(self) -> None:
        """End all parts; what is under way is left to the next operator."""
        self.working = False
        await self.supervisor.stop()
        for kind in self.kinds.values():
            await kind.reconciler.close()
        await self.backend.leagues.close()

    def on_event(self, document: Mapping[str, Any], *, gone: bool) -> None:
        """Cache a resource as it is now, or drop one that is gone, and reconcile it."""
        store = self.kinds[document["kind"]].store
        if not gone and store.has(document):
            return  # our own status, or what the first list had
        key = store.update(document, gone=gone)
        if gone:
            self.backend.forget(document["metadata"]["uid"])
        self.queue.add(key, urgent=True)

    async def resync(self) -> None:
        """List all resources again and reconcile each."""
        for kind in self.kinds.values():
            await kind.store.resync()
        for key in self.known():
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
        return time.monotonic() - min(each.seen_at for each in self.backend.children.informers)

    async def _synced(self) -> None:
        """Wait for the first lists.

        Raises:
            ServiceError: an informer has ended instead.
        """
        lists = asyncio.create_task(self.backend.children.synced())
        broken = asyncio.create_task(self.broken.wait())
        await asyncio.wait({lists, broken}, return_when=asyncio.FIRST_COMPLETED)
        lists.cancel()
        broken.cancel()
        if self.broken.is_set():
            raise ServiceError("the cluster's objects cannot be watched, see the log above")

    def _requeue(self, key: ResourceKey, seconds: float) -> None:
        self.queue.add(key, after=seconds)

    def _changed(self, key: ResourceKey) -> None:
        """Reconcile once for objects that change together, as ten pods that start do."""
        if key.kind in self.kinds:  # anybody may write a label that names another
            self.queue.add(key, after=batch_delay(len(self.kinds[key.kind].store)))

    async def _resync_forever(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_SECONDS)
            try:
                await self.resync()
            except BackendError as error:
                _LOG.warning("reading all resources anew: %s", error)

    async def _measure_lag(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(LAG_SECONDS)
            self.lag = time.monotonic() - before - LAG_SECONDS
