"""What a report of a match must be, and what follows from its games."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from trainingrun_league.matchmaker.pool import Results

MOST_MOVES: Final = 1_000_000
MOST_PROBLEM: Final = 1000
"""Characters of the sentence that is kept of a failure."""
_LARGEST_SEED: Final = 2**64


@dataclass(frozen=True)
class Game:
    """One game, seen from the first player: see ``GameResult`` of the protocol."""

    outcome: float
    moves: int
    seed: int
    game_id: str = ""


@dataclass(frozen=True)
class Report:
    """What a worker says of a match."""

    games: tuple[Game, ...]
    failed_player: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Expected:
    """What the match was: its players and how many games it has."""

    first: str
    second: str
    games: int


def problem_of(report: Report, expected: Expected) -> str:
    """Return why a report is refused; empty where it is taken."""
    if report.failed_player:
        if report.failed_player not in {expected.first, expected.second}:
            return f"failed_player: {report.failed_player!r:.120} is no player of the match"
        return "games: a match that is given up has none" if report.games else ""
    if report.problem:
        return "failed_player: a problem names the player that could not play"
    if len(report.games) != expected.games:
        return f"games: the match has {expected.games}, the report {len(report.games)}"
    for number, game in enumerate(report.games):
        if not (isfinite(game.outcome) and -1.0 <= game.outcome <= 1.0):
            return f"games[{number}].outcome: {game.outcome} is not within -1 to 1"
        if not 0 <= game.moves <= MOST_MOVES:
            return f"games[{number}].moves: {game.moves} is more than {MOST_MOVES}"
        if len(game.game_id) > 200:
            return f"games[{number}].game_id: it has more than 200 characters"
    return ""


def digest_of(report: Report) -> str:
    """Return what differs between any two reports."""
    digest = hashlib.sha256()
    for game in report.games:
        digest.update(repr((game.outcome, game.moves, game.seed, game.game_id)).encode())
    digest.update(repr((report.failed_player, report.problem)).encode())
    return digest.hexdigest()


def results_of(outcomes: Sequence[float]) -> Results:
    """Count games by their sign: a share of a pot that is above nothing is won."""
    wins = sum(outcome > 0.0 for outcome in outcomes)
    losses = sum(outcome < 0.0 for outcome in outcomes)
    return Results(wins, len(outcomes) - wins - losses, losses)


def pair_scores(outcomes: Sequence[float]) -> tuple[float, ...]:
    """Return the mean of each pair's two games, from 0 to 1, for the first player."""
    scores = [(outcome + 1.0) / 2.0 for outcome in outcomes]
    pairs = zip(scores[::2], scores[1::2], strict=True)
    return tuple((one + other) / 2.0 for one, other in pairs)
