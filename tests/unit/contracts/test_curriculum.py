"""The phase as it travels to the actors."""

from __future__ import annotations

import pytest
from trainingrun_contracts.curriculum import (
    BegunPhase,
    CurrentPhase,
    Setting,
    encode_phase,
    phase_from,
    phase_of_repeated_game,
)
from trainingrun_contracts.run_config import OpponentsConfig

PHASE = CurrentPhase(
    name="matchups",
    number=2,
    since=1_700_000_000,
    games=50,
    transitions=4000,
    why="it was time",
    setting=Setting(
        ("red", "white"),
        OpponentsConfig(0.1, 0.2, 0.7, "even", ("engine",)),
        {"life": 0.01, "mine": 0.03},
        0.99,
    ),
)


def test_a_phase_is_the_same_after_writing_and_reading() -> None:
    """Equal to the last weight, so that it is written once and not at every reconcile."""
    assert phase_from(encode_phase(PHASE)) == PHASE


@pytest.mark.parametrize("reply", [None, b"", b"basics", b"{}", b'{"name": 1}', b"\xff"])
def test_what_cannot_be_read_is_no_phase(reply: bytes | None) -> None:
    """A Redis that lost its data, or a key that somebody else wrote: the operator says it again."""
    assert phase_from(reply) is None


def test_weights_of_before_packages_could_add_potentials_are_read() -> None:
    """An older operator wrote all three of Magic's, whatever they were."""
    document = encode_phase(PHASE).replace(b'"mine"', b'"board"')
    read = phase_from(document)
    assert read is not None
    assert read.setting.shaping == {"life": 0.01, "board": 0.03}


@pytest.mark.parametrize(("game", "phase"), [(1, 1), (50, 1), (51, 2), (400, 2)])
def test_a_game_that_is_played_again_keeps_its_phase(game: int, phase: int) -> None:
    """Expect the last game before a phase to stay outside of it."""
    begun = {1: BegunPhase(0, 1, 0, "first"), 2: BegunPhase(50, 2, 4000, "matchups")}
    assert phase_of_repeated_game(game, PHASE, begun) == phase
