"""The role ``play``: puts a fleet together, runs it, and ends it in order."""

from __future__ import annotations

import asyncio
from random import Random
from time import monotonic, time
from typing import Final

import redis.asyncio
from trainingrun_contracts.connection import address_of
from trainingrun_contracts.metrics import Server
from trainingrun_contracts.reports import REPORT_SECONDS, ActorReport
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES
from trainingrun_contracts.stream.keys import Keys

from trainingrun_actor.arena import Arena
from trainingrun_actor.fleet import Dependencies, Fleet
from trainingrun_actor.inference import Inference
from trainingrun_actor.leases import Leases
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policies import Policies
from trainingrun_actor.recorder import Clock
from trainingrun_actor.reporting import Exporter, Gauges, Reporter
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.sink import Sink
from trainingrun_actor.startup import incarnation, reach_redis, stop_event, until_stopped
from trainingrun_actor.tapes import Tapes
from trainingrun_actor.tasks import cancel_all
from trainingrun_actor.watchdog import POINTER_SECONDS, NoPointer, PointerWatchdog

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
        player = _Player(config, environment, client, pointer_seconds=pointer_seconds)
        await player.run(stop)


class _Player:
    """One actor process."""

    def __init__(
        self,
        config: RunConfig,
        environment: RoleEnvironment,
        client: redis.asyncio.Redis,
        *,
        pointer_seconds: float,
    ) -> None:
        keys = Keys(config.run_id, config.learner.shards)
        actor = incarnation(environment.member)
        self._config = config
        self._member = environment.member
        self._metrics = PlayMetrics()
        exporter = Exporter(self._metrics, Server.ACTOR)
        exporter.serve(environment.metrics_port)
        self._reporter = Reporter(client, keys, environment, role="actor", exporter=exporter)
        self._policies = Policies(
            client,
            keys,
            wall=time,
            curve=config.self_play.pfsp,
            note_sync=self._metrics.sync_seconds.observe,
        )
        self._leases = Leases(client, keys, member=actor)
        self._sink = Sink(
            client,
            keys,
            actor=actor,
            batch_transitions=config.learner.batch_transitions,
            now=monotonic,
            on_closed=self._leases.close_game,
        )
        watchdog = PointerWatchdog(
            keys, address_of(environment.redis_url), limit_seconds=pointer_seconds, now=monotonic
        )
        self._run_state = RunStatePoller(
            client,
            keys,
            self._policies,
            member=actor,
            note_depth=self._sink.note_depth,
            note_pointer=watchdog.note,
        )
        self._arena = Arena(
            self._leases,
            metrics=self._metrics,
            random=Random(actor),
            token=environment.daemon_token,
        )
        clock = Clock(monotonic, time)
        parts = Dependencies(
            arena=self._arena,
            inference=Inference(self._metrics.note_inference),
            policies=self._policies,
            sink=self._sink,
            run_state=self._run_state,
            metrics=self._metrics,
            clock=clock,
            tapes=Tapes(config.tapes, run=config.run, member=environment.member, clock=clock),
            notify=self._reporter.notify,
        )
        # What is drawn at random depends on the actor's name, and its suffix is random.
        chance = environment.member if config.sync else actor
        self._fleet = Fleet(config, parts, actor=actor, seed=f"{config.seed}:{chance}")
        self._reported_at = monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Play until the event is set, then end in order."""
        tasks = [
            asyncio.create_task(self._run_state.run()),
            asyncio.create_task(self._sink.run()),
            asyncio.create_task(self._leases.run()),
            asyncio.create_task(self._fleet.run()),
            asyncio.create_task(self._reporter.run(self._report, self._gauges)),
        ]
        try:
            await until_stopped(stop, tasks)
            await self._fleet.stop(seconds=self._config.actor.stop_seconds)
            await self._sink.flush(FLUSH_GRACE_SECONDS)
            await self._reporter.write(self._report(), self._gauges())
        except NoPointer as error:
            await self._reporter.notify("WeightsMissing", str(error))
            raise
        finally:
            await cancel_all(tasks)
            self._arena.close()

    def _report(self) -> ActorReport:
        now = monotonic()
        seconds = max(REPORT_SECONDS / 4, now - self._reported_at)
        self._reported_at = now
        newest = self._policies.newest
        metrics, sink = self._metrics, self._sink
        return ActorReport(
            member=self._member,
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
