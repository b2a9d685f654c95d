"""Whatever a client answers, a game of a repaired build goes to its end."""

import random
from collections.abc import Callable

import pytest

from testkit.forge_client import Decision, play
from testkit.forge_server.faults import REPAIRED

Serve = Callable[..., int]

GARBAGE = (
    "",
    "-1",
    "0",
    "1",
    "0:0",
    "0:None",
    "1:0,0:0",
    "y",
    "[0,1]",
    "none",
    "pass",
    "é\t\\",
    "9" * 40,
)


@pytest.mark.parametrize("seed", range(4))
def test_garbage_ends_no_game(serve: Serve, seed: int) -> None:
    """Bad answers are defaults or log lines; each decision takes one line, reveals none."""
    chance = random.Random(seed)

    def answer(_: Decision) -> str:
        return chance.choice(GARBAGE)

    command = f"NEWGAME dimir_midrange.dck jeskai_control.dck -i -q -s {seed}"
    log = play(serve(REPAIRED), command, answer).log
    assert log[-1].startswith("GAME_RESULT: ")
    assert all(line.startswith("ERROR: ") for line in log[:-1])
