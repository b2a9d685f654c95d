"""Deck files: read as players write them."""

import os
from pathlib import Path

import pytest
from trainingrun_daemon.decks import DeckError, DeckRepository, parse_deck


def test_sections_and_variants_are_understood() -> None:
    """Names in any case, sets and art after a bar, the same card on several lines."""
    deck = parse_deck(
        "[metadata]\nName= My  Deck\n\n[MAIN]\n2 mountain|M21|3\n1 Mountain\n4 SHOCK\n[Sideboard]\n"
        "1 Skullcrack\n[Commander]\n",
        name="file",
    )
    assert deck.name == "My Deck"
    assert [card.name for card in deck.main] == ["Mountain"] * 3 + ["Shock"] * 4


def test_the_file_name_serves_without_a_name() -> None:
    """A deck without Name= is called as its file."""
    assert parse_deck("[Main]\n1 Plains", name="file").name == "file"


def test_unknown_cards_are_all_named() -> None:
    """The message names every unknown card once, those of the sideboard too."""
    text = "[Main]\n4 Black Lotus\n1 Plains\n1 Black Lotus\n[Sideboard]\n1 Time Walk"
    with pytest.raises(DeckError) as caught:
        parse_deck(text, name="power")
    assert str(caught.value) == "deck power: unknown cards: Black Lotus, Time Walk"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no cards"),
        ("[Sideboard]\n1 Plains", "has no cards"),
        ("[Main]\nPlains", "no line of the form"),
        ("[Main]\n99999 Plains", "no line of the form"),
    ],
)
def test_what_is_no_deck_is_refused(text: str, words: str) -> None:
    """The message says what is missing or which line is wrong."""
    with pytest.raises(DeckError, match=words):
        parse_deck(text, name="x")


def test_decks_are_found_by_name_stem_and_path(shelf: DeckRepository, deck_directory: Path) -> None:
    """A base name, a name without ending and an absolute path lead to the same deck."""
    path = deck_directory / "test_red.dck"
    elsewhere = "/no/such/folder/test_red.dck"  # a client's path on another machine
    names = {
        shelf.find(name).name
        for name in ("test_red.dck", "test_red", str(path), "x/test_red", elsewhere)
    }
    assert names == {"Test Red"}


@pytest.mark.parametrize("name", ["red_aggro", "white_weenie", "test_red", "test_blue"])
def test_the_shipped_decks_have_sixty_cards(shelf: DeckRepository, name: str) -> None:
    """Each deck is complete and known to the engine."""
    assert len(shelf.find(name).main) == 60


def test_a_missing_deck_says_where_it_was_sought(tmp_path: Path) -> None:
    """The message names the directories."""
    with pytest.raises(DeckError, match=f"not found in {tmp_path}"):
        DeckRepository([tmp_path]).find("nope.dck")


def test_an_unreadable_deck_is_refused(tmp_path: Path) -> None:
    """Bytes that are no text, and a path to nothing, give a sentence."""
    (tmp_path / "bad.dck").write_bytes(b"\xff\xfe")
    with pytest.raises(DeckError, match="not a UTF-8 text"):
        DeckRepository([tmp_path]).find("bad.dck")
    with pytest.raises(DeckError, match="not found"):
        DeckRepository([tmp_path]).find(str(tmp_path / "none.dck"))


def test_other_files_stay_closed(shelf: DeckRepository) -> None:
    """An absolute path leads to decks only: no one reads other files through error texts."""
    with pytest.raises(DeckError, match=r"no \.dck file"):
        shelf.find("/etc/passwd")


def test_a_path_outside_the_directories_stands_for_its_name(tmp_path: Path) -> None:
    """No client reads decks elsewhere on the machine, nor learns whether they are there."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (tmp_path / "secret.dck").write_text("[Main]\n1 Words of a Secret\n")
    paths = [tmp_path / "secret.dck", shelf / ".." / "secret.dck", tmp_path / "nothing.dck"]
    for path in paths:
        with pytest.raises(DeckError, match="not found in") as refused:
            DeckRepository([shelf]).find(str(path))
        assert "Secret" not in str(refused.value)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """Decks can be edited while the daemon runs."""
    path = tmp_path / "a.dck"
    path.write_text("[Main]\n1 Plains")
    shelf = DeckRepository([tmp_path])
    assert len(shelf.find("a").main) == 1
    path.write_text("[Main]\n2 Plains")
    os.utime(path, ns=(1, 1))
    assert len(shelf.find("a").main) == 2


def test_a_deck_in_a_folder_below_is_found(tmp_path: Path) -> None:
    """Archetypes lie in folders of their own; a deck right in the directory goes first."""
    (tmp_path / "competitive").mkdir()
    (tmp_path / "competitive" / "a.dck").write_text("[Main]\n1 Plains")
    shelf = DeckRepository([tmp_path])
    assert len(shelf.find("a").main) == 1
    (tmp_path / "a.dck").write_text("[Main]\n2 Plains")
    assert len(shelf.find("a").main) == 2


@pytest.mark.parametrize("name", ["*", "[a]", "a" * 5000, "\x00", "/\x00.dck", "..", ".", "//.dck"])
def test_strange_names_are_refused(tmp_path: Path, name: str) -> None:
    """Patterns are no names, and names that no file can have are a sentence as well."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.dck").write_text("[Main]\n1 Plains")
    with pytest.raises(DeckError, match=r"not found|cannot be read"):
        DeckRepository([tmp_path]).find(name)


def test_a_two_faced_card_is_known_by_its_front(tmp_path: Path) -> None:
    """Lists write both faces or the front alone."""
    assert len(parse_deck("[Main]\n2 Shock // Awe", name="x").main) == 2
