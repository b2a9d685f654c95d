"""What reaches a terminal: text of others is harmless, and escapes are left out where unwanted."""

from __future__ import annotations

import json
import os
import pty
from typing import Any

import pytest
import yaml
from trainingrun.commands.terminal import printable, printable_line

from testkit.warm_program import warm_programs

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe"


def save(shell: Any) -> None:
    """Leave a run behind whose notices were written by somebody else."""
    folder = shell.folder / ".trainingrun" / "small"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "learner-0.log").write_text(f"{EVIL}\n")
    event = {"at": "2026-01-01T00:00:00+00:00", "reason": f"Told{EVIL}", "message": EVIL}
    (folder / "events.jsonl").write_text(json.dumps(event) + "\n")
    shell.write(lambda document: document.update(status={"summary": EVIL}))
    (shell.folder / "run.yaml").rename(folder / "status.json")


def on_terminal(shell: Any, *words: str, **environment: str) -> str:
    """What the program writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    surroundings = {**os.environ, "TERM": "xterm-256color", **environment}
    programs = warm_programs("trainingrun")
    process = programs.start(
        ["trainingrun", *words], cwd=shell.folder, stdout=theirs, stderr=theirs, env=surroundings
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 1 << 16)
        except OSError:  # the last one has closed the terminal
            break
        if not chunk:
            break
        written += chunk
    process.wait(timeout=60)
    os.close(ours)
    return written.decode()


def test_characters_that_steer_become_escapes() -> None:
    """Expect ESC, C1 and the override of direction to be seen, and letters to stay."""
    assert printable("a\x1b[2J\x9b\u202eb\n") == "a\\x1b[2J\\x9b\\u202eb\n"
    assert printable("Jötun Grunt 漢字 – ±5 %") == "Jötun Grunt 漢字 – ±5 %"  # noqa: RUF001 (text of people)
    assert printable_line("one\ntwo\x1b") == "one\\ntwo\\x1b"


@pytest.mark.parametrize(
    "words",
    [
        ("events", "small"),
        ("events", "small", "-o", "json"),
        ("status", "small"),
        ("list",),
        ("describe", "small"),
        ("logs", "small"),
        ("get", "small", "-o", "yaml"),
    ],
)
def test_text_of_others_does_not_steer(shell: Any, words: tuple[str, ...]) -> None:
    """Expect no control character in a pipe, nor (but for our own styles) on a terminal."""
    save(shell)
    piped = shell.run(*words).out
    written = on_terminal(shell, *words)
    for text in (piped, written):
        assert not {"\x9b", "\u202e", "\x07"} & set(text)
        assert "\x1b]" not in text
        assert "\x1b[2J" not in text
    assert "\x1b" not in piped


def test_documents_hold_the_text_as_it_was(shell: Any) -> None:
    """Expect escapes of the format, which a program reads back."""
    save(shell)
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        found: Any = read(shell.run("events", "small", "-o", form).out)
        assert found[0]["message"] == EVIL


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("words", [("status", "small"), ("top", "--once"), ("local", "--help")])
def test_no_escapes_where_none_are_wanted(
    shell: Any, words: tuple[str, ...], environment: dict[str, str]
) -> None:
    """Expect neither colours nor bold nor dim."""
    save(shell)
    assert "\x1b" not in on_terminal(shell, *words, **environment)


def test_a_terminal_has_styles(shell: Any) -> None:
    """Expect bold titles where no one forbids them, so that the test before says something."""
    assert "\x1b[1m" in on_terminal(shell, "--help", NO_COLOR="")


@pytest.mark.parametrize(
    "words",
    [("local", "--help"), ("status", "small"), ("list",), ("decks", "list")],
)
def test_lines_in_a_pipe_have_no_trailing_blanks(shell: Any, words: tuple[str, ...]) -> None:
    """Expect every line to end where its text ends."""
    save(shell)
    answer = shell.run(*words)
    assert answer.code == 0
    assert [line for line in answer.out.splitlines() if line != line.rstrip()] == []
