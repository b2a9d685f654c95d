"""Values of the Elo service as the messages that answer (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from trainingrun_contracts.league.v1.common_pb2 import Rating, Score
from trainingrun_contracts.league.v1.elo_pb2 import (
    GetPayoffMatrixResponse,
    MatchResult,
    Player,
)

from trainingrun_league.elo.payoff import chances, nash, non_transitivity, scores_among
from trainingrun_league.elo.ranking import Ranked, Ranking
from trainingrun_league.errors import InvalidRequest

MOST_PAGE: Final = 1000
USUAL_PAGE: Final = 100


def player_message(ranked: Ranked) -> Player:
    """Return a player; without a rating it has none."""
    player = ranked.player
    rating = (
        None
        if ranked.elo is None
        else Rating(elo=ranked.elo, error=ranked.error, games=ranked.games)
    )
    return Player(id=player.id, kind=player.kind, name=player.name, rating=rating, rank=ranked.rank)


def payoff_message(ranking: Ranking, players: Sequence[Ranked]) -> GetPayoffMatrixResponse:
    """Return who beats whom among these players."""
    names = tuple(each.player.id for each in players)
    scores = scores_among(ranking.sums, names)
    elo = np.array([np.nan if each.elo is None else each.elo for each in players])
    chance = chances(scores, elo)
    cells = [
        GetPayoffMatrixResponse.Cell(score=Score(wins=wins, draws=draws, losses=losses))
        for wins, draws, losses in scores.reshape(-1, 3).tolist()
    ]
    return GetPayoffMatrixResponse(
        players=[player_message(each) for each in players],
        cells=cells,
        nash=nash(chance).tolist(),
        non_transitivity=non_transitivity(chance),
    )


def result_message(row: Any) -> MatchResult:
    """Return a row of ``elo_results``."""
    return MatchResult(
        match_id=row.match_id,
        first=row.first,
        second=row.second,
        score=Score(wins=row.wins, draws=row.draws, losses=row.losses),
        purpose=row.purpose,
        played_at=timestamp(row.played_at),
    )


def timestamp(seconds: float) -> Timestamp:
    """Return a time."""
    made = Timestamp()
    made.FromNanoseconds(int(seconds * 1e9))
    return made


def page_size(wanted: int) -> int:
    """Return how many a page has."""
    if wanted > MOST_PAGE:
        raise InvalidRequest(f"page_size may be {MOST_PAGE} at most, not {wanted}")
    return wanted or USUAL_PAGE


def page_begin(token: str) -> int | None:
    """Return what a page token says, None where there is none.

    Raises:
        InvalidRequest: it is none of ours.
    """
    if not token:
        return None
    if not token.isascii() or not token.isdecimal() or len(token) > 18:
        raise InvalidRequest("page_token: send the next_page_token of the answer before")
    return int(token)
