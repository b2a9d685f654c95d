"""Whether ratings recover planted strengths, and what a thousand repeated match ids change.

Forty players with known strengths meet at random; the results go through the Elo service over gRPC,
and its ratings are compared with the truth. Then 1,000 of the matches are reported again, each with
the opposite result: nothing may change. ``--picture FILE`` draws the comparison as SVG.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainingrun_contracts.league.v1.common_pb2 import MATCH_PURPOSE_RATING, Score
from trainingrun_contracts.league.v1.elo_pb2 import (
    GetRankedPoliciesRequest,
    MatchResult,
    UpdateEloRatingsRequest,
)
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub

from benchmarks.measuring import Goal, parser, report
from testkit.league.league_process import LeagueProcess
from testkit.waiting import until

PLAYERS, GAMES_A_MATCH, REPEATED = 40, 8, 1000
SPREAD_ELO, SEED = 250.0, 11
SIZE, MARGIN = 520, 56


@dataclass(frozen=True)
class Compared:
    """A player: planted and fitted Elo above the anchor, and the standard error."""

    truth: float
    elo: float
    error: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the result."""
    made = parser(__doc__ or "", examples=["python benchmarks/league/planted.py --picture out.svg"])
    made.add_argument("--quick", action="store_true", help="a fifth of the matches")
    made.add_argument("--picture", type=Path, help="SVG file to write")
    options = made.parse_args(arguments)
    truth = np.random.default_rng(SEED).normal(0.0, SPREAD_ELO, PLAYERS)
    truth -= truth[0]
    results = _results(truth, 1000 if options.quick else 5000)
    found, repeated, largest_change = _asked(truth, results)
    inside = float(np.mean([abs(each.elo - each.truth) < 1.96 * each.error for each in found]))
    correlation = float(np.corrcoef([e.truth for e in found], [e.elo for e in found])[0, 1])
    if options.picture:
        options.picture.write_text(_picture(found))
    figures: dict[str, Any] = {
        "players": PLAYERS,
        "games": len(results) * GAMES_A_MATCH,
        "inside_95_percent_interval": round(inside, 3),
        "correlation": round(correlation, 4),
        "mean_error_elo": round(float(np.mean([abs(e.elo - e.truth) for e in found])), 1),
        "repeated_match_ids": repeated,
        "largest_change_by_them_elo": round(largest_change, 6),
    }
    goals = [
        Goal("inside_95_percent_interval", inside, least=0.85),
        Goal("correlation", correlation, least=0.98),
        Goal("repeated_match_ids", repeated, least=REPEATED),
        Goal("largest_change_by_them_elo", largest_change, most=0.01),
    ]
    return report("league_planted", figures=figures, ratios={}, goals=goals)


def _results(truth: np.ndarray, matches: int) -> list[MatchResult]:
    generator, found = np.random.default_rng(SEED + 1), []
    for number in range(matches):
        first, second = generator.choice(PLAYERS, 2, replace=False).tolist()
        chance = 1 / (1 + 10 ** ((truth[second] - truth[first]) / 400))
        wins = int(generator.binomial(GAMES_A_MATCH, chance))
        found.append(_result(f"m{number}", first, second, wins))
    return found


def _result(match: str, first: int, second: int, wins: int) -> MatchResult:
    return MatchResult(
        match_id=match,
        first=_name(first),
        second=_name(second),
        score=Score(wins=wins, losses=GAMES_A_MATCH - wins),
        purpose=MATCH_PURPOSE_RATING,
    )


def _name(number: int) -> str:
    return f"model/{number}" if number else "builtin/random"


def _asked(truth: np.ndarray, results: Sequence[MatchResult]) -> tuple[list[Compared], int, float]:
    """Return players as they are rated, how many repeated ids were known, and what they changed."""
    with tempfile.TemporaryDirectory() as folder:
        league = LeagueProcess(Path(folder) / "league", services="elo")
        with league:
            with league.blocking("elo") as channel:
                elo = EloServiceStub(channel)
                elo.UpdateEloRatings(UpdateEloRatingsRequest(results=results))
                before = _fitted(elo)
                opposite = [MatchResult.FromString(each.SerializeToString()) for each in results]
                for each in opposite[:REPEATED]:
                    each.score.wins, each.score.losses = each.score.losses, each.score.wins
                request = UpdateEloRatingsRequest(results=opposite[:REPEATED])
                repeated = int(elo.UpdateEloRatings(request).repeated_results)
            league.kill()  # the next process fits anew, from what was kept
            league.start()
            with league.blocking("elo") as channel:
                after = _fitted(EloServiceStub(channel))
    change = max(abs(after[name][0] - before[name][0]) for name in before)
    rated = [before[_name(number)] for number in range(1, PLAYERS)]
    compared = [Compared(float(truth[n]), *each) for n, each in enumerate(rated, start=1)]
    return compared, repeated, change


def _fitted(elo: EloServiceStub) -> dict[str, tuple[float, float]]:
    """Return rating and error of each player, once all are rated."""
    request = GetRankedPoliciesRequest(page_size=PLAYERS)
    found: dict[str, tuple[float, float]] = {}

    def is_rated() -> bool:
        players = elo.GetRankedPolicies(request).players
        found.update({p.id: (p.rating.elo, p.rating.error) for p in players if p.rank})
        return len(found) == PLAYERS

    until(is_rated, seconds=120, what="all are rated")
    return found


def _picture(players: Sequence[Compared]) -> str:
    """Return the planted strengths against the ratings with their intervals, as SVG."""
    values = [each.truth for each in players] + [each.elo for each in players]
    low, high = min(values) - 150, max(values) + 150
    scale = (SIZE - 2 * MARGIN) / (high - low)

    def x(elo: float) -> float:
        return round(MARGIN + (elo - low) * scale, 1)

    def y(elo: float) -> float:
        return round(SIZE - MARGIN - (elo - low) * scale, 1)

    end = SIZE - MARGIN
    ticks = [tick for tick in range(-2000, 2001, 200) if low < tick < high]
    axis, text = 'stroke="#d8dde6"', 'font-family="sans-serif" font-size="11" fill="#5b6473"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img"'
        ' aria-label="Planted strengths against fitted ratings">',
        f'<rect width="{SIZE}" height="{SIZE}" fill="#fff"/>',
    ]
    for tick in ticks:
        parts += [
            f'<path d="M{x(tick)} {MARGIN}V{end}M{MARGIN} {y(tick)}H{end}" {axis}/>',
            f'<text x="{x(tick)}" y="{end + 16}" text-anchor="middle" {text}>{tick}</text>',
            f'<text x="{MARGIN - 6}" y="{y(tick) + 4}" text-anchor="end" {text}>{tick}</text>',
        ]
    parts.append(f'<path d="M{x(low)} {y(low)}L{x(high)} {y(high)}" stroke="#9aa3b2"/>')
    for each in players:
        top, bottom = y(each.elo + 1.96 * each.error), y(each.elo - 1.96 * each.error)
        parts += [
            f'<path d="M{x(each.truth)} {top}V{bottom}" stroke="#8fafe0" stroke-width="2"/>',
            f'<circle cx="{x(each.truth)}" cy="{y(each.elo)}" r="3" fill="#1f5fc0"/>',
        ]
    parts += [
        f'<text x="{SIZE / 2}" y="{SIZE - 14}" text-anchor="middle" {text}>planted, Elo</text>',
        f'<text x="16" y="{SIZE / 2}" text-anchor="middle" {text}'
        f' transform="rotate(-90 16 {SIZE / 2})">fitted with its 95 % interval, Elo</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
