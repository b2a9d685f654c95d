"""Rates: from baselines, from figures that are given, and from runs that play."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from trainingrun.commands.plan.price_file import read_engine_rates
from trainingrun.estimate.band import Band
from trainingrun.estimate.baselines import BASELINES, baseline
from trainingrun.estimate.engine_rates import POLICY, SERVING, game_of
from trainingrun.estimate.errors import PlanError
from trainingrun.estimate.limits import limits_of
from trainingrun.estimate.needs import needs_of
from trainingrun.estimate.rate import (
    rate_of_baseline,
    rate_of_engine,
    rate_of_figures,
    rate_of_run,
)

from testkit.planning.questions import run_of

NOW = datetime(2026, 1, 1, 2, tzinfo=UTC)
STARTED = "2026-01-01T00:00:00Z"
DECISION = {"at": STARTED, "from": 2, "to": 4, "reason": "more"}


def status(**more: Any) -> dict[str, Any]:
    """Two hours of four daemons: 7,200 games, one a second now."""
    return {
        "games": {"played": 7_200, "perSecond": 1.0},
        "transitions": {"produced": 720_000},
        "roles": [{"name": "daemon", "ready": 4}],
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
    with pytest.raises(
        PlanError, match="--baseline fast: no such baseline: give forge, reference-engine"
    ):
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
        (
            {"roles": [{"name": "daemon", "ready": 0}]},
            "has no rate of its daemons: ask while it plays",
        ),
    ],
)
def test_a_run_that_tells_too_little(changed: dict[str, Any], said: str) -> None:
    """Expect a sentence with what to do instead, and no invented rate."""
    with pytest.raises(PlanError) as caught:
        rate_of_run(run_of(**status(**changed)), now=NOW)
    assert said in str(caught.value)
    assert "--from small" in str(caught.value)


RATES = read_engine_rates()


def test_every_pair_of_decks_that_ship_was_measured() -> None:
    """Expect a rate for each, and the control mirror to take several times the burn mirror's."""
    decks = [
        path.stem
        for path in (Path(__file__).parents[3] / "decks").rglob("*.dck")
        if not path.stem.startswith("test_")
    ]
    assert all(RATES.pair(first, second) for first in decks for second in decks)
    burn, control = (RATES.pair(name, name) for name in ("red_aggro", "jeskai_control"))
    assert burn is not None
    assert control is not None
    assert control.milliseconds > 4 * burn.milliseconds


def decks(*names: str) -> list[dict[str, str]]:
    """As a spec lists them."""
    return [{"name": name} for name in names]


def test_slow_decks_make_slow_daemons() -> None:
    """Expect the rate to follow the decks, and a deck that no one measured to be named."""

    def likely(*names: str) -> float:
        run = run_of({"decks": decks(*names)})
        return rate_of_engine(run, RATES, games=100).games_per_daemon_hour.likely

    mixed = likely("red_aggro", "jeskai_control")
    assert likely("jeskai_control") < mixed < likely("red_aggro")
    source = rate_of_engine(run_of(), RATES, games=100).source
    assert source.endswith("not measured: bears")


def test_phases_count_by_their_games() -> None:
    """Expect 90 games of the first phase and 10 of the second to be weighed so."""
    phases = [
        {"name": "fast", "decks": decks("red_aggro"), "until": {"games": 90}},
        {"name": "slow", "decks": decks("jeskai_control")},
    ]
    spec = {"decks": decks("red_aggro", "jeskai_control"), "curriculum": phases}
    burn, control = (RATES.pair(name, name) for name in ("red_aggro", "jeskai_control"))
    assert burn is not None
    assert control is not None
    found = game_of(run_of(spec), RATES, games=100).engine_seconds
    wanted = 0.9 * burn.milliseconds + 0.1 * control.milliseconds
    assert found == pytest.approx(wanted / 1000 * SERVING * POLICY)


def test_the_average_counts_where_daemons_were_added() -> None:
    """Expect a run that is over to count its whole time, by the daemons of its last decision."""
    scaling = {"lastDecision": {**DECISION, "inputs": {"producedPerDaemon": 100.0}}}
    ended = "2026-01-01T01:00:00Z"
    over = status(roles=[{"name": "daemon", "ready": 0}], autoscaling=scaling, finishedAt=ended)
    assert rate_of_run(run_of(**over), now=NOW).games_per_daemon_hour == Band(900, 1_800, 3_600)
