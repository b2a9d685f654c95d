"""Lists as other programs export them, read as decks."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.deck_formats import DeckForm, form_of, format_deck, read_deck_list
from trainingrun_protocol.decks import MAX_BYTES, DeckEntry, DeckError, DeckList, parse_deck_list

ARENA = """\
About
Name Boros Energy 3.1

Companion
1 Lurrus of the Dream-Den (IKO) 226

Deck
4 Lightning Bolt (M11) 149
2 Fire // Ice (MH2) 290
1 Lim-Dûl's Vault (ALL) 107
4 Mountain (ANB) 114
1 Mountain (UST) 215p

Sideboard
1 Lurrus of the Dream-Den (IKO) 226
3 Smash to Smithereens (ORI) 163
"""
MTGO = """\
4 Lightning Bolt\r
2 Fire/Ice\r
1 Lim-Dûl's Vault\r
5 Mountain\r
\r
1 Lurrus of the Dream-Den\r
3 Smash to Smithereens\r
"""
PREFIXED = """\
// NAME: Boros Energy 3.1
4 Lightning Bolt
2x Fire // Ice *F*
1 Lim-Dûl's Vault
SB: 1 Lurrus of the Dream-Den
5 Mountain
SB: 3 Smash to Smithereens
"""
DEK = """\
<?xml version="1.0" encoding="utf-8"?>
<Deck xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <NetDeckID>0</NetDeckID>
  <Cards CatID="39634" Quantity="4" Sideboard="false" Name="Lightning Bolt" Annotation="0" />
  <Cards CatID="1" Quantity="2" Sideboard="false" Name="Fire/Ice" Annotation="0" />
  <Cards CatID="2" Quantity="1" Sideboard="false" Name="Lim-D&#251;l&apos;s Vault" />
  <Cards CatID="3" Quantity="5" Sideboard="false" Name="Mountain" Annotation="0" />
  <Cards CatID="4" Quantity="1" Sideboard="true" Name="Lurrus of the Dream-Den" />
  <Cards CatID="5" Quantity="3" Sideboard="true" Name="Smash to Smithereens" />
