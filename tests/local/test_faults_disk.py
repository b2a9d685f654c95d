"""A local disk that is full: curves, the append-only file of Redis, and a run's own folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_disk import fill_up, small_file_system
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trainingrun_trainer.telemetry import EventFiles

POINTS = 40


def test_a_full_disk_costs_points_of_a_curve_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Expect no error, one line in the log, and the points from before and after in the file."""
    with small_file_system(tmp_path / "small", megabytes=1) as disk:
        events = EventFiles(disk / "curves")
        events.write({"loss/value": 1.0}, step=1)
        filler = fill_up(disk)
        for step in range(POINTS):
            events.write({f"loss/{name}": 2.0 for name in range(100)}, step=step)
        filler.unlink()
        events.write({"loss/value": 3.0}, step=POINTS)
        found = EventAccumulator(str(disk / "curves")).Reload().Scalars("loss/value")
    assert [point.value for point in found] == [1.0, 3.0]
    assert len(caplog.records) == 1
    assert "No space left on device" in caplog.text
