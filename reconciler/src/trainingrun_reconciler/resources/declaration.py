"""A kind of resource as a declaration: everything else asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client.core import Metric
from trainingrun_api.resource import Resource, ResourceDefinition
from trainingrun_api.status import ResourceStatus

from trainingrun_reconciler.backends import Backend
from trainingrun_reconciler.children import Children
from trainingrun_reconciler.kinds import POD, Kind
from trainingrun_reconciler.leagues.objects import Place
from trainingrun_reconciler.leagues.seam import Leagues
from trainingrun_reconciler.settings import Settings
from trainingrun_reconciler.store import ResourceKey, ResourceStore

WATCH = ("list", "watch")
APPLY = ("create", "patch")
"""Server-side apply is a patch, and a creation where nothing is there."""


@dataclass(frozen=True)
class Child:
    """A kind of object that the operator makes for a resource, and what it does with it.

    ``verbs`` are the rights that it needs; the chart's role has them.
    """

    kind: Kind
    verbs: tuple[str, ...]

    @property
    def is_watched(self) -> bool:
        """Whether the operator keeps in mind what is there."""
        return "watch" in self.verbs

    @property
    def is_removed(self) -> bool:
        """Whether the operator deletes it when it is wanted no longer."""
        return "delete" in self.verbs and self.kind is not POD


def owned(kind: Kind) -> Child:
    """What is made, watched, kept as it should be, and removed."""
    return Child(kind, ("get", *WATCH, *APPLY, "delete"))


def kept(kind: Kind) -> Child:
    """What stays until its resource goes, for its data."""
    return Child(kind, ("get", *WATCH, *APPLY))


@dataclass(frozen=True)
class Host:
    """What the host of a reconciler gives it.

    Attributes:
        store: of the resources of its kind.
        children: the objects that they own.
        backend: the roles of training runs.
        settings: of the installation.
        leagues: that run.
        league_place: what an installation decides about them.
        runs: the training runs of a namespace, by UID, and whether each is over.
        may_act: raises a ``BackendError`` where another operator leads; asked before something is
            changed outside of the API server, which refuses by itself.
    """

    store: ResourceStore[Any, Any]
    children: Children
    backend: Backend
    settings: Settings
    leagues: Leagues
    league_place: Place
    runs: Callable[[str], Mapping[str, bool]]
    may_act: Callable[[], object]


class ResourceReconciler(Protocol):
    """Reconciles the resources of one kind."""

    @property
    def listener(self) -> Callable[[str], None]:
        """Called with the kind of every action that was done (``controller.loop.ACTIONS``)."""

    @listener.setter
    def listener(self, listener: Callable[[str], None], /) -> None: ...

    @property
    def idle(self) -> int:
        """How many resources are only polled."""

    async def reconcile(self, key: ResourceKey) -> float | None:
        """Reconcile one resource once; return the seconds until the next is due, or None.

        Raises:
            ReconcileError: the store or the cluster could not be asked.
        """

    async def poll(self, wake: Callable[[ResourceKey], None]) -> None:
        """Watch what no API server reports of, until cancelled; ``wake`` has it reconciled."""

    def metrics(self) -> Callable[[], Iterator[Metric]]:
        """The resources as they are now, as what writes their metrics: maybe in another thread."""

    def forget(self, key: ResourceKey) -> None:
        """Drop what is remembered of a resource that is gone."""

    async def close(self) -> None:
        """Close connections."""


@dataclass(frozen=True)
class Finalizer:
    """A finalizer of a kind, and what is reported where an unreadable spec hides what it is for."""

    name: str
    reason: str
    message: str


def at_once(_present: ResourceStatus, _wanted: ResourceStatus, _count: int) -> float:
    """Write every status that differs."""
    return 0.0


@dataclass(frozen=True)
class ResourceKind:
    """A kind of resource.

    Attributes:
        definition: its models, rules and columns, of which the CRD is made.
        children: what it makes; of these come the operator's rights and watches.
        reconciler: makes what reconciles its resources.
        status_pause: seconds since the latest write before a status may follow it, from the present
            one, the wanted one, and how many resources there are.
        finalizer: by which its resources may be held; None: never.
        expires: whether they are deleted when their time to live is over.
    """

    definition: ResourceDefinition[Resource]
    children: tuple[Child, ...]
    reconciler: Callable[[Host], ResourceReconciler]
    status_pause: Callable[[Any, Any, int], float] = at_once
    finalizer: Finalizer | None = None
    expires: bool = False

    @property
    def verbs(self) -> tuple[str, ...]:
        """What the operator does with its resources themselves, beside their status."""
        held = ("patch",) if self.finalizer is not None else ()
        return (*WATCH, *held, *(("delete",) if self.expires else ()))

    @property
    def kind(self) -> Kind:
        """Where it is in the API."""
        return Kind.of(self.definition)

    @property
    def removed(self) -> frozenset[Kind]:
        """The kinds of objects that are deleted when they are wanted no longer."""
        return frozenset(each.kind for each in self.children if each.is_removed)
