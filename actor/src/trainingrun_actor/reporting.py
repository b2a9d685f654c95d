"""Reports, metrics and the health file: what the role tells, every two seconds.

A report that cannot be written is dropped: the next one replaces it anyway. The health file is
touched whether or not Redis answers, because it says that the process lives, not that the run does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import time
from typing import Final

import redis
import redis.asyncio
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server
from trainingrun_contracts import metrics
from trainingrun_contracts.reports import (
    REPORT_SECONDS,
    Notice,
    Report,
    queue_notice,
    queue_report,
)
from trainingrun_contracts.run_config import ConfigError, RoleEnvironment
from trainingrun_contracts.stream.keys import Keys

from trainingrun_actor.meter import Meter

_log = logging.getLogger(__name__)


class Gauges(Struct, frozen=True):
    """Values for the metrics that only the role itself knows; None leaves a metric out."""

    weights_version: int | None = None
    queue_transitions: int | None = None
    spooled_transitions: int | None = None
    sync_seconds: float | None = None
    transitions_produced: int = 0
    transitions_discarded: int = 0
    win_rates: dict[str, float] = {}


class Exporter:
    """The Prometheus side of a meter."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.registry: Final = CollectorRegistry()
        self._games = Counter(*metrics.GAMES, registry=self.registry)
        self._decisions = Counter(*metrics.DECISIONS, registry=self.registry)
        self._transitions = Counter(*metrics.TRANSITIONS, registry=self.registry)
        self._waits = Counter(*metrics.WAIT_SECONDS, registry=self.registry)
        self._gauges: dict[str, Gauge] = {}
        self._seen: dict[tuple[str, str], float] = {}

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
        """Take in the meter and the role's own values."""
        meter = self._meter
        for outcome, count in meter.outcomes.items():
            self._games.labels(outcome).inc(self._growth("games", outcome, count))
        for cause, seconds in meter.waited.items():
            self._waits.labels(cause).inc(self._growth("waits", cause, seconds))
        self._decisions.inc(self._growth("decisions", "", meter.decisions))
        fates = {"produced": gauges.transitions_produced, "spool": gauges.transitions_discarded}
        for fate, count in fates.items():
            self._transitions.labels(fate).inc(self._growth("fate", fate, count))
        self._set(metrics.WEIGHTS_VERSION, gauges.weights_version)
        self._set(metrics.QUEUE_DEPTH, gauges.queue_transitions)
        self._set(metrics.SPOOLED, gauges.spooled_transitions)
        self._set(metrics.SYNC_SECONDS, gauges.sync_seconds)
        for opponent, rate in gauges.win_rates.items():
            self._gauge(metrics.EVALUATION_RATE).labels(opponent).set(rate)

    def _growth(self, kind: str, label: str, total: float) -> float:
        growth = total - self._seen.get((kind, label), 0.0)
        self._seen[kind, label] = total
        return growth

    def _set(self, spec: tuple[str, str, tuple[str, ...]], value: float | None) -> None:
        if value is not None:
            self._gauge(spec).set(value)

    def _gauge(self, spec: tuple[str, str, tuple[str, ...]]) -> Gauge:
        """The gauge of this name; it exists from its first value on, as absent is not zero."""
        if spec[0] not in self._gauges:
            self._gauges[spec[0]] = Gauge(*spec, registry=self.registry)
        return self._gauges[spec[0]]


class Reporter:
    """Writes the reports of one role."""

    def __init__(
        self, client: redis.asyncio.Redis, keys: Keys, environment: RoleEnvironment, *,
        role: str, exporter: Exporter,
    ) -> None:  # fmt: skip
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
                queue_report(pipe, self._keys.reports, report)
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
