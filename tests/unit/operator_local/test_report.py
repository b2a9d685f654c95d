"""Samples, the summary that is made of them, and the figures."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec import structs
from trainingrun.commands.local.report import summary_lines, write_summary
from trainingrun.local.samples import (
    DecisionCount,
    EvaluationEntry,
    Sample,
    SampleFile,
    read_entries,
)
from trainingrun.local.summary import RunEnd, Summary, playing_seconds, summarise
from trainingrun_api.run import parse
from trainingrun_contracts.reports import ActorReport, ActorState, CheckpointReport, Evaluation

from tools.summary_page import FILE, page

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
        at=at,
        version=1,
        training_games=games,
        opponent="random",
        games=20,
        wins=15,
        draws=0,
        rate=0.75,
        low=0.53,
        high=0.89,
    )


def sample(elapsed: float, *, playing: bool = True, games: int = 0) -> Sample:
    """A sample."""
    return Sample(
        at=BEGUN + elapsed,
        elapsed=elapsed,
        playing=playing,
        games=games,
        updates=int(elapsed),
        losses={"policy": 0.1, "value": 0.2, "entropy": 0.9},
        first_update_at=BEGUN + 12.5,
    )


def test_elapsed_goes_on(tmp_path: Path) -> None:
    """Expect the next session to count from where the last one was, with no result twice."""
    file = SampleFile(tmp_path / "s")
    file.add(sample(5), [result(1, 10)])
    file.add(sample(10), [result(1, 10), result(2, 20)])
    again = SampleFile(tmp_path / "s")
    assert again.elapsed_before == 10
    again.add(sample(15), [result(2, 20)])
    found = [each for each in read_entries(tmp_path / "s") if isinstance(each, EvaluationEntry)]
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
    summary = write_summary(RUN, tmp_path / "s", tmp_path)
    document = msgspec.json.decode((tmp_path / "summary.json").read_bytes())
    assert set(document) == {
        "name",
        "run_id",
        "seed",
        "spec",
        "end",
        "started_at",
        "finished_at",
        "seconds",
        "playing_seconds",
        "first_update_seconds",
        "games",
        "games_per_second",
        "decisions",
        "updates",
        "throughput",
        "waits",
        "bottleneck",
        "figures",
        "ledger",
        "evaluation",
        "elo",
        "champion",
        "checkpoints",
        "evaluations",
        "versions",
        "machine",
        "curriculum",
    }
    assert document["games_per_second"] == pytest.approx(0.4)
    assert document["first_update_seconds"] == 12.5
    assert set(document["ledger"]) == {"produced", "trained", "queued", "dropped", "lost"}
    assert len(document["evaluations"]) == 20
    lines = summary_lines(summary, tmp_path)
    assert "ledger    10 produced = 6 trained + 1 queued + 2 stale dropped + 1 lost" in lines


def test_summary_has_means_of_the_time_in_which_games_were_played() -> None:
    """Expect waits, lag and the bottleneck from samples in which games ran, and no others."""
    busy = structs.replace(
        sample(10),
        decisions=300,
        actor_waits={"engine": 0.6},
        learner_waits={"data": 0.2},
        bottleneck="Engine",
        policy_lag=2.0,
        policy_lag_p95=4.0,
        game_seconds_p95=3.0,
    )
    later = structs.replace(busy, elapsed=20.0, actor_waits={"engine": 0.2}, bottleneck="None")
    last = structs.replace(busy, elapsed=30.0, decisions=500)
    idle = structs.replace(sample(40, playing=False), decisions=500, bottleneck="Learner")
    found = summarise(RUN, [busy, later, last, idle], end=RunEnd("time over"))
    assert found.waits.actor == {"engine": pytest.approx((0.6 + 0.2 + 0.6) / 3, abs=1e-3)}
    assert found.waits.learner == {"data": 0.2}
    assert found.bottleneck.part == "Engine"
    assert found.bottleneck.shares == {"Engine": 0.667, "None": 0.333}
    assert (found.figures.policy_lag, found.figures.policy_lag_p95) == (2.0, 4.0)
    assert found.figures.sync_seconds is None
    assert found.decisions == 500
    assert found.throughput.decisions_per_second == pytest.approx(500 / 30, abs=1e-3)
    assert found.end == RunEnd("time over")
    assert found.spec["games"] == 10
    assert found.versions["python"]


def test_people_are_told_what_held_the_run_up(tmp_path: Path) -> None:
    """Expect the part that was named most, its share, and the speed in decisions."""
    file = SampleFile(tmp_path / "s")
    for index, part in enumerate(["Engine", "Engine", "Engine", "None"]):
        entry = structs.replace(sample(10.0 * (index + 1)), decisions=1000, bottleneck=part)
        file.add(entry)
    lines = summary_lines(write_summary(RUN, tmp_path / "s", tmp_path), tmp_path)
    assert "decisions 1000 (25/s)" in lines
    assert "held up   by the engine for 75% of the time" in lines


def test_summary_lists_each_checkpoint_once(tmp_path: Path) -> None:
    """Expect every checkpoint that the learner reported, once, in the next session too."""
    first = CheckpointReport("file:///c/1", 1, 10, 1.0, "aa", size=9, seconds=0.1)
    second = structs.replace(first, uri="file:///c/2", step=2, sha256="bb")
    file = SampleFile(tmp_path / "s")
    file.add(sample(5), checkpoint=first)
    file.add(sample(10), checkpoint=first)
    again = SampleFile(tmp_path / "s")
    again.add(sample(15), checkpoint=first)
    again.add(sample(20), checkpoint=second)
    assert summarise(RUN, read_entries(tmp_path / "s")).checkpoints == (first, second)


def test_decisions_survive_restarts_of_actors() -> None:
    """Expect the sum over all processes: an actor that begins at 0 again only adds."""

    def summary_lines(member: str, decisions: int) -> ActorReport:
        return ActorReport(
            member=member,
            at=1.0,
            state=ActorState.PLAYING,
            running=1,
            games=0,
            decisions=decisions,
            transitions=0,
            paused_seconds=0.0,
            spooled=0,
            weights_version=0,
            weights_publish=0,
        )

    count = DecisionCount(before=1000)
    count.note([summary_lines("actor-0", 10), summary_lines("actor-1", 5)])
    count.note([summary_lines("actor-0", 30), summary_lines("actor-1", 5)])
    count.note([summary_lines("actor-0", 4)])  # killed, and started again
    assert count.total == 1000 + 30 + 5 + 4


def test_the_page_of_the_summary_is_the_generated_one() -> None:
    """Expect a row with a meaning for every field, as `make generate` writes it."""
    text = page()
    assert (Path(__file__).parents[3] / FILE).read_text() == text
    for name in Summary.__struct_fields__:
        assert f"| `{name}` |" in text
    assert "|  |" not in text


def test_report_of_nothing(tmp_path: Path) -> None:
    """Expect a summary even when the run was stopped before anything happened."""
    summary = write_summary(RUN, tmp_path / "s", tmp_path)
    assert (summary.first_update_seconds, summary.evaluations) == (None, ())
    assert (tmp_path / "summary.json").exists()


def test_the_first_update_of_an_earlier_run_is_not_this_runs(tmp_path: Path) -> None:
    """Expect no figure, and no negative one, where a checkpoint of before was resumed."""
    file = SampleFile(tmp_path / "s")
    file.add(msgspec.structs.replace(sample(5.0), first_update_at=BEGUN - 5880.0), [])
    write_summary(RUN, tmp_path / "s", tmp_path)
    document = msgspec.json.decode((tmp_path / "summary.json").read_bytes())
    assert document["first_update_seconds"] is None
