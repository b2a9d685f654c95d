"""Waiting out a Redis that is away."""

from __future__ import annotations

import logging
from random import Random

import looptime
from trainingrun_actor.redis_retry import RedisRetry

LOG = logging.getLogger(__name__)


def test_an_outage_of_hours_is_waited_out() -> None:
    """Expect pauses of two seconds at most after thousands of failures, too."""

    async def outage(retry: RedisRetry) -> None:
        for _ in range(2000):
            await retry.wait(ConnectionError("refused"), LOG)

    loop = looptime.new_event_loop(start=0, end=5000)
    loop.run_until_complete(outage(RedisRetry(Random(1))))
    assert 2000 < loop.time() < 4000
    loop.close()
