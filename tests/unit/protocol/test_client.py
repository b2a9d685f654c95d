"""The client's state machine: it knows whose turn it is to speak."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.client import ClientConnection, ClientState
from trainingrun_protocol.commands import NewGame, Status
from trainingrun_protocol.errors import ConnectionLost, LineTooLong, ProtocolError
from trainingrun_protocol.lines import (
    DecisionLine,
    GameResult,
    GameStart,
    Info,
    Refused,
    StatusReply,
)

GAME = NewGame(deck1="a", deck2="b", interactive=True)


def test_a_game_goes_from_command_to_result() -> None:
    """Each decision owes one answer; the result makes the connection idle."""
    client = ClientConnection()
    assert client.start(GAME) == b"NEWGAME a.dck b.dck -i\n"
    assert client.receive(b"GAME_START: go\nDECISION: {}\n") == [
        GameStart("go"),
        DecisionLine(b"{}"),
    ]
    assert client.owes_answer
    assert client.answer("0") == b"0\n"
    assert client.state is ClientState.WAITING
    assert client.receive(b"GAME_RESULT: Draw in 1ms\n") == [GameResult(None, 1)]
    assert client.is_idle
    client.close()


def test_a_kept_connection_plays_again() -> None:
    """After a terminal line the next command may follow."""
    client = ClientConnection()
    for _ in range(2):
        client.start(GAME)
        client.receive(b"GAME_RESULT: Draw in 1ms\n")
    assert client.is_idle


def test_a_batch_ends_with_its_last_game() -> None:
    """With -n the connection is idle only after as many terminal lines, or a refusal."""
    client = ClientConnection()
    client.start(NewGame(deck1="a", deck2="b", quiet=True, games=2))
    client.receive(b"GAME_RESULT: Draw in 1ms\n")
    assert not client.is_idle
    client.receive(b"GAME_RESULT: Draw in 1ms\n")
    assert client.is_idle
    client.start(NewGame(deck1="a", deck2="b", quiet=True, games=2))
    assert client.receive(b"ERROR: no\n") == [Refused("no")]
    assert client.is_idle


def test_observed_decisions_owe_nothing() -> None:
    """With -o the client only listens."""
    client = ClientConnection()
    client.start(NewGame(deck1="a", deck2="b", observe=True))
    client.receive(b"DECISION: {}\nDECISION: {}\n")
    assert not client.owes_answer


def test_a_status_is_one_reply() -> None:
    """The lines of a STATUS reply come as one value, when the last has come."""
    client = ClientConnection()
    client.start(Status())
    assert client.receive(b"FORGE DAEMON STATUS\nActive games: 1\n") == []
    assert client.receive(b"Max concurrent: 4\n") == [StatusReply(active=1, max_concurrent=4)]
    assert client.is_idle


def test_an_answer_that_nobody_waits_for_is_refused() -> None:
    """Answering twice would answer the next decision."""
    client = ClientConnection()
    client.start(GAME)
    with pytest.raises(ProtocolError, match="no decision waits"):
        client.answer("0")


def test_an_answer_is_one_line() -> None:
    """A line break inside an answer would be a second answer."""
    client = ClientConnection()
    client.start(GAME)
    client.receive(b"DECISION: {}\n")
    with pytest.raises(ProtocolError, match="one line"):
        client.answer("0\n1")


def test_a_second_command_must_wait() -> None:
    """Two commands at once would mix their lines."""
    client = ClientConnection()
    client.start(GAME)
    with pytest.raises(ProtocolError, match="under way"):
        client.start(GAME)


def test_a_vanished_daemon_is_an_error() -> None:
    """End of stream before the terminal line is not an end of the game."""
    client = ClientConnection()
    client.start(GAME)
    with pytest.raises(ConnectionLost):
        client.close()


def test_a_daemon_that_asks_twice_is_out_of_step() -> None:
    """Two decisions without an answer between break strict alternation."""
    client = ClientConnection()
    client.start(GAME)
    with pytest.raises(ProtocolError, match="asked again"):
        client.receive(b"DECISION: {}\nDECISION: {}\n")


def test_a_line_without_end_is_cut_off() -> None:
    """The cap protects the client too."""
    client = ClientConnection(max_line_bytes=10)
    client.start(GAME)
    with pytest.raises(LineTooLong):
        client.receive(b"x" * 11)


@given(st.lists(st.integers(1, 12)))
def test_events_do_not_depend_on_the_cuts(cuts: list[int]) -> None:
    """However the stream is cut, the same lines come in the same order."""
    stream = b"INFO: a\r\n\nTurn 1\nDECISION: {}\n"
    client = ClientConnection()
    client.start(GAME)
    events: list[object] = []
    for cut in [*cuts, len(stream)]:
        events += client.receive(stream[:cut])
        stream = stream[cut:]
    assert events == [Info("a"), Info("Turn 1"), DecisionLine(b"{}")]


def test_a_daemon_without_batches_is_noticed() -> None:
    """It plays one game and closes: no error, and the client knows what was not played."""
    client = ClientConnection()
    client.start(NewGame(deck1="a", deck2="b", quiet=True, games=3))
    client.receive(b"GAME_RESULT: Draw in 1ms\n")
    client.close()
    assert client.is_idle
    assert client.games_left == 2


def test_a_daemon_that_vanishes_in_the_second_game_is_an_error() -> None:
    """Something of the next game has come: the batch was under way."""
    client = ClientConnection()
    client.start(NewGame(deck1="a", deck2="b", games=3))
    client.receive(b"GAME_RESULT: Draw in 1ms\nINFO: Turn 1\n")
    with pytest.raises(ConnectionLost):
        client.close()
