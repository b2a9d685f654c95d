"""`trainingrun play`: the real program with a person's lines on its input, and its matches."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save
from trainingrun_contracts.checkpoints import POLICY_FILE
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network, shapes_of
from trainingrun_environments.registry import spec_of

from testkit.roles.board_weights import random_board_weights, write_checkpoint
from testkit.warm_program import warm_programs

COMMANDS = "trainingrun_actor_commands"
"""Whose imports, numba among them, are made once."""
SPEC = spec_of(BuiltIn("connect_four"))
NETWORK = Network("mlp", 32, 1)
SEARCHED = {"search": {"simulations": 20}}


class Person:
    """Plays by lines that are written beforehand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def play(self, *arguments: str, lines: str | bytes = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        script = self.folder / "lines.txt"
        script.write_bytes(lines.encode() if isinstance(lines, str) else lines)
        with script.open("rb") as stdin:
            done = warm_programs(COMMANDS).run(
                ["trainingrun", "play", *arguments],
                cwd=self.folder,
                env={**os.environ, "KUBECONFIG": str(self.folder / "none")},
                stdin=stdin.fileno(),
            )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    def checkpoint(self, step: int, *, config: dict[str, Any], files: dict[str, bytes]) -> Path:
        """A checkpoint of the run ``four``, as a learner writes it."""
        played = {"environment": {"kind": "builtIn", "name": "connect_four"}, **config}
        checkpoints = self.folder / ".trainingrun" / "four" / "checkpoints"
        return write_checkpoint(checkpoints, "four", step, spec=SPEC, config=played, files=files)

    def searched(self, step: int) -> Path:
        """A checkpoint of AlphaZero with random weights."""
        blob = random_board_weights(NETWORK, SPEC, version=step)
        files = {POLICY_FILE: blob, "model.safetensors": b"of the training"}
        return self.checkpoint(step, config={"alpha_zero": SEARCHED}, files=files)


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody in a folder of their own."""
    return Person(tmp_path)


GAME = ("--environment", "connect_four", "--seed", "3")


def test_a_person_wins_and_loses_by_the_rules(person: Person) -> None:
    """Expect a game to its end, with the answers' searches on the way."""
    code, out, errors = person.play("mcts-300", *GAME, lines="1\n7\n1\n7\n1\n7\n1\n7\n" * 3)
    assert (code, errors) == (0, "")
    assert "mcts-300: drop into column" in out
    assert "VISITS" in out
    assert re.search(r"After \d+ moves: (you win|mcts-300 wins|it is a draw)\.", out)
    assert "The game is over" in out


def test_words_do_what_they_say(person: Person) -> None:
    """Expect hint, undo, moves, help and new to work, and nonsense to be a sentence."""
    script = "hint\n4\nundo\nmoves\nhelp\nbanana\n\u202e\n9\nnew\nundo\nquit\n4\n"
    code, out, errors = person.play("mcts-20", *GAME, lines=script)
    assert (code, errors) == (0, "")
    assert "mcts-20 would play: drop into column" in out
    assert "2 moves taken back." in out
    assert "  drop into column 7\n" in out
    assert "take your last move back" in out
    assert "'banana' is no move here: possible are drop into column 1" in out
    assert "There is no move of yours to take back." in out
    assert out.count("you: drop") == 1  # what stands behind quit is not read


def test_open_spiels_search_plays(person: Person) -> None:
    """Expect it to play and to say what it found, and matches that repeat themselves."""
    code, out, errors = person.play("openspiel-mcts-30", *GAME, lines="4\nhint\nquit\n")
    assert (code, errors) == (0, "")
    assert "openspiel-mcts-30: drop into column" in out
    assert "VISITS" in out
    words = ("openspiel-mcts-60", *GAME, "--opponent", "random", "--games", "10", "-o", "json")
    code, out, errors = person.play(*words)
    assert (code, errors) == (0, "")
    assert json.loads(out)["rate"] >= 0.9
    assert json.loads(person.play(*words)[1])["wins"] == json.loads(out)["wins"]


def test_the_end_of_input_leaves(person: Person) -> None:
    """Expect exit code 0 for Ctrl-D, and for input that is no text."""
    assert person.play("random", *GAME)[0] == 0
    code, _, errors = person.play("random", *GAME, lines=bytes(range(256)) + b"\n4\nquit\n")
    assert (code, errors) == (0, "")


def test_seat_two_waits_for_the_other(person: Person) -> None:
    """Expect the contender to begin; chance shows no opinion, and hints come from a search."""
    code, out, _ = person.play("random", *GAME, "--seat", "2", lines="hint\nquit\n")
    assert code == 0
    assert "random begins" in out
    assert out.index("random: drop into column") < out.index("mcts-400 would play")


def test_a_run_is_played_by_its_name(person: Person) -> None:
    """Expect the newest checkpoint with its run's search, and what its network alone says."""
    person.searched(5)
    person.searched(7)
    (person.folder / ".trainingrun/four/config.json").write_text(_config(person.folder))
    code, out, errors = person.play("four", "-s", "1", lines="4\nquit\n")
    assert (code, errors) == (0, "")
    assert "connect_four against four-0000000007, 20 simulations: you begin" in out
    assert "the network alone says" in out
    assert "NETWORK" in out
    code, out, _ = person.play("four", "--checkpoint", "four-0000000005", "--simulations", "0")
    assert code == 0
    assert "four-0000000005, no search" in out


def test_a_checkpoint_of_ppo_is_played_without_a_search(person: Person) -> None:
    """Expect a policy's likeliest action, and a search with it where one is asked for."""
    blob = random_policy()
    path = person.checkpoint(3, config={}, files={"model.safetensors": blob})
    code, out, errors = person.play(str(path), lines="4\nquit\n")
    assert (code, errors) == (0, "")
    assert "four-0000000003, no search" in out
    code, out, _ = person.play(str(path), "--simulations", "5", lines="4\nquit\n")
    assert (code, "5 simulations in" in out) == (0, True)


def test_a_match_is_a_table_and_a_document(person: Person) -> None:
    """Expect whole pairs, the same result from the same seed, and numbers that add up."""
    path = person.searched(5)
    match = (str(path), "--opponent", "mcts-10", "--games", "7", "-s", "5")
    code, out, errors = person.play(*match)
    assert (code, errors) == (0, "")
    header, *rows = out.splitlines()
    assert header.startswith(
        "connect_four: four-0000000005, 20 simulations against mcts-10, seed 5"
    )
    total = next(line.split() for line in rows if line.startswith("all"))
    assert int(total[1]) == 8 == sum(int(count) for count in total[2:5])
    documents = [json.loads(person.play(*match, "-o", "json")[1]) for _ in range(2)]
    assert documents[0] == documents[1]
    found = documents[0]
    assert found["games"] == 8 == found["wins"] + found["draws"] + found["losses"]
    assert found["low"] <= found["rate"] <= found["high"]
    assert found["began"]["games"] == 4


def test_a_search_beats_chance(person: Person) -> None:
    """Expect a rate that only a working search reaches."""
    code, out, _ = person.play(
        "mcts-200", *GAME, "--opponent", "random", "--games", "20", "-o", "json"
    )
    assert (code, json.loads(out)["rate"] >= 0.9) == (0, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("mcts-50",), "say which with --environment"),
        (("mcts-50", "--environment", "nothing"), "nothing"),
        (("mcts-999999", *GAME), "1 to 100000 simulations"),
        (("openspiel-mcts-999999", *GAME), "1 to 100000 simulations"),
        (("openspiel-mcts-9", "--environment", "openSpiel:kuhn_poker"), "cannot be searched"),
        (("mcts-50", *GAME, "--simulations", "5"), "--simulations is for networks"),
        (("nowhere",), "no local run in .trainingrun"),
        (("mcts-50", *GAME, "--games", "4"), "say with --opponent"),
        (("mcts-50", *GAME, "-o", "json"), "say with --opponent"),
        (("mcts-50", "--environment", "magic"), "no games that live in this process"),
        (("mcts-50", "--environment", "openSpiel:kuhn_poker"), "cannot be searched"),
        (("mcts-50", *GAME, "--seat", "3"), "--seat"),
        (("ftp://there/run",), "s3://bucket/prefix"),
    ],
)
def test_mistakes_are_sentences(person: Person, words: tuple[str, ...], sentence: str) -> None:
    """Expect one sentence on standard error, and exit code 2."""
    code, out, errors = person.play(*words)
    assert (code, out) == (2, "")
    assert len(errors.splitlines()) == 1
    assert sentence in errors


