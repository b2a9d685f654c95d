"""Answers: what clients send, garbage included, becomes something legal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.answers import (
    PASS,
    format_blocks,
    format_confirm,
    format_index,
    format_indices,
    parse_blocks,
    parse_chosen_cards,
    parse_confirm,
    parse_index,
    parse_indices,
    parse_value,
)

GARBAGE = st.text() | st.text("0123456789,:- ny")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), (" 2 ", 2), ("3", PASS), ("-1", PASS), ("", PASS), ("x", PASS), ("1.0", PASS)],
)
def test_an_index_outside_the_list_passes(text: str, expected: int) -> None:
    """Only a position in the list is an action."""
    assert parse_index(text, count=3, default=PASS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0,2", (0, 2)), ("2, 0, 2", (2, 0)), ("", ()), ("-1", ()), ("0,9,x", (0,)), ("all", ())],
)
def test_attackers_keep_their_legal_entries(text: str, expected: tuple[int, ...]) -> None:
    """Entries that name nothing are dropped, doubles count once."""
    assert parse_indices(text, count=3) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:1,2:1", ((0, 1), (2, 1))),
        ("0:0,0:1", ((0, 0),)),
        ("-1", ()),
        ("0", ()),
        ("0:None", ()),
        ("0:174", ()),
        ("", ()),
    ],
)
def test_blocks_that_real_clients_garble_are_no_blocks(
    text: str, expected: tuple[tuple[int, int], ...]
) -> None:
    """The garbage seen from real clients means no block."""
    assert parse_blocks(text, blockers=3, attackers=2) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", (3, 0)), ("", (0, 1)), ("1,2,3", (1, 2)), ("9", (0, 1)), ("1,0", (1, 0))],
)
def test_the_number_of_cards_is_clamped(text: str, expected: tuple[int, ...]) -> None:
    """Too few are filled up in order, too many are cut."""
    assert parse_chosen_cards(text, count=4, minimum=2, maximum=2) == expected


@pytest.mark.parametrize("text", ["y", "YES", "1", "true", " y "])
def test_yes_has_four_spellings(text: str) -> None:
    """The four words of the protocol agree."""
    assert parse_confirm(text)


@pytest.mark.parametrize("text", ["n", "0", "-1", "", "maybe", "2"])
def test_everything_else_is_no(text: str) -> None:
    """What is no yes is a no."""
    assert not parse_confirm(text)


@pytest.mark.parametrize(("text", "expected"), [("5", 5), ("99", 7), ("-1", 2), ("x", 2)])
def test_values_are_clamped(text: str, expected: int) -> None:
    """Unreadable numbers become the minimum."""
    assert parse_value(text, minimum=2, maximum=7) == expected


@given(GARBAGE, st.integers(0, 5), st.integers(0, 5))
def test_no_text_breaks_a_parser(text: str, count: int, other: int) -> None:
    """Every parser gives positions in range for every text."""
    assert parse_index(text, count=count, default=PASS) in range(-1, count)
    assert set(parse_indices(text, count=count)) <= set(range(count))
    for blocker, attacker in parse_blocks(text, blockers=count, attackers=other):
        assert 0 <= blocker < count
        assert 0 <= attacker < other
    minimum = min(count, other)
    cards = parse_chosen_cards(text, count=count, minimum=minimum, maximum=count)
    assert minimum <= len(set(cards)) == len(cards) <= count
    parse_confirm(text)
    assert minimum <= parse_value(text, minimum=minimum, maximum=5) <= 5


@given(st.lists(st.integers(0, 9), unique=True), st.booleans())
def test_formatted_answers_are_read_back(positions: list[int], agreed: bool) -> None:
    """What a client formats is what a server reads."""
    pairs = [(position, position // 2) for position in positions]
    assert parse_indices(format_indices(positions), count=10) == tuple(positions)
    assert parse_blocks(format_blocks(pairs), blockers=10, attackers=10) == tuple(pairs)
    assert parse_confirm(format_confirm(agreed=agreed)) is agreed
    assert all(parse_index(format_index(at), count=10, default=PASS) == at for at in positions)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9" * 5000, 7), ("-" + "9" * 5000, 2), ("0" * 5000 + "3", 3), ("1e9", 2), ("", 2), ("8", 7)],
)
def test_a_number_out_of_range_is_clamped(text: str, expected: int) -> None:
    """However long it is; what is no number is the minimum."""
    assert parse_value(text, minimum=2, maximum=7) == expected


def test_a_long_number_names_nothing() -> None:
    """A list has no such position."""
    assert parse_indices("0," + "9" * 5000, count=3) == (0,)
