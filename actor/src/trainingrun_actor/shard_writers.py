"""An actor's writers into the queue: one for each shard, with a spool and numbers of its own.

For the ledger a shard writer is an actor: a reader sees all of its segments, in order, and none of
another's, so that marks work for one shard as for many. That is why an actor with several shards
has a name for each. Whole segments are spread: each goes to the writer with the least work ahead.

Not here: when and how something is sent (``sink``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from trainingrun_contracts.segment import Segment, encode_in_parts
from trainingrun_contracts.stream.actors import actor_in_shard
from trainingrun_contracts.stream.append import EncodedSegment
from trainingrun_contracts.stream.keys import Keys

from trainingrun_actor.spool import KEPT_BYTES, SPOOL_BYTES, Entry, Spool


@dataclass
class ShardWriter:
    """The keys of a shard, the actor's name there, what waits, and how much is queued in the shard
    as far as is known."""

    keys: Keys
    actor: str
    spool: Spool
    depth: int = 0

    @property
    def load(self) -> int:
        """Transitions ahead of the next one."""
        return self.depth + self.spool.waiting_transitions

    def add(self, segment: Segment) -> None:
        """Number a segment under the actor's name in this shard, and spool it."""
        header = msgspec.structs.replace(segment.header, actor=self.actor)
        self.spool.add(msgspec.structs.replace(segment, header=header))


def shard_writers(keys: Keys, actor: str) -> list[ShardWriter]:
    """Return the writers of an actor; together they keep as much as one would."""
    count = keys.shards
    return [
        ShardWriter(
            shard,
            actor if count == 1 else actor_in_shard(actor, number),
            Spool(spool_bytes=SPOOL_BYTES // count, kept_bytes=KEPT_BYTES // count),
        )
        for number, shard in enumerate(keys.all_shards)
    ]


def encoded_segments(entries: Iterable[Entry]) -> list[EncodedSegment]:
    """Numbered segments as they go into the queue."""
    segments = [entry.numbered() for entry in entries]
    return [
        EncodedSegment(segment.header, segment.transitions, encode_in_parts(segment))
        for segment in segments
    ]
