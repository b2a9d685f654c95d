"""Samples, the summary that is made of them, and the figures."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from trainingrun_contracts.api.run import parse
from trainingrun_contracts.reports import Evaluation
from trainingrun_operator.cli.local.report import told, write_report
from trainingrun_operator.cli.local.samples import Measured, Sample, SampleFile, read_entries
from trainingrun_operator.cli.local.summary import playing_seconds

RUN = parse(
    {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "small", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"games": 10, "decks": [{"name": "bears"}]},
        "status": {
            "games": {"played": 40},
            "model": {"version": 7},
            "transitions": {
                "produced": 10,
                "trained": 6,
                "queued": 1,
                "dropped": {"stale": 2, "duplicate": 0, "poison": 0, "spool": 0},
                "lost": 1,
            },
        },
    }
)
BEGUN = 1767225600.0


def result(at: float, games: int) -> Evaluation:
    """An evaluation."""
    return Evaluation(
        at=at, version=1, training_games=games, opponent="random", games=20, wins=15, draws=0,
        rate=0.75, low=0.53, high=0.89,
    )  # fmt: skip


def sample(elapsed: float, *, playing: bool = True, games: int = 0) -> Sample:
    """A sample."""
    return Sample(
        at=BEGUN + elapsed, elapsed=elapsed, playing=playing, games=games, updates=int(elapsed),
        losses={"policy": 0.1, "value": 0.2, "entropy": 0.9}, first_update_at=BEGUN + 12.5,
    )  # fmt: skip


def test_elapsed_goes_on(tmp_path: Path) -> None:
    """Expect the next session to count from where the last one was, with no result twice."""
    file = SampleFile(tmp_path / "s")
    file.add(sample(5), [result(1, 10)])
    file.add(sample(10), [result(1, 10), result(2, 20)])
    again = SampleFile(tmp_path / "s")
    assert again.elapsed_before == 10
    again.add(sample(15), [result(2, 20)])
    found = [each for each in read_entries(tmp_path / "s") if isinstance(each, Measured)]
    assert [each.evaluation.at for each in found] == [1, 2]


def test_bounded(tmp_path: Path) -> None:
    """Expect coarser curves and not a longer file; first and last stay, so do evaluations."""
    file = SampleFile(tmp_path / "s", limit=100)
    file.add(sample(0), [result(1, 10)])
    for second in range(1, 1000):
        file.add(sample(second))
    entries = read_entries(tmp_path / "s")
    samples = [each for each in entries if isinstance(each, Sample)]
    assert len(entries) <= 101
    assert (samples[0].elapsed, samples[-1].elapsed) == (0, 999)
    assert len(entries) == len(samples) + 1


def test_torn_line(tmp_path: Path) -> None:
    """Expect a line that a kill cut short to be left out."""
    file = SampleFile(tmp_path / "s")
    file.add(sample(1))
    with (tmp_path / "s").open("ab") as cut:
        cut.write(b'{"type":"sam')
    assert len(read_entries(tmp_path / "s")) == 1


def test_playing_seconds() -> None:
    """Expect only the time in which games were played, the start included."""
    samples = [sample(10), sample(20), sample(30, playing=False), sample(35)]
    assert playing_seconds(samples) == 25
    assert playing_seconds([]) == 0


def test_report(tmp_path: Path) -> None:
    """Expect exactly the promised fields, the figures, and lines for people."""
    file = SampleFile(tmp_path / "s")
    for index in range(20):
        file.add(sample(5.0 * (index + 1), games=index * 2), [result(index + 1, index)])
    summary = write_report(RUN, tmp_path / "s", tmp_path)
    document = msgspec.json.decode((tmp_path / "summary.json").read_bytes())
    assert set(document) == {
        "games", "games_per_second", "first_update_seconds", "updates", "evaluation", "ledger",
        "seconds", "evaluations", "elo", "champion",
    }  # fmt: skip
    assert document["games_per_second"] == pytest.approx(0.4)
    assert document["first_update_seconds"] == 12.5
    assert set(document["ledger"]) == {"produced", "trained", "queued", "dropped", "lost"}
    assert len(document["evaluations"]) == 20
    for name in ("win-rate.png", "losses.png", "throughput.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    lines = told(summary, tmp_path)
    assert "ledger    10 produced = 6 trained + 1 queued + 2 stale dropped + 1 lost" in lines


def test_report_of_nothing(tmp_path: Path) -> None:
    """Expect a report even when the run was stopped before anything happened."""
    write_report(RUN, tmp_path / "s", tmp_path)
    assert (tmp_path / "win-rate.png").exists()
