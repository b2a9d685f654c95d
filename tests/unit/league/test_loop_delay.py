"""What the metric of the event loop's delays counts."""

from __future__ import annotations

import asyncio
import time

from prometheus_client import CollectorRegistry
from trainingrun_contracts import metrics
from trainingrun_league.process.loop_delay import EVERY_SECONDS, loop_delays, watch_loop


def test_what_holds_the_loop_is_seen() -> None:
    """Expect one delay of some 0.1 s after something that did not let go of the loop for so long
    and the time of one sleep."""

    async def scenario() -> float | None:
        registry = CollectorRegistry()
        watching = asyncio.create_task(watch_loop(loop_delays(registry)))
        await asyncio.sleep(0)
        until = time.perf_counter() + 0.1 + EVERY_SECONDS
        while time.perf_counter() < until:
            pass
        name = metrics.LEAGUE_LOOP_DELAY_SECONDS.name
        await asyncio.sleep(EVERY_SECONDS)  # begun later than the one that is measured
        watching.cancel()
        return registry.get_sample_value(f"{name}_sum")

    assert (asyncio.run(scenario()) or 0.0) >= 0.1