@pytest.mark.parametrize(
    ("config", "files", "sentence"),
    [
        ({"alpha_zero": {}}, {"model.safetensors": b"x"}, f"has no file {POLICY_FILE}"),
        ({"alpha_zero": {}}, {POLICY_FILE: b"no tensors"}, "are not safetensors"),
        ({}, {"model.safetensors": b"no tensors"}, "safetensors"),
        ({"environment": {"kind": "python", "object": "os:path"}}, {}, "which code its game is"),
    ],
)
def test_a_checkpoint_that_cannot_be_played_says_why(
    person: Person, config: dict[str, Any], files: dict[str, bytes], sentence: str
) -> None:
    """Expect a sentence that names the checkpoint; nothing that it names is run."""
    path = person.checkpoint(5, config=config, files=files)
    code, _, errors = person.play(str(path))
    assert code == 2
    assert sentence in errors


def test_a_damaged_network_is_noticed(person: Person) -> None:
    """Expect a file that is not what the manifest says to be refused."""
    path = person.searched(5)
    with (path / POLICY_FILE).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    code, _, errors = person.play(str(path))
    assert code == 2
    assert "does not match its sha256" in errors


def test_two_players_need_one_game(person: Person) -> None:
    """Expect a network of one game to refuse another game."""
    path = person.searched(5)
    words = ("mcts-5", "--environment", "tic_tac_toe", "--opponent", str(path))
    code, _, errors = person.play(*words)
    assert code == 2
    assert "choose two players of one game" in errors


def random_policy() -> bytes:
    """Weights of PPO's network, all alike."""
    random = np.random.default_rng(0)
    return save(
        {
            name: (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
            for name, shape in shapes_of(Network(), SPEC).items()
        }
    )


def _config(folder: Path) -> str:
    """The run's configuration, as far as the verb reads it."""
    storage = (folder / ".trainingrun/four/checkpoints").as_uri()
    document = {
        "run": "four",
        "run_id": "four-1",
        "seed": 1,
        "games": 10,
        "decks": [],
        "checkpoint": {"storage": storage},
    }
    return json.dumps(document)
