"""When things are due, and what the status tells of the time."""

from __future__ import annotations

import pytest
from trainingrun_trainer.publish import Cadence
from trainingrun_trainer.saving import FIRST_AFTER_SECONDS, Schedule
from trainingrun_trainer.status import Status
from trainingrun_trainer.telemetry import StatusCollector


@pytest.mark.parametrize(
    ("updates", "seconds", "due"),
    [(0, 1000, False), (1, 5, False), (8, 0, True), (1, 20, True)],
)
def test_publications(updates: int, seconds: float, due: bool) -> None:
    """Expect weights after 8 updates or 20 seconds, and never without an update."""
    assert Cadence(8, 20.0).is_due(updates=updates, seconds=seconds) is due


def test_checkpoints() -> None:
    """Expect one after so many games or minutes, and the first one of a run after a minute."""
    schedule = Schedule(games=100, minutes=5)
    assert not schedule.is_due(games=99, seconds=299, is_first=False)
    assert schedule.is_due(games=100, seconds=0, is_first=False)
    assert schedule.is_due(games=0, seconds=300, is_first=False)
    assert schedule.is_due(games=0, seconds=FIRST_AFTER_SECONDS, is_first=True)


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
