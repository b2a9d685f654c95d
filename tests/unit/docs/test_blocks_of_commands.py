"""Commands in the documentation name what is there: files, make targets, verbs, options, values.

What the commands do is tested where they are run (tests/local/test_guides.py). Those that need a
cluster or an account are not run, so that a renamed option would stay in the pages unseen.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any, Final

from trainingrun.commands.app import app
from typer.main import get_command

from testkit.pages.guide_blocks import blocks
from testkit.tree import ROOT

PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS: Final = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VALUES: Final = json.loads((ROOT / "charts/trainingrun/values.schema.json").read_text())
WRITTEN_BY_READERS: Final = {"decks/axes.dck"}
"""Files that a page shows, for its reader to write."""
_INDENTED: Final = re.compile(r"(?:^    .*\n)+", re.MULTILINE)
_PATH: Final = re.compile(
    r"(?<![\w./$-])(?:examples|charts|crds|deploy|decks|images|tests)/[\w./-]+"
)
_ENDS: Final = {"&&", "||", "|", ";", "&", "do", "done", "then", "fi"}


def texts(page: str) -> Iterator[str]:
    """The blocks of commands of a page; the README's are indented."""
    whole = (ROOT / page).read_text("utf-8")
    if page == "README.md":
        yield from (re.sub("^    ", "", each, flags=re.M) for each in _INDENTED.findall(whole))
    yield from (block.text for block in blocks(whole) if block.language in {"sh", "bash"})


def commands(page: str) -> Iterator[list[str]]:
    """Simple commands, each as its words."""
    for text in texts(page):
        for line in text.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
            lexer.whitespace_split, lexer.commenters = True, "#"
            words: list[str] = []
            try:
                for word in lexer:
                    if word in _ENDS:
                        yield words
                        words = []
                    else:
                        words.append(word)
            except ValueError:  # a text of several lines between quotes: bash -n reads it
                continue
            yield words


NAMES: Final = [str(page.relative_to(ROOT)) for page in PAGES]


def test_bash_can_read_them() -> None:
    """Expect no block with a quote that is never closed, or words that are no shell."""
    wrong = [f"{page}\n{text}" for page in NAMES for text in texts(page) if not is_shell(text)]
    assert wrong == []


def is_shell(text: str) -> bool:
    """Whether bash reads a text, in which dots stand for what readers fill in."""
    plain = text.replace("…", "_")
    return subprocess.run(["bash", "-n"], input=plain, text=True, check=False).returncode == 0


def test_files_of_the_checkout_are_there() -> None:
    """Expect every path below the checkout's folders that a command names."""
    named = {
        f"{page}: {path}": path
        for page in NAMES
        for text in texts(page)
        for path in _PATH.findall(text)
        if path not in WRITTEN_BY_READERS
    }
    assert [place for place, path in named.items() if not (ROOT / path).exists()] == []


def test_make_has_the_targets() -> None:
    """Expect no target that the Makefile lacks."""
    named = {
        f"{page}: {word}": word
        for page in NAMES
        for words in commands(page)
        if words[:1] == ["make"]
        for word in words[1:]
        if "=" not in word and not word.startswith("-")
    }
    assert [place for place, word in named.items() if word not in TARGETS] == []


def test_the_command_line_has_the_verbs_and_options() -> None:
    """Expect each verb to exist and to have each option, group by group."""
    program = get_command(app)
    problems = {
        f"{page}: {shlex.join(words)}": unknown(program, words[1:])
        for page in NAMES
        for words in commands(page)
        if words[:1] == ["trainingrun"]
    }
    assert {place: problem for place, problem in problems.items() if problem} == {}


def unknown(command: Any, words: list[str]) -> str | None:
    """The first word that is neither a verb nor an option of the program; None if there is none."""
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {
        "--help"
    }
    for at, word in enumerate(words):
        if word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            if word.split("=")[0] not in options:
                return f"no option {word}"
        elif hasattr(command, "commands"):  # typer's groups need not be click's
            inner = command.commands.get(word)
            return f"no verb {word}" if inner is None else unknown(inner, words[at + 1 :])
    return None


def test_the_chart_has_the_values() -> None:
    """Expect each value that an installation sets to be one of the chart's."""
    wrong = [
        f"{page}: {path}"
        for page in NAMES
        for path in values_set(page)
        if not is_value(VALUES, path.split("."))
    ]
    assert wrong == []


def values_set(page: str) -> Iterator[str]:
    """The paths of the values that a page's installations set."""
    for words in commands(page):
        if words[:1] != ["helm"] or "charts/trainingrun" not in words:
            continue
        following = zip(words, [*words[1:], ""], strict=True)
        pairs = [after for word, after in following if word in {"--set", "--set-json"}]
        pairs += [word.partition("=")[2] for word in words if word.startswith("--set=")]
        yield from (pair.partition("=")[0] for pair in pairs)


def is_value(schema: dict[str, Any], path: list[str]) -> bool:
    """Whether a path leads to a value of the chart."""
    inner = schema.get("properties", {}).get(path[0])
    return inner is not None and (len(path) == 1 or is_value(inner, path[1:]))


def test_what_is_wrong_would_be_found() -> None:
    """Expect a verb, an option and a value that do not exist to be reported."""
    program = get_command(app)
    assert unknown(program, ["trian", "-f", "x"]) == "no verb trian"
    assert unknown(program, ["local", "--gamez", "3"]) == "no option --gamez"
    assert unknown(program, ["local", "--games", "3"]) is None
    assert not is_value(VALUES, ["images", "queue"])
    assert not is_shell("echo 'never closed")
