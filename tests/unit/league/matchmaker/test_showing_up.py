"""Who loses a match of a tournament by not coming."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_league.matchmaker.leases import Lease, MatchState
from trainingrun_league.matchmaker.matches import Match, Seats, Table
from trainingrun_league.matchmaker.showing_up import (
    MOST_GAMES_AGAIN,
    RECENT_SECONDS,
    AfterNoGame,
    after_no_game,
    no_show,
)

LIMIT = 3600.0
ADA, BOB, MODEL = "person/ada", "person/bob", "model/m1"


def match_of(first: str, second: str) -> Match:
    """One that waits for its players."""
    return Match(
        id="t-1-0",
        purpose=MatchPurpose.MATCH_PURPOSE_TOURNAMENT,
        first=first,
        second=second,
        pairs=1,
        games=2,
        seed=1,
        created_at=0.0,
        lease=Lease(MatchState.SEATED),
        table=Table("t", 1, 0),
    )


@pytest.mark.parametrize(
    ("players", "heard", "loser"),
    [
        ((ADA, BOB), {ADA: 100.0, BOB: 50.0}, ""),
        ((ADA, BOB), {ADA: LIMIT, BOB: 0.0}, BOB),
        ((ADA, BOB), {ADA: 0.0, BOB: LIMIT}, ADA),
        ((ADA, BOB), {ADA: -5.0, BOB: 0.0}, ADA),
        ((ADA, BOB), {ADA: 0.0, BOB: 0.0}, BOB),
        ((ADA, MODEL), {ADA: 0.0, MODEL: 0.0}, ADA),
        ((MODEL, ADA), {ADA: 1.0, MODEL: 0.0}, ""),
    ],
)
def test_who_is_not_heard_of_in_time_has_lost(
    players: tuple[str, str], heard: dict[str, float], loser: str
) -> None:
    """Exactly at the limit; of two who are away the one who is longer; a model is never to blame,
    and nobody while there is a game."""
    match = match_of(*players)
    assert no_show(match, heard.__getitem__, now=LIMIT, limit=LIMIT) == loser
    held = replace(match, seats=Seats("g", "here", ("a", "b")))
    assert no_show(held, heard.__getitem__, now=1e9, limit=LIMIT) == ""


@pytest.mark.parametrize(
    ("absent", "silence", "abandoned", "then"),
    [
        ("", 0.0, 0, AfterNoGame.AGAIN),
        ("", 0.0, MOST_GAMES_AGAIN, AfterNoGame.GIVE_UP),
        (MODEL, LIMIT, 0, AfterNoGame.AGAIN),
        (MODEL, LIMIT, MOST_GAMES_AGAIN, AfterNoGame.GIVE_UP),
        ("person/eve", LIMIT, 0, AfterNoGame.AGAIN),
        (BOB, LIMIT - 1.0, 0, AfterNoGame.AGAIN),
        (BOB, LIMIT, 0, AfterNoGame.FORFEIT),
        (BOB, RECENT_SECONDS, 100, AfterNoGame.AGAIN),
        (BOB, RECENT_SECONDS - 1.0, MOST_GAMES_AGAIN - 1, AfterNoGame.AGAIN),
        (BOB, RECENT_SECONDS - 1.0, MOST_GAMES_AGAIN, AfterNoGame.FORFEIT),
    ],
)
def test_what_follows_from_a_game_that_nobody_came_to(
    absent: str, silence: float, abandoned: int, then: AfterNoGame
) -> None:
    """A person who is away loses after the limit, one who asks and never sits after five games; who
    is no player of the match, and a model whose worker is away, have lost nothing."""
    match = replace(match_of(BOB, MODEL), abandoned=abandoned)
    assert after_no_game(match, absent, 1000.0, now=1000.0 + silence, limit=LIMIT) is then
