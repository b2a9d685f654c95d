"""Three runs as a cluster might have them, for the pictures of terminals: made up, not measured.

Ages are more than an hour, so that none shows seconds, and have half a minute to spare: a picture
does not depend on how long it took to draw.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from trainingrun.sdk import Event
from trainingrun_api.run import DEFINITION, TrainingRun, parse


def ago(*, hours: int = 0, minutes: int = 0) -> datetime:
    """Return the moment that is so old."""
    return datetime.now(UTC) - timedelta(hours=hours, minutes=minutes, seconds=30)


def sample_runs() -> tuple[TrainingRun, ...]:
    """Return a run that is about to end, one in the middle, and one with a mistake in it."""
    return (_mirror_test(), standard_ppo(), _typo())


def standard_ppo() -> TrainingRun:
    """Return the run in the middle, of which more is shown."""
    autoscaling = {"minReplicas": 4, "maxReplicas": 160}
    spec = _spec(20_000, "red_aggro", "white_weenie") | {"daemon": {"autoscaling": autoscaling}}
    return _run("standard-ppo", spec, _standard_ppo_status(), age=ago(hours=5, minutes=12))


def events() -> tuple[Event, ...]:
    """Return what happened to that run, oldest first."""
    return (
        Event(ago(hours=5, minutes=11), "Started", "20000 games are to be played"),
        Event(
            ago(hours=5, minutes=2),
            "ScalingLimited",
            "AtMin: 3 daemons would match the learner; windows or bounds hold 4",
        ),
        Event(
            ago(hours=1, minutes=20),
            "ScaledUp",
            "daemons from 4 to 6: the learner can train more than 4 daemons produce (learner"
            " capacity 3061.0/s, production 518.6/s per daemon, queued 1321 of 16384, actors paused"
            " 0%, learner busy 68%)",
        ),
        Event(
            ago(hours=1, minutes=3),
            "Interrupted",
            "daemon standard-ppo-daemon-76586c9688-m728j had to leave its node"
            " (EvictionByEvictionAPI): another takes its place",
        ),
    )


def _standard_ppo_status() -> dict[str, Any]:
    evaluation = {
        "opponent": "random",
        "version": 1180,
        "games": 400,
        "wins": 368,
        "draws": 0,
        "winRate": 0.92,
        "low": 0.89,
        "high": 0.94,
        "elo": 312.0,
        "eloError": 18.0,
        "eloAnchor": "random",
        "trainingGames": 10_000,
        "at": ago(hours=1, minutes=47),
    }
    decision = {
        "at": ago(hours=1, minutes=20),
        "from": 4,
        "to": 6,
        "reason": "the learner can train more than 4 daemons produce",
        "inputs": {
            "highWater": 16_384,
            "learnerBusy": 0.68,
            "learnerCapacity": 3061.03,
            "paused": 0,
            "producedPerDaemon": 518.564,
            "queued": 1321,
            "wanted": 6,
        },
    }
    return {
        "summary": "Training",
        "games": {"played": 12_431, "target": 20_000, "perSecond": 2.4},
        "transitions": {"queued": 1321, "perSecond": 3050.0},
        "model": {"version": 1242},
        "evaluation": [evaluation],
        "winRate": "92% (89-94)",
        "checkpoint": {
            "uri": "s3://trainingrun-checkpoints/standard-ppo/1236",
            "step": 1236,
            "games": 12_380,
            "savedAt": ago(hours=1, minutes=4),
        },
        "roles": [
            _role("daemon", 6) | {"busy": 48, "interruptions": 1},
            _role("learner", 1),
            _role("actor", 3) | {"busy": 48},
            _role("evaluator", 1) | {"busy": 0},
        ],
        "autoscaling": {"lastDecision": decision},
        "conditions": [
            {
                "type": "ScalingLimited",
                "status": "False",
                "reason": "WithinLimits",
                "message": "6 daemons match the learner",
                "lastTransitionTime": ago(hours=1, minutes=20),
            }
        ],
        "bottleneck": "Engine",
        "cost": {
            "hourly": 0.84,
            "spent": 4.21,
            "projectedTotal": 4.95,
            "currency": "USD",
            "at": ago(),
        },
        "startedAt": ago(hours=5, minutes=11),
    }


def _mirror_test() -> TrainingRun:
    status = {
        "summary": "Completing: the learner trains what is queued and saves",
        "games": {"played": 406, "target": 400},
        "transitions": {"queued": 0},
        "roles": [_role("daemon", 2)],
        "bottleneck": "None",
    }
    return _run("mirror-test", _spec(400, "red_aggro"), status, age=ago(hours=1, minutes=11))


def _typo() -> TrainingRun:
    status = {
        "summary": "Invalid: spec.decks: no deck is called red_agro: choose among red_aggro,"
        " white_weenie",
        "games": {"played": 0, "target": 10_000},
        "roles": [_role("daemon", 0)],
    }
    return _run("typo", _spec(10_000, "red_agro"), status, age=ago(hours=2, minutes=10))


def _run(name: str, spec: dict[str, Any], status: dict[str, Any], *, age: datetime) -> TrainingRun:
    metadata = {"name": name, "namespace": "team", "uid": name, "creationTimestamp": age}
    document = {"metadata": metadata, "spec": spec, "status": status}
    return parse({"apiVersion": DEFINITION.api_version, "kind": DEFINITION.kind, **document})


def _spec(games: int, *decks: str) -> dict[str, Any]:
    return {"games": games, "decks": [{"name": deck} for deck in decks]}


def _role(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "desired": number, "ready": number, "restarts": 0}
