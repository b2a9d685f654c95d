"""The role ``play``: puts a fleet together, runs it, and ends it in order."""

from __future__ import annotations

import asyncio
from time import monotonic, time
from typing import Final

from trainingrun_contracts.metrics import Server
from trainingrun_contracts.reports import REPORT_SECONDS, ActorReport
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES

from trainingrun_actor.dependencies import Dependencies
from trainingrun_actor.fleet import Fleet
from trainingrun_actor.inference import Inference
from trainingrun_actor.reporting import Gauges
from trainingrun_actor.role_parts import RoleParts, role_parts
from trainingrun_actor.sink import Sink
from trainingrun_actor.startup import reach_redis, stop_event
from trainingrun_actor.watchdog import POINTER_SECONDS

FLUSH_GRACE_SECONDS: Final = 5.0


async def play(
    config: RunConfig, environment: RoleEnvironment, *, pointer_seconds: float = POINTER_SECONDS
) -> None:
    """Play until SIGTERM.

    Raises:
        ConfigError: Redis refuses the password, or the metrics port cannot be used.
        StartError: Redis was away for ten minutes at the start.
        NoPointer: no weights were published for ``pointer_seconds``.
    """
    stop = stop_event()
    client = await reach_redis(environment.redis_url, stop)
    if client is None:
        return
    async with client:
        parts = role_parts(
            config, environment, client, server=Server.ACTOR, pointer_seconds=pointer_seconds
        )
        # The actor's name has a random suffix, so that it draws otherwise than before its restart.
        chance = parts.member if config.sync else parts.actor
        await _Player(config, parts, chance=chance).run(stop)


class _Player:
    """One actor process."""

    def __init__(self, config: RunConfig, parts: RoleParts, *, chance: str) -> None:
        """``chance`` is the name that all that is drawn at random depends on."""
        self._config = config
        self._parts = parts
        self._metrics = parts.metrics
        self._policies = parts.policies
        self._sink = Sink(
            parts.client,
            parts.keys,
            actor=parts.actor,
            batch_transitions=config.learner.batch_transitions,
            now=monotonic,
            on_closed=parts.leases.close_game,
        )
        self._run_state = parts.run_state(
            note_depth=self._sink.note_depth,
            is_eager=lambda: config.daemon.embedded and self._sink.is_paused,
        )
        dependencies = Dependencies(
            environment=parts.environment,
            arena=parts.arena,
            inference=Inference(parts.metrics.note_inference),
            policies=parts.policies,
            sink=self._sink,
            run_state=self._run_state,
            metrics=parts.metrics,
            clock=parts.clock,
            tapes=parts.tapes,
            notify=parts.reporter.notify,
        )
        self._fleet = Fleet(config, dependencies, actor=parts.actor, seed=f"{config.seed}:{chance}")
        self._reported_at = monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Play until the event is set, then end in order."""
        reporter = self._parts.reporter
        async with self._parts.running(
            stop,
            self._run_state.run(),
            self._sink.run(),
            self._parts.leases.run(),
            self._fleet.run(),
            reporter.run(self._report, self._gauges),
        ):
            await self._fleet.stop(seconds=self._config.actor.stop_seconds)
            await self._sink.flush(FLUSH_GRACE_SECONDS)
            await reporter.write(self._report(), self._gauges())

    def _report(self) -> ActorReport:
        now = monotonic()
        seconds = max(REPORT_SECONDS / 4, now - self._reported_at)
        self._reported_at = now
        newest = self._policies.newest
        metrics, sink = self._metrics, self._sink
        return ActorReport(
            member=self._parts.member,
            at=time(),
            state=self._fleet.state(),
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

    def _gauges(self) -> Gauges:
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
