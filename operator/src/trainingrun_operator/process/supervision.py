"""Background parts of the operator, each started again when it fails.

A part that fails says little about the others: one object that its code does not expect must not
take the operator away from all tenants. So it is started again with a growing pause, counted and
logged; only one that fails again and again within a short time gives up, and with it the process,
whose restart is the last remedy.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from trainingrun_contracts.backoff import Backoff

_LOG: Final = logging.getLogger(__name__)
FAILURES: Final = 6
"""This number within ``WINDOW_SECONDS`` is too many."""
WINDOW_SECONDS: Final = 600.0
_BACKOFF: Final = Backoff(first=0.5, longest=30.0)

Listener = Callable[[str], None]
"""Gets the name of a part that failed."""


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Supervisor:
    """Runs parts until :meth:`stop`.

    Attributes:
        broken: set when a part was given up.
        listener: gets the name of the part at each failure.
    """

    def __init__(self, listener: Listener = lambda _name: None) -> None:
        self.broken = asyncio.Event()
        self.listener = listener
        self._tasks: list[asyncio.Task[None]] = []
        self._given_up: str | None = None

    @property
    def given_up(self) -> str | None:
        """The part that failed too often."""
        return self._given_up

    def start(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Run a part, which never ends by itself, and run it again whenever it fails."""
        self._tasks.append(asyncio.create_task(self._keep(name, part)))

    async def stop(self) -> None:
        """End all parts."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _keep(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        failures: deque[float] = deque(maxlen=FAILURES)
        clock = asyncio.get_running_loop().time
        while True:
            try:
                await part()
                error: Exception = RuntimeError("it ended by itself")
            except asyncio.CancelledError:
                if _is_cancelled():
                    raise
                # only somebody who ends all tasks of the loop would do this, and still it continues
                error = RuntimeError("a task of it was cancelled")
            except Exception as failure:  # the top of a part: whatever it is, the others continue
                error = failure
            failures.append(clock())
            self.listener(name)
            if len(failures) == FAILURES and failures[-1] - failures[0] < WINDOW_SECONDS:
                _LOG.critical("%s failed %d times and is given up", name, FAILURES, exc_info=error)
                self._given_up = name
                self.broken.set()
                return
            pause = self._pause(failures)
            _LOG.error("%s failed and starts again in %.1f s", name, pause, exc_info=error)
            await asyncio.sleep(pause)

    @staticmethod
    def _pause(failures: deque[float]) -> float:
        recent = sum(failures[-1] - at < WINDOW_SECONDS for at in failures)
        return _BACKOFF.seconds(recent)
