"""What the server counts, for its report and for Prometheus.

The event loop writes; the thread that reports and the one that serves metrics read, and may see a
number more or less.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Final

import numpy as np
from msgspec import Struct
from trainingrun_contracts import metrics
from trainingrun_contracts.distribution import Distribution

_WINDOW_SECONDS: Final = 30.0
_BATCHES_REMEMBERED: Final = 8192
_WAITS_OF_A_BATCH: Final = 64


class Batch(Struct, frozen=True):
    """One batch that was answered.

    Attributes:
        at: when, by the clock of ``Figures``.
        rows: positions that were asked for.
        computed: those that the network saw.
        seconds: from its start to its answers.
        waits: of its requests, from arrival to the batch's start, in seconds.
    """

    at: float
    rows: int
    computed: int
    seconds: float
    waits: tuple[float, ...]


class Rates(Struct, frozen=True):
    """Of the last half minute; None where there was no batch."""

    positions_per_second: float | None = None
    wait_seconds_p50: float | None = None
    wait_seconds_p95: float | None = None
    batch_seconds: float | None = None
    fill: float | None = None
    cache_hits: float | None = None


class Figures:
    """Counters since the start, and the latest batches.

    Attributes:
        positions, computed, batches, requests: answered.
        failures: by what went wrong: ``broken`` connections, ``refused`` ones, ``slow`` clients,
            ``errors`` of requests that got no answer.
        connections: open ones whose hello was accepted.
    """

    def __init__(self, *, most_rows: int) -> None:
        self.positions = 0
        self.computed = 0
        self.batches = 0
        self.requests = 0
        self.connections = 0
        self.failures = dict.fromkeys(("broken", "refused", "slow", "error"), 0)
        self.wait_seconds = Distribution(metrics.SERVER_WAIT_SECONDS.buckets)
        self.batch_seconds = Distribution(metrics.SERVER_BATCH_SECONDS.buckets)
        self.batch_rows = Distribution(metrics.SERVER_BATCH_ROWS.buckets)
        self._most_rows = most_rows
        self._recent: deque[Batch] = deque(maxlen=_BATCHES_REMEMBERED)
        self._began = monotonic()

    def note(self, batch: Batch) -> None:
        """Count a batch."""
        self.positions += batch.rows
        self.computed += batch.computed
        self.batches += 1
        self.requests += len(batch.waits)
        self.batch_seconds.observe(batch.seconds)
        self.batch_rows.observe(batch.rows)
        for wait in batch.waits:
            self.wait_seconds.observe(wait)
        self._recent.append(batch)

    def rates(self, *, now: float) -> Rates:
        """Return what the last half minute was like."""
        recent = [each for each in self._recent.copy() if now - each.at <= _WINDOW_SECONDS]
        if not recent:
            return Rates()
        whole = len(self._recent) == _BATCHES_REMEMBERED
        since = max(recent[0].at if whole else self._began, now - _WINDOW_SECONDS)
        return _rates(recent, seconds=max(now - since, 1e-3), most_rows=self._most_rows)


def _rates(recent: Sequence[Batch], *, seconds: float, most_rows: int) -> Rates:
    waits = [wait for batch in recent for wait in batch.waits[:_WAITS_OF_A_BATCH]]
    rows = sum(batch.rows for batch in recent)
    computed = sum(batch.computed for batch in recent)
    half, most = np.quantile(waits, (0.5, 0.95)).tolist()
    return Rates(
        positions_per_second=rows / seconds,
        wait_seconds_p50=half,
        wait_seconds_p95=most,
        batch_seconds=sum(batch.seconds for batch in recent) / len(recent),
        fill=rows / len(recent) / most_rows,
        cache_hits=1 - computed / rows,
    )
