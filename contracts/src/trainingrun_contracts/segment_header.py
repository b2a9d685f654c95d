"""Who made a segment: what the queue and the ledger must know of it.

Apart from ``segment``, whose arrays are numpy's: the operator reads the ledger without it.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

_MAX_COUNT: Final = 2**53

Name = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=0, le=_MAX_COUNT)]


class SegmentHeader(Struct, frozen=True, array_like=True):
    """Who made the segment, in which game, and for whom it counts."""

    run_id: Name
    schema: int
    schema_hash: Name
    epoch: int
    actor: Name
    seq: Count
    produced_before: Count
    discarded_before: Count
    game_id: Name
    seat: Annotated[int, Meta(ge=1, le=2)]
    seed: int
    decks: tuple[Name, Name]
    opponent: Name
    weights_sha256: Name
    terminated: bool
    truncated: bool
    created_at: float
