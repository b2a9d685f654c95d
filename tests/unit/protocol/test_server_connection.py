"""The server's line keeper: commands and answers, one at a time."""

import pytest
from trainingrun_protocol.commands import NewGame, Status
from trainingrun_protocol.errors import CommandError, LineTooLong
from trainingrun_protocol.server import ServerConnection


def test_lines_are_taken_as_what_they_are_needed_for() -> None:
    """A client that writes ahead is served in order: command, answers, next command."""
    server = ServerConnection()
    server.receive(b"NEWGAME a b -i -k\n0\n\nSTATUS\n")
    assert server.take_command() == NewGame(deck1="a", deck2="b", interactive=True, keep_open=True)
    assert server.take_answer() == "0"
    assert server.take_answer() == ""
    assert server.backlog == 1
    assert server.take_command() == Status()
    assert server.take_answer() is None
    assert server.take_command() is None


def test_empty_lines_before_a_command_are_skipped() -> None:
    """A stray line end after a game does no harm."""
    server = ServerConnection()
    server.receive(b"\r\n\nSTATUS\r\n")
    assert server.take_command() == Status()


def test_bytes_that_are_no_text_are_refused_as_a_command() -> None:
    """Binary garbage is an unknown command, not a failure."""
    server = ServerConnection()
    server.receive(b"\xff\xfe\x00\n")
    with pytest.raises(CommandError, match="unknown command"):
        server.take_command()


def test_a_line_above_the_cap_is_refused() -> None:
    """A client cannot fill the daemon's memory."""
    with pytest.raises(LineTooLong):
        ServerConnection(max_line_bytes=10).receive(b"x" * 11)
