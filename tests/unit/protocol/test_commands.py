"""Commands: what a client may ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.commands import (
    NO_SCENARIO,
    NewGame,
    Status,
    format_command,
    parse_command,
)
from trainingrun_protocol.errors import CommandError

DECKS = st.builds(
    "{}.dck".format,
    st.text(
        st.characters(codec="ascii", categories=("L", "N"), include_characters="._/-"),
        min_size=1,
    ).filter(lambda name: not name.startswith("-")),
)
NEW_GAMES = st.builds(
    lambda deck1, deck2, mode, quiet, limit, seed, keep, games, seat: NewGame(
        deck1=deck1,
        deck2=deck2,
        interactive=mode == "-i",
        observe=mode == "-o",
        quiet=quiet,
        limit_seconds=limit,
        seed=seed,
        keep_open=keep,
        games=games,
        ai_seat=seat,
    ),
    DECKS,
    DECKS,
    st.sampled_from(["", "-i", "-o"]),
    st.booleans(),
    st.integers(1, 1_000_000),
    st.none() | st.integers(-(2**63), 2**64 - 1),
    st.booleans(),
    st.integers(1, 1000),
    st.none() | st.sampled_from([1, 2]),
)


@given(NEW_GAMES)
def test_a_formatted_game_is_read_back_unchanged(command: NewGame) -> None:
    """Every flag survives the way over the wire."""
    assert parse_command(format_command(command).decode()) == command


@pytest.mark.parametrize(
    ("deck", "sent"),
    [("red", "red.dck"), ("red.dck", "red.dck"), ("RED.DCK", "RED.DCK"), ("/d/red", "/d/red")],
)
def test_deck_names_are_sent_as_file_names(deck: str, sent: str) -> None:
    """The original looks up a name as a file only with its suffix; a path is left as it is."""
    line = format_command(NewGame(deck1=deck, deck2=deck, interactive=True))
    assert line == f"NEWGAME {sent} {sent} -i\n".encode()


@given(st.text())
def test_any_text_is_a_command_or_refused(text: str) -> None:
    """Garbage raises CommandError with one line of text, nothing else."""
    try:
        parse_command(text)
    except CommandError as error:
        shown = str(error)
    else:
        shown = ""
    assert "\n" not in shown


def test_status_is_read() -> None:
    """STATUS stands alone."""
    assert parse_command("STATUS\r") == Status()


def test_tokens_are_split_on_any_white_space() -> None:
    """Tabs and several spaces separate as one space does."""
    command = parse_command("NEWGAME  a.dck\tb.dck   -q -c 30")
    assert command == NewGame(deck1="a.dck", deck2="b.dck", quiet=True, limit_seconds=30)


def test_unknown_flags_are_ignored() -> None:
    """A flag of a newer client does no harm."""
    assert parse_command("NEWGAME a b -z --fast -i") == NewGame(
        deck1="a", deck2="b", interactive=True
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "empty"),
        ("HELLO", "unknown command 'HELLO'"),
        ("newgame a b", "unknown command"),
        ("NEWGAME", "two decks"),
        ("NEWGAME a", "two decks"),
        ("NEWGAME a -q", "two decks"),
        ("NEWGAME a b -c", "-c needs a whole number"),
        ("NEWGAME a b -c 0", "not '0'"),
        ("NEWGAME a b -c ten", "not 'ten'"),
        ("NEWGAME a b -s 1.5", "not '1.5'"),
        ("NEWGAME a b -a 3", "from 1 to 2"),
        ("NEWGAME a b -i -o", "exclude each other"),
    ],
)
def test_bad_syntax_is_refused_with_the_reason(line: str, words: str) -> None:
    """The text says which word is wrong and what is expected."""
    with pytest.raises(CommandError, match=words):
        parse_command(line)


def test_a_game_without_decks_says_so() -> None:
    """Expect a dash to be a name, sent as it is, and no flag."""
    command = NewGame(deck1=NO_SCENARIO, deck2=NO_SCENARIO, interactive=True)
    line = format_command(command)
    assert line == b"NEWGAME - - -i\n"
    assert parse_command(line.decode()) == command


@pytest.mark.parametrize("deck", ["", "two words", "-q", "a\nSTATUS"])
def test_a_deck_that_cannot_be_sent_is_refused(deck: str) -> None:
    """A client cannot inject a flag or a second command by a deck name."""
    with pytest.raises(CommandError, match="cannot be sent"):
        format_command(NewGame(deck1=deck, deck2="b"))
