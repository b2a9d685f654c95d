"""Runs that pages are made of: built, never measured."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainingrun.commands.report.material import Material, measured
from trainingrun.local.samples import Sample, SampleFile
from trainingrun.sdk import Event
from trainingrun_api.run import TrainingRun, parse
from trainingrun_contracts.reports import CheckpointReport, DeckResult, Evaluation

AT = "2026-01-01T00:00:00Z"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def make_run(
    name: str = "small", *, spec: dict[str, Any] | None = None, **status: Any
) -> TrainingRun:
    """A run with a status."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": name, "uid": "1"},
            "spec": {"games": 1000, "decks": [{"name": "bears"}], **(spec or {})},
            "status": status,
        }
    )


STATUS: dict[str, Any] = {
    "summary": "Training",
    "games": {"played": 400, "target": 1000, "perSecond": 2.0},
    "transitions": {
        "produced": 1000,
        "trained": 900,
        "queued": 60,
        "lost": 10,
        "dropped": {"stale": 30, "duplicate": 0, "poison": 0, "spool": 0},
    },
    "evaluation": [
        {
            "opponent": "engine",
            "version": 3,
            "games": 60,
            "wins": 40,
            "draws": 0,
            "winRate": 0.667,
            "low": 0.54,
            "high": 0.77,
            "trainingGames": 300,
            "at": AT,
        }
    ],
    "checkpoint": {"uri": "file:///saved/3", "step": 3, "games": 300, "savedAt": AT},
    "autoscaling": {
        "lastDecision": {
            "at": AT,
            "from": 1,
            "to": 2,
            "reason": "the learner waits",
            "inputs": {"queued": 12.0},
        },
    },
    "model": {"version": 3},
}


def make_samples(count: int = 100) -> list[Sample]:
    """A steady run, five seconds between two samples, an update with each."""
    return [
        Sample(
            at=BEGAN + 5 * n,
            elapsed=5.0 * n,
            playing=True,
            games=10 * n,
            produced=100 * n,
            trained=90 * n,
            queued=n % 50,
            updates=n,
            policy_lag=1.0,
            policy_lag_p95=2.0,
            losses={"policy": 0.1 / (n + 1), "value": 0.5},
            daemons=1 + n // 50,
            spent=0.01 * n,
            actor_waits={"engine": 0.6},
            learner_waits={"data": 0.3},
            bottleneck="Engine",
        )
        for n in range(count)
    ]


def make_evaluation(version: int = 3, opponent: str = "engine") -> Evaluation:
    """Forty of sixty games won."""
    return Evaluation(
        at=BEGAN + version,
        version=version,
        training_games=100 * version,
        opponent=opponent,
        games=60,
        wins=40,
        draws=0,
        rate=0.667,
        low=0.54,
        high=0.77,
        elo=120.0,
        elo_error=20.0,
        anchor="random",
        results=(DeckResult(opponent, "bears", "elves", 60, 40, 0),),
    )


def make_material(run: TrainingRun | None = None, **changes: Any) -> Material:
    """A local run with curves."""
    evaluations = [make_evaluation(version) for version in (1, 2, 3)]
    saved = CheckpointReport("file:///saved/3", 3, 300, BEGAN, "ab", size=12_345, seconds=0.5)
    events = (Event(datetime.fromtimestamp(BEGAN + 100, UTC), "ScaledUp", "daemons from 1 to 2"),)
    known: dict[str, Any] = {
        "run": run or make_run(**STATUS),
        "place": "this machine, .trainingrun",
        "now": datetime.fromtimestamp(BEGAN + 500, UTC),
        "is_local": True,
        "is_attended": True,
        "samples": tuple(make_samples()),
        "checkpoints": (saved,),
        "events": events,
        "strengths": tuple(measured(each) for each in evaluations),
    }
    return Material(**{**known, **changes})


def write_folder(run: TrainingRun, state: Path) -> None:
    """Write what a local run leaves in its folder."""
    folder = state / run.metadata.name
    folder.mkdir(parents=True)
    document = run.model_dump(mode="json", by_alias=True, exclude_none=True)
    (folder / "status.json").write_text(json.dumps(document))
    file = SampleFile(folder / "samples.jsonl")
    for sample in make_samples():
        file.add(sample)
    file.add(make_samples()[-1], [make_evaluation()])
    event = {"at": AT, "reason": "Started", "message": "1000 games are to be played"}
    (folder / "events.jsonl").write_text(json.dumps(event) + "\n")
