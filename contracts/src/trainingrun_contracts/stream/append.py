"""The producer's side of the queue.

One transaction appends segments, counts their transitions and records how far this actor has come.
The record makes a retry exact: after an ambiguous failure the actor reads it and knows whether the
append had happened, so a broken connection neither loses nor doubles a segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.keys import PAYLOAD_FIELD, TRANSITIONS_FIELD, Keys
from trainingrun_contracts.stream.packing import Argument, Command

HIGH_WATER_BATCHES: Final = 2
LOW_WATER_BATCHES: Final = 1.5
"""More than the batch that is being trained, which is in the queue until it is acknowledged: with
1 the learner runs dry before actors resume (ADR 0011)."""
FUSE_FACTOR: Final = 4


class EncodedSegment(Struct, frozen=True):
    """An encoded segment, with what the queue must know of it."""

    header: SegmentHeader
    transitions: int
    payload: Argument


def append_commands(keys: Keys, segments: Sequence[EncodedSegment], *, fuse: int) -> list[Command]:
    """Return the commands that append consecutive segments of one actor (at least one); they belong
    in one transaction.

    ``fuse`` is a number of entries beyond which Redis cuts the stream; it only guards the server
    against a producer without back-pressure. The new depth in transitions is the *last* reply; see
    :func:`depth_after`. Counts are written once for all, as no reader sees a state in between.
    """
    start = (b"XADD", keys.rollouts, b"MAXLEN", b"~", fuse, b"*", PAYLOAD_FIELD)
    last = segments[-1]
    actor, produced = last.header.actor, last.header.produced_before + last.transitions
    return [
        *(
            (*start, segment.payload, TRANSITIONS_FIELD, segment.transitions)
            for segment in segments
        ),
        (b"HSET", keys.produced, actor, produced),
        (b"HSET", keys.appended, actor, last.header.seq),
        (b"INCRBY", keys.depth, sum(segment.transitions for segment in segments)),
    ]


def depth_after(replies: Sequence[Any]) -> int:
    """Depth of the queue in transitions, from the replies of an append."""
    return int(replies[-1])
