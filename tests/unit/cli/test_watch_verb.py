"""`trainingrun watch`: the real program on a file, a run and wrong words."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_protocol.decisions import Action, Decision, DecisionType
from trainingrun_protocol.tapes import TapeEnd, TapeMove, TapeStart, encode_entry

START = TapeStart(1, "quick", "evaluation", ("a", "b"), ("policy", "random"), 3, 0.0)
MOVE = TapeMove("0", Decision(DecisionType.CHOOSE_ACTION, actions=(Action(0, "Plains"),)))
GAME = b"".join(map(encode_entry, (START, MOVE, TapeEnd("won", 1))))


def test_a_file_and_a_run(shell: Any) -> None:
    """Expect the same game by its file and by the name of its run; nothing on stderr."""
    folder = shell.folder / ".trainingrun" / "quick" / "tapes"
    folder.mkdir(parents=True)
    file = folder / "evaluation-1.jsonl"
    file.write_bytes(GAME)
    by_file, by_run = shell.run("watch", str(file)), shell.run("watch", "quick")
    assert (by_file.code, by_run.code) == (0, 0)
    assert by_file.out == by_run.out
    assert by_file.errors == []
    assert "seat 1 casts Plains" in by_file.out
    assert by_file.out.endswith("Turn 1: seat 1 wins\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody",), "no local run nobody in .trainingrun: none found"),
        (("a", "b"), "give the name of a local run, or a recorded game"),
        (("nothing.jsonl",), "nothing.jsonl cannot be read: No such file"),
        (("--daemon", "127.0.0.1:1", "a"), "give two decks that this daemon has"),
        (("--daemon", "127.0.0.1:1", "a", "b"), "cannot be reached"),
        (("run.yaml",), "run.yaml, line 1: is no line of a recorded game"),
    ],
)
def test_wrong_words(shell: Any, arguments: tuple[str, ...], words: str) -> None:
    """Expect one sentence and exit code 2."""
    shell.write()
    answer = shell.run("watch", *arguments)
    assert answer.code == 2
    assert len(answer.errors) == 1
    assert words in answer.errors[0]
