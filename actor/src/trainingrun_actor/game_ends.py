"""What a training game's end means: for its number, and for the counters of the run. Pure."""

from __future__ import annotations

from trainingrun_actor.game import End, Outcome
from trainingrun_actor.schedule import LATEST, PAST, Matchup
from trainingrun_actor.sink import GameEnd


def not_played(number: int) -> GameEnd:
    """Return the end of a game that did not begin: its number goes to the next one."""
    return GameEnd(number, is_over=False, counters=())


def end_of(number: int, matchup: Matchup, outcome: Outcome | None, opponent: str) -> GameEnd:
    """Return what became of a game; None where its daemon did not play it.

    The number of a game that was not played to its end goes to the next one.
    """
    if outcome is None or outcome.end is End.REFUSED:
        return not_played(number)
    is_over = outcome.end is not End.ABORTED
    return GameEnd(number, is_over=is_over, counters=_counters(matchup, outcome, opponent))


def _counters(matchup: Matchup, outcome: Outcome, opponent: str) -> tuple[str, ...]:
    """Counters of ``keys.games`` that a game raises."""
    match outcome.end:
        case End.WON:
            result = "won" if outcome.winner == matchup.seat else "lost"
            names = ["played", f"seat{outcome.winner}"]
        case End.DRAW:
            result, names = "drawn", ["played", "draws"]
        case End.TIMEOUT:
            result, names = "drawn", ["played", "draws", "timeouts"]
        case End.ABORTED | End.REFUSED:
            return ("aborted",)
    if matchup.opponent != LATEST:
        names.append(f"{matchup.opponent}:{result}")
    if matchup.opponent == PAST:
        names.append(f"{opponent}:{result}")
    return tuple(names)
