"""The training games of one process, whichever way they are played: begun with permission, drained,
stopped.

Here is what a run asks of each role that fills its queue. Not here: what a game is and what becomes
of it (``fleet`` seats and plays games, ``selfplay.producer`` has them searched). A base class for
both was refused: they have nothing to override, and each has one of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final

from trainingrun_contracts.reports import ActorState, Intent
from trainingrun_contracts.run_config import RunConfig

from trainingrun_actor.start_permission import Asked, StartPermission

DRAIN_SECONDS: Final = 60.0
"""How long games may still run once the run is drained."""


class PermittedGames:
    """Training games that run, and the permission to begin more.

    Attributes:
        permission: when games may start.
        running: tasks of those that play.
    """

    def __init__(
        self, config: RunConfig, parts: Asked, *, give_up: Callable[[], Awaitable[None]]
    ) -> None:
        """``give_up`` ends the games that run."""
        self.permission = StartPermission(config, parts)
        self.running: set[asyncio.Task[Any]] = set()
        self._slots = config.actor.games_per_actor
        self._parts = parts
        self._give_up = give_up

    @property
    def is_done(self) -> bool:
        """Whether no game runs and none is to be started."""
        return not self.permission.is_wanted() and not self.running

    def state(self) -> ActorState:
        """Return the state for the report."""
        if not self.permission.is_wanted():
            is_drained = self.is_done and self._parts.sink.is_empty
            return ActorState.DRAINED if is_drained else ActorState.PLAYING
        if self._parts.sink.is_paused:
            return ActorState.PAUSED
        return ActorState.PLAYING if self._parts.metrics.running else ActorState.WAITING

    def loops(self, play_next: Callable[[], Awaitable[None]]) -> list[asyncio.Task[None]]:
        """Begin the loops that play until they are cancelled: ``play_next`` is called for each
        permitted game, by as many at once as the actor plays."""
        workers = (self._work(play_next) for _ in range(self._slots))
        return [asyncio.create_task(loop) for loop in (self._enforce_drain(), *workers)]

    async def stop(self, *, seconds: float) -> None:
        """Stop starting games; give running ones ``seconds`` to end, then give them up."""
        self.permission.stop()
        if self.running:
            await asyncio.wait(self.running, timeout=seconds)
        await self._give_up()

    async def _work(self, play_next: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self.permission.wait()
            try:
                await play_next()
            finally:
                self.permission.give_back()

    async def _enforce_drain(self) -> None:
        """Give up the games that still run a minute after the run was drained."""
        deadline: float | None = None
        while True:
            await self._parts.run_state.next_reading()
            if self._parts.run_state.intent is Intent.RUN:
                deadline = None
            elif deadline is None:
                deadline = monotonic() + DRAIN_SECONDS
            elif monotonic() > deadline:
                await self._give_up()
