"""When things are due, and what the status tells of the time."""

from __future__ import annotations

import pytest
from trainingrun_trainer.publish import Cadence
from trainingrun_trainer.saving import AGAIN_AFTER_SECONDS, FIRST_AFTER_SECONDS, Schedule
from trainingrun_trainer.status import Status
from trainingrun_trainer.telemetry import StatusCollector


@pytest.mark.parametrize(
    ("updates", "seconds", "due"),
    [(0, 1000, False), (1, 5, False), (8, 0, True), (1, 20, True)],
)
def test_publications(updates: int, seconds: float, due: bool) -> None:
    """Expect weights after 8 updates or 20 seconds, and never without an update."""
    assert Cadence(8, 20.0).is_due(updates=updates, seconds=seconds) is due


@pytest.mark.parametrize(
    ("games", "seconds", "is_first", "has_failed", "due"),
    [
        (99, 299, False, False, False),
        (100, 0, False, False, True),
        (0, 300, False, False, True),
        (0, FIRST_AFTER_SECONDS, True, False, True),
        (0, AGAIN_AFTER_SECONDS, False, True, True),
        (100, AGAIN_AFTER_SECONDS - 1, False, True, False),
    ],
)
def test_checkpoints(
    games: int, seconds: float, is_first: bool, has_failed: bool, due: bool
) -> None:
    """Expect one after so many games or minutes, a run's first one after a minute, and one that
    failed again after a minute, however many games there are."""
    schedule = Schedule(games=100, minutes=5)
    found = schedule.is_due(games=games, seconds=seconds, is_first=is_first, has_failed=has_failed)
    assert found is due


def test_unknown_rates_are_none() -> None:
    """Expect no rate and no busy fraction before the first update, rather than 0."""
    status = Status()
    with status.phase("data"):
        first, second = status.rates(), status.rates()
    assert first.busy is None
    assert second.transitions_per_second is None
    assert second.waits["data"] == pytest.approx(1.0, abs=0.1)


def test_metrics_leave_out_what_is_not_known() -> None:
    """Expect no policy lag and no checkpoint time before there are any."""
    names = {metric.name for metric in StatusCollector(Status()).collect()}
    assert "trainingrun_updates" in names
    assert "trainingrun_policy_lag_publishes" not in names
    assert "trainingrun_checkpoint_timestamp_seconds" not in names
