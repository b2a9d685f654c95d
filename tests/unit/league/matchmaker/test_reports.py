"""What a report of a match must be, and what its games say."""

from __future__ import annotations

import math

import pytest
from trainingrun_league.matchmaker.pool import Results
from trainingrun_league.matchmaker.reports import (
    Expected,
    Game,
    Report,
    digest_of,
    pair_scores,
    problem_of,
    results_of,
)

EXPECTED = Expected("model/a", "model/b", 2)
WON, LOST = Game(1.0, 30, 7), Game(-1.0, 31, 7)


def test_a_right_report_is_taken() -> None:
    """Two games of one pair; or none, and who failed."""
    assert problem_of(Report((WON, LOST)), EXPECTED) == ""
    assert problem_of(Report((), "model/a", "weights do not load"), EXPECTED) == ""


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        (Report(()), "games: the match has 2, the report 0"),
        (Report((WON,)), "games: the match has 2, the report 1"),
        (Report((WON, Game(1.5, 3, 7))), "games[1].outcome: 1.5 is not within -1 to 1"),
        (Report((Game(math.nan, 3, 7), LOST)), "games[0].outcome: nan is not within"),
        (Report((WON, Game(0.0, 2**31, 7))), "games[1].moves"),
        (Report((WON, Game(0.0, 2, 7, "x" * 201))), "games[1].game_id"),
        (Report((), "model/c", "gone"), "'model/c' is no player of the match"),
        (Report((WON, LOST), "model/a", "gone"), "a match that is given up has none"),
        (Report((WON, LOST), "", "slow"), "a problem names the player"),
    ],
)
def test_a_wrong_report_says_where(report: Report, problem: str) -> None:
    """Every bound is held, with the field that breaks it."""
    assert problem in problem_of(report, EXPECTED)


def test_games_are_counted_by_their_sign_and_pairs_by_their_mean() -> None:
    """A win and a loss are an even pair; half a pot is won, and three quarters of a point."""
    assert results_of([1.0, 0.0, -1.0, 0.5]) == Results(2, 1, 1)
    assert pair_scores([1.0, -1.0, 0.5, 0.5]) == (0.5, 0.75)


def test_two_reports_differ_in_any_field() -> None:
    """The digest tells them apart, and is the same for the same report."""
    reports = [
        Report((WON, LOST)),
        Report((LOST, WON)),
        Report((WON, Game(-1.0, 31, 8))),
        Report((), "model/a", "x"),
        Report((), "model/a", "y"),
    ]
    assert len({digest_of(report) for report in reports}) == len(reports)
    assert digest_of(Report((WON, LOST))) == digest_of(reports[0])
