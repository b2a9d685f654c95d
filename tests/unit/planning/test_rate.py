"""Rates: from baselines, from figures that are given, and from runs that play."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from planning_bed import run_of
from trainingrun_operator.planning.band import Band
from trainingrun_operator.planning.baselines import BASELINES, baseline
from trainingrun_operator.planning.errors import PlanError
from trainingrun_operator.planning.limits import limits_of
from trainingrun_operator.planning.needs import needs_of
from trainingrun_operator.planning.rate import rate_of_baseline, rate_of_figures, rate_of_run

NOW = datetime(2026, 1, 1, 2, tzinfo=UTC)
STARTED = "2026-01-01T00:00:00Z"
DECISION = {"at": STARTED, "from": 2, "to": 4, "reason": "more"}


def status(**more: Any) -> dict[str, Any]:
    """Two hours of four daemons: 7,200 games, one a second now."""
    return {
        "games": {"played": 7_200, "perSecond": 1.0},
        "transitions": {"produced": 720_000},
        "daemon": {"ready": 4},
        "startedAt": STARTED,
        **more,
    }


def test_every_baseline_has_a_range_and_says_from_what() -> None:
    """Expect low <= likely <= high, and a sentence for the source and for the spread."""
    for each in BASELINES.values():
        band = each.games_per_hour
        assert band.low <= band.likely <= band.high
        assert each.source
        assert each.spread
    with pytest.raises(PlanError, match="--baseline fast: there is none: give cloud-architecture"):
        baseline("fast")


def test_fewer_games_at_once_than_measured_give_fewer_games() -> None:
    """Expect proportion below the measured slots, and no promise above them."""
    forge = baseline("forge")
    assert rate_of_baseline(forge, slots=4).games_per_daemon_hour.likely == pytest.approx(1_855)
    assert rate_of_baseline(forge, slots=80).games_per_daemon_hour == forge.games_per_hour


def test_figures_that_are_given() -> None:
    """Expect one or three, and a sentence for everything else."""
    assert rate_of_figures((3_600.0,)).games_per_daemon_hour == Band(3_600, 3_600, 3_600)
    assert rate_of_figures((1.0, 2.0, 3.0)).games_per_daemon_hour == Band(1, 2, 3)
    for wrong in ((), (0.0,), (1.0, 2.0), (3.0, 2.0, 1.0), (float("nan"),), (float("inf"),)):
        with pytest.raises(PlanError, match="one figure above 0, or three as LOW,LIKELY,HIGH"):
            rate_of_figures(wrong)


def test_a_run_that_never_scaled_has_two_figures() -> None:
    """Expect the last minute's rate and the average since the start, of a daemon in an hour."""
    rate = rate_of_run(run_of(**status(games={"played": 7_200, "perSecond": 1.2})), now=NOW)
    assert rate.games_per_daemon_hour == Band(900, pytest.approx(990), 1_080)
    assert rate.transitions_per_game == 100
    assert rate.with_evaluation
    assert rate.spread == "2 figures of its status"


def test_a_run_that_scaled_tells_what_a_full_daemon_gives() -> None:
    """Expect the decision's figures in the range, and its learner as the bound."""
    inputs = {"producedPerDaemon": 30.0, "learnerCapacity": 500.0}
    scaling = {"lastDecision": {**DECISION, "inputs": inputs}}
    run = run_of(**status(autoscaling=scaling))
    rate = rate_of_run(run, now=NOW)
    assert rate.games_per_daemon_hour == Band(900, 990, 1_080)
    (learner, _) = limits_of(needs_of(run), rate)
    assert learner.transitions_per_second == 500
    assert "run small" in learner.source


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"games": {"played": 3}}, "has played 3 games, which says too little"),
        ({"games": None}, "has played 0 games"),
        ({"daemon": {"ready": 0}}, "tells no rate of its daemons: ask while it plays"),
    ],
)
def test_a_run_that_tells_too_little(changed: dict[str, Any], said: str) -> None:
    """Expect a sentence with what to do instead, and no invented rate."""
    with pytest.raises(PlanError) as caught:
        rate_of_run(run_of(**status(**changed)), now=NOW)
    assert said in str(caught.value)
    assert "--from small" in str(caught.value)
