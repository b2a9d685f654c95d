"""Bytes of the API server as documents: each object apart, deep and fat ones marked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_operator.kube import documents

from testkit.soak_share import share_of

META = {"name": "quick", "namespace": "space", "uid": "u1", "resourceVersion": "7"}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def nested(levels: int) -> bytes:
    """An object of this many levels."""
    return b'{"a":' * levels + b"1" + b"}" * levels


def run(levels: int, *, fields: bytes = b"[]") -> bytes:
    """A run whose spec is so deep."""
    head = json.dumps(META).encode()[:-1] + b',"managedFields":' + fields + b"}"
    return b'{"metadata":' + head + b',"spec":' + nested(levels) + b',"status":{"summary":"x"}}'


def test_a_shallow_object_is_read_whole() -> None:
    """Nothing is left out unless it is asked for."""
    found = documents.read(run(3, fields=b'[{"manager":"m"}]'))
    assert found["metadata"]["managedFields"] == [{"manager": "m"}]
    assert documents.why_unreadable(found) is None
    lean = documents.read(run(3, fields=b'[{"manager":"m"}]'), bookkeeping=False)
    assert lean["metadata"] == META
    assert lean["spec"] == found["spec"]


@pytest.mark.parametrize("levels", [1_500, 9_000])
def test_a_deep_object_is_marked_and_still_has_its_name(levels: int) -> None:
    """Its managed fields are as deep as itself."""
    found = documents.read(run(levels, fields=b"[" + nested(levels) + b"]"), bookkeeping=False)
    assert "deep" in str(documents.why_unreadable(found))
    assert found["metadata"] == META
    assert found["status"] == {"summary": "x"}
    assert documents.is_identified(found)


def test_a_fat_object_is_marked_before_memory_is_taken_for_it() -> None:
    """The reason has both sizes."""
    raw = json.dumps({"metadata": META, "data": {"a": "x" * 2_000_000}}).encode()
    found = documents.read(raw)
    assert "2000" in str(documents.why_unreadable(found))
    assert found["metadata"] == META


def test_what_is_no_object_is_marked_and_has_no_name() -> None:
    """Never an exception: the caller asks whether it is identified."""
    for raw in (b"", b"[]", b"3", b'{"metadata": 3}', b'{"metadata": {"name": "x"', b"\xff"):
        found = documents.read(raw)
        assert documents.why_unreadable(found) is not None
        assert not documents.is_identified(found)


def test_one_deep_object_does_not_hide_the_others_of_its_page() -> None:
    """A page that cannot be decoded at once is taken apart."""
    items = b",".join((run(2), run(9_000), run(3)))
    body = b'{"apiVersion":"v1","items":[' + items + b'],"metadata":{"continue":"c"}}'
    page = documents.page(body)
    found = [documents.read(each) for each in page["items"]]
    assert page["metadata"] == {"continue": "c"}
    assert [documents.why_unreadable(each) is None for each in found] == [True, False, True]
    assert all(each["metadata"]["name"] == "quick" for each in found)


def test_a_change_of_a_deep_object_has_its_type() -> None:
    """A deletion of it must be seen."""
    kind, raw = documents.change(b'{"type":"DELETED","object":' + run(9_000) + b"}")
    assert kind == "DELETED"
    assert documents.read(raw)["metadata"]["uid"] == "u1"


@pytest.mark.soak
@settings(max_examples=share_of(100))
@given(st.dictionaries(st.text(), VALUES), st.integers(0, 4))
def test_taking_apart_finds_what_decoding_finds(content: dict[str, Any], gap: int) -> None:
    """Whatever stands in strings: brackets, quotes and backslashes among it."""
    text = json.dumps({"metadata": META, **content}, indent=gap or None)
    found = documents._members(text.encode())  # what deep objects are read by
    assert {name: json.loads(raw) for name, raw in found} == json.loads(text)


def test_lines_are_found_whatever_the_chunks() -> None:
    """And one above the bound is left out, whole."""

    async def chunks(size: int) -> AsyncIterator[bytes]:
        text = b"one\n" + b"x" * (documents.MOST_LINE_BYTES + 1) + b"\ntwo\n\nrest"
        for place in range(0, len(text), size):
            yield text[place : place + size]

    async def read(size: int) -> list[bytes]:
        return [line async for line in documents.lines(chunks(size))]

    for size in (2**25, 2**20 + 1, 65_537):
        assert asyncio.run(read(size)) == [b"one", b"two", b"", b"rest"]
