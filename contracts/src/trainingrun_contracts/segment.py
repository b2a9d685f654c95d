"""The segment codec: one seat's consecutive own decisions, as they travel through the queue.

On the wire: ``MAGIC``, the length of the envelope (uint32), the envelope (MessagePack: header and
sizes), zeros up to a multiple of 16 bytes, then the arrays one after the other, little-endian,
those of four bytes a number first. So an array is read back as a view of the payload, aligned and
without a copy, and encoding copies each number once. Buffers inside the envelope were refused: the
encoder and the decoder would copy each of them again.

Nothing here executes what it reads (no pickle), and every size is bounded before memory is taken.

Not here: how segments are queued (``stream``), and what the numbers of an observation mean
(``observation``).

Identity and loss accounting: ``(actor, seq)`` names a segment for ever. ``produced_before`` is the
number of transitions that this actor had made before this segment, ``discarded_before`` how many
of those its spool had to throw away; a reader that sees the numbers jump knows exactly how much is
missing, and of that how much the actor dropped on purpose.
"""

from __future__ import annotations

import math
import struct
from typing import Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from trainingrun_contracts.environment_spec import FEATURE_BOUND
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.keys import ENTRY_BYTES, ENTRY_STEPS

SCHEMA_VERSION = 2
MAX_STEPS = ENTRY_STEPS
MAX_ACTIONS = 512
MAX_BYTES = ENTRY_BYTES
MAGIC: Final = b"TRS2"
LARGEST_NUMBER: Final = 100.0
"""Bound of every log-probability, value and reward: beyond it a ratio or a target may overflow."""

_PREFIX: Final = struct.Struct("<4sI")
_ALIGNMENT: Final = 16
_MAX_ENVELOPE: Final = 8192
_HALF_BOUND: Final = int(np.float16(FEATURE_BOUND).view(np.uint16))
_NEGATIVE_HALF_BOUND: Final = int(np.float16(-FEATURE_BOUND).view(np.uint16))
_LARGEST_LOG_PROB: Final = 1e-3
_POLICY_TOLERANCE: Final = 1e-3

Float16 = npt.NDArray[np.float16]
Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]


class SegmentError(Exception):
    """A queue entry is not a valid segment; the message says which part.

    Attributes:
        actor: who made it, by its own word; empty where its header could not be read.
    """

    def __init__(self, message: str, *, actor: str = "") -> None:
        super().__init__(message)
        self.actor = actor


class SearchTargets(Struct, frozen=True):
    """What a search found of a segment's steps: what AlphaZero trains on.

    Attributes:
        policies: float32 [A], what should be played: shares of each step's legal actions, before
            any temperature; those of a step add up to 1.
        outcomes: float32 [T] in [-1, 1], the game's result for the seat.
    """

    policies: Float32
    outcomes: Float32


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
        targets: of a segment whose moves were searched; None of every other.
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
    targets: SearchTargets | None = None

    @property
    def transitions(self) -> int:
        """Number of steps."""
        return len(self.chosen)


class _Envelope(Struct, frozen=True, array_like=True):
    header: SegmentHeader
    steps: Annotated[int, Meta(ge=1, le=MAX_STEPS)]
    action_rows: Annotated[int, Meta(ge=1, le=MAX_STEPS * MAX_ACTIONS)]
    state_width: Annotated[int, Meta(ge=1, le=4096)]
    action_width: Annotated[int, Meta(ge=1, le=4096)]
    has_bootstrap: bool
    has_targets: bool = False

    @property
    def integers(self) -> int:
        """Numbers of int32: four arrays, one of them longer."""
        return 4 * self.steps + 1

    @property
    def floats(self) -> int:
        """Numbers of float32: three arrays, and those of the targets."""
        return 3 * self.steps + (self.action_rows + self.steps if self.has_targets else 0)

    @property
    def halves(self) -> int:
        """Numbers of two bytes."""
        states = self.steps + self.has_bootstrap
        return states * self.state_width + self.action_rows * self.action_width


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Envelope)


def encode(segment: Segment) -> bytes:
    """Encode for the queue. The arrays must have their little-endian wire types, and be in order
    (C-contiguous)."""
    return b"".join(encode_in_parts(segment))


def encode_in_parts(segment: Segment) -> list[bytes | memoryview]:
    """Return the buffers that :func:`encode` puts together; the large ones are the segment's
    own."""
    steps, state_width = segment.states.shape
    rows, action_width = segment.actions.shape
    bootstrap, targets = segment.bootstrap_state, segment.targets
    envelope = _encoder.encode(
        _Envelope(
            segment.header,
            steps,
            rows,
            state_width,
            action_width,
            has_bootstrap=bootstrap is not None,
            has_targets=targets is not None,
        )
    )
    start = _PREFIX.size + len(envelope)
    small = b"".join(
        (
            _PREFIX.pack(MAGIC, len(envelope)),
            envelope,
            bytes(-start % _ALIGNMENT),
            segment.versions.data,
            segment.publishes.data,
            segment.offsets.data,
            segment.chosen.data,
            segment.log_probs.data,
            segment.values.data,
            segment.rewards.data,
            *(() if targets is None else (targets.policies.data, targets.outcomes.data)),
        )
    )
    large = (
        (segment.states, segment.actions)
        if bootstrap is None
        else (
            segment.states,
            segment.actions,
            bootstrap,
        )
    )
    return [small, *(array.data.cast("B") for array in large)]


