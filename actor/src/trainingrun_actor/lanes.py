"""Ways into the queue: one for each of its shards, each with a spool and numbers of its own.

For the ledger a lane is an actor: a reader sees all segments of a lane, in order, and none of
another's, so that its marks work for one shard as for many. That is why an actor with several lanes
has a name for each. Whole segments are spread, each into the lane that leads to the least work.

Not here: when and how something is sent (``sink``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from trainingrun_contracts.segment import Segment, encode_in_parts
from trainingrun_contracts.stream.actors import lane_of
from trainingrun_contracts.stream.append import Parcel
from trainingrun_contracts.stream.keys import Keys

from trainingrun_actor.spool import KEPT_BYTES, SPOOL_BYTES, Entry, Spool


@dataclass
class Lane:
    """One way: the names of its shard, the actor's name there, what waits, and how much is queued
    in the shard as far as is known."""

    keys: Keys
    actor: str
    spool: Spool
    depth: int = 0

    @property
    def load(self) -> int:
        """Transitions before the next one."""
        return self.depth + self.spool.waiting_transitions

    def add(self, segment: Segment) -> None:
        """Number a segment under the lane's name, and let it wait."""
        header = msgspec.structs.replace(segment.header, actor=self.actor)
        self.spool.add(msgspec.structs.replace(segment, header=header))


def lanes_of(keys: Keys, actor: str) -> list[Lane]:
    """The lanes of an actor; together they keep as much as one would."""
    count = keys.shards
    return [
        Lane(
            shard,
            actor if count == 1 else lane_of(actor, number),
            Spool(spool_bytes=SPOOL_BYTES // count, kept_bytes=KEPT_BYTES // count),
        )
        for number, shard in enumerate(keys.all_shards)
    ]


def parcels_of(entries: Iterable[Entry]) -> list[Parcel]:
    """Numbered segments as they go into the queue."""
    segments = [entry.numbered() for entry in entries]
    return [
        Parcel(segment.header, segment.transitions, encode_in_parts(segment))
        for segment in segments
    ]
