"""What the process serves over HTTP: /livez, /readyz and /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from aiohttp import web
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector, CollectorRegistry
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import value
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.kinds import TRAINING_RUN

from trainingrun_operator.process.service import Service

LONGEST_LAG: Final = 30.0
LONGEST_SILENCE: Final = 900.0
LONGEST_WAIT: Final = 900.0
READY_SECONDS: Final = 2.5
"""The readiness probe is answered so late at most, so that no start is an ``Unhealthy`` event."""
_READY_STEP: Final = 0.1


class ServiceMetrics(Collector):
    """Numbers of the service at one moment: taken on the event loop, written down beside it.

    The page of a thousand runs has 44,000 lines, and takes more than a second to write.
    """

    def __init__(self, service: Service) -> None:
        self._own = tuple(_own_families(service))
        self._of_kinds = tuple(kind.reconciler.metrics() for kind in service.kinds.values())

    def collect(self) -> Iterator[Metric]:
        """The metrics as they were then."""
        yield from self._own
        for families in self._of_kinds:
            yield from families()


def _own_families(service: Service) -> Iterator[Metric]:
    yield value(metrics.RUNS, sum(key.kind == TRAINING_RUN.name for key in service.known()))
    yield value(metrics.OBJECTS, len(service.objects))
    yield value(metrics.LEADING, int(service.leads))
    yield value(metrics.LOOP_LAG, service.lag)
    yield value(metrics.THROTTLED, service.client.bucket.waited_seconds)
    yield value(metrics.QUEUE_RUNS, service.queue.overdue())
    yield value(metrics.QUEUE_OLDEST, service.queue.oldest_seconds())
    yield value(metrics.RESTING, sum(kind.reconciler.idle for kind in service.kinds.values()))
    yield value(metrics.WATCH_AGE, service.watch_age() if service.working else None)


def _page(service_metrics: ServiceMetrics, metrics: CollectorRegistry) -> bytes:
    """All metrics of the process as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(service_metrics)
    return b"".join(generate_latest(each) for each in (REGISTRY, registry, metrics))


def failure_of(service: Service) -> str | None:
    """Why the process should be restarted; None when it should not."""
    if not service.is_alive:
        return f"{service.supervisor.given_up} failed again and again"
    if service.lag > LONGEST_LAG:
        return f"the event loop is {service.lag:.0f} s late"
    if service.working and service.watch_age() > LONGEST_SILENCE:
        return f"a watch has been silent for {service.watch_age():.0f} s"
    stuck = service.queue.stuck_seconds()
    if stuck > LONGEST_WAIT:
        return f"no reconcile has ended for {stuck:.0f} s"
    return None


def unready(service: Service) -> str | None:
    """Why the process is not ready: a leader knows all objects, one that stands by its leader."""
    elector = service.elector
    if service.working or (elector is not None and elector.holder and not service.leads):
        return None
    return "not all objects are known yet" if service.leads else "the lease is not known yet"


async def settled(ask: Callable[[], str | None], *, seconds: float = READY_SECONDS) -> str | None:
    """Return what ``ask`` says once it says None, or when ``seconds`` are over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (why := ask()) is not None and loop.time() < deadline:  # noqa: ASYNC110 - has no event
        await asyncio.sleep(_READY_STEP)
    return why


async def serve(service: Service, *, health_port: int, metrics_port: int) -> web.AppRunner:
    """Serve on both ports (one server where they are equal) until the runner is cleaned up.

    Raises:
        BackendError: a port is taken.
    """

    async def live(_: web.Request) -> web.Response:
        why = failure_of(service)
        return web.Response(text=why or "ok", status=503 if why else 200)

    async def ready(_: web.Request) -> web.Response:
        why = await settled(lambda: unready(service))
        return web.Response(text=why or "ok", status=503 if why else 200)

    async def scrape(_: web.Request) -> web.Response:
        text = await asyncio.to_thread(_page, ServiceMetrics(service), service.metrics.registry)
        return web.Response(body=text, content_type="text/plain")

    app = web.Application()
    app.add_routes(
        [web.get("/livez", live), web.get("/readyz", ready), web.get("/metrics", scrape)]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    for port in sorted({health_port, metrics_port}):
        try:
            await web.TCPSite(runner, port=port).start()
        except OSError as error:
            await runner.cleanup()
            raise BackendError(
                "PortTaken",
                f"port {port} cannot be listened on ({error.strerror}): choose others with"
                " --health-port and --metrics-port",
                retry=False,
            ) from error
    return runner
