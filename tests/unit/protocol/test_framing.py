"""Framing: bytes to lines, however the network cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.errors import LineTooLong
from trainingrun_protocol.framing import LineBuffer

LINES = st.lists(st.binary(max_size=20).filter(lambda line: not set(line) & {10, 13}))


@given(LINES, st.lists(st.integers(1, 9)), st.sampled_from([b"\n", b"\r\n"]))
def test_lines_do_not_depend_on_the_cuts(lines: list[bytes], cuts: list[int], end: bytes) -> None:
    """Any cutting of the stream gives the same lines."""
    stream = b"".join(line + end for line in lines)
    buffer = LineBuffer()
    found = []
    for cut in cuts:
        found += buffer.feed(stream[:cut])
        stream = stream[cut:]
    found += buffer.feed(stream)
    assert found == lines
    assert buffer.pending == 0


def test_an_unfinished_line_waits() -> None:
    """Bytes after the last line end are kept and counted."""
    buffer = LineBuffer()
    assert buffer.feed(b"one\ntw") == [b"one"]
    assert buffer.pending == 2
    assert buffer.feed(b"o\n") == [b"two"]


@pytest.mark.parametrize("data", [b"x" * 11, b"x" * 11 + b"\n", b"a\n" + b"x" * 11])
def test_a_line_above_the_cap_is_refused(data: bytes) -> None:
    """A peer cannot fill the memory, whether or not its line ends."""
    with pytest.raises(LineTooLong, match="longer than 10 bytes"):
        LineBuffer(limit=10).feed(data)


def test_a_line_at_the_cap_is_taken() -> None:
    """The cap itself is allowed."""
    assert LineBuffer(limit=10).feed(b"x" * 10 + b"\n") == [b"x" * 10]
