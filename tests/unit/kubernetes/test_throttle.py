"""The operator's own limit of requests."""

from __future__ import annotations

import asyncio
import itertools
import time

from trainingrun_operator.kube.throttle import TokenBucket


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    """Expect the delays that are reserved to grow by one interval for each taker."""
    bucket = TokenBucket(rate=10.0, burst=2.0)
    # Long after the bucket was made, so that it is full: what it gained in a few microseconds
    # would move the delays by a rounding.
    now = time.monotonic() + 60.0
    delays = [round(bucket.reserve(now), 3) for _ in range(5)]
    assert delays[:2] == [0.0, 0.0]
    assert [round(b - a, 3) for a, b in itertools.pairwise(delays[2:])] == [0.1, 0.1]


def test_who_takes_too_much_waits() -> None:
    """Expect ten requests at 500 a second beyond a burst of one to take nine intervals."""

    async def take() -> float:
        bucket = TokenBucket(rate=500.0, burst=1.0)
        begin = time.monotonic()
        for _ in range(10):
            await bucket.take()
        assert bucket.waited_seconds > 0
        return time.monotonic() - begin

    assert asyncio.run(take()) >= 0.9 * 9 / 500