</Deck>
"""
DCK = """\
[metadata]
Name=Boros Energy 3.1
[Main]
4 Lightning Bolt+|M11|1
2 Fire // Ice|MH2
1 Lim-Dûl's Vault
5 Mountain
[Sideboard]
1 Lurrus of the Dream-Den|IKO
3 Smash to Smithereens
"""
CARDS = (
    [(4, "Lightning Bolt"), (2, "Fire // Ice"), (1, "Lim-Dûl's Vault"), (5, "Mountain")],
    [(1, "Lurrus of the Dream-Den"), (3, "Smash to Smithereens")],
)


def counted(entries: tuple[DeckEntry, ...]) -> list[tuple[int, str]]:
    """Counts and names, without lines."""
    return [(each.count, each.name) for each in entries]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (ARENA, DeckForm.LIST),
        (MTGO, DeckForm.LIST),
        (PREFIXED, DeckForm.LIST),
        ("\ufeff" + DEK, DeckForm.DEK),
        (DCK, DeckForm.DCK),
    ],
    ids=["arena", "mtgo", "prefixed", "dek", "dck"],
)
def test_the_same_deck_in_every_form(text: str, form: DeckForm) -> None:
    """Sets, numbers, foils and the spelling of halves do not matter; a companion counts once."""
    assert form_of(text) is form
    deck = parse_deck_list(format_deck(read_deck_list(text, name="file")), name="")
    assert (counted(deck.main), counted(deck.sideboard)) == CARDS


def test_what_a_list_calls_itself() -> None:
    """The name of the list, or else of its file."""
    names = [read_deck_list(text, name="file").name for text in (ARENA, PREFIXED, DCK, MTGO, DEK)]
    assert names == ["Boros Energy 3.1"] * 3 + ["file"] * 2


def test_lines_are_those_of_the_file() -> None:
    """Errors about cards speak of the line that the user sees."""
    assert read_deck_list(ARENA, name="").main[0].line == 8
    assert read_deck_list(DEK, name="").sideboard[0].line == 8


@pytest.mark.parametrize(
    ("text", "main", "side"),
    [
        ("40 Island\n\n15 Shock", 40, 15),
        ("24 Bear\n\n16 Shock\n\n20 Forest", 60, 0),
        ("24 Bear\n\n16 Shock\n\n20 Forest\n\n15 Duress", 60, 15),
        ("Deck\n24 Bear\n\n36 Forest", 60, 0),
        ("Creatures (24)\n24 Bear\n\nLands (36):\n36 Forest\n\n// Sideboard\n2 Shock", 60, 2),
        ("Commander\n1 Krenko\n\nDeck\n99 Mountain", 99, 0),
        ("4 Shock\n\nMaybeboard\n7 Opt", 4, 0),
    ],
)
def test_where_the_sideboard_begins(text: str, main: int, side: int) -> None:
    """A heading says it; else the empty line, where what follows can be one."""
    deck = read_deck_list(text, name="x")
    assert (deck.size, sum(each.count for each in deck.sideboard)) == (main, side)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "has no cards: write a line for each"),
        ("Sideboard\n4 Shock", None, "has no cards"),
        ("4 Opt\nShock", 2, "'Shock' is no line of the form 'count name': write how many"),
        ("4", 1, "write a count up to 9999"),
        ("-4 Shock", 1, "write a count up to 9999"),
        ("99999 Shock", 1, "write a count up to 9999"),
        ("\u0664 Shock", 1, "no line of the form"),
        ("4 (M11) 149\n4 *F*", 2, "there is no name of a card in '*F*'"),
        ("4 Sh\x07ock", 1, "holds control characters"),
        (f"4 {'x' * 151}", 1, "it has 151 characters"),
        (f"4 {'x' * 9000}", 1, "no line of the form"),
        ("1999 Shock\n\n2 Opt", 3, "more than 2000 cards"),
        ("x" * (MAX_BYTES + 1), None, "longer than 256 KiB"),
        (DEK.replace("<Deck", "<!DOCTYPE Deck>\n<Deck"), 2, "<!DOCTYPE is no part"),
        ("<html>\n", 1, "begins with <html>"),
        (DEK.replace("</Deck>", ""), 9, "the XML cannot be read"),
        (DEK.replace('Quantity="4"', 'Quantity="4.5"'), 4, "Quantity '4.5' of Lightning Bolt"),
        (DEK.replace('Name="Mountain"', ""), 7, "card CatID '3' has no Name"),
        (f'<Deck><Cards Quantity="1" Name="{"x" * 9000}"/></Deck>', 1, "has 9000 characters"),
        ("<Deck>" + '<Cards Quantity="0" Name="a"/>' * 2001 + "</Deck>", 1, "more than 2000"),
    ],
)
def test_what_is_no_deck(text: str, line: int | None, words: str) -> None:
    """The error says what is wrong, in which line, and what to write."""
    with pytest.raises(DeckError) as caught:
        read_deck_list(text, name="x")
    assert caught.value.line == line
    assert words in caught.value.reason


def test_entities_that_multiply_are_never_declared() -> None:
    """A document type is refused where it begins, before anything in it is read."""
    bomb = '<?xml version="1.0"?><!DOCTYPE Deck [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">' for at in range(9)
    )
    with pytest.raises(DeckError, match="<!DOCTYPE"):
        read_deck_list(bomb + "]><Deck>&j;</Deck>", name="x")


@pytest.mark.parametrize(
    "text",
    [
        "1 a" + " " * 250_000 + "b",
        "*F* " * 60_000,
        "4 a" + " ^a" * 80_000,
        "\n".join(["4 " + "^a " * 90] * 900),
        "<Deck>" + "<a>" * 80_000,
        "/" * 250_000,
        "a" * 250_000,
    ],
    ids=["spaces", "marks", "carets", "caret-lines", "depth", "slashes", "letters"],
)
def test_no_text_takes_long(text: str) -> None:
    """A file at the bound is read in a moment, whatever it holds."""
    begun = time.process_time()
    with contextlib.suppress(DeckError):
        read_deck_list(text, name="x")
    assert time.process_time() - begun < 2


@given(st.text(max_size=200), st.sampled_from(["", "4 ", "Deck\n4 ", "<Deck>", "[Main]\n4 "]))
def test_any_text_is_a_deck_or_an_error(text: str, before: str) -> None:
    """No text gives anything else, and every error can be printed."""
    try:
        assert read_deck_list(before + text, name="x").size > 0
    except DeckError as error:
        str(error).encode()


names = st.from_regex(
    r"[A-Z][a-z',-]{0,12}( [A-Z][a-z]{1,9}){0,3}( // [A-Z][a-z]{1,9})?", fullmatch=True
)
cards = st.dictionaries(names, st.integers(1, 40), min_size=1, max_size=20).map(
    lambda found: tuple(DeckEntry(count, name, 0) for name, count in found.items())
)


@given(cards, cards, names)
def test_a_deck_that_is_written_is_read_again(
    main: tuple[DeckEntry, ...], side: tuple[DeckEntry, ...], name: str
) -> None:
    """Our own form, and Arena's, give back what was written."""
    deck = DeckList(name=name, main=main, sideboard=side)
    rows = [
        "\n".join(f"{each.count} {each.name} (ABC) 12" for each in part) for part in (main, side)
    ]
    arena = f"About\nName {name}\n\nDeck\n{rows[0]}\n\nSideboard\n{rows[1]}\n"
    for text in (format_deck(deck), arena):
        read = read_deck_list(text, name="x")
        assert read.name == name
        assert counted(read.main) == counted(main)
        assert counted(read.sideboard) == counted(side)
