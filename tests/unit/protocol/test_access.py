"""The token of a daemon: its form, where it comes from, and that nothing shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainingrun_protocol.access import TOKEN_VARIABLE, Token, TokenError, read_token
from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import (
    NewGame,
    Status,
    format_command,
    parse_command,
)
from trainingrun_protocol.errors import CommandError
from trainingrun_protocol.given_token import given_token, token_in_environment, token_in_file
from trainingrun_protocol.lines import Refused
from trainingrun_protocol.server import ServerConnection

WORD = "0123456789abcdef-correct"
TOKEN = Token(WORD)
GAME = NewGame(deck1="a.dck", deck2="b.dck", interactive=True, quiet=True, keep_open=True)


def test_a_game_is_asked_for_with_the_token() -> None:
    """One line, as before; STATUS has no token, so that probes need no secret."""
    line = format_command(GAME, token=TOKEN)
    assert line == format_command(GAME)[:-1] + f" --token {WORD}\n".encode()
    assert parse_command(line.decode(), token=TOKEN) == GAME
    assert format_command(Status(), token=TOKEN) == b"STATUS\n"
    assert parse_command("STATUS", token=TOKEN) == Status()


def test_a_daemon_without_a_token_ignores_the_flag() -> None:
    """Whatever the word is: it is no flag of its own."""
    assert parse_command(f"NEWGAME a.dck b.dck -q -i -k --token {WORD}") == GAME
    assert parse_command("NEWGAME a.dck b.dck --token -i").interactive is False  # type: ignore[union-attr]
    assert parse_command("NEWGAME a.dck b.dck -i -q -k --token") == GAME


@pytest.mark.parametrize("flags", ["", "-q", "--token", "-q --token", "--token= x", f"-s 5 {WORD}"])
def test_a_game_without_the_token_is_refused(flags: str) -> None:
    """The client reads what it has to add."""
    with pytest.raises(CommandError, match=f"add --token WORD to NEWGAME.*{TOKEN_VARIABLE}"):
        parse_command(f"NEWGAME a.dck b.dck {flags}", token=TOKEN)


@pytest.mark.parametrize("word", ["x", WORD[:-1], f"{WORD}x", WORD.upper(), "-i", "é" * 24])
def test_a_wrong_token_is_refused_and_not_quoted(word: str) -> None:
    """Neither the wrong one nor the right one comes back."""
    with pytest.raises(CommandError, match="is not that of this daemon") as caught:
        parse_command(f"NEWGAME a.dck b.dck -q --token {word}", token=TOKEN)
    assert WORD[:-1] not in str(caught.value)


def test_of_several_tokens_the_last_counts() -> None:
    """As of the other flags that are given twice."""
    right, wrong = f"--token {WORD}", "--token other"
    assert parse_command(f"NEWGAME a b {wrong} {right}", token=TOKEN)
    with pytest.raises(CommandError, match="is not that"):
        parse_command(f"NEWGAME a b {right} {wrong}", token=TOKEN)


def test_both_ends_of_a_connection_know_it() -> None:
    """What one side sends the other takes; a stranger's line is refused."""
    for client, welcome in ((ClientConnection(token=TOKEN), True), (ClientConnection(), False)):
        server = ServerConnection(token=TOKEN)
        server.receive(client.start(GAME))
        if welcome:
            assert server.take_command() == GAME
        else:
            with pytest.raises(CommandError):
                server.take_command()


def test_a_peer_that_repeats_the_command_is_not_quoted() -> None:
    """What is said of a refusal ends in logs and in a run's events."""
    client = ClientConnection(token=TOKEN)
    line = client.start(GAME)
    assert client.receive(b"ERROR: what is " + line) == [
        Refused("what is NEWGAME a.dck b.dck -i -q -k --token …")
    ]


@pytest.mark.parametrize("text", [WORD, f"  {WORD}\n", "!" * 16, "~" * 256])
def test_a_token_is_a_word(text: str) -> None:
    """White space around it is the file's."""
    assert read_token(text, where="here").text == text.strip()


@pytest.mark.parametrize("text", ["", " ", "short", "two words of a token", "é" * 20, "x" * 257])
def test_what_is_no_token_is_refused(text: str) -> None:
    """The message says where it stands and how to make one, and does not quote it."""
    with pytest.raises(TokenError, match=r"^here holds no token: .* 16 to 256 .*openssl") as caught:
        read_token(text, where="here")
    assert len(text) < 5 or text not in str(caught.value)


def test_a_token_shows_itself_to_nobody() -> None:
    """Also not inside of what holds it."""
    assert WORD not in f"{TOKEN} {TOKEN!r} {[TOKEN]}"


def test_a_file_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither gives none; an empty variable is none, since Compose cannot leave one out."""
    file = tmp_path / "token"
    file.write_text(f"{WORD}-of-the-file\n")
    monkeypatch.setenv(TOKEN_VARIABLE, WORD)
    assert given_token(file) == Token(f"{WORD}-of-the-file")
    assert given_token(None) == TOKEN
    monkeypatch.setenv(TOKEN_VARIABLE, "")
    assert given_token(None) is None
    monkeypatch.delenv(TOKEN_VARIABLE)
    assert given_token(None) is None


def test_a_wrong_place_is_named(tmp_path: Path) -> None:
    """A file that is not there, is none, or holds a book; a variable with something else."""
    with pytest.raises(TokenError, match=r"missing cannot be read .*: give one with a token"):
        token_in_file(tmp_path / "missing")
    with pytest.raises(TokenError, match="cannot be read"):
        token_in_file(tmp_path)
    big = tmp_path / "big"
    big.write_bytes(b"\xff" * 100_000)
    with pytest.raises(TokenError, match="big holds no token"):
        token_in_file(big)
    with pytest.raises(TokenError, match=f"^{TOKEN_VARIABLE} holds no token"):
        token_in_environment({TOKEN_VARIABLE: "short"})
