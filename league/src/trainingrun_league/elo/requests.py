"""What the Elo service takes: requests checked, as values (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from trainingrun_contracts.league.v1.common_pb2 import (
    MATCH_PURPOSE_CASUAL,
    MATCH_PURPOSE_UNSPECIFIED,
    PLAYER_KIND_BUILTIN,
    PLAYER_KIND_MODEL,
    PLAYER_KIND_PERSON,
    PlayerKind,
)
from trainingrun_contracts.league.v1.elo_pb2 import MatchResult

from trainingrun_league.elo.tables import LONGEST_ID
from trainingrun_league.errors import InvalidRequest

MOST_RESULTS: Final = 10_000
MOST_GAMES: Final = 1_000_000
"""Of one result."""
_KINDS: Final = {
    "model": PLAYER_KIND_MODEL,
    "person": PLAYER_KIND_PERSON,
    "builtin": PLAYER_KIND_BUILTIN,
}
_NAME: Final = re.compile(r"[A-Za-z0-9._@:+-]([A-Za-z0-9._@:+/-]*[A-Za-z0-9._@:+-])?")


@dataclass(frozen=True, slots=True)
class Result:
    """A match between two players; ``wins`` and ``losses`` are the first one's."""

    match_id: str
    first: str
    second: str
    wins: int
    draws: int
    losses: int
    purpose: int
    played_at: float

    @property
    def is_rated(self) -> bool:
        """Whether it counts for ratings."""
        return self.purpose != MATCH_PURPOSE_CASUAL


@lru_cache(maxsize=4096)
def kind_of(player_id: str) -> PlayerKind.ValueType:
    """Return what a player is, as its name says it.

    Raises:
        InvalidRequest: it is no player's name.
    """
    kind, slash, name = player_id.partition("/")
    if not slash or kind not in _KINDS or len(player_id) > LONGEST_ID or not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"the player {player_id[:80]!r} must be model/ID, person/NAME or builtin/NAME,"
            f" {LONGEST_ID} characters at most"
        )
    return _KINDS[kind]


def checked_result(message: MatchResult, *, now: float) -> Result:
    """Return a result as a value.

    Raises:
        InvalidRequest: a part of it is missing or impossible; the message names the match.
    """
    where = f"match {message.match_id[:80]!r}"
    if not 0 < len(message.match_id) <= LONGEST_ID or "\0" in message.match_id:
        raise InvalidRequest(f"{where}: match_id must have 1 to {LONGEST_ID} characters, none NUL")
    for player in (message.first, message.second):
        kind_of(player)
    if message.first == message.second:
        raise InvalidRequest(f"{where}: {message.first} cannot be rated against itself")
    if message.purpose == MATCH_PURPOSE_UNSPECIFIED:
        raise InvalidRequest(f"{where}: purpose is missing")
    score = message.score
    games = score.wins + score.draws + score.losses
    if not 0 < games <= MOST_GAMES:
        raise InvalidRequest(
            f"{where}: its score has {games} games, 1 to {MOST_GAMES} are possible"
        )
    try:
        played_at = message.played_at.ToNanoseconds() / 1e9
    except ValueError:
        raise InvalidRequest(f"{where}: played_at is no moment of the years 1 to 9999") from None
    return Result(
        match_id=message.match_id,
        first=message.first,
        second=message.second,
        wins=score.wins,
        draws=score.draws,
        losses=score.losses,
        purpose=message.purpose,
        played_at=played_at if message.HasField("played_at") else now,
    )
