"""A writer of the Replay service that knows what was acknowledged, for tests that kill it.

Items say who made them (source, sequence, place), so that whatever is found later can be held
against what was acknowledged: nothing of it may be missing, and nothing may be there twice.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1 import replay_pb2 as pb

_NAME: Final = struct.Struct("<32sQI")


@dataclass
class ReplayWriter:
    """One source of batches.

    Attributes:
        source: its name.
        items: of each batch.
        padding: bytes of each item beside its name.
        acknowledged: sequences that the service has answered for.
    """

    source: str
    items: int = 4
    padding: int = 100
    acknowledged: set[int] = field(default_factory=set)

    def request(self, sequence: int) -> pb.RecordExperienceRequest:
        """Return one batch; the same one for the same number."""
        return pb.RecordExperienceRequest(
            source=self.source,
            sequence=sequence,
            items=[
                pb.Item(data=self.data(sequence, place), experiences=1 + place, priority=1.0)
                for place in range(self.items)
            ],
            wait=Duration(seconds=30),
        )

    def data(self, sequence: int, place: int) -> bytes:
        """Return an item's bytes."""
        return _NAME.pack(self.source.encode(), sequence, place) + bytes(self.padding)

    @property
    def experiences(self) -> int:
        """Of one batch."""
        return sum(1 + place for place in range(self.items))


@dataclass(frozen=True, order=True)
class ItemName:
    """Who made an item."""

    source: str
    sequence: int
    place: int


def name_of(data: bytes) -> ItemName:
    """Return who made an item."""
    source, sequence, place = _NAME.unpack_from(data)
    return ItemName(source.rstrip(b"\0").decode(), sequence, place)
