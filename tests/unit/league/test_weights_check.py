"""Weights are told from their bytes as they come, in pieces of any size."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save
from trainingrun_league.model.weights_check import NotWeights, WeightsCheck

SCHEMA = "feed"
GOOD = save(
    {
        "value.0.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
        "value.0.bias": np.zeros(3, np.float64),
        "half": np.ones((2, 3), np.float16),
        "count": np.arange(3, dtype=np.int64),
        "empty": np.zeros((0, 4), np.float32),
    },
    metadata={"schema_hash": SCHEMA, "version": "3"},
)


def _check(blob: bytes, *, step: int = 7, size: int | None = None) -> str:
    """Feed the bytes in pieces; return the problem."""
    check = WeightsCheck(size=len(blob) if size is None else size, schema_hash=SCHEMA)
    for begin in range(0, len(blob), step):
        check.feed(blob[begin : begin + step])
    check.finish()
    return check.problem


def _file(header: Any, data: bytes = b"") -> bytes:
    document = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(document).to_bytes(8, "little") + document + data


def _one(**changes: Any) -> bytes:
    """A file of one tensor of two numbers, with something wrong about it."""
    tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes
    return _file({"__metadata__": {"schema_hash": SCHEMA}, "a": tensor}, bytes(8))


@given(st.integers(1, len(GOOD)))
def test_weights_pass_however_they_are_cut(step: int) -> None:
    """A number, or the header, may be in several pieces."""
    assert _check(GOOD, step=step) == ""


@given(
    dtype=st.sampled_from(["float16", "float32", "float64"]),
    values=st.lists(
        st.floats(width=16, allow_nan=True, allow_infinity=True), min_size=1, max_size=20
    ),
    step=st.integers(1, 64),
)
def test_numbers_are_finite_as_numpy_has_it(dtype: str, values: list[float], step: int) -> None:
    """The bits of the exponent say the same as ``numpy.isfinite`` of the whole array."""
    array = np.array(values, dtype=dtype)
    blob = save({"a": np.ones(3, np.float32), "b": array}, metadata={"schema_hash": SCHEMA})
    assert bool(_check(blob, step=step)) != bool(np.isfinite(array).all())


def test_a_bfloat16_that_is_infinite_is_found() -> None:
    """numpy has no such type; its bits are the upper half of a float32's."""
    infinite = np.array([np.inf], np.float32).tobytes()[2:]
    one = np.array([1.0], np.float32).tobytes()[2:]
    header = {
        "__metadata__": {"schema_hash": SCHEMA},
        "a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]},
    }
    assert _check(_file(header, one + one)) == ""
    assert "'a' holds a number that is not finite" in _check(_file(header, one + infinite))


def test_an_integer_with_all_bits_is_no_fault() -> None:
    """Only numbers with an exponent may be infinite."""
    blob = save({"a": np.full(3, -1, np.int64)}, metadata={"schema_hash": SCHEMA})
    assert _check(blob) == ""


@pytest.mark.parametrize(
    ("blob", "sentence"),
    [
        (b"", "end too early"),
        (GOOD[:4], "end too early"),
        (b"pickle: " + bytes(100), "header would have"),
        (bytes(16), "header would have 0 bytes"),
        ((2**63).to_bytes(8, "little") + bytes(100), "header would have"),
        (_file(b"[]"), "header"),
        (_file(b"{" * 5000), "header"),
        (_file(b"\xff\xfe"), "header"),
        (_file({"__metadata__": {"schema_hash": SCHEMA}}), "0 tensors"),
        (_file({"__metadata__": {"schema_hash": "other"}}), "schema 'other'"),
        (_file({}), "schema 'unknown'"),
        (_file({"__metadata__": {"schema_hash": 3}}), "header"),
        (_one(dtype="F8_E4M3"), "type 'F8_E4M3'"),
        (_one(dtype=3), "header"),
        (_one(shape=[3]), "stands at 0 to 8, not 0 to 12"),
        (_one(shape=[-2]), "header"),
        (_one(shape=[2**40, 2**40]), "stands at"),
        (_one(shape=[1] * 17), "header"),
        (_one(data_offsets=[4, 12]), "stands at 4"),
        (_one(data_offsets=[8, 0]), "stands at 8"),
        (_one(more=1), "header"),
        (_one() + b"x", "tensors take 8 bytes, and 9 come"),
        (_one()[:-1], "tensors take 8 bytes, and 7 come"),
    ],
)
def test_what_is_no_safetensors_is_refused(blob: bytes, sentence: str) -> None:
    """The sentence says what is wrong, and nothing of it is loaded."""
    with pytest.raises(NotWeights, match=sentence):
        _check(blob)


def test_two_tensors_may_not_share_bytes() -> None:
    """The second one begins before the first one ends."""
    tensor = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
    header = {"__metadata__": {"schema_hash": SCHEMA}, "a": tensor, "b": tensor}
    with pytest.raises(NotWeights, match="'b' stands at 0 to 4, not 4 to 8"):
        _check(_file(header, bytes(4)))


@pytest.mark.parametrize("cut", [1, 40, len(GOOD) // 2, len(GOOD) - 1])
def test_weights_that_end_early_are_refused(cut: int) -> None:
    """Of a file of known size, fewer bytes came."""
    with pytest.raises(NotWeights, match="end too early"):
        _check(GOOD[:cut], size=len(GOOD))


def test_more_bytes_than_the_tensors_have_are_refused() -> None:
    """Whoever feeds them announced fewer."""
    check = WeightsCheck(size=len(GOOD), schema_hash=SCHEMA)
    check.feed(GOOD)
    with pytest.raises(NotWeights, match="more bytes"):
        check.feed(b"x")


@given(st.binary(max_size=400), st.integers(1, 60))
def test_random_bytes_are_refused_or_pass(blob: bytes, step: int) -> None:
    """Whatever comes, the answer is a sentence."""
    with suppress(NotWeights):
        _check(blob, step=step)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_one_wrong_byte_is_refused_or_harmless(place: int, byte: int) -> None:
    """A changed header or number never makes another error than ours."""
    blob = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    with suppress(NotWeights):
        _check(blob)
