"""When training games may start.

Games start while the run is meant to play, has games left to play, Redis answers and the queue has
room. Back-pressure holds back new games only: a game that was paused midway would run into the
daemon's clock and end as a draw. So the queue may exceed the high water by what the running games
still bring.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Final, Protocol

import redis
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import RunConfig

from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policies import PublishedWeights
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.sink import Sink

_SEND_SECONDS: Final = 10.0


class Asked(Protocol):
    """The parts of an actor that a permission depends on."""

    @property
    def run_state(self) -> RunStatePoller:
        """What the run says."""

    @property
    def sink(self) -> Sink:
        """Whether there is room."""

    @property
    def policies(self) -> PublishedWeights[Any]:
        """Whether there are weights."""

    @property
    def metrics(self) -> PlayMetrics:
        """Where waits are counted."""


class StartPermission:
    """Permits the games of one actor."""

    def __init__(self, config: RunConfig, parts: Asked) -> None:
        self._config = config
        self._parts = parts
        self._taken = 0
        """Games that have been permitted and have not ended: they are as good as played."""
        self._is_stopping = False

    @property
    def target(self) -> int:
        """Training games of the whole run."""
        watched = self._parts.run_state.target
        return self._config.games if watched is None else watched

    def is_wanted(self) -> bool:
        """Return whether games are to be played, now or once there is room."""
        is_meant_to_play = self._parts.run_state.intent is Intent.RUN and self._games_left() > 0
        return is_meant_to_play and not self._is_stopping

    def may_start(self) -> bool:
        """Return whether a game may start now."""
        run_state = self._parts.run_state
        knows_phase = run_state.is_current and (
            run_state.phase is not None or not self._config.phased
        )
        return self.is_wanted() and knows_phase and not self._parts.sink.is_paused

    async def wait(self) -> None:
        """Wait until one more game may start; :meth:`give_back` it once the game has ended."""
        metrics, sink = self._parts.metrics, self._parts.sink
        while not (
            self.may_start() and self._games_left() > self._taken and await self._is_in_step()
        ):
            is_paused = sink.is_paused
            began = monotonic()
            await self._parts.run_state.next_reading()
            if is_paused:
                waited = monotonic() - began
                metrics.waited["queue"] += waited
                metrics.paused_seconds += waited / self._config.actor.games_per_actor
        self._taken += 1

    def give_back(self) -> None:
        """A game that was permitted has ended, or did not begin."""
        self._taken -= 1

    def stop(self) -> None:
        """Permit no game any longer."""
        self._is_stopping = True

    def _games_left(self) -> int:
        run_state, sink = self._parts.run_state, self._parts.sink
        return self.target - max(run_state.games_played, sink.games_known)

    async def _is_in_step(self) -> bool:
        """Return whether the learner has trained and published all that it can of what was sent;
        always so, unless the run is to be repeated bit for bit.

        The learner publishes before it acknowledges, and a reading asks for the depth before the
        weights: with less than a batch in the queue, the weights that were read are the last.
        """
        if not self._config.sync:
            return True
        sink, run_state = self._parts.sink, self._parts.run_state
        if not await sink.flush(_SEND_SECONDS):
            return False
        try:
            await run_state.read()
        except (redis.RedisError, OSError):
            return False  # the poller reports it, and waits it out
        has_weights = self._parts.policies.newest is not None
        return has_weights and sink.depth < self._config.learner.batch_transitions
