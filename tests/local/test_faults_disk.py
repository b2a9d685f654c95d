"""A local disk that is full: curves, the append-only file of Redis, and a run's own folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trainingrun_trainer.telemetry import EventFiles, LossCurve

from testkit.local.local_run import closes, local_run, write_run
from testkit.servers.small_disk import fill_up, small_file_system

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


def test_a_full_disk_costs_whole_lines_of_the_losses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Expect each update that is not written to be named in the log, and no torn line."""
    with small_file_system(tmp_path / "small", megabytes=1) as disk:
        curve = LossCurve(disk / "losses.jsonl")
        curve.write({"value": 1.0}, step=1, transitions=64)
        filler = fill_up(disk)
        for step in range(2, 200):
            curve.write({"value": 2.0}, step=step, transitions=64)
        filler.unlink()
        curve.write({"value": 3.0}, step=200, transitions=64)
        lines = (disk / "losses.jsonl").read_text().splitlines()
    written = [json.loads(line)["step"] for line in lines]
    left_out = [step for step in range(1, 201) if step not in written]
    assert left_out
    assert len(caplog.records) == len(left_out)


def test_a_full_disk_does_not_end_a_run(tmp_path: Path) -> None:
    """Expect one sentence that names the folder, no traceback, games again when there is room, and
    a ledger that closes with nothing lost: Redis and the curves were on the disk, too."""
    file = write_run(tmp_path / "run.yaml", games=1_000_000, checkpoint={"intervalGames": 20})
    with (
        small_file_system(tmp_path / "small", megabytes=200) as disk,
        local_run(disk, file) as run,
    ):
        run.wait_until(lambda: run.version() >= 1, "an update", seconds=120)
        filler = fill_up(disk)
        run.wait_until(
            lambda: f"{run.state}: No space left on device" in run.said(), "it says so", seconds=60
        )
        redis_log = run.state / "logs" / "redis-0.log"
        run.wait_until(
            lambda: "Short write" in redis_log.read_text(), "Redis has no room either", seconds=60
        )
        filler.unlink()
        run.wait_for_games(run.played() + 20)
        run.interrupt()
        assert run.finish() == 130, run.said()
        ledger = run.summary()["ledger"]
        assert closes(ledger), ledger
        assert (ledger["queued"], ledger["lost"]) == (0, 0)
        assert "Traceback" not in run.said()
