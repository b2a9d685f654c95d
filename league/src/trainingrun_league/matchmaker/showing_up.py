"""Persons of a tournament that do not come: when a match is lost by that, as pure decisions.

Who asks for a seat, or plays, is heard of. Who is not heard of for the whole time loses what was to
be played; of two the one who was away longer. Refused: a deadline of each match from its making,
by which somebody who still plays another match of the same round would lose.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from trainingrun_league.matchmaker.matches import Match
from trainingrun_league.matchmaker.pool import PERSON

MOST_GAMES_AGAIN: Final = 5
"""Games of a tournament's match that are made again because one was abandoned."""
RECENT_SECONDS: Final = 1200.0
"""Who asked for a seat within this time, and takes none, evades: games wait ten minutes."""


class AfterNoGame(Enum):
    """What becomes of a tournament's match whose game had no end."""

    AGAIN = "again"
    """Another game is made."""
    FORFEIT = "forfeit"
    """Who was absent loses the match."""
    GIVE_UP = "give up"
    """It has no winner."""


def no_show(match: Match, heard_at: Callable[[str], float], *, now: float, limit: float) -> str:
    """Return the person who has lost a match by not coming; empty where there is none.

    Args:
        match: of a tournament, not over.
        heard_at: when a player was last heard of.
        now: seconds since 1970.
        limit: seconds that a person may be away.
    """
    if match.seats.game_id:
        return ""  # the Game service ends it
    absent = [
        player
        for player in (match.second, match.first)
        if player.startswith(PERSON) and now - heard_at(player) >= limit
    ]
    return min(absent, key=heard_at, default="")


def after_no_game(
    match: Match, absent: str, heard_at: float, *, now: float, limit: float
) -> AfterNoGame:
    """Return what follows from a game that was abandoned.

    Args:
        match: whose game it was.
        absent: who alone did not take a seat; empty where that is no fault of a player.
        heard_at: when that player was last heard of.
        now: seconds since 1970.
        limit: seconds that a person may be away.
    """
    is_again_too_often = match.abandoned >= MOST_GAMES_AGAIN
    if not absent.startswith(PERSON) or absent not in {match.first, match.second}:
        return AfterNoGame.GIVE_UP if is_again_too_often else AfterNoGame.AGAIN
    silence = now - heard_at
    evades = is_again_too_often and silence < RECENT_SECONDS
    return AfterNoGame.FORFEIT if silence >= limit or evades else AfterNoGame.AGAIN
