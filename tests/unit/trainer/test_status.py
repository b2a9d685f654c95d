"""What the status knows of the time, and what people see of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trainingrun_contracts.metrics import Server, served_by
from trainingrun_contracts.reports import CheckpointReport, Evaluation
from trainingrun_trainer.checkpoint.manifest import Progress
from trainingrun_trainer.status import Status
from trainingrun_trainer.telemetry import EventFiles, StatusCollector


def test_unknown_rates_are_none() -> None:
    """Expect no rate and no busy fraction before the first update, rather than 0."""
    status = Status()
    with status.phase("data"):
        first, second = status.rates(), status.rates()
    assert first.busy is None
    assert second.transitions_per_second is None
    assert second.waits["data"] == pytest.approx(1.0, abs=0.1)


def test_metrics_leave_out_what_is_not_known() -> None:
    """Expect the families of the learner, and no sample of what there has not been yet."""
    families = list(StatusCollector(Status()).collect())
    wanted = {metric.name.removesuffix("_total") for metric in served_by(Server.LEARNER)}
    assert {family.name for family in families} == wanted
    known = {family.name for family in families if family.samples}
    assert "trainingrun_updates" in known
    assert "trainingrun_policy_lag_p95_publishes" not in known
    assert "trainingrun_checkpoint_timestamp_seconds" not in known


def test_lags_are_spread_and_have_a_percentile() -> None:
    """Expect every transition in the histogram, and the 95th percentile of the latest update."""
    status = Status()
    status.note_lags(np.array([0] * 90 + [3] * 10))
    status.note_lags(np.array([1] * 99 + [40]))
    assert status.lags.cumulated[-1] == 200
    assert status.lags.sum == 10 * 3 + 99 + 40
    assert status.facts.policy_lag_p95 == 1.0


def test_checkpoints_are_counted_by_result() -> None:
    """Expect saved ones and failures counted, and the newest that was saved to stay."""
    status = Status()
    saved = CheckpointReport("file:///c", 3, 10, 1.0, "ab", size=1000, seconds=0.5)
    status.note_checkpoint(saved)
    status.note_checkpoint(None)
    facts = status.facts
    assert (facts.checkpoints_saved, facts.checkpoints_failed) == (1, 1)
    assert facts.checkpoint == saved


def test_curves_have_what_people_watch(tmp_path: Path) -> None:
    """Expect TensorBoard tags of losses, throughput, lag, queue, waits and evaluations in the
    files, evaluations once and at their version."""
    status = Status()
    status.set(losses={"policy": 0.5}, updates=1, policy_lag=1.5, queued=70, games=4)
    status.note_lags(np.array([1, 2]))
    with status.phase("data"):
        status.rates()
    progress = Progress(step=3, games=4, transitions=128)
    result = Evaluation(
        at=10.0,
        version=2,
        training_games=3,
        opponent="random",
        games=10,
        wins=6,
        draws=1,
        rate=0.65,
        low=0.3,
        high=0.9,
        elo=100.0,
    )
    events = EventFiles(tmp_path)
    events.write_update(status, progress)
    events.write_evaluations([result])
    events.write_evaluations([result])
    events.close()
    read = EventAccumulator(str(tmp_path)).Reload()
    tags = set(read.Tags()["scalars"])
    assert tags >= {
        "loss/policy",
        "queue/policy_lag",
        "queue/policy_lag_p95",
        "queue/transitions",
        "throughput/transitions_per_second",
        "throughput/games_per_second",
        "wait/data",
        "progress/games",
        "evaluation_win_rate/random",
        "evaluation_elo/random",
    }
    (found,) = read.Scalars("evaluation_win_rate/random")
    assert (found.step, found.wall_time, found.value) == (2, 10.0, pytest.approx(0.65))
