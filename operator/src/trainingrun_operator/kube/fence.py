"""Whether this process may write to the cluster, and until when.

The lease (``lease``) opens and closes the fence; the client asks it before each write, once more
when the write has its connection, and asks the API server to give the write up by the time at
which a successor may take over. So a leader that was frozen, starved or cut off writes nothing when
it comes back, without any message to it. Time is that of a steady clock which also runs
while the machine sleeps; the time of day plays no part, here or in the lease.

Belongs here: that one rule. Does not belong here: how leadership is won.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from trainingrun_reconciler.errors import FencedError


def steady_seconds() -> float:
    """Return seconds of a clock that cannot be set, if possible one that counts sleep too."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True)
class Term:
    """One leadership.

    Attributes:
        number: the lease's count of transitions; a later leadership has a greater one.
        writes_until: no write begins after this moment (steady seconds).
        ends_at: no write may be carried out after this moment: a successor may have begun.
    """

    number: int
    writes_until: float
    ends_at: float


ALWAYS: Final = Term(0, math.inf, math.inf)
"""Of an operator without a lease, which its user knows to be alone."""


class Fence:
    """Lets writes through during a term. It is closed at first, and stays so once it was shut."""

    def __init__(
        self, term: Term | None = None, *, clock: Callable[[], float] = steady_seconds
    ) -> None:
        self._term = term
        self._clock = clock
        self._is_shut = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def term(self) -> Term | None:
        """The term that was opened last, even if it has ended."""
        return self._term

    @property
    def is_open(self) -> bool:
        """Whether a write may begin now."""
        term = self._term
        return term is not None and not self._is_shut and self._clock() < term.writes_until

    def open(self, term: Term) -> None:
        """Begin a term, or prolong it. A fence that was shut stays shut."""
        self._term = term

    def shut(self) -> None:
        """Let no further write begin, ever: the process is about to end."""
        self._is_shut = True

    def check(self) -> float:
        """Seconds until whatever is written now must be done.

        Raises:
            FencedError: nothing may be written.
        """
        term, now = self._term, self._clock()
        if term is None:
            raise FencedError("this operator does not lead, so it writes nothing")
        if self._is_shut:
            raise FencedError("this operator is ending, so it writes nothing more")
        if now >= term.writes_until:
            late = now - term.writes_until
            raise FencedError(f"the lease was last renewed too long ago, by {late:.1f} s")
        return term.ends_at - now

    @contextmanager
    def writing(self) -> Iterator[float]:
        """Surrounds one write; gives the seconds in which it must be done.

        Raises:
            FencedError: nothing may be written.
        """
        seconds = self.check()
        self._under_way += 1
        self._idle.clear()
        try:
            yield seconds
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def drained(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for the writes under way; return whether all have ended."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True
