"""The segment codec: what goes in comes out, and nothing but SegmentError comes out of garbage."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_contracts.segment import (
    MAGIC,
    MAX_BYTES,
    SCHEMA_VERSION,
    Segment,
    SegmentError,
    decode,
    encode,
)
from trainingrun_contracts.segment_header import SegmentHeader

STATE, ACTION = 5, 3
ARRAYS = (
    "versions",
    "publishes",
    "states",
    "actions",
    "offsets",
    "chosen",
    "log_probs",
    "values",
    "rewards",
)


def make(counts: list[int], *, terminated: bool = True, seed: int = 0) -> Segment:
    """A valid segment whose steps have this many legal actions."""
    random, steps = np.random.default_rng(seed), len(counts)
    header = SegmentHeader(
        run_id="r",
        schema=SCHEMA_VERSION,
        schema_hash="h",
        epoch=1,
        actor="a",
        seq=seed,
        produced_before=0,
        discarded_before=0,
        game_id="g",
        seat=2,
        seed=-1,
        decks=("x", "y"),
        opponent="random",
        weights_sha256="s",
        terminated=terminated,
        truncated=not terminated,
        created_at=1.5,
    )
    return Segment(
        header=header,
        versions=random.integers(0, 99, steps).astype(np.int32),
        publishes=random.integers(0, 99, steps).astype(np.int32),
        states=random.normal(size=(steps, STATE)).astype(np.float16),
        actions=random.normal(size=(sum(counts), ACTION)).astype(np.float16),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        chosen=(random.random(steps) * counts).astype(np.int32),
        log_probs=-random.random(steps).astype(np.float32),
        values=random.normal(size=steps).astype(np.float32),
        rewards=random.normal(size=steps).astype(np.float32),
        bootstrap_state=None if terminated else random.normal(size=STATE).astype(np.float16),
    )


segments = st.builds(
    make,
    st.lists(st.integers(1, 9), min_size=1, max_size=64),
    terminated=st.booleans(),
    seed=st.integers(0, 1000),
)


@settings(max_examples=100)
@given(segments)
def test_round_trip(segment: Segment) -> None:
    """Expect the same header and the same numbers, bit for bit."""
    back = decode(encode(segment))
    assert back.header == segment.header
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(back, name), getattr(segment, name))
    if segment.bootstrap_state is None:
        assert back.bootstrap_state is None
    else:
        np.testing.assert_array_equal(back.bootstrap_state, segment.bootstrap_state)


@settings(max_examples=200)
@given(segments, st.data())
def test_damage_is_found_or_harmless(segment: Segment, data: st.DataObject) -> None:
    """Expect a damaged payload to raise SegmentError or to give a segment that is valid."""
    payload = bytearray(encode(segment))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)))
    try:
        back = decode(bytes(payload[:cut] if data.draw(st.booleans()) else payload))
    except SegmentError:
        return
    counts = np.diff(back.offsets.astype(np.int64))
    assert counts.min() >= 1
    assert counts.sum() == len(back.actions)
    assert ((back.chosen >= 0) & (back.chosen < counts)).all()
    for name in ("states", "actions", "log_probs", "values", "rewards"):
        assert np.isfinite(getattr(back, name)).all()
    assert back.bootstrap_state is None or np.isfinite(back.bootstrap_state).all()


@settings(max_examples=200)
@given(st.binary(max_size=200), st.booleans())
def test_garbage_is_refused(garbage: bytes, has_magic: bool) -> None:
    """Expect SegmentError and nothing else."""
    with pytest.raises(SegmentError):
        decode(MAGIC + garbage if has_magic else garbage)


def test_size_is_bounded_before_decoding() -> None:
    """Expect a payload above the cap to be refused by its size."""
    with pytest.raises(SegmentError, match="at most"):
        decode(bytes(MAX_BYTES + 1))


BIG = 2**31 - 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"offsets": np.array([0, 2, 4], np.int32)}, "partition"),
        ({"offsets": np.array([1, 2, 5], np.int32)}, "partition"),
        ({"offsets": np.array([0, 0, 5], np.int32)}, "partition"),
        ({"chosen": np.array([0, 3], np.int32)}, "outside"),
        ({"chosen": np.array([-1, 0], np.int32)}, "negative"),
        ({"rewards": np.array([0, np.nan], np.float32)}, "finite"),
        ({"log_probs": np.array([0, 0.5], np.float32)}, "above 0"),
        ({"values": np.zeros(3, np.float32)}, "its sizes say"),
        ({"rewards": np.array([0, 1e30], np.float32)}, "beyond 100"),
        ({"log_probs": np.array([0, -np.inf], np.float32)}, "not finite"),
        ({"versions": np.array([0, -1], np.int32)}, "negative"),
        ({"publishes": np.array([-5, 1], np.int32)}, "negative"),
        ({"states": np.full((2, STATE), np.inf, np.float16)}, "state or an action"),
        ({"states": np.full((2, STATE), -np.inf, np.float16)}, "state or an action"),
        ({"actions": np.full((5, ACTION), np.nan, np.float16)}, "state or an action"),
        ({"actions": np.full((5, ACTION), -np.nan, np.float16)}, "state or an action"),
    ],
)
def test_inconsistent_arrays_are_refused(change: dict[str, object], why: str) -> None:
    """Expect a word about the part that is wrong."""
    segment = make([2, 3])
    with pytest.raises(SegmentError, match=why):
        decode(encode(msgspec.structs.replace(segment, **change)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": SCHEMA_VERSION - 1}, "this learner reads"),
        ({"seq": -1}, "envelope"),
        ({"produced_before": 2**60}, "envelope"),
        ({"produced_before": 3, "discarded_before": 4}, "more transitions discarded"),
        ({"seat": 3}, "envelope"),
        ({"actor": "a" * 300}, "envelope"),
        ({"game_id": "g" * 10_000}, "too long"),
        ({"created_at": float("nan")}, "not finite"),
    ],
)
def test_headers_that_lie_are_refused(change: dict[str, object], why: str) -> None:
    """Expect a word about what is wrong with the header."""
    segment = make([2, 3])
    header = msgspec.structs.replace(segment.header, **change)
    with pytest.raises(SegmentError, match=why):
        decode(encode(msgspec.structs.replace(segment, header=header)))


@pytest.mark.parametrize("beyond", [65504, -65504, 8.008, -8.008])
def test_features_beyond_every_encoder_are_refused(beyond: float) -> None:
    """Expect a single finite number beyond the bound to be named."""
    segment = make([2, 3], terminated=False)
    actions = segment.actions.copy()
    actions[4, 0] = beyond
    with pytest.raises(SegmentError, match="beyond 8") as caught:
        decode(encode(msgspec.structs.replace(segment, actions=actions)))
    assert caught.value.actor == segment.header.actor


@pytest.mark.parametrize("extreme", [8, -8, 6e-8, -0.0])
def test_extreme_finite_numbers_pass(extreme: float) -> None:
    """Expect the largest and the smallest numbers of an encoder to come through."""
    segment = make([2, 3], terminated=False)
    actions = np.full((5, ACTION), extreme, np.float16)
    back = decode(encode(msgspec.structs.replace(segment, actions=actions)))
    np.testing.assert_array_equal(back.actions, actions)


def test_arrays_are_aligned_views() -> None:
    """Expect no copy of the payload, and addresses that arithmetic likes."""
    payload = encode(make([2, 3], terminated=False))
    back = decode(payload)
    for name in ARRAYS:
        array = getattr(back, name)
        assert array.flags.aligned
        assert not array.flags.owndata


def test_the_first_schema_is_refused_in_words() -> None:
    """Expect an entry of the release before, a MessagePack array, not to be misread."""
    with pytest.raises(SegmentError, match="schema 2"):
        decode(msgspec.msgpack.encode(["header", 1, 2, 3, 4, []]))


def test_offsets_that_wrap_are_refused() -> None:
    """Expect offsets that only look ordered because int32 overflows to be refused."""
    segment = make([1, 1, 1, 2])
    wrapping = np.array([0, BIG, -BIG - 1, -1, 5], dtype=np.int32)
    with pytest.raises(SegmentError, match="negative"):
        decode(encode(msgspec.structs.replace(segment, offsets=wrapping)))


def test_cut_segments_need_a_bootstrap_state() -> None:
    """Expect a segment that is not terminated and has no next state to be refused."""
    segment = msgspec.structs.replace(make([1], terminated=False), bootstrap_state=None)
    with pytest.raises(SegmentError, match="bootstrap"):
        decode(encode(segment))
