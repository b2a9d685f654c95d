"""`trainingrun decks add`: the real program on lists of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainingrun_protocol.decks import parse_deck_list

ARENA = """\
About
Name Burn! 3

Deck
4 Lightning Bolt (M11) 149
4 Lightening Helix (RAV) 213
1 Turn // Burn (DGM) 134
20 Mountain (ANB) 114

Sideboard
2 Skullcrack (GTC) 106
"""
DEK = '<Deck><Cards Quantity="4" Sideboard="false" Name="Shock"/></Deck>'


@pytest.fixture
def export(shell: Any) -> Path:
    """A list in the folder of the program."""
    file: Path = shell.folder / "export.txt"
    file.write_text(ARENA)
    return file


def test_a_list_becomes_a_deck_that_a_run_finds(shell: Any, export: Path) -> None:
    """Expect a file of ours under the name that the list has, which the other verbs read."""
    answer = shell.run("decks", "add", export.name)
    assert answer.code == 0
    deck = parse_deck_list((shell.folder / "decks" / "burn_3.dck").read_text(), name="")
    assert (deck.name, deck.size, len(deck.sideboard)) == ("Burn! 3", 29, 1)
    assert answer.out.endswith("decks/burn_3.dck: in a TrainingRun: spec.decks: [{name: burn_3}]\n")
    shown = shell.write(lambda run: run["spec"].update(decks=[{"name": "burn_3"}]))
    assert shell.run("validate", "-f", shown).code == 0


def test_what_was_understood_is_shown(shell: Any, export: Path) -> None:
    """Expect counts, cards, and those that the engine cannot play with the likest known name."""
    out = shell.run("decks", "add", export.name, "--name", "mine").out
    for words in (
        "Burn! 3: 29 cards, 2 sideboard",
        "Instants: 4 Lightning Bolt",
        "Sideboard: 2 Skullcrack",
        "The reference engine cannot play 2 cards; a Forge build may:",
        "line 6: Lightening Helix: did you mean Lightning Helix?",
        "line 7: Turn // Burn",
    ):
        assert words in out


def test_a_config_map_for_kubectl(shell: Any, export: Path) -> None:
    """Expect the manifest alone on standard output, and no file."""
    answer = shell.run("decks", "add", export.name, "--name", "my_Burn", "--to-configmap")
    manifest = yaml.safe_load(answer.out)
    assert (manifest["kind"], manifest["metadata"]) == ("ConfigMap", {"name": "deck-my-burn"})
    assert parse_deck_list(manifest["data"]["my_Burn.dck"], name="").size == 29
    assert not (shell.folder / "decks" / "my_Burn.dck").exists()
    reference = "configMapKeyRef: {name: deck-my-burn, key: my_Burn.dck}"
    assert reference in answer.errors[-1]
    json_form = shell.run(
        "decks", "add", export.name, "--name", "my_Burn", "--to-configmap", "-o", "json"
    )
    assert json.loads(json_form.out) == manifest


def test_for_programs(shell: Any) -> None:
    """Expect the figures, the form that was read, and the file."""
    (shell.folder / "shocks.dek").write_text(DEK)
    found = json.loads(shell.run("decks", "add", "shocks.dek", "-o", "json").out)
    assert (found["file"], found["form"], found["cards"]) == ("decks/shocks.dck", "dek", 4)


def test_another_deck_of_the_name_stays(shell: Any, export: Path) -> None:
    """Expect a refusal, unless the deck is the same or is to be replaced."""
    assert shell.run("decks", "add", export.name).code == 0
    assert shell.run("decks", "add", export.name).code == 0
    export.write_text(ARENA.replace("20", "21"))
    answer = shell.run("decks", "add", export.name)
    assert answer.code == 2
    assert answer.errors[0].endswith(
        "decks/burn_3.dck: another deck has this name: give one with --name, or --replace"
    )
    assert shell.run("decks", "add", export.name, "--replace").code == 0


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"4 Shock\nBolt\n", (), "x.txt, line 2: 'Bolt' is no line of the form 'count name'"),
        (b"", (), "x.txt has no cards: write a line for each"),
        (b"\xff\xfe4\x00", (), "x.txt: is not a text in UTF-8: save it as UTF-8"),
        (b"4 Shock\n" * 40_000, (), "x.txt: is longer than 256 KiB"),
        (b"<!DOCTYPE a><Deck/>", (), "x.txt, line 1: a <!DOCTYPE is no part"),
        (b"4 Shock", ("--name", "../../x"), "--name ../../x: is no deck's name"),
        (b"4 Shock", ("--name", "x", "--decks", "x.txt"), "cannot be written"),
    ],
)
def test_what_cannot_be_added(
    shell: Any, content: bytes, options: tuple[str, ...], words: str
) -> None:
    """Expect one sentence and exit code 2."""
    (shell.folder / "x.txt").write_bytes(content)
    answer = shell.run("decks", "add", "x.txt", *options)
    assert answer.code == 2
    assert len(answer.errors) == 1
    assert words in answer.errors[0]


def test_files_that_cannot_be_read(shell: Any) -> None:
    """Expect what was searched for, and what to give instead."""
    assert "no such file" in shell.run("decks", "add", "nothing.txt").errors[0]
    assert "decks: is a directory" in shell.run("decks", "add", "decks").errors[0]


def test_standard_input(shell: Any) -> None:
    """Expect a name to be asked for where neither the list nor a file has one."""
    assert "standard input has no cards" in shell.run("decks", "add", "-").errors[0]
