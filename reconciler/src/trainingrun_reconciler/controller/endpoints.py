"""Keeps asking external daemons for their STATUS, beside the reconciles of runs.

A reconcile takes what is known and never waits for a daemon that hangs; only what was never asked
is waited for, once. A refused connection counts at once; a timeout only when it comes twice in a
row, because a daemon under load may be slow. A server that answers STATUS in a game's place, as the
original Forge daemon does, is silent while it is full: that never counts. One prober serves all
runs, so that a daemon that several runs share is asked once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from trainingrun_reconciler.controller.daemon_status import STATUS_SECONDS, NoStatus, ask_status
from trainingrun_reconciler.controller.reach import ANYWHERE, Reach
from trainingrun_reconciler.desired.external import Answer

ASK_SECONDS: Final = 5.0
"""Between two questions to one daemon."""
_FORGET_SECONDS: Final = 120.0
_AT_ONCE: Final = 64
_SLOW_TIMES: Final = 2


@dataclass
class _Known:
    """One endpoint: the last answer, and the question under way."""

    wanted_at: float
    asked_at: float = 0.0
    answer: Answer | None = None
    slow: int = 0
    is_silent_when_full: bool = False
    asking: asyncio.Task[None] | None = field(default=None, repr=False)


class EndpointProber:
    """What external daemons answered last; questions run in the background until :meth:`close`."""

    def __init__(
        self,
        *,
        ask_seconds: float = ASK_SECONDS,
        status_seconds: float = STATUS_SECONDS,
        reach: Reach = ANYWHERE,
    ) -> None:
        self._reach = reach
        self._ask_seconds = ask_seconds
        self._status_seconds = status_seconds
        self._known: dict[str, _Known] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def observe(self, endpoints: Iterable[str]) -> Mapping[str, Answer]:
        """The newest answers; waits only for endpoints that never answered or failed so far."""
        now = asyncio.get_running_loop().time()
        wanted = {name: self._asked(name, now) for name in endpoints}
        first = [
            known.asking
            for known in wanted.values()
            if known.answer is None and known.asking is not None
        ]
        if first:
            await asyncio.wait(first, timeout=self._status_seconds + 1)
        self._forget_old(now)
        return {name: known.answer for name, known in wanted.items() if known.answer is not None}

    async def settle(self) -> None:
        """Wait for the answers to all questions that are under way."""
        tasks = [known.asking for known in self._known.values() if known.asking is not None]
        await asyncio.gather(*tasks)

    async def close(self) -> None:
        """Drop all questions that are under way."""
        tasks = [known.asking for known in self._known.values() if known.asking is not None]
        self._known.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _asked(self, name: str, now: float) -> _Known:
        """The endpoint, with a question under way if one is due."""
        known = self._known.setdefault(name, _Known(wanted_at=now))
        known.wanted_at = now
        is_due = known.answer is None or now - known.asked_at >= self._ask_seconds
        if is_due and known.asking is None:
            known.asked_at = now
            known.asking = asyncio.create_task(self._ask(name, known))
        return known

    async def _ask(self, name: str, known: _Known) -> None:
        try:
            async with self._at_once:
                reply = await ask_status(name, seconds=self._status_seconds, reach=self._reach)
        except (NoStatus, ValueError) as error:  # a name that no resolver takes is a ValueError
            is_passing = isinstance(error, NoStatus) and error.is_passing
            if isinstance(error, NoStatus) and error.is_silent and known.is_silent_when_full:
                return
            known.slow = known.slow + 1 if is_passing else _SLOW_TIMES
            before = known.answer or Answer()
            if known.slow >= _SLOW_TIMES or before.capacity is None:
                known.answer = replace(before, error=str(error))
        else:
            known.slow, known.answer = 0, Answer(reply.slots)
            known.is_silent_when_full = reply.queued is None
        finally:
            known.asking = None

    def _forget_old(self, now: float) -> None:
        for name, known in list(self._known.items()):
            if now - known.wanted_at > _FORGET_SECONDS and known.asking is None:
                del self._known[name]
