"""Where resources are kept: the API server, a file of the local runtime, or memory.

Beside the backends and not inside the controller, because each backend brings its own store and may
not import the layer above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from trainingrun_api.resource import Resource
from trainingrun_api.run import TrainingRun
from trainingrun_api.status import ResourceStatus, TrainingRunStatus

from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.kinds import TRAINING_RUN


@dataclass(frozen=True, order=True)
class ResourceKey:
    """The name that the work queue is keyed by; a new object may reuse it."""

    namespace: str
    name: str
    kind: str = TRAINING_RUN.name

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


R = TypeVar("R", bound=Resource)
S_contra = TypeVar("S_contra", bound=ResourceStatus, contravariant=True)


class ResourceStore(Protocol[R, S_contra]):
    """Reads the resources of one kind and writes what the operator has to say about them."""

    async def get(self, key: ResourceKey) -> R | None:
        """The resource with its latest status; None when it does not exist.

        A store that has one which cannot be read reports so itself, once, and gives None: only a
        change of the resource can help, and that wakes its key.

        Raises:
            BackendError: the store could not be asked.
        """

    async def exists(self, resource: R, /) -> bool:
        """Whether this very resource is still there and to stay, where :meth:`get` may answer from
        what it knew last.

        Raises:
            BackendError: the store could not be asked.
        """

    async def write_status(self, resource: R, status: S_contra, /) -> None:
        """Store the status if it differs; changed conditions at once, mere counters may wait.

        Raises:
            BackendError: refused.
        """

    async def emit(self, resource: R, event: RunEvent, /) -> None:
        """Report an event; one that was reported before may be counted instead of repeated.

        Raises:
            BackendError: refused.
        """

    async def set_finalizer(self, resource: R, finalizer: str, /, *, present: bool) -> None:
        """Hold the resource when it is deleted, or let it go; nothing where nothing can be held.

        Raises:
            BackendError: refused.
        """

    async def delete(self, resource: R, /) -> None:
        """Delete a finished resource whose time to live is over; nothing when it is gone.

        Raises:
            BackendError: refused.
        """


RunStore = ResourceStore[TrainingRun, TrainingRunStatus]
