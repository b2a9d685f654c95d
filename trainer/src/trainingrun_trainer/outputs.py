"""Where a learner's results go: weights, checkpoints, reports, curves."""

from __future__ import annotations

from dataclasses import dataclass

from trainingrun_trainer.league_schedule import LeagueOutput
from trainingrun_trainer.publish import Publisher
from trainingrun_trainer.reporter import Reporter
from trainingrun_trainer.saving import CheckpointWriters
from trainingrun_trainer.status import Status
from trainingrun_trainer.telemetry import EventFiles, LossCurve


@dataclass(frozen=True)
class Outputs:
    """The parts; ``curve`` is only kept in step, ``league`` only where the run joins one."""

    publisher: Publisher
    writer: CheckpointWriters
    reporter: Reporter
    status: Status
    events: EventFiles
    curve: LossCurve | None = None
    league: LeagueOutput | None = None
