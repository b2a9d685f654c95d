"""Figures of a deck: counted from the file and the catalogue."""

from __future__ import annotations

import pytest
from trainingrun_daemon_commands.decks.figures import DeckFigures, figures_of
from trainingrun_protocol.cards import CardFacts, Catalogue
from trainingrun_protocol.decks import parse_deck_list

CARDS = Catalogue(
    [
        CardFacts(name="Plains", types="Basic Land - Plains", makes="W"),
        CardFacts(name="Sacred Foundry", types="Land - Mountain Plains", makes="RW"),
        CardFacts(name="Wilds", types="Land", text="Tap, sacrifice it: search for a basic land."),
        CardFacts(name="Shock", cost="{R}", mana_value=1, colors="R", types="Instant"),
        CardFacts(
            name="Bear",
            cost="{1}{W}",
            mana_value=2,
            colors="W",
            types="Creature - Bear",
            power=2,
            toughness=2,
        ),
        CardFacts(
            name="Dryad",
            cost="{G/W}",
            mana_value=1,
            colors="WG",
            types="Creature - Dryad",
            power=2,
            toughness=1,
        ),
        CardFacts(name="Colossus", cost="{11}", mana_value=11, types="Artifact Creature - Golem"),
        CardFacts(
            name="Roku // Avatar",
            cost="{2}{R}",
            mana_value=3,
            colors="R",
            types="Enchantment",
        ),
    ]
)


def figures(text: str) -> DeckFigures:
    """The figures of a deck of these lines."""
    return figures_of(parse_deck_list(f"[Main]\n{text}", name="x"), CARDS)


def test_lines_of_one_card_are_added_up() -> None:
    """However it is spelt, a card is listed once, under its type, cheap ones first."""
    counted = figures("2 Bear\n1 BEAR|SET\n1 Dryad\n4 Plains\n1 Colossus")
    assert list(counted.groups) == ["Creatures", "Lands"]
    assert [(line.count, line.name) for line in counted.groups["Creatures"]] == [
        (1, "Dryad"),
        (3, "Bear"),
        (1, "Colossus"),
    ]
    assert counted.cards == 9


def test_the_curve_counts_spells_only() -> None:
    """Lands are no part of it; what costs seven or more stands together."""
    counted = figures("4 Shock\n2 Bear\n1 Colossus\n20 Plains")
    assert counted.curve == (0, 4, 2, 0, 0, 0, 0, 1)
    assert counted.average == round((4 + 4 + 11) / 7, 2)


def test_symbols_and_sources() -> None:
    """A land of two colours is a source of both; a hybrid symbol asks for what the deck makes."""
    counted = figures("4 Shock\n2 Bear\n4 Dryad\n4 Sacred Foundry\n6 Plains")
    assert counted.symbols == {"W": 6, "R": 4}
    assert counted.sources == {"W": 10, "R": 4}
    assert counted.colors == "WR"


def test_a_land_that_finds_basic_lands_serves_all_colours() -> None:
    """It counts for each colour that the other lands make, and for no other."""
    counted = figures("4 Shock\n2 Bear\n4 Wilds\n4 Sacred Foundry")
    assert counted.sources == {"W": 8, "R": 8}


def test_a_deck_without_lands_splits_hybrid_symbols() -> None:
    """Half a symbol for each colour."""
    assert figures("1 Dryad").symbols == {"W": 0.5, "G": 0.5}


@pytest.mark.parametrize(
    ("text", "archetype"),
    [
        ("20 Bear\n4 Shock\n20 Plains", "Boros aggro"),
        ("20 Colossus", "colourless midrange"),
        ("20 Shock\n4 Plains", "mono-red burn"),
        ("20 Roku\n4 Plains", "mono-red control"),
        ("20 Plains", "colourless"),
    ],
)
def test_the_kind_of_a_deck(text: str, archetype: str) -> None:
    """Its colours, and how it means to win."""
    assert figures(text).archetype == archetype


def test_unknown_cards_are_named_once_with_the_likest() -> None:
    """Expect the first line of each, and no hint where nothing is alike."""
    counted = figures("4 Shok\n2 shok\n1 Xyzzyplugh\n1 Roku // Avatar\n1 roku")
    assert [(each.line, each.card, each.nearest) for each in counted.unknown] == [
        (2, "Shok", "Shock"),
        (4, "Xyzzyplugh", None),
    ]


def test_remarks() -> None:
    """Another size than 60, a fifth copy and a colour that nothing makes are worth a word."""
    assert figures("5 Shock\n20 Plains").remarks == (
        "25 cards in the main deck; 60 are usual",
        "5 copies of Shock; 4 are usual",
        "nothing makes red mana, and 5 symbols ask for it",
    )


def test_a_colour_with_few_sources_is_remarked() -> None:
    """Expect both shares."""
    remarks = figures("30 Shock\n10 Bear\n1 Sacred Foundry\n19 Plains").remarks
    assert "red is 75% of the symbols, but 5% of the sources of mana" in remarks


def test_a_usual_deck_has_no_remark() -> None:
    """Sixty cards, four of each, and lands for them."""
    assert figures("4 Bear\n4 Dryad\n52 Plains").remarks == ()
