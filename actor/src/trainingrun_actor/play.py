"""The role ``play``: puts a fleet together, runs it, and ends it in order."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from trainingrun_contracts.metrics import Server
from trainingrun_contracts.reports import ActorReport
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import RunConfig

from trainingrun_actor.dependencies import Dependencies
from trainingrun_actor.fleet import Fleet
from trainingrun_actor.inference import Inference
from trainingrun_actor.play_report import PlayReport
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
        self._reports = PlayReport(
            config,
            member=parts.member,
            metrics=parts.metrics,
            policies=parts.policies,
            sink=self._sink,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Play until the event is set, then end in order."""
        reporter = self._parts.reporter
        async with self._parts.running(
            stop,
            self._run_state.run(),
            self._sink.run(),
            self._parts.leases.run(),
            self._fleet.run(),
            reporter.run(self._report, self._reports.gauges),
        ):
            await self._fleet.stop(seconds=self._config.actor.stop_seconds)
            await self._sink.flush(FLUSH_GRACE_SECONDS)
            await reporter.write(self._report(), self._reports.gauges())

    def _report(self) -> ActorReport:
        return self._reports.report(self._fleet.state())
