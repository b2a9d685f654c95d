"""The one interface to training runs, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from trainingrun_api.run import TrainingRun

from trainingrun.sdk.values import EVERY_LINE, Event, LogLine, LogQuery, Member, Place


class TrainingRuns(Protocol):
    """Training runs of one place.

    All methods block, may be called from one thread at a time, and raise
    :class:`~trainingrun.sdk.ClientError` and nothing else for what can go wrong
    outside of the program. Use it as a context manager, or call :meth:`close`.
    """

    @property
    def place(self) -> Place:
        """Where these runs are."""

    @property
    def title(self) -> str:
        """The place in words, for people."""

    def __enter__(self) -> Self:
        """Return the client itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""

    def close(self) -> None:
        """Close the connections; runs continue."""

    def submit(self, run: TrainingRun | Mapping[str, Any]) -> TrainingRun:
        """Create the run, or give the one that exists this spec; returns it as it is then.

        A run on this machine that has already played the games of its spec is returned as it is.

        Raises:
            Refused: it is not valid, or changes what cannot change.
        """

    def check(self, run: TrainingRun | Mapping[str, Any]) -> None:
        """Have the place check a run without creating it.

        Raises:
            Refused: it is not valid.
        """

    def get(self, name: str) -> TrainingRun:
        """Return the run with its latest status.

        Raises:
            NotFound: there is none.
        """

    def list(self) -> tuple[TrainingRun, ...]:
        """Return all runs of the place, by namespace and name."""

    def wait(
        self,
        name: str,
        condition: str = "Complete",
        *,
        status: bool = True,
        timeout: float | None = None,
    ) -> TrainingRun:
        """Wait until a condition holds (``status=False``: does not hold) of the newest spec.

        Raises:
            Ended: it never will, because the run is over.
            Refused: there is no condition of that name.
            WaitTimeout: not within ``timeout`` seconds.
        """

    def events(self, name: str, *, follow: bool = False) -> Iterator[Event]:
        """Return what happened, oldest first; with ``follow`` for ever, as it happens."""

    def members(self, name: str) -> tuple[Member, ...]:
        """Return the processes or pods of a run now."""

    def logs(self, name: str, query: LogQuery = EVERY_LINE) -> Iterator[LogLine]:
        """Lines of the members' logs; by default all that are kept, of all members."""

    def suspend(self, name: str) -> None:
        """Ask the run to save, stop, and let its resources go; :meth:`wait` for ``Suspended``."""

    def resume(self, name: str) -> None:
        """Continue a suspended run from its checkpoint."""

    def drain(self, name: str, daemon: str) -> None:
        """Ask one daemon to take no more games, and to go when its own have ended.

        Raises:
            Refused: the run has no such daemon.
        """

    def request_checkpoint(self, name: str) -> int | None:
        """Ask the learner to save soon.

        Returns:
            The version of the weights that were the newest when it was asked; a checkpoint of that
            step or a later one answers the request. None before anything was published.
        """

    def delete(self, name: str) -> None:
        """Delete a run; its checkpoints stay. On this machine: stop it, and put its folder aside
        where ``trainingrun local --fresh`` puts them."""
