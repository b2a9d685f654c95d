"""The report of a process that plays training games, with a policy or by search."""

from __future__ import annotations

from time import monotonic, time
from typing import Any

from trainingrun_contracts.reports import REPORT_SECONDS, ActorReport, ActorState
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES

from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policies import PublishedWeights
from trainingrun_actor.reporting import Gauges
from trainingrun_actor.sink import Sink


class PlayReport:
    """Reports of one process, from the parts that count."""

    def __init__(
        self,
        config: RunConfig,
        *,
        member: str,
        metrics: PlayMetrics,
        policies: PublishedWeights[Any],
        sink: Sink,
    ) -> None:
        self._config = config
        self._member = member
        self._metrics = metrics
        self._policies = policies
        self._sink = sink
        self._reported_at = monotonic()

    def report(self, state: ActorState) -> ActorReport:
        """Return the report of this moment; waits are those since the last one."""
        now = monotonic()
        seconds = max(REPORT_SECONDS / 4, now - self._reported_at)
        self._reported_at = now
        newest = self._policies.newest
        metrics, sink = self._metrics, self._sink
        return ActorReport(
            member=self._member,
            at=time(),
            state=state,
            running=metrics.running,
            games=metrics.games,
            decisions=metrics.decisions,
            transitions=sink.produced,
            paused_seconds=round(metrics.paused_seconds, 3),
            spooled=sink.waiting_transitions,
            weights_version=newest.pointer.version if newest else -1,
            weights_publish=newest.pointer.publish if newest else -1,
            waits=metrics.fractions(seconds=seconds, games=self._config.actor.games_per_actor),
            game_seconds_p95=metrics.game_seconds_p95,
            sync_seconds=self._policies.sync_seconds,
        )

    def gauges(self) -> Gauges:
        """Return what its metrics say of this moment."""
        newest = self._policies.newest
        return Gauges(
            weights_version=newest.pointer.version if newest else None,
            weights_publish=newest.pointer.publish if newest else None,
            games_wanted=self._config.actor.games_per_actor,
            queue_capacity=HIGH_WATER_BATCHES * self._config.learner.batch_transitions,
            queue_transitions=self._sink.depth,
            spooled_transitions=self._sink.waiting_transitions,
            transitions_produced=self._sink.produced,
            transitions_discarded=self._sink.discarded,
        )
