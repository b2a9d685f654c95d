"""All that a page is made of, at one moment; and where it comes from.

A run of this machine has left curves in its folder. A cluster has a run's current status only:
what is seen while a page follows a run is then the only history there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from trainingrun_api.run import TrainingRun
from trainingrun_api.status import CheckpointStatus, EvaluationStatus
from trainingrun_contracts.reports import CheckpointReport, DeckResult, Evaluation

from trainingrun.local.folder import RunFolder
from trainingrun.local.samples import SAMPLES_KEPT, EvaluationEntry, Sample, Saved, read_entries
from trainingrun.sdk import Event, LocalPlace, Member, TrainingRuns

_EVENTS_KEPT: Final = 2000


@dataclass(frozen=True)
class Strength:
    """One evaluation against one opponent. Parts are of 1; ``at`` is in Unix seconds."""

    opponent: str
    version: int
    games: int
    rate: float
    low: float
    high: float
    elo: float | None = None
    elo_error: float | None = None
    anchor: str = ""
    training_games: int | None = None
    at: float | None = None
    results: tuple[DeckResult, ...] = ()


@dataclass(frozen=True)
class Material:
    """What is known of a run. ``followed_since`` is when a page began to follow it, where that is
    the beginning of the curves."""

    run: TrainingRun
    place: str
    now: datetime
    is_local: bool
    is_attended: bool
    """Whether a process reconciles the run; on a cluster the operator is taken to."""
    samples: tuple[Sample, ...] = ()
    strengths: tuple[Strength, ...] = ()
    checkpoints: tuple[CheckpointReport, ...] = ()
    events: tuple[Event, ...] = ()
    members: tuple[Member, ...] = ()
    followed_since: datetime | None = None


@dataclass
class Seen:
    """What was seen of a cluster's run while it was followed; nothing is made up before or between.

    It is lost with the process. It is bounded: of many samples every second one is dropped.
    """

    samples: list[Sample] = field(default_factory=list)
    strengths: dict[tuple[str, int, int | None], Strength] = field(default_factory=dict)
    checkpoints: dict[str, CheckpointReport] = field(default_factory=dict)
    events: dict[tuple[datetime, str, str], Event] = field(default_factory=dict)

    def note(self, run: TrainingRun, events: Iterable[Event], *, now: datetime) -> None:
        """Add one reading."""
        moment = now.timestamp()
        began = self.samples[0].at if self.samples else moment
        sample = _sample(run, at=moment, elapsed=moment - began)
        if sample is not None:
            self.samples.append(sample)
        if len(self.samples) > SAMPLES_KEPT:
            del self.samples[1:-1:2]
        for each in map(_strength, run.status.evaluation):
            self.strengths[each.opponent, each.version, each.training_games] = each
        if run.status.checkpoint is not None:
            saved = _checkpoint(run.status.checkpoint)
            self.checkpoints[saved.uri] = saved
        for event in events:
            self.events[event.at, event.reason, event.message] = event
        while len(self.events) > _EVENTS_KEPT:
            del self.events[next(iter(self.events))]


def gather(runs: TrainingRuns, name: str, seen: Seen, *, follows: bool = False) -> Material:
    """Return what is known of a run now; ``seen`` collects what a cluster reports.

    Raises:
        ClientError: it cannot be asked.
    """
    run, events, members = runs.get(name), tuple(runs.events(name)), runs.members(name)
    now = datetime.now(UTC)
    if isinstance(runs.place, LocalPlace):
        folder = RunFolder((runs.place.state / name).absolute())
        return _of_folder(
            folder,
            Material(
                run,
                runs.title,
                now,
                is_local=True,
                is_attended=folder.holder() is not None,
                events=events,
                members=members,
            ),
        )
    seen.note(run, events, now=now)
    began = datetime.fromtimestamp(seen.samples[0].at, UTC) if follows and seen.samples else None
    return Material(
        run,
        runs.title,
        now,
        is_local=False,
        is_attended=True,
        samples=tuple(seen.samples) if follows else (),
        strengths=tuple(seen.strengths.values()),
        checkpoints=tuple(seen.checkpoints.values()),
        events=tuple(sorted(seen.events.values(), key=lambda event: event.at)),
        members=members,
        followed_since=began,
    )


def _of_folder(folder: RunFolder, reported: Material) -> Material:
    entries = read_entries(folder.samples)
    status = reported.run.status
    kept = [measured(each.evaluation) for each in entries if isinstance(each, EvaluationEntry)]
    saved = [each.checkpoint for each in entries if isinstance(each, Saved)]
    newest = [status.checkpoint] if status.checkpoint is not None else []
    return Material(
        reported.run,
        reported.place,
        reported.now,
        is_local=True,
        is_attended=reported.is_attended,
        samples=tuple(each for each in entries if isinstance(each, Sample)),
        strengths=_with_newest(kept, [_strength(each) for each in status.evaluation]),
        checkpoints=tuple(saved) or tuple(_checkpoint(each) for each in newest),
        events=reported.events,
        members=reported.members,
    )


def measured(evaluation: Evaluation) -> Strength:
    """Return an evaluation as it was read from Redis."""
    return Strength(
        evaluation.opponent,
        evaluation.version,
        evaluation.games,
        evaluation.rate,
        evaluation.low,
        evaluation.high,
        evaluation.elo,
        evaluation.elo_error,
        evaluation.anchor,
        evaluation.training_games,
        evaluation.at,
        evaluation.results,
    )


def _with_newest(kept: Sequence[Strength], reported: Sequence[Strength]) -> tuple[Strength, ...]:
    """Return the kept ones, and those of the status that were not kept."""
    there = {(each.opponent, each.version, each.training_games) for each in kept}
    more = [e for e in reported if (e.opponent, e.version, e.training_games) not in there]
    return tuple([*kept, *more])


def _strength(reported: EvaluationStatus) -> Strength:
    return Strength(
        reported.opponent,
        reported.version,
        reported.games,
        reported.win_rate,
        reported.low,
        reported.high,
        reported.elo,
        reported.elo_error,
        reported.elo_anchor or "",
        reported.training_games,
        reported.at.timestamp() if reported.at is not None else None,
    )


def _checkpoint(reported: CheckpointStatus) -> CheckpointReport:
    return CheckpointReport(
        reported.uri,
        reported.step,
        reported.games,
        reported.saved_at.timestamp(),
        reported.sha256 or "",
    )


def _sample(run: TrainingRun, *, at: float, elapsed: float) -> Sample | None:
    """Return the status as a sample; None where the counts are not known."""
    status = run.status
    games, counted, model = status.games, status.transitions, status.model
    if games is None or counted is None:
        return None
    numbers = (games.played, counted.produced, counted.trained, counted.queued)
    if any(each is None for each in numbers):
        return None
    played, produced, trained, queued = (each or 0 for each in numbers)
    daemon = status.role("daemon")
    return Sample(
        at=at,
        elapsed=elapsed,
        playing=True,
        games=played,
        produced=produced,
        trained=trained,
        queued=queued,
        updates=(model.version or 0) if model is not None else 0,
        bottleneck=status.bottleneck,
        daemons=daemon.ready if daemon is not None else None,
        spent=status.cost.spent if status.cost is not None else None,
    )