def decode(payload: bytes) -> Segment:
    """Decode and validate one queue entry; the arrays are read-only views of ``payload``.

    Raises:
        SegmentError: too large, not a segment of this schema, more or fewer bytes than its sizes
            say, offsets or choices out of range, or a number that is not finite or too large:
            features are within ``FEATURE_BOUND``, as every encoder bounds them.
    """
    if len(payload) > MAX_BYTES:
        raise SegmentError(f"{len(payload)} bytes, at most {MAX_BYTES} are allowed")
    envelope, start = _open_envelope(payload)
    floats_at = start + 4 * envelope.integers
    middle = floats_at + 4 * envelope.floats
    expected = middle + 2 * envelope.halves
    if len(payload) != expected:
        raise SegmentError(f"{len(payload)} bytes, its sizes say {expected}")
    try:
        return _segment(
            envelope,
            integers=np.frombuffer(payload, "<i4", envelope.integers, start),
            floats=np.frombuffer(payload, "<f4", envelope.floats, floats_at),
            halves=np.frombuffer(payload, "<f2", envelope.halves, middle),
        )
    except SegmentError as error:
        raise SegmentError(str(error), actor=envelope.header.actor) from None


def _open_envelope(payload: bytes) -> tuple[_Envelope, int]:
    """Return the envelope, and where the arrays begin."""
    if len(payload) < _PREFIX.size:
        raise SegmentError(f"{len(payload)} bytes are too few for a segment")
    magic, length = _PREFIX.unpack_from(payload)
    if magic != MAGIC:
        raise SegmentError(f"it does not begin like a segment of schema {SCHEMA_VERSION}")
    end = _PREFIX.size + length
    if length > _MAX_ENVELOPE or end > len(payload):
        raise SegmentError(f"an envelope of {length} bytes is too long")
    try:
        envelope = _decoder.decode(payload[_PREFIX.size : end])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SegmentError(f"envelope: {error}") from error
    header = envelope.header
    if header.schema != SCHEMA_VERSION:
        raise SegmentError(f"schema {header.schema}, this learner reads {SCHEMA_VERSION}")
    if header.discarded_before > header.produced_before:
        raise SegmentError("more transitions discarded than produced before it")
    if not math.isfinite(header.created_at):
        raise SegmentError("the time of its making is not finite")
    if not header.terminated and not envelope.has_bootstrap:
        raise SegmentError("not terminated, and no bootstrap state")
    return envelope, end + -end % _ALIGNMENT


def _segment(envelope: _Envelope, *, integers: Int32, floats: Float32, halves: Float16) -> Segment:
    """Return the segment over its arrays, once they are seen to be sound."""
    steps, rows = envelope.steps, envelope.action_rows
    offsets, chosen = integers[2 * steps : 3 * steps + 1], integers[3 * steps + 1 :]
    if integers.min() < 0:
        raise SegmentError("a version, a publish number, an offset or a choice is negative")
    _require_partition(offsets, chosen, rows)
    _require_sane(floats, log_probs=floats[:steps])
    _require_bounded(halves)
    first, last = steps * envelope.state_width, halves.size
    if envelope.has_bootstrap:
        last -= envelope.state_width
    return Segment(
        header=envelope.header,
        versions=integers[:steps],
        publishes=integers[steps : 2 * steps],
        states=halves[:first].reshape(steps, envelope.state_width),
        actions=halves[first:last].reshape(rows, envelope.action_width),
        offsets=offsets,
        chosen=chosen,
        log_probs=floats[:steps],
        values=floats[steps : 2 * steps],
        rewards=floats[2 * steps : 3 * steps],
        bootstrap_state=halves[last:] if envelope.has_bootstrap else None,
        targets=_targets(floats[3 * steps :], offsets) if envelope.has_targets else None,
    )


def _targets(floats: Float32, offsets: Int32) -> SearchTargets:
    """Return what a search found, once it is seen to be what it says."""
    rows = int(offsets[-1])
    policies, outcomes = floats[:rows], floats[rows:]
    sums = np.add.reduceat(policies, offsets[:-1])
    if policies.min() < 0 or np.abs(sums - 1).max() > _POLICY_TOLERANCE:
        raise SegmentError("the shares of a step's actions do not add up to 1")
    if np.abs(outcomes).max() > 1:
        raise SegmentError("the result of its game is not within -1 and 1")
    return SearchTargets(policies, outcomes)


def _require_partition(offsets: Int32, chosen: Int32, rows: int) -> None:
    first, following = offsets[:-1], offsets[1:]
    if first[0] != 0 or following[-1] != rows or not (following > first).all():
        raise SegmentError("offsets do not partition the action rows")
    # In order from 0 to rows, so that differences cannot overflow.
    if not (chosen < following - first).all():
        raise SegmentError("a chosen index is outside its legal actions")


def _require_sane(floats: Float32, *, log_probs: Float32) -> None:
    low, high = floats.min(), floats.max()  # NaN if there is one, and then no comparison holds
    if not (low >= -LARGEST_NUMBER and high <= LARGEST_NUMBER):
        raise SegmentError(
            "a log-probability, value or reward is not finite"
            if not np.isfinite(floats).all()
            else f"a log-probability, value or reward is beyond {LARGEST_NUMBER:g}"
        )
    if log_probs.max() > _LARGEST_LOG_PROB:
        raise SegmentError("a log-probability is above 0")


def _require_bounded(halves: Float16) -> None:
    """Every feature within the encoder's bounds, seen by the bits: float16 has no fast arithmetic.
    Larger magnitudes are larger integers; the positive ones are compared as signed integers, the
    negative ones as unsigned. Infinities and NaNs are beyond every bound."""
    if (
        halves.view(np.int16).max() > _HALF_BOUND
        or halves.view(np.uint16).max() > _NEGATIVE_HALF_BOUND
    ):
        raise SegmentError(
            "a state or an action has a number that is not finite"
            if not np.isfinite(halves).all()
            else f"a feature is beyond {FEATURE_BOUND:g}, which no encoder exceeds"
        )
