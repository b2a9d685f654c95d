"""Waiting out a Redis that is away: jittered back-off, and one plain line every ten seconds."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from time import monotonic
from typing import Final

FIRST_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 2.0
_LINE_SECONDS: Final = 10.0


class Outage:
    """The failures in a row of one connection."""

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
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2**self._failures)
        await asyncio.sleep(longest * (0.5 + 0.5 * self._random.random()))

    def is_over(self, log: logging.Logger) -> None:
        """Note a success."""
        if self._failures and self._said_at != float("-inf"):
            log.info("Redis is back after %d failed attempts", self._failures)
        self._failures = 0
        self._said_at = float("-inf")
