"""Where TrainingRuns are kept: the API server, a file of the local runtime, or memory.

Beside the backends and not inside the controller, because each backend brings its own store and may
not import the layer above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trainingrun_api.run import TrainingRun
from trainingrun_api.status import TrainingRunStatus

from trainingrun_reconciler.desired.events import RunEvent


@dataclass(frozen=True, order=True)
class RunKey:
    """The name of a run that the work queue is keyed by; a new run may reuse it."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class RunStore(Protocol):
    """Reads TrainingRuns and writes what the operator has to say about them."""

    async def get(self, key: RunKey) -> TrainingRun | None:
        """The run with its latest status; None when it does not exist (any more).

        A store that has a run which cannot be read tells people so itself, once, and gives None:
        only a change of the run can help, and that wakes its key.

        Raises:
            BackendError: the store could not be asked.
        """

    async def exists(self, run: TrainingRun) -> bool:
        """Whether this very run is still there and to stay, where :meth:`get` may answer from what
        was told last.

        Raises:
            BackendError: the store could not be asked.
        """

    async def write_status(self, run: TrainingRun, status: TrainingRunStatus) -> None:
        """Store the status if it differs; changed conditions at once, mere counters may wait.

        Raises:
            BackendError: refused.
        """

    async def emit(self, run: TrainingRun, event: RunEvent) -> None:
        """Tell people; an event that was told before may be counted instead of repeated.

        Raises:
            BackendError: refused.
        """

    async def set_finalizer(self, run: TrainingRun, finalizer: str, *, present: bool) -> None:
        """Hold the run when it is deleted, or let it go; nothing where nothing can be held.

        Raises:
            BackendError: refused.
        """

    async def delete(self, run: TrainingRun) -> None:
        """Delete a finished run whose time to live is over; nothing when it is gone.

        Raises:
            BackendError: refused.
        """
