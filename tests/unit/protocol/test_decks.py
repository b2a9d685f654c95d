"""Deck texts: what clients and players write, read as names with counts."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.decks import (
    MAX_BYTES,
    MAX_CARDS,
    MAX_NAME,
    DeckEntry,
    DeckError,
    card_key,
    front_key,
    parse_deck_list,
)

TEXT = """\ufeff[METADATA]
Title=x
NAME = My   Deck
# a comment

[main]\r
2 Mountain|M21|3
1 Mountain
0 Plains
4 Fire // Ice
[SideBoard]
1 Skullcrack
[Commander]
1 Thalia, Guardian of Thraben
[Planes]
anything at all
"""


def test_all_sections_are_read() -> None:
    """Names in any case; sets, art, comments and foreign sections left out; lines counted."""
    deck = parse_deck_list(TEXT, name="file")
    assert deck.name == "My Deck"
    assert deck.main == (
        DeckEntry(2, "Mountain", 7),
        DeckEntry(1, "Mountain", 8),
        DeckEntry(4, "Fire // Ice", 10),
    )
    assert deck.sideboard == (DeckEntry(1, "Skullcrack", 12),)
    assert deck.commander == (DeckEntry(1, "Thalia, Guardian of Thraben", 14),)
    assert deck.size == 7
    assert len(deck.entries) == 5


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "no cards"),
        ("4 Shock\n", None, "no cards"),
        ("[Main]\n\nShock", 3, "'Shock' is no line of the form 'count name'"),
        ("[Main]\n4 |M21", 2, "no line of the form"),
        ("[Main]\n-1 Shock", 2, "no line of the form"),
        ("[Main]\n\u0664 Shock", 2, "no line of the form"),
        (f"[Main]\n{MAX_CARDS} Shock\n1 Shock", 3, "more than 2000 cards"),
        ("x" * (MAX_BYTES + 1), None, "longer than 256 KiB"),
    ],
)
def test_what_is_no_deck(text: str, line: int | None, words: str) -> None:
    """The error says what is wrong and in which line."""
    with pytest.raises(DeckError) as caught:
        parse_deck_list(text, name="x")
    assert caught.value.line == line
    assert words in caught.value.reason
    assert str(caught.value).startswith(" " if line is None else f", line {line}: ")


def test_a_long_name_is_cut() -> None:
    """The name stands in every line of a game."""
    text = f"[metadata]\nName={'x' * 5000}\n[Main]\n1 Shock"
    assert parse_deck_list(text, name="").name == "x" * MAX_NAME


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LIGHTNING  bolt", "Lightning Bolt"),
        ("Agent\u2019s Toolkit", "agent's toolkit"),
        ("Fire//Ice", "Fire // Ice"),
        ("Lim-Du\u0302l", "Lim-D\u00fbl"),
    ],
)
def test_names_are_compared_by_key(one: str, other: str) -> None:
    """Case, spaces, kind of apostrophe and composition of letters do not matter."""
    assert card_key(one) == card_key(other)


def test_the_front_of_a_card() -> None:
    """The half before the slashes; a name without them is its own front."""
    assert front_key("Fire//Ice") == "fire"
    assert front_key("Shock") == "shock"


@given(st.text(max_size=300))
def test_any_text_is_a_deck_or_an_error(text: str) -> None:
    """No text gives anything else."""
    with contextlib.suppress(DeckError):
        assert parse_deck_list(f"[Main]\n{text}", name="x").size > 0
