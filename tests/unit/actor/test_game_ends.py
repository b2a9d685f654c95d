"""What the end of a training game counts for."""

from __future__ import annotations

import pytest
from trainingrun_actor.game import End, Outcome
from trainingrun_actor.game_ends import end_of, not_played
from trainingrun_actor.schedule import LATEST, PAST, Matchup
from trainingrun_actor.sink import GameEnd


def matchup(opponent: str) -> Matchup:
    """A game of seat 2."""
    return Matchup(decks=("a", "b"), seed=1, opponent=opponent, seat=2)


@pytest.mark.parametrize(
    ("outcome", "opponent", "name", "counters"),
    [
        (Outcome(End.WON, 2, 1.0), LATEST, LATEST, ("played", "seat2")),
        (Outcome(End.WON, 1, 1.0), "random", "random", ("played", "seat1", "random:lost")),
        (Outcome(End.WON, 2, 1.0), PAST, "past:7", ("played", "seat2", "past:won", "past:7:won")),
        (Outcome(End.DRAW, None, 1.0), LATEST, LATEST, ("played", "draws")),
        (
            Outcome(End.TIMEOUT, None, 1.0),
            "random",
            "random",
            ("played", "draws", "timeouts", "random:drawn"),
        ),
    ],
)
def test_a_game_that_was_played(
    outcome: Outcome, opponent: str, name: str, counters: tuple[str, ...]
) -> None:
    """Expect its number to be over, and counters of the winner's seat and of the opponent."""
    assert end_of(9, matchup(opponent), outcome, name) == GameEnd(9, True, counters)


def test_a_game_that_was_not_played_gives_its_number_to_the_next() -> None:
    """Expect an aborted one counted, and one that no daemon played counted nowhere."""
    aborted = end_of(9, matchup("random"), Outcome(End.ABORTED, None, 0.0, "given up"), "random")
    assert aborted == GameEnd(9, False, ("aborted",))
    refused = end_of(9, matchup("random"), Outcome(End.REFUSED, None, 0.0, "full"), "random")
    assert refused == end_of(9, matchup("random"), None, "random") == not_played(9)
    assert not_played(9) == GameEnd(9, False, ())
