"""Reports, metrics and the health file: what the role publishes, every two seconds.

A report that cannot be written is dropped: the next one replaces it anyway. The health file is
touched whether or not Redis answers, because it says that the process lives, not that the run does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from time import monotonic, time
from typing import Final

import redis
import redis.asyncio
from msgspec import Struct
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from trainingrun_contracts import exposition, metrics
from trainingrun_contracts.metrics import Metric, Server
from trainingrun_contracts.reports import (
    REPORT_SECONDS,
    Notice,
    Report,
    queue_notice,
    queue_report,
)
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import ConfigError
from trainingrun_contracts.stream.keys import Keys

from trainingrun_actor.play_metrics import PlayMetrics

_log = logging.getLogger(__name__)


class Gauges(Struct, frozen=True):
    """Values for the metrics that only the role itself knows; None leaves a sample out."""

    weights_version: int | None = None
    weights_publish: int | None = None
    games_wanted: int | None = None
    queue_transitions: int | None = None
    queue_capacity: int | None = None
    spooled_transitions: int | None = None
    transitions_produced: int = 0
    transitions_discarded: int = 0
    win_rates: dict[str, float] = {}
    elos: dict[str, float] = {}


class Exporter(Collector):
    """The Prometheus side of a play_metrics, made anew whenever it is asked for."""

    def __init__(self, play_metrics: PlayMetrics, server: Server) -> None:
        self._play_metrics = play_metrics
        self._metrics = frozenset(metrics.served_by(server))
        self._gauges = Gauges()
        self._games_per_second: float | None = None
        self.registry: Final = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def serve(self, port: int) -> None:
        """Answer Prometheus on this port; 0 means not at all.

        Raises:
            ConfigError: the port cannot be listened on.
        """
        if not port:
            return
        try:
            start_http_server(port, registry=self.registry)
        except OSError as error:
            raise ConfigError(f"metrics port {port} cannot be used: {error.strerror}") from error

    def update(self, gauges: Gauges) -> None:
        """Take in the role's own values."""
        self._gauges = gauges
        self._games_per_second = self._play_metrics.games_per_second(now=monotonic())

    def collect(self) -> Iterator[Family]:
        """See Collector: the metrics of this role, of those that players have."""
        for metric, made in self._families():
            if metric in self._metrics:
                yield made

    def _families(self) -> Iterator[tuple[Metric, Family]]:
        play_metrics, gauges = self._play_metrics, self._gauges
        labelled: dict[Metric, Mapping[str, float]] = {
            metrics.GAMES: dict(play_metrics.outcomes),
            metrics.EVALUATION_GAMES: dict(play_metrics.outcomes),
            metrics.WAIT_SECONDS: dict(play_metrics.waited),
            metrics.WAIT_FRACTION: play_metrics.latest_fractions,
            metrics.SEARCH_POSITIONS: dict(play_metrics.positions),
            metrics.WIN_RATE: gauges.win_rates,
            metrics.ELO: gauges.elos,
            metrics.TRANSITIONS: {
                "produced": gauges.transitions_produced,
                "spool": gauges.transitions_discarded,
            },
        }
        single = {
            metrics.GAMES_PER_SECOND: self._games_per_second,
            metrics.GAMES_RUNNING: play_metrics.running,
            metrics.GAMES_WANTED: gauges.games_wanted,
            metrics.DECISIONS: play_metrics.decisions,
            metrics.SIMULATIONS: play_metrics.simulations,
            metrics.PAUSED_SECONDS: play_metrics.paused_seconds,
            metrics.WEIGHTS_VERSION: gauges.weights_version,
            metrics.WEIGHTS_PUBLISH: gauges.weights_publish,
            metrics.SPOOLED: gauges.spooled_transitions,
            metrics.QUEUE_DEPTH: gauges.queue_transitions,
            metrics.QUEUE_CAPACITY: gauges.queue_capacity,
        }
        spread = {
            metrics.GAME_SECONDS: play_metrics.game_seconds,
            metrics.SYNC_SECONDS: play_metrics.sync_seconds,
            metrics.INFERENCE_BATCH: play_metrics.inference_batch,
            metrics.INFERENCE_SECONDS: play_metrics.inference_seconds,
        }
        for metric, samples in labelled.items():
            yield metric, exposition.labelled(metric, samples)
        for metric, number in single.items():
            yield metric, exposition.value(metric, number)
        for metric, distribution in spread.items():
            yield metric, exposition.histogram(metric, distribution)
        errors = play_metrics.errors.copy().items()
        yield metrics.DAEMON_ERRORS, exposition.family(metrics.DAEMON_ERRORS, errors)


class Reporter:
    """Writes the reports of one role."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        keys: Keys,
        environment: RoleEnvironment,
        *,
        role: str,
        exporter: Exporter,
    ) -> None:
        self._redis = client
        self._keys = keys
        self._environment = environment
        self._role = role
        self._exporter = exporter

    async def run(self, report: Callable[[], Report], gauges: Callable[[], Gauges]) -> None:
        """Report for ever."""
        while True:
            await self.write(report(), gauges())
            await asyncio.sleep(REPORT_SECONDS)

    async def write(self, report: Report, gauges: Gauges) -> None:
        """Report once."""
        self._exporter.update(gauges)
        self._touch_health_file()
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                queue_report(pipe, self._keys, report)
                await pipe.execute()
        except (redis.RedisError, OSError) as error:
            _log.debug("a report was not written: %s", error)

    async def notify(self, reason: str, message: str) -> None:
        """Leave a notice for the person who runs this."""
        notice = Notice(
            at=time(),
            role=self._role,
            member=self._environment.member,
            reason=reason,
            message=message,
        )
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                queue_notice(pipe, self._keys.notices, notice)
                await pipe.execute()
        except (redis.RedisError, OSError) as error:
            _log.debug("a notice was not written: %s", error)

    def _touch_health_file(self) -> None:
        path = self._environment.health_file
        if path is not None:
            try:
                path.touch()
            except OSError as error:
                _log.debug("health file %s: %s", path, error.strerror)
