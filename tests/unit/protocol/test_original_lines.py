"""The lines of a game that the original says otherwise (protocol section 8)."""

from __future__ import annotations

import pytest
from trainingrun_protocol.client import ClientConnection, ClientState
from trainingrun_protocol.commands import NewGame, Status
from trainingrun_protocol.errors import ProtocolError
from trainingrun_protocol.lines import (
    AnswerReplaced,
    DecisionLine,
    GameError,
    GameResult,
    GameTimeout,
    Info,
    Refused,
    StatusReply,
)

from testkit.roles.original_lines import raw

GAME = NewGame(deck1="test_red", deck2="test_blue", interactive=True)
ASKED = b"DECISION:" + raw("confirm_action") + b"\n"


def begun(*said: bytes) -> ClientConnection:
    """A client in a game in which this was said."""
    client = ClientConnection()
    client.start(GAME)
    client.receive(b"".join(said))
    return client


def test_a_reveal_is_a_log_line() -> None:
    """No one answers it, and the next question may follow at once."""
    client = begun()
    shown = b"DECISION:" + raw("reveal", zone="Hand", owner="Ann", cards=["Shock", "Fog"]) + b"\n"
    first, second = client.receive(shown + ASKED)
    assert first == Info("Ann shows (Hand): Shock, Fog")
    assert isinstance(second, DecisionLine)
    assert client.owes_answer


def test_a_reveal_with_actions_is_answered() -> None:
    """As our own daemon asks it."""
    client = begun(b"DECISION: " + raw("reveal", cards=[], actions=[{"index": -1}]) + b"\n")
    assert client.owes_answer


@pytest.mark.parametrize(
    "line",
    [
        b'{"decision_type": "reveal"}',
        b'{"player":"a","cards":[{"name":"x"},7,null],"decision_type":"reveal"}',
        b'{"decisionType":"reveal","owner":[1]}',
    ],
)
def test_a_reveal_of_any_shape_is_a_log_line(line: bytes) -> None:
    """Blanks, the order of keys and odd values change nothing."""
    assert begun(b"DECISION:" + line + b"\n").state is ClientState.WAITING


@pytest.mark.parametrize(
    "line", [b'{"decision_type":"confirm_action","player":"reveal"}', b"{", b'{"reveal":1}']
)
def test_what_only_looks_like_a_reveal_is_a_question(line: bytes) -> None:
    """The type alone counts."""
    assert begun(b"DECISION:" + line + b"\n").owes_answer


@pytest.mark.parametrize("end", [b"GAME_TIMEOUT: 5 s\n", b"GAME_ERROR: java.lang\n"])
def test_the_first_end_of_a_game_is_its_outcome(end: bytes) -> None:
    """What follows is swallowed, in the same packet or later, and the link is spent."""
    client = begun()
    (found,) = client.receive(end + b"GAME_RESULT: Draw in 5ms\n")
    assert isinstance(found, GameTimeout | GameError)
    assert client.receive(b"GAME_RESULT: Draw in 5ms\nDECISION:{}\n") == []
    assert client.receive(b"x" * 2_000_000) == [], "nothing is kept of it either"
    assert client.is_idle
    assert client.is_spent
    with pytest.raises(ProtocolError, match="connect anew"):
        client.start(GAME)


def test_an_error_in_the_midst_of_a_game_is_no_end() -> None:
    """It follows a bad answer: a default was taken, and nothing is owed."""
    client = begun(ASKED)
    client.answer("99")
    said = client.receive(b"ERROR: Value 99 out of range [0, 1]\n" + ASKED)
    assert said[0] == AnswerReplaced("Value 99 out of range [0, 1]")
    assert client.owes_answer


def test_an_error_as_the_first_line_is_a_refusal() -> None:
    """Nothing was played."""
    client = ClientConnection()
    client.start(GAME)
    assert client.receive(b"ERROR: Could not load deck: x\n") == [Refused("Could not load deck: x")]
    assert client.is_idle
    assert not client.is_spent


def test_a_result_leaves_the_link_as_good_as_it_was() -> None:
    """Only a game that was cut short spends it."""
    client = begun(b"SEED: 7\nGAME_START: a vs b\n", b"GAME_RESULT: Draw in 5ms\n")
    assert not client.is_spent


def test_the_status_of_the_original() -> None:
    """Its lines are indented, it counts no queue, and one slot is left for STATUS itself."""
    client = ClientConnection()
    client.start(Status())
    (reply,) = client.receive(
        b"FORGE DAEMON STATUS\n  Active games: 3\n  Total games played: 12\n"
        b"  Memory: 900MB / 4096MB\n  Max concurrent: 10\n"
    )
    assert reply == StatusReply(active=3, total=12, max_concurrent=10)
    assert (reply.slots, StatusReply(active=0, queued=0, max_concurrent=10).slots) == (9, 10)


def test_a_winner_is_named_as_ever() -> None:
    """Integer milliseconds behind the seat's name."""
    client = begun(ASKED)
    client.answer("y")
    (end,) = client.receive(b"GAME_RESULT: Agent(2)-Test Blue won in 417ms\n")
    assert end == GameResult("Agent(2)-Test Blue", 417)
