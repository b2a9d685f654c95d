"""What is decided about a resource whose need is a set of objects.

A module of its own because decisions are pure, and the loop that carries them out
(``controller.manifest_loop``) has a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from trainingrun_api.resource import Resource
from trainingrun_api.status import ResourceStatus

from trainingrun_reconciler.desired.conditions import ConditionState
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.manifests.metadata import Manifest
from trainingrun_reconciler.views import View

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class Outcome:
    """What a resource needs and what to report of it.

    ``children`` are all objects that it shall have, made by ``manifests.metadata.manifest``; others
    that it controls are deleted, unless ``removes`` is False: then something could not be decided,
    and what is there stays. ``conditions`` come by their types, without times: the loop puts
    them into ``status`` with those, with ``Degraded`` (one that stands among them holds where no
    object is refused) and with the generation.
    """

    status: ResourceStatus
    children: tuple[Manifest, ...] = ()
    conditions: Mapping[str, ConditionState] = field(default_factory=dict)
    events: tuple[RunEvent, ...] = ()
    requeue_after: float | None = None
    removes: bool = True


Decide = Callable[[R, tuple[View, ...], float], Outcome]
"""Pure: the resource, the objects that it has, and the time (Unix seconds)."""
