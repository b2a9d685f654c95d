"""`trainingrun watch`: the real program on a file, a run and wrong words."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_protocol.decisions import Action, Decision, DecisionType
from trainingrun_protocol.generic import GenericChoice
from trainingrun_protocol.tapes import (
    TapeEnd,
    TapeEnvironment,
    TapeMove,
    TapeStart,
    encode_entry,
)

MAGIC = TapeEnvironment("magic", "1", '{"kind":"magic"}')
START = TapeStart(2, "quick", "evaluation", MAGIC, ("a", "b"), ("policy", "random"), 3, 0.0)
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


def tape_of(found_by: str, *, version: str = "1") -> bytes:
    """A game of tic-tac-toe that seat 1 wins, found by this."""
    played = TapeEnvironment("tic_tac_toe", version, found_by)
    start = TapeStart(2, "three", "training", played, ("-", "-"), ("policy", "random"), 3, 0.0)
    left, choices = list(range(9)), []
    for move, cell in enumerate((4, 0, 2, 1, 6)):
        actions = {each: f"cell {each}" for each in left}
        choices.append(GenericChoice(seat=1 + move % 2, answer=str(cell), actions=actions))
        left.remove(cell)
    return b"".join(map(encode_entry, (start, *choices, TapeEnd("won", 1))))


BUILT_IN = '{"kind":"builtIn","name":"tic_tac_toe"}'
OWN = '{"kind":"python","object":"trainingrun_environments.tic_tac_toe.game:TicTacToe"}'


def test_a_game_of_another_environment_is_played_again(shell: Any) -> None:
    """Expect each move with the position behind it."""
    (shell.folder / "t.jsonl").write_bytes(tape_of(BUILT_IN))
    answer = shell.run("watch", "t.jsonl")
    assert (answer.code, answer.errors) == (0, [])
    assert "moves without positions" not in answer.out
    assert "  5. seat 1: " in answer.out
    assert answer.out.endswith("\nAfter 5 moves: seat 1 (policy) wins\n")


@pytest.mark.parametrize(
    ("found_by", "version", "words"),
    [
        (BUILT_IN, "0", "version 0, was played, and here is tic_tac_toe, version 1"),
        ('{"kind":"builtIn","name":"chess"}', "1", "no environment is called 'chess'"),
        ('{"kind":"openSpiel","game":"chass"}', "1", "OpenSpiel has no game 'chass'"),
        (OWN, "1", "only the file says which code the game is: add --environment"),
        ('{"kind":"pettingZoo","environment":"this"}', "1", "only the file says which code"),
        ("{}", "1", "is no JSON of a run's environment"),
        ("", "1", "has no name"),
        (
            '{"kind":"engine","name":"e","observation":[2],"actions":{"type":"vocabulary","size":9}}',
            "1",
            "its games are an engine's",
        ),
    ],
)
def test_a_game_that_cannot_be_played_again(
    shell: Any, found_by: str, version: str, words: str
) -> None:
    """Expect one sentence why, and the moves by their descriptions; code that a file names is not
    imported."""
    (shell.folder / "t.jsonl").write_bytes(tape_of(found_by, version=version))
    answer = shell.run("watch", "t.jsonl")
    assert (answer.code, answer.errors) == (0, [])
    (why,) = [line for line in answer.out.splitlines() if "moves without positions: " in line]
    assert words in why
    assert "  1. seat 1: cell 4\n" in answer.out


def test_code_runs_where_the_user_or_a_run_of_this_machine_names_it(shell: Any) -> None:
    """Expect positions with --environment, and by the name of the run; the class is no game of
    users, which is said."""
    folder = shell.folder / ".trainingrun" / "three" / "tapes"
    folder.mkdir(parents=True)
    (folder / "training-1.jsonl").write_bytes(tape_of(OWN))
    assert "TicTacToe: it has no class attribute" in shell.run("watch", "three").out
    file = str(folder / "training-1.jsonl")
    named = shell.run("watch", file, "--environment", "tic_tac_toe")
    assert "moves without positions" not in named.out


def test_an_old_recording(shell: Any) -> None:
    """Expect one sentence with its version."""
    (shell.folder / "t.jsonl").write_bytes(
        b'{"entry":"start","version":1,"run":"q","kind":"training","decks":["a","b"],'
        b'"players":["x","y"],"seed":3,"at":0.0}\n'
    )
    answer = shell.run("watch", "t.jsonl")
    assert answer.code == 2
    assert "t.jsonl, line 1: is of version 1, and only version 2 can be shown" in answer.errors[0]


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
