"""The laws of the command line, held by every verb: walk all of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trainingrun.commands.app import app
from trainingrun.commands.completion import COMPLETE_VARIABLE
from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import (
    Entry,
    Group,
    Panel,
    Verb,
    examples_of,
    first_sentence,
    metavar_of,
    shown_parameters,
)
from trainingrun.commands.verbs import ENTRIES
from typer.main import get_command

ROOT_FOLDER = Path(__file__).parents[3]
FOLDERS = (
    "cli/src/trainingrun/commands",
    "daemon/src/trainingrun_daemon_commands",
    "actor/src/trainingrun_actor_commands",
)
SLOW = (
    "kubernetes",
    "msgspec",
    "redis",
    "trainingrun_actor_commands",
    "trainingrun_api",
    "trainingrun_daemon_commands",
    "yaml",
)
OUTPUTS = "table|wide|json|yaml"
WITHOUT_OUTPUT = {
    "local": "runs in the foreground and shows a live table",
    "steer": "runs in the foreground",
    "watch": "tells a game to people",
    "report": "writes a page to a file",
    "init": "writes files",
    "completion": "prints a script for a shell",
    "render": "prints manifests, which have no table",
}
IMPERATIVE = frozenset(
    {
        "Check",
        "Continue",
        "Copy",
        "Create",
        "Delete",
        "Estimate",
        "Explain",
        "Have",
        "List",
        "Measure",
        "Play",
        "Print",
        "Promote",
        "Publish",
        "Rank",
        "Read",
        "Replay",
        "Return",
        "Save",
        "Show",
        "Start",
        "Steer",
        "Stop",
        "Take",
        "Train",
        "Watch",
        "Write",
    }
)


def verbs_in(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every verb with the words that call it."""
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from verbs_in(each, f"{before}{name} ")
        else:
            yield f"{before}{name}", each


ROOT: Any = get_command(app)
VERBS = dict(verbs_in(ROOT))


def options_of(verb: Any) -> dict[str, Any]:
    """Options by each of their words."""
    shown = [each for each in shown_parameters(verb) if each.param_type_name == "option"]
    return {word: each for each in shown for word in [*each.opts, *each.secondary_opts]}


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_keeps_the_laws(name: str) -> None:
    """Expect our help, an imperative, examples that call it, and one meaning for each option."""
    verb = VERBS[name]
    assert isinstance(verb, Verb)
    assert verb.help.split()[0] in IMPERATIVE, verb.help
    assert examples_of(verb)
    called = name.removeprefix("describe run")
    assert all(called in line for line in examples_of(verb))
    options = options_of(verb)
    if name in WITHOUT_OUTPUT and name != "render":
        assert "-o" not in options
    else:
        forms = OUTPUTS if name != "render" else "yaml|json"
        assert metavar_of(options["-o"]) == forms
        assert "--output" in options["-o"].opts
    assert "--json" not in options
    if "-f" in options:
        assert set(options["-f"].opts) == {"-f", "--filename"}
        assert metavar_of(options["-f"]) == "FILE"
    if "--follow" in options:
        assert options["--follow"].opts == ["--follow"]
    for each in shown_parameters(verb):
        assert each.help, f"{each.name} explains nothing"
        metavar = metavar_of(each)
        if not getattr(each, "is_flag", False) and "|" not in metavar:
            assert re.fullmatch(r"[A-Z0-9:,.=\[\]… -]+", metavar), metavar


def test_groups_have_panels_and_our_help() -> None:
    """Expect each verb of the command in a panel, and every group in our form."""
    panels = {panel.value for panel in Panel}
    for name, each in ROOT.commands.items():
        assert each.rich_help_panel in panels, name
        assert isinstance(each, Group | Verb)
    names = ("list", "get", "describe", "delete", "submit", "stop")
    assert set(names) <= set(ROOT.commands)


