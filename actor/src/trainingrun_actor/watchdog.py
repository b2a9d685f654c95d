"""Ends an actor that has no weights to play with, so that somebody hears of it.

Only readings that Redis answered count: an actor that waits out an outage holds transitions in its
spool, and its end would lose them. Ending is all that is done here; the supervisor of the process
starts it again, and a pod that ends is seen where one that waits in silence is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.weights_pointer import Pointer

POINTER_SECONDS: Final = 600.0
_LONGEST_STEP: Final = 5.0
"""What the time between two readings counts at most; readings come twice a second."""


class NoPointer(Exception):
    """No weights were published for too long; the message is one sentence for the user."""


class PointerWatchdog:
    """How long the run has been without a weights pointer."""

    def __init__(
        self, keys: Keys, address: str, *, limit_seconds: float, now: Callable[[], float]
    ) -> None:
        self._key = keys.weights
        self._address = address
        self._limit = limit_seconds
        self._now = now
        self._read_at = now()
        self._missing_seconds = 0.0

    def note(self, pointer: Pointer | None) -> None:
        """Take in one reading.

        Raises:
            NoPointer: there has been none for the limit, an outage of Redis not counted.
        """
        now = self._now()
        step, self._read_at = min(now - self._read_at, _LONGEST_STEP), now
        self._missing_seconds = 0.0 if pointer is not None else self._missing_seconds + step
        if self._missing_seconds >= self._limit:
            raise NoPointer(
                f"Redis at {self._address} has had no {self._key} (the pointer to the newest"
                f" weights, which the learner writes) for {self._missing_seconds:.0f} s: see"
                " whether the learner runs and what its log says; this actor ends, and plays again"
                " when it is started again"
            )
