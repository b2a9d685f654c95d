"""Waiting out a Redis that is away: jittered back-off, and one plain line every ten seconds."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from time import monotonic
from typing import Final

from trainingrun_contracts.backoff import Backoff

_BACKOFF: Final = Backoff(first=0.1, longest=2.0, spread=0.5)
_LINE_SECONDS: Final = 10.0


class RedisRetry:
    """Waits between attempts on one connection, longer after each failure in a row."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._failures = 0
        self._said_at = float("-inf")

    async def wait(self, error: Exception, log: logging.Logger) -> None:
        """Note a failure and wait, longer after each in a row."""
        self._failures += 1
        if monotonic() - self._said_at >= _LINE_SECONDS:
            self._said_at = monotonic()
            log.warning("Redis cannot be reached (%s): trying again", error)
        await asyncio.sleep(_BACKOFF.seconds(self._failures, self._random))

    def succeeded(self, log: logging.Logger) -> None:
        """Note a success."""
        if self._failures and self._said_at != float("-inf"):
            log.info("Redis is back after %d failed attempts", self._failures)
        self._failures = 0
        self._said_at = float("-inf")
