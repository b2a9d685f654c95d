"""A token bucket: how many requests the operator may send to the API server.

The API server has its own fairness; this is the brake against a bug of ours, and its wait is a
metric, so that a bucket that is too small is seen.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field


@dataclass
class TokenBucket:
    """``rate`` requests per second on average, ``burst`` at once.

    ``waited_seconds`` counts up over the life of the process.
    """

    rate: float = 200.0
    burst: float = 400.0
    waited_seconds: float = 0.0
    _tokens: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = self.burst
        self._at = time.monotonic()

    async def take(self) -> None:
        """Take one token; waits until there is one. Waiters go in the order in which they came."""
        delay = self.reserve(time.monotonic())
        if delay > 0:
            self.waited_seconds += delay
            await asyncio.sleep(delay)

    def reserve(self, now: float) -> float:
        """Take one token at ``now`` (seconds) and say how long its taker must wait for it."""
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate) - 1.0
        self._at = now
        return max(0.0, -self._tokens / self.rate)
