"""Reconcile a resource whose need is a set of objects: observe, decide, apply, publish.

Belongs here: the order of input and output around one pure decision, and what becomes of a refusal.
Does not belong here: what a kind decides (its declaration), and TrainingRuns, whose loop asks Redis
and daemons as well (``controller.loop``).

The same rules hold in both loops: actions stop at the first refusal, the next reconcile decides
anew from what is there, and the status is written last, so that it never claims what was not done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from prometheus_client.core import Metric
from trainingrun_api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_api.resource import Resource
from trainingrun_api.status import ResourceStatus

from trainingrun_reconciler.backends import BackendError, ErrorKind
from trainingrun_reconciler.children import Children
from trainingrun_reconciler.controller.loop import ReconcileError
from trainingrun_reconciler.desired.conditions import ConditionState, next_condition
from trainingrun_reconciler.kinds import Kind
from trainingrun_reconciler.manifests.metadata import Manifest
from trainingrun_reconciler.outcome import Decide, Outcome
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.store import ResourceKey, ResourceStore
from trainingrun_reconciler.views import View

_LOG: Final = logging.getLogger(__name__)
_REFUSED_SECONDS: Final = 10.0
_DEGRADED: Final = ConditionType.DEGRADED.value
_WELL: Final = ConditionState(ConditionStatus.FALSE, Reason.AS_EXPECTED.value, "nothing is wrong")

R = TypeVar("R", bound=Resource)


Ask = Callable[[R], Awaitable[Decide[R]]]
"""Asks what no object of the cluster says (a service's own report), and returns the decision with
the answer in it.

Raises:
    BackendError: it could not be asked, and nothing can be decided without.
"""


Families = Callable[[Iterable[R]], Iterator[Metric]]
"""Makes metrics of resources and their statuses."""


class ManifestReconciler(Generic[R]):
    """Reconciles the resources of one kind (``resources.declaration.ResourceReconciler``)."""

    def __init__(
        self,
        kind: Kind,
        decide: Decide[R],
        store: ResourceStore[R, ResourceStatus],
        children: Children,
        *,
        removed: frozenset[Kind],
        ask: Ask[R] | None = None,
        families: Families[R] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``removed`` are the kinds of objects that are deleted when they are wanted no longer;
        others stay until the resource goes. ``ask`` is asked before each decision, where one
        needs more than objects; what it returns decides in the place of ``decide``. ``families``
        makes metrics of the resources, as their latest status has them."""
        self.listener: Callable[[str], None] = lambda _action: None
        self._kind = kind
        self._decide = decide
        self._ask = ask
        self._store = store
        self._children = children
        self._removed = removed
        self._clock = clock
        self._latest: dict[ResourceKey, R] = {}
        self._families = families

    async def reconcile(self, key: ResourceKey) -> float | None:
        """Reconcile one resource once; returns the seconds until the next is due, or None.

        Raises:
            ReconcileError: the store or the cluster could not be asked.
        """
        try:
            resource = await self._store.get(key)
            if resource is None or resource.metadata.deletion_timestamp is not None:
                self.forget(key)
                return None  # what it owns goes with it
            return await self._reconcile(resource)
        except BackendError as error:
            raise ReconcileError(f"{key.kind} {key}: {error.reason}: {error}") from error

    async def _reconcile(self, resource: R) -> float | None:
        owner, now = Owner.of(self._kind, resource.metadata), self._clock()
        decide = self._decide if self._ask is None else await self._ask(resource)
        views = await self._children.observe(owner)
        outcome = decide(resource, views, now)
        if self._has_lost(resource, views, outcome) and not await self._store.exists(resource):
            return None  # what is missing went with it, and its watch will say so
        degraded, wait = outcome.conditions.get(_DEGRADED, _WELL), outcome.requeue_after
        try:
            await self._carry_out(owner, views, outcome)
        except BackendError as error:
            if error.kind is ErrorKind.TRANSIENT:
                raise  # retried with back-off; it says nothing about the resource
            _LOG.warning("%s %s: %s: %s", self._kind.name, owner.name, error.reason, error)
            degraded = ConditionState(ConditionStatus.TRUE, error.reason, str(error))
            wait = _REFUSED_SECONDS if error.retry else None
        await self._publish(resource, outcome, degraded, now)
        return wait

    @staticmethod
    def _has_lost(resource: R, views: tuple[View, ...], outcome: Outcome) -> bool:
        """Whether an object is missing of a resource that had all of its own."""
        wanted = {_mark(each) for each in outcome.children}
        is_known = resource.status.observed_generation == resource.metadata.generation
        return is_known and not wanted <= {_mark_of(each) for each in views}

    async def _carry_out(self, owner: Owner, views: tuple[View, ...], outcome: Outcome) -> None:
        wanted = outcome.children
        await self._children.apply(owner, wanted)
        names = {_mark(each) for each in wanted}
        extra = [each for each in views if self._may_remove(each) and _mark_of(each) not in names]
        if extra and outcome.removes:
            await self._children.remove(owner, extra)
            self.listener("remove")
        if names - {_mark_of(each) for each in views}:
            self.listener("apply")

    def _may_remove(self, view: View) -> bool:
        return view.identity.kind in self._removed and not view.identity.deleting

    async def _publish(
        self, resource: R, outcome: Outcome, degraded: ConditionState, now: float
    ) -> None:
        generation = resource.metadata.generation
        states = {**outcome.conditions, _DEGRADED: degraded}
        before = resource.status
        conditions = tuple(
            next_condition(before.condition(kind), kind, state, generation=generation, now=now)
            for kind, state in states.items()
        )
        status = outcome.status.model_copy(
            update={"observed_generation": generation, "conditions": conditions}
        )
        key = ResourceKey(
            resource.metadata.namespace or "", resource.metadata.name, self._kind.name
        )
        self._latest[key] = resource.model_copy(update={"status": status})
        if status != resource.status:
            await self._store.write_status(resource, status)
        for event in outcome.events:
            await self._store.emit(resource, event)

    @property
    def idle(self) -> int:
        """No resource of the kind is polled."""
        return 0

    async def poll(self, wake: Callable[[ResourceKey], None]) -> None:  # noqa: ARG002 (a seam's)
        """Nothing is polled: changes of objects wake their resource."""
        await asyncio.Event().wait()

    def metrics(self) -> Callable[[], Iterator[Metric]]:
        """Of the resources as they are now, where the kind makes any."""
        families, latest = self._families, tuple(self._latest.values())
        return lambda: iter(()) if families is None else families(latest)

    def forget(self, key: ResourceKey) -> None:
        """Its metrics go."""
        self._latest.pop(key, None)

    async def close(self) -> None:
        """Nothing is open."""


def _mark(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _mark_of(view: View) -> tuple[str, str]:
    return view.identity.kind.name, view.identity.name