def test_the_table_of_verbs_says_what_the_verbs_say() -> None:
    """Expect the same panel and first sentence in the table that help reads and in the verb."""
    for entry in ENTRIES:
        verb = ROOT.commands[entry.name]
        assert (entry.panel.value, entry.summary) == (
            verb.rich_help_panel,
            first_sentence(verb.help),
        )


def test_a_verb_of_a_distribution_that_is_missing_says_what_to_install() -> None:
    """Expect one sentence and not a traceback, where the engine is not installed."""
    absent = Entry("absent", Panel.MODELS, "Nothing.", provider="trainingrun-daemon[cli]")
    with pytest.raises(UserError, match=r"^absent: trainingrun-daemon not installed: install \S+$"):
        absent.load()


@pytest.mark.parametrize("completes", [True, False])
def test_help_and_completion_import_no_verb(*, completes: bool) -> None:
    """Expect neither the models of the API nor clients to be imported for a list of words."""
    asked = {
        COMPLETE_VARIABLE: "complete_bash",
        "COMP_WORDS": "trainingrun\nsta",
        "COMP_CWORD": "1",
    }
    program = (  # prints what of the slow was imported
        "import atexit, sys; from trainingrun.commands import main;"
        f"atexit.register(lambda: print(sys.modules.keys() & {set(SLOW)!r})); main()"
    )
    words = [sys.executable, "-c", program, *([] if completes else ["--help"])]
    env = os.environ | (asked if completes else {})
    answer = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    assert "status" in answer.stdout
    assert answer.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("name", VERBS)
def test_names_are_completed(name: str) -> None:
    """Expect candidates for each argument and option that takes a name."""
    named = {
        "NAME",
        "DECK",
        "DAEMON",
        "ROLE",
        "MEMBER",
        "CHECKPOINT",
        "OPPONENT",
        "CONTEXT",
        "NAMESPACE",
        "NAME|FILE|DECK DECK",
        "NAME|PATH|URL",
        "PATH|NAME",
        "PROVIDER",
        "BASELINE",
    }
    for each in shown_parameters(VERBS[name]):
        if metavar_of(each) in named and (name, each.name) != ("render", "namespace"):
            assert each._custom_shell_complete is not None, each.name


def test_nothing_is_printed_but_through_the_terminal_module() -> None:
    """Expect no verb to write on its own, so that the rules of that module hold for all."""
    direct = re.compile(
        r"typer\.echo|(?<!Safe)\bConsole\(|sys\.std(out|err)\.write|(?<![.\w])print\("
    )
    allowed = {
        "terminal.py",
        "plugin.py",
        "reference_page.py",
        "summary_page.py",
        "projections_page.py",
    }
    found = [
        f"{path}: {line.strip()}"
        for folder in FOLDERS
        for path in sorted((ROOT_FOLDER / folder).rglob("*.py"))
        if path.name not in allowed
        for line in path.read_text().splitlines()
        if direct.search(line)
    ]
    assert found == []


WRONG = [
    (("local",), "trainingrun: missing option"),
    (("local", "-f", "x", "--games", "0"), "trainingrun: invalid value for"),
    (("statu", "x"), "trainingrun: no such command 'statu'"),
    (("status",), "trainingrun: missing argument 'NAME': see trainingrun status --help"),
    (("status", "x", "--json"), "trainingrun: no such option: --json"),
    (("status", "x", "-o", "xml"), "trainingrun: invalid value for"),
    (("decks", "shw"), "trainingrun: no such command 'shw'"),
]


@pytest.mark.parametrize(("words", "begin"), WRONG)
def test_a_wrong_call_is_one_sentence(shell: Any, words: tuple[str, ...], begin: str) -> None:
    """Expect exit code 2, one line, no box, and where the help is."""
    answer = shell.run(*words)
    assert (answer.code, len(answer.errors), answer.out) == (2, 1, "")
    assert answer.errors[0].startswith(begin)
    assert answer.errors[0].endswith("--help")
