"""Server lines: classified as the protocol page says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.errors import ProtocolError
from trainingrun_protocol.lines import (
    DecisionLine,
    GameError,
    GameResult,
    GameStart,
    GameTimeout,
    Info,
    Refused,
    ServerLine,
    StatusReply,
    format_line,
    format_status,
    is_status_end,
    is_terminal,
    parse_line,
    parse_status,
)

PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GAME_START: a vs b", GameStart("a vs b")),
        (b"INFO: Turn 3", Info("Turn 3")),
        (b"Turn 3 (somebody)", Info("Turn 3 (somebody)")),
        (b"Damage: 3 to somebody", Info("Damage: 3 to somebody")),
        (b'DECISION: {"a":1}', DecisionLine(b'{"a":1}')),
        (b'DECISION:{"a":1}\r', DecisionLine(b'{"a":1}')),
        (b"GAME_RESULT: Ai(1)-Red won in 812ms", GameResult("Ai(1)-Red", 812)),
        (b"GAME_RESULT: Ai(1)-Ai won in time won in 8ms", GameResult("Ai(1)-Ai won in time", 8)),
        (b"GAME_RESULT: Draw in 5ms\r", GameResult(None, 5)),
        (b"GAME_TIMEOUT: too long", GameTimeout("too long")),
        (b"GAME_ERROR: oh", GameError("oh")),
        (b"ERROR: no deck", Refused("no deck")),
    ],
)
def test_each_prefix_has_its_value(line: bytes, expected: ServerLine) -> None:
    """Known prefixes become values; everything else is a log line."""
    assert parse_line(line) == expected


@pytest.mark.parametrize(
    "line",
    [b"GAME_RESULT: ", b"GAME_RESULT: x won in 1.5ms", b"GAME_RESULT: x won in 5ms now"],
)
def test_an_unreadable_result_is_an_error(line: bytes) -> None:
    """A result that names no one is not silently a draw."""
    with pytest.raises(ProtocolError, match="GAME_RESULT"):
        parse_line(line)


@given(
    st.one_of(
        PLAIN.map(GameStart),
        PLAIN.map(Info),
        PLAIN.map(GameTimeout),
        PLAIN.map(GameError),
        PLAIN.map(Refused),
        st.builds(GameResult, st.none() | PLAIN, st.integers(0, 10**9)),
    )
)
def test_a_formatted_line_is_read_back(line: ServerLine) -> None:
    """Formatting and parsing agree, and give one line."""
    data = format_line(line)
    assert data.count(b"\n") == 1
    assert parse_line(data[:-1]) == line


def test_line_breaks_in_texts_become_spaces() -> None:
    """A text with line breaks cannot forge a second line."""
    assert format_line(Refused("a\nGAME_RESULT: x")) == b"ERROR: a GAME_RESULT: x\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (GameResult(None, 1), True),
        (GameTimeout(""), True),
        (GameError(""), True),
        (Refused(""), True),
        (Info(""), False),
        (GameStart(""), False),
        (DecisionLine(b""), False),
    ],
)
def test_terminal_lines_are_the_last_four(line: ServerLine, expected: bool) -> None:
    """Nothing follows a result, a time-out, a failure or a refusal."""
    assert is_terminal(line) is expected


def test_a_status_reply_is_read_back() -> None:
    """The counters survive, and the last line is the one that clients wait for."""
    reply = StatusReply(active=3, queued=1, total=9, uptime_seconds=60, max_concurrent=10)
    lines = format_status(reply).splitlines()
    assert parse_status(lines) == reply
    assert [is_status_end(line) for line in lines] == [False] * 5 + [True]


def test_absent_counters_are_none() -> None:
    """An older server's short reply is understood; what it omits is not taken for zero."""
    lines = [b"=== FORGE DAEMON STATUS ===", b"Active games: 2", b"Max concurrent: 8 games"]
    assert parse_status(lines) == StatusReply(active=2, max_concurrent=8)


def test_another_server_is_recognised() -> None:
    """A port on which something else listens gives an error, not zeros."""
    with pytest.raises(ProtocolError, match="no Forge daemon status"):
        parse_status([b"HTTP/1.1 400 Bad Request", b"Max concurrent: 1"])


@pytest.mark.parametrize("missing", ["Active games", "Max concurrent"])
def test_a_status_without_what_a_fleet_is_steered_by_is_none(missing: str) -> None:
    """Expect no traceback where a title is followed by half of a reply."""
    lines = [b"=== FORGE DAEMON STATUS ===", b"Active games: 2", b"Max concurrent: 8"]
    with pytest.raises(ProtocolError, match="no Forge daemon status"):
        parse_status([line for line in lines if missing.encode() not in line])
