"""What ``--set replay.NAME=VALUE`` may say."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from trainingrun_league.errors import InvalidRequest
from trainingrun_league.replay.limiter import Ratio
from trainingrun_league.replay.requests import MOST_ANSWERED
from trainingrun_league.replay.table import TableBounds


class ReplayOptions(Struct, frozen=True):
    """The settings of the service.

    Attributes:
        items: that the table holds at most.
        bytes: of memory that they take at most; the journal takes as much of the disk, and a file.
        alpha: exponent of priorities.
        samples_per_insert: how often each experience is sampled, in the mean; none: as often as
            readers ask.
        tolerance: samples by which writers or readers may be ahead.
        least: experiences before any is sampled.
        archive: whether what is evicted is kept among the artefacts.
        most_waiting: bytes of files that wait for the archive; the oldest beyond go without it.
        file_bytes: after which a new file of the journal begins.
        tables: that have a name, at most.
        in_use_seconds: after its last call for which a table counts as used.
    """

    items: Annotated[int, Meta(ge=1, le=1 << 26)] = 1_000_000
    bytes: Annotated[int, Meta(ge=2 * MOST_ANSWERED, le=1 << 42)] = 2 * 1024**3
    alpha: Annotated[float, Meta(ge=0, le=4)] = 0.6
    samples_per_insert: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    tolerance: Annotated[float, Meta(ge=0, le=1e12)] = 100_000.0
    least: Annotated[int, Meta(ge=1, le=1 << 40)] = 1
    archive: bool = False
    most_waiting: Annotated[int, Meta(ge=0, le=1 << 44)] = 8 * 1024**3
    file_bytes: Annotated[int, Meta(ge=1 << 16, le=1 << 34)] = 128 * 1024**2
    tables: Annotated[int, Meta(ge=1, le=1024)] = 64
    in_use_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 300.0

    @property
    def bounds(self) -> TableBounds:
        """Of the table."""
        return TableBounds(self.items, self.bytes, self.alpha)

    @property
    def ratio(self) -> Ratio:
        """Of the limiter.

        Raises:
            InvalidRequest: it would hold readers for ever.
        """
        if self.least > 4096 * self.items:
            raise InvalidRequest(
                f"replay.least: {self.least} experiences are more than {self.items} items can have"
            )
        return Ratio(self.samples_per_insert, self.tolerance, self.least)
