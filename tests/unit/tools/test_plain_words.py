"""The check of the words that the product is written in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tools.plain_words import (
    Vocabulary,
    excess,
    findings,
    parse,
    split_name,
    with_lower_counts,
)

ROOT: Final = Path(__file__).parents[3]
LIST: Final = """
[words]
look = { forms = ["looked"], instead = "reconcile", but = ["look up"] }
words = { instead = "formatting", only = "names" }
"so many" = { instead = "a number" }

[[except]]
files = "rules/*.py"
words = ["look"]
reason = "The game's own term."

[left]
actor = 2
"""


@pytest.fixture
def vocabulary() -> Vocabulary:
    """The list above."""
    return parse(LIST)


def found(code: str, vocabulary: Vocabulary, file: str = "module.py") -> list[tuple[int, str]]:
    """Lines and words of the findings."""
    return [(each.line, each.word) for each in findings(Path(file), code, vocabulary)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("told_phase", "told phase"),
        ("ToldPhase", "told phase"),
        ("_HTTPLook", "http look"),
        ("__looked__", "looked"),
        ("LOOK_SECONDS", "look seconds"),
    ],
)
def test_a_name_is_split_at_underscores_and_capitals(name: str, words: str) -> None:
    """Each spelling of a name gives its words."""
    assert split_name(name) == words


@pytest.mark.parametrize(
    "code",
    [
        "def look(): ...",
        "async def look_later(): ...",
        "class LookLoop: ...",
        "def poll(look): ...",
        "LOOK_SECONDS = 1",
        "self.looked = 1",
        "for look in (): ...",
    ],
)
def test_every_kind_of_definition_is_found(code: str, vocabulary: Vocabulary) -> None:
    """Functions, classes, arguments, variables and attributes are names."""
    assert [line for line, _ in found(code, vocabulary)] == [1]


def test_a_use_of_a_name_is_not_found(vocabulary: Vocabulary) -> None:
    """One definition is one finding, however often it is used."""
    assert found("look = 1\nprint(look, look)", vocabulary) == [(1, "look")]


def test_a_module_is_found_by_its_name(vocabulary: Vocabulary) -> None:
    """The file's name is a name."""
    assert found("", vocabulary, "look_once.py") == [(1, "look")]


def test_prose_is_found_on_its_own_line(vocabulary: Vocabulary) -> None:
    """Docstrings, comments and messages are prose, also where a phrase is broken."""
    code = '"""A title.\n\nIt looked.\n"""\n# So\n# many.\nraise ValueError(f"we look {1}")\n'
    assert found(code, vocabulary) == [(3, "looked"), (5, "So\nmany"), (7, "look")]


@pytest.mark.parametrize(
    "code",
    [
        '"""Look up a name."""',
        '"""Call ``look`` twice."""',
        'key = "look"',
        "# `look`",
        "outlook = 1",
    ],
)
def test_plain_english_code_and_keys_are_not_found(code: str, vocabulary: Vocabulary) -> None:
    """Permitted phrases, quoted code and strings of one word are no findings."""
    assert not found(code, vocabulary)


def test_a_word_may_be_limited_to_names(vocabulary: Vocabulary) -> None:
    """The prose may use what names must not."""
    assert found('"""The words of it."""\nwords = 1', vocabulary) == [(2, "words")]


def test_files_with_terms_of_their_own_are_exempt(vocabulary: Vocabulary) -> None:
    """The exemption holds for its files and its words alone."""
    assert not found("look = 1", vocabulary, "daemon/rules/turn.py")
    assert found("words = 1", vocabulary, "daemon/rules/turn.py") == [(1, "words")]


def test_more_findings_than_allowed_are_reported(vocabulary: Vocabulary) -> None:
    """The count of a member may reach the allowance and not exceed it."""
    two = findings(Path("a.py"), "look = 1\nlooked = 1", vocabulary)
    assert not excess({"actor": two}, vocabulary.left)
    assert excess({"trainer": two[:1]}, vocabulary.left) == [
        "a.py:1: 'look': write reconcile",
        "trainer: 1 house words, 0 are allowed",
    ]


def test_counts_fall_and_never_rise() -> None:
    """An update lowers, adds new members, and keeps the rest of the file."""
    assert parse(with_lower_counts(LIST, {"actor": 1})).left == {"actor": 1}
    assert parse(with_lower_counts(LIST, {"actor": 3, "new": 4})).left == {"actor": 2, "new": 4}
    assert with_lower_counts(LIST, {"actor": 2}) == LIST


@pytest.mark.parametrize(
    "entry",
    ['[words]\na = { instead = "b", typo = 1 }', '[words]\n[[except]]\nfiles="a"\nwords=["b"]'],
)
def test_a_wrong_list_is_refused(entry: str) -> None:
    """Unknown keys and exemptions without a reason are errors."""
    with pytest.raises(ValueError, match=r"unknown key|needs a reason"):
        parse(entry)


def test_the_command_fails_above_the_allowance(tmp_path: Path) -> None:
    """The exit code is 1 and the findings are printed; within the allowance it is 0."""
    package = tmp_path / "member" / "src"
    package.mkdir(parents=True)
    (package / "a.py").write_text("look = 1\n")
    listed = tmp_path / "words.toml"

    def check(left: int) -> subprocess.CompletedProcess[str]:
        listed.write_text(f'[words]\nlook = {{ instead = "poll" }}\n[left]\nmember = {left}\n')
        command = [sys.executable, "-m", "tools.plain_words", "--words", str(listed)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert check(1).returncode == 0
    failed = check(0)
    assert failed.returncode == 1
    assert "member/src/a.py:1: 'look': write poll" in failed.stdout


def test_the_committed_list_is_sound() -> None:
    """It can be read, and says how many findings each member may have; lint counts them."""
    vocabulary = parse((ROOT / "tools/words.toml").read_text())
    assert vocabulary.left.keys() == {path.parent.name for path in ROOT.glob("*/src")}
