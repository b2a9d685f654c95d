"""The producer's side of the queue.

One transaction appends the segment, counts its transitions and records how far this actor has
come. The record makes a retry exact: after an ambiguous failure the actor reads it and knows
whether the append had happened, so a broken connection neither loses nor doubles a segment.
"""

from __future__ import annotations

from typing import Any, Final

from trainingrun_contracts.segment import SegmentHeader
from trainingrun_contracts.stream.keys import PAYLOAD_FIELD, TRANSITIONS_FIELD, Keys

HIGH_WATER_BATCHES: Final = 2
LOW_WATER_BATCHES: Final = 1
FUSE_FACTOR: Final = 4


def queue_append(
    pipe: Any, keys: Keys, header: SegmentHeader, *, transitions: int, payload: bytes, fuse: int
) -> None:
    """Queue the commands of one append on a transactional pipeline.

    ``fuse`` is a number of entries beyond which Redis cuts the stream; it only guards the server
    against a producer without back-pressure. The new depth in transitions is the *second last*
    reply, that of ``INCRBY``; see :func:`depth_after`.
    """
    fields = {PAYLOAD_FIELD: payload, TRANSITIONS_FIELD: transitions}
    pipe.xadd(keys.rollouts, fields, maxlen=fuse, approximate=True)
    pipe.hset(keys.produced, header.actor, header.produced_before + transitions)
    pipe.incrby(keys.depth, transitions)
    pipe.hset(keys.appended, header.actor, header.seq)


def depth_after(replies: list[Any]) -> int:
    """Depth of the queue in transitions, from the replies of an append."""
    return int(replies[-2])
