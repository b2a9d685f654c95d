"""Packed commands: a parser of the protocol reads back what was meant."""

from __future__ import annotations

import hiredis
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_contracts.stream.packing import Argument, pack_transaction

pieces = st.lists(st.binary(max_size=30) | st.builds(memoryview, st.binary(max_size=30)))
arguments = st.binary(max_size=30) | st.text(max_size=30) | st.integers() | pieces
commands = st.lists(st.lists(arguments, min_size=1, max_size=6), max_size=5)


def plain(argument: Argument) -> bytes:
    """What a server should see."""
    if isinstance(argument, list):
        return b"".join(argument)
    return argument if isinstance(argument, bytes) else str(argument).encode()


@given(commands)
def test_a_parser_reads_back_the_commands(sent: list[list[Argument]]) -> None:
    """Expect MULTI, every command with its arguments as bytes, EXEC, and nothing after it."""
    reader = hiredis.Reader()
    reader.feed(b"".join(pack_transaction(sent)))
    expected = [[b"MULTI"], *([plain(each) for each in command] for command in sent), [b"EXEC"]]
    assert [reader.gets() for _ in expected] == expected
    assert not reader.has_data()


def test_large_buffers_are_not_copied() -> None:
    """Expect the view of an array among the buffers itself."""
    view = np.arange(1000, dtype=np.float16).data.cast("B")
    assert any(buffer is view for buffer in pack_transaction([["SET", "key", [b"head", view]]]))
