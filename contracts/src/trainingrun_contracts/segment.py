"""The segment codec: one seat's consecutive own decisions, as they travel through the queue.

A segment is a msgspec (MessagePack) envelope around raw little-endian buffers, which are read
back as numpy views without a copy. Nothing here executes what it reads (no pickle), and every
size is bounded before memory is taken.

Not here: how segments are queued (``stream``), and what the numbers of an observation mean
(``observation``).

Identity and loss accounting: ``(actor, seq)`` names a segment for ever. ``produced_before`` is the
number of transitions that this actor had made before this segment, ``discarded_before`` how many
of those its spool had to throw away; a reader that sees the numbers jump knows exactly how much is
missing, and of that how much the actor dropped on purpose.
"""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

SCHEMA_VERSION = 1
MAX_STEPS = 64
MAX_ACTIONS = 512
MAX_BYTES = 4 * 1024 * 1024

Float16 = npt.NDArray[np.float16]
Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]


class SegmentError(Exception):
    """A queue entry is not a valid segment; the message says which part."""


class SegmentHeader(Struct, frozen=True, array_like=True):
    """Who made the segment, in which game, and for whom it counts."""

    run_id: str
    schema: int
    schema_hash: str
    epoch: int
    actor: str
    seq: Annotated[int, Meta(ge=0)]
    produced_before: Annotated[int, Meta(ge=0)]
    discarded_before: Annotated[int, Meta(ge=0)]
    game_id: str
    seat: Annotated[int, Meta(ge=1, le=2)]
    seed: int
    decks: tuple[str, str]
    opponent: str
    weights_sha256: str
    terminated: bool
    truncated: bool
    created_at: float


class Segment(Struct, frozen=True):
    """A segment with its arrays.

    Shapes: T steps, A = total legal actions over all steps, S and F the state and action feature
    widths. Step ``t`` owns the action rows ``offsets[t]:offsets[t + 1]``.

    Attributes:
        versions: int32 [T], optimiser step of the weights that chose.
        publishes: int32 [T], publish number of these weights (policy lag is counted in these).
        states: float16 [T, S].
        actions: float16 [A, F].
        offsets: int32 [T + 1].
        chosen: int32 [T], index within the step's own actions.
        log_probs: float32 [T], behaviour log-probability of the chosen action.
        values: float32 [T], value estimate at the time, expected outcome in [-1, 1].
        rewards: float32 [T], reward between this decision and the seat's next one.
        bootstrap_state: float16 [S] or None when terminated: the seat's next observation.
    """

    header: SegmentHeader
    versions: Int32
    publishes: Int32
    states: Float16
    actions: Float16
    offsets: Int32
    chosen: Int32
    log_probs: Float32
    values: Float32
    rewards: Float32
    bootstrap_state: Float16 | None

    @property
    def transitions(self) -> int:
        """Number of steps."""
        return len(self.chosen)


class _Wire(Struct, frozen=True, array_like=True):
    header: SegmentHeader
    steps: Annotated[int, Meta(ge=1, le=MAX_STEPS)]
    action_rows: Annotated[int, Meta(ge=1, le=MAX_STEPS * MAX_ACTIONS)]
    state_width: Annotated[int, Meta(ge=1, le=4096)]
    action_width: Annotated[int, Meta(ge=1, le=4096)]
    buffers: tuple[bytes, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Wire)


def encode(segment: Segment) -> bytes:
    """Encode for the queue. The arrays must already have their little-endian wire types."""
    steps, state_width = segment.states.shape
    rows, action_width = segment.actions.shape
    bootstrap = b"" if segment.bootstrap_state is None else segment.bootstrap_state.tobytes()
    arrays = (
        segment.versions,
        segment.publishes,
        segment.states,
        segment.actions,
        segment.offsets,
        segment.chosen,
        segment.log_probs,
        segment.values,
        segment.rewards,
    )
    buffers = (*(array.tobytes() for array in arrays), bootstrap)
    return _encoder.encode(_Wire(segment.header, steps, rows, state_width, action_width, buffers))


def decode(payload: bytes) -> Segment:
    """Decode and validate one queue entry; the arrays are read-only views of ``payload``'s parts.

    Raises:
        SegmentError: too large, not MessagePack of this shape, an array of the wrong length,
            offsets or choices out of range, or a number that is not finite.
    """
    if len(payload) > MAX_BYTES:
        raise SegmentError(f"{len(payload)} bytes, at most {MAX_BYTES} are allowed")
    try:
        wire = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SegmentError(f"envelope: {error}") from error
    if wire.header.schema != SCHEMA_VERSION:
        raise SegmentError(f"schema {wire.header.schema}, this learner reads {SCHEMA_VERSION}")
    segment = _arrays(wire)
    _validate(segment)
    return segment


def _arrays(wire: _Wire) -> Segment:
    steps, rows = wire.steps, wire.action_rows
    if len(wire.buffers) != 10:
        raise SegmentError(f"{len(wire.buffers)} buffers, expected 10")

    def view(index: int, kind: str, *shape: int) -> npt.NDArray[np.generic]:
        buffer = wire.buffers[index]
        expected = math.prod(shape) * np.dtype(kind).itemsize
        if len(buffer) != expected:
            raise SegmentError(f"buffer {index}: {len(buffer)} bytes, expected {expected}")
        return np.frombuffer(buffer, dtype=kind).reshape(shape)

    bootstrap = view(9, "<f2", wire.state_width) if wire.buffers[9] else None
    return Segment(
        header=wire.header,
        versions=view(0, "<i4", steps),  # type: ignore[arg-type]
        publishes=view(1, "<i4", steps),  # type: ignore[arg-type]
        states=view(2, "<f2", steps, wire.state_width),  # type: ignore[arg-type]
        actions=view(3, "<f2", rows, wire.action_width),  # type: ignore[arg-type]
        offsets=view(4, "<i4", steps + 1),  # type: ignore[arg-type]
        chosen=view(5, "<i4", steps),  # type: ignore[arg-type]
        log_probs=view(6, "<f4", steps),  # type: ignore[arg-type]
        values=view(7, "<f4", steps),  # type: ignore[arg-type]
        rewards=view(8, "<f4", steps),  # type: ignore[arg-type]
        bootstrap_state=bootstrap,  # type: ignore[arg-type]
    )


def _validate(segment: Segment) -> None:
    offsets = segment.offsets
    counts = np.diff(offsets.astype(np.int64))  # in int32, huge offsets could wrap into order
    if offsets[0] != 0 or offsets[-1] != len(segment.actions) or (counts < 1).any():
        raise SegmentError("offsets do not partition the action rows")
    if (segment.chosen < 0).any() or (segment.chosen >= counts).any():
        raise SegmentError("a chosen index is outside its legal actions")
    if segment.bootstrap_state is None and not segment.header.terminated:
        raise SegmentError("not terminated, and no bootstrap state")
    floats = (segment.states, segment.actions, segment.log_probs, segment.values, segment.rewards)
    if not all(bool(np.isfinite(array).all()) for array in floats):
        raise SegmentError("a number is not finite")
    if segment.bootstrap_state is not None and not np.isfinite(segment.bootstrap_state).all():
        raise SegmentError("the bootstrap state is not finite")
    if (segment.log_probs > 1e-3).any():
        raise SegmentError("a log-probability is above 0")
