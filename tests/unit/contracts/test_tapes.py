"""Lines of a tape: written and read alike; anything else is refused."""

import pytest
from trainingrun_protocol.decisions import Decision, DecisionType
from trainingrun_protocol.tapes import (
    MAX_LINE_BYTES,
    TapeEnd,
    TapeEntry,
    TapeError,
    TapeMove,
    TapeStart,
    decode_entry,
    encode_entry,
)

START = TapeStart(1, "quick", "training", ("a", "b"), ("newest policy", "random"), 3, 12.5)


@pytest.mark.parametrize(
    "entry",
    [
        START,
        TapeMove("0,2", Decision(DecisionType.DECLARE_ATTACKERS, player="Ai(1)-x", turn=3)),
        TapeEnd("won", 1, 2.5),
        TapeEnd("timeout", reason="120 s"),
    ],
    ids=["start", "move", "end", "timeout"],
)
def test_a_line_is_read_as_it_was_written(entry: TapeEntry) -> None:
    """One line each, with nothing lost."""
    line = encode_entry(entry)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_entry(line) == entry


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "no line of a recorded game"),
        (b"\xff", "no line of a recorded game"),
        (b"[" * 5000, "no line of a recorded game"),
        (b'{"entry":"move"}', "no line of a recorded game"),
        (b'{"entry":"other"}', "no line of a recorded game"),
        (encode_entry(START).replace(b'"version":1', b'"version":2'), "of version 2"),
        (b" " * (MAX_LINE_BYTES + 1), "longer than"),
    ],
    ids=["empty", "bytes", "deep", "fields", "entry", "version", "long"],
)
def test_another_line_is_refused(line: bytes, words: str) -> None:
    """The error says what is wrong with it."""
    with pytest.raises(TapeError, match=words):
        decode_entry(line)
