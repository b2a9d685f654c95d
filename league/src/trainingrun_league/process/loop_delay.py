"""Watches how long the event loop, which serves all calls of a process, attends to one thing."""

from __future__ import annotations

import asyncio
from typing import Final

from prometheus_client import CollectorRegistry, Histogram
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import observed

EVERY_SECONDS: Final = 0.02


def loop_delays(registry: CollectorRegistry) -> Histogram:
    """Register the metric."""
    return observed(metrics.LEAGUE_LOOP_DELAY_SECONDS, registry)


async def watch_loop(delays: Histogram) -> None:
    """Sleep for short times, and record how much longer it was, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_SECONDS
        await asyncio.sleep(EVERY_SECONDS)
        delays.observe(max(0.0, loop.time() - due))
