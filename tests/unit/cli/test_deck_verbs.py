"""`trainingrun decks`: the real program on files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DECKS = Path(__file__).parents[3] / "decks"
ODD = """\
[metadata]
Name=Odd [bold] Deck
[Main]
4 Lightening Bolt
5 Shock
[Sideboard]
1 Qqqqqq
"""


def test_list_shows_every_deck(shell: Any) -> None:
    """Expect a row a deck, those of folders below too, and what is wrong with a broken file."""
    (shell.folder / "decks" / "below").mkdir()
    (shell.folder / "decks" / "below" / "shocks.dck").write_text("[Main]\n40 Shock\n20 Mountain")
    (shell.folder / "decks" / "broken.dck").write_text("[Main]\nnine lives")
    answer = shell.run("decks", "list")
    assert answer.code == 0
    rows = answer.out.splitlines()
    assert rows[0].split() == ["DECK", "NAME", "CARDS", "COLOURS", "KIND"]
    assert rows[1].split()[:3] == ["bears", "Bears", "60"]
    assert "unknown card" in rows[1]
    assert rows[2].startswith("broken")
    assert "line 2" in rows[2]
    assert "mono-red burn" in answer.out


def test_list_for_programs(shell: Any) -> None:
    """Expect a list with the facts of each deck."""
    listed = json.loads(shell.run("decks", "list", str(DECKS), "-o", "json").out)
    red = next(each for each in listed if each["name"] == "Red Aggro")
    assert (red["cards"], red["colors"], red["unknown"]) == (60, "R", [])


def test_show_fits_eighty_columns(shell: Any) -> None:
    """Expect groups, curve and colours, and no line wider than a usual terminal."""
    answer = shell.run("decks", "show", "red_aggro", "--decks", str(DECKS))
    assert answer.code == 0
    assert answer.out.startswith("Red Aggro · 60 cards · mono-red aggro\n")
    assert max(map(len, answer.out.splitlines())) <= 80
    for words in ("Creatures (12)", "Instants (16)", "Mana curve · 40 spells", "red", "█"):
        assert words in answer.out


def test_show_for_programs(shell: Any) -> None:
    """Expect all figures."""
    shown = json.loads(shell.run("decks", "show", str(DECKS / "test_blue.dck"), "-o", "json").out)
    assert shown["name"] == "Test Blue"
    assert sum(shown["curve"]) == 36
    assert shown["sources"] == {"U": 24}


def test_check_of_a_good_deck(shell: Any) -> None:
    """Expect one line and exit code 0; a size other than 60 or a fifth copy is a remark only."""
    answer = shell.run("decks", "check", "white_weenie", "--decks", str(DECKS))
    assert answer.code == 0
    assert answer.out.endswith("White Weenie is valid: 60 cards, mono-white aggro\n")
    (shell.folder / "few.dck").write_text("[Main]\n5 Shock")
    answer = shell.run("decks", "check", "few.dck")
    assert answer.code == 0
    assert "few.dck: remark: 5 copies of Shock; 4 are usual" in answer.out


def test_check_names_each_unknown_card(shell: Any) -> None:
    """Expect exit code 2, and the file, the line and the likest known name for each."""
    (shell.folder / "odd.dck").write_text(ODD)
    answer = shell.run("decks", "check", "odd.dck")
    assert answer.code == 2
    assert answer.errors == [
        "trainingrun: odd.dck, line 4: unknown card Lightening Bolt: did you mean Lightning Bolt?",
        "trainingrun: odd.dck, line 7: unknown card Qqqqqq: the engine knows no such card: take"
        " another",
    ]
    found = json.loads(shell.run("decks", "check", "odd.dck", "-o", "json").out)
    assert found["ok"] is False
    assert [each["line"] for each in found["unknown"]] == [4, 7]
    assert "Odd [bold] Deck" in shell.run("decks", "show", "odd.dck").out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "is not a text in UTF-8: save it as UTF-8"),
        (b"[Main]\nten Forests\n", "line 2: 'ten Forests' is no line of the form 'count name'"),
        (b"", "has no cards: write them below a line [Main]"),
        (b"x" * 300_000, "is longer than 256 KiB: give a deck file"),
    ],
    ids=["encoding", "form", "empty", "huge"],
)
def test_a_file_that_is_no_deck(shell: Any, content: bytes, words: str) -> None:
    """Expect one sentence and exit code 2 from show and check alike."""
    (shell.folder / "bad.dck").write_bytes(content)
    for verb in ("show", "check"):
        answer = shell.run("decks", verb, "bad.dck")
        assert answer.code == 2
        assert len(answer.errors) == 1
        assert answer.errors[0].startswith("trainingrun: bad.dck")
        assert answer.errors[0].endswith(words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "wolves"), "no deck wolves in"),
        (("check", "wolves.dck"), "no such file"),
        (("show", "decks/"), "no deck decks/ in"),
        (("list", "nowhere"), "nowhere: no such folder"),
        (("show", "bears", "--decks", "nowhere"), "--decks nowhere: no such folder"),
    ],
)
def test_what_is_not_there(shell: Any, arguments: tuple[str, ...], words: str) -> None:
    """Expect what was searched for, and what to give instead."""
    answer = shell.run("decks", *arguments)
    assert answer.code == 2
    assert words in answer.errors[0]


def test_a_folder_without_decks(shell: Any) -> None:
    """Expect to be asked for another one."""
    (shell.folder / "empty").mkdir()
    answer = shell.run("decks", "list", "empty")
    assert answer.errors == ["trainingrun: empty: no .dck file there: give a folder of decks"]
