"""What is said of a run at its end: the fields of ``summary.json``, from status and samples.

The descriptions stand at the fields, and docs/reference/summary.md is made of them. A value that is
not known is null, never 0.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from statistics import fmean
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct, field
from trainingrun_api.run import TrainingRun
from trainingrun_contracts.reports import CheckpointReport, Evaluation

from trainingrun.local.samples import Entry, EvaluationEntry, Sample, Saved, mean_parts

_PACKAGES: Final = (
    "trainingrun",
    "torch",
    "numpy",
    "redis",
    "msgspec",
    "safetensors",
)


class Rating(Struct, frozen=True):
    """The newest evaluation against one opponent."""

    opponent: Annotated[str, Meta(description="The opponent.")]
    games: Annotated[int, Meta(description="Games played.")]
    rate: Annotated[float, Meta(description="Win rate; a draw is half a win.")]
    low: Annotated[float, Meta(description="Lower bound of its 95 % Wilson interval.")]
    high: Annotated[float, Meta(description="Upper bound of it.")]
    elo: Annotated[float | None, Meta(description="Elo above the anchor, fitted to all results.")]
    elo_error: Annotated[float | None, Meta(description="Standard error of elo.")]


class LedgerSummary(Struct, frozen=True):
    """Where every transition went: produced = trained + queued + dropped + lost."""

    produced: Annotated[int, Meta(description="Made by actors.")]
    trained: Annotated[int, Meta(description="Gone into an update.")]
    queued: Annotated[int, Meta(description="Still in the queue.")]
    dropped: Annotated[dict[str, int], Meta(description="Left out on purpose, by cause.")]
    lost: Annotated[int, Meta(description="Vanished with Redis or an actor.")]


class RunEnd(Struct, frozen=True):
    """Why the command ended."""

    reason: Annotated[
        str,
        Meta(description="`complete`, `time over`, `resting`, `stopped`, `killed` or `failed`."),
    ]
    message: Annotated[str, Meta(description="What went wrong, as a sentence; else empty.")] = ""


class Throughput(Struct, frozen=True):
    """Means over the time in which games were played."""

    games_per_second: Annotated[float | None, Meta(description="Training games that ended.")]
    decisions_per_second: Annotated[float | None, Meta(description="Decisions answered.")]
    transitions_per_second: Annotated[float | None, Meta(description="Transitions trained.")]


class Waits(Struct, frozen=True):
    """What the time went into while games were played, as parts of it."""

    actor: Annotated[
        dict[str, float],
        Meta(description="Of all games: `engine`, `inference`, `queue`, `slots`."),
    ]
    learner: Annotated[
        dict[str, float],
        Meta(description="`data` (waiting), `compute`, `publish`, `checkpoint`."),
    ]


class Bottleneck(Struct, frozen=True):
    """The part that the others waited for."""

    part: Annotated[
        str | None,
        Meta(description="`Engine`, `Actor`, `Learner` or `None`: the one named most often."),
    ]
    shares: Annotated[
        dict[str, float], Meta(description="How much of the time each of them was it.")
    ]


class Figures(Struct, frozen=True):
    """Other figures of the run; means over the time in which games were played."""

    policy_lag: Annotated[
        float | None, Meta(description="Publications between acting and training.")
    ]
    policy_lag_p95: Annotated[
        float | None, Meta(description="The 95th percentile of these in an update.")
    ]
    game_seconds_p95: Annotated[
        float | None, Meta(description="95th percentile of the durations of games, in seconds.")
    ]
    sync_seconds: Annotated[
        float | None, Meta(description="From the publication of weights to their use, in seconds.")
    ]


class Summary(Struct, frozen=True):
    """The document ``summary.json``. Counts are of the whole run, all sessions together."""

    name: Annotated[str, Meta(description="The run's name.")]
    run_id: Annotated[str, Meta(description="Identity of this run, in Redis and checkpoints.")]
    seed: Annotated[int, Meta(description="spec.seed.")]
    end: Annotated[RunEnd | None, Meta(description="Why the command ended.")]
    started_at: Annotated[str | None, Meta(description="When the run began, in UTC.")]
    finished_at: Annotated[str | None, Meta(description="When it completed or failed, in UTC.")]
    seconds: Annotated[float, Meta(description="Duration of all sessions.")]
    playing_seconds: Annotated[float, Meta(description="Of these, while games were played.")]
    first_update_seconds: Annotated[
        float | None, Meta(description="From the start of the first command to the first update.")
    ]
    games: Annotated[int, Meta(description="Training games that ended.")]
    games_per_second: Annotated[
        float | None, Meta(description="The same over the time in which games were played.")
    ]
    decisions: Annotated[int, Meta(description="Decisions that actors reported.")]
    updates: Annotated[int, Meta(description="Updates, which is the version of the weights.")]
    throughput: Annotated[Throughput, Meta(description="Means of the whole run.")]
    waits: Annotated[Waits, Meta(description="What the time went into.")]
    bottleneck: Annotated[Bottleneck, Meta(description="What held up the rest.")]
    figures: Annotated[Figures, Meta(description="Lag, durations, latency.")]
    ledger: Annotated[LedgerSummary | None, Meta(description="What became of every transition.")]
    evaluation: Annotated[
        tuple[Rating, ...], Meta(description="The newest result against each opponent.")
    ]
    elo: Annotated[str | None, Meta(description="The newest Elo with its error, for people.")]
    champion: Annotated[int | None, Meta(description="Version of the champion, with a gate.")]
    checkpoints: Annotated[
        tuple[CheckpointReport, ...],
        Meta(description="Those that were seen, oldest first; old ones may be removed since."),
    ]
    evaluations: Annotated[
        tuple[Evaluation, ...], Meta(description="All evaluations with their raw results.")
    ]
    versions: Annotated[
        dict[str, str], Meta(description="Of the interpreter, the product and its libraries.")
    ]
    machine: Annotated[str, Meta(description="Operating system and processor.")]
    curriculum: Annotated[
        dict[str, Any] | None, Meta(description="status.curriculum, where the run has phases.")
    ]
    spec: Annotated[dict[str, Any], Meta(description="The spec, defaults filled in.")] = field(
        default_factory=dict
    )


def summarise(run: TrainingRun, entries: Sequence[Entry], *, end: RunEnd | None = None) -> Summary:
    """Return the summary of a run as it stands."""
    samples = [entry for entry in entries if isinstance(entry, Sample)]
    played = [each for each in samples if each.playing]
    status, playing = run.status, playing_seconds(samples)
    games = (status.games.played or 0) if status.games is not None else 0
    decisions = samples[-1].decisions if samples else 0
    ledger = _ledger(run)
    throughput = Throughput(
        _per_second(games, playing),
        _per_second(decisions, playing),
        _per_second(ledger.trained, playing) if ledger is not None else None,
    )
    return Summary(
        name=run.metadata.name,
        run_id=run.metadata.uid,
        seed=run.spec.seed,
        end=end,
        started_at=_utc(status.started_at),
        finished_at=_utc(status.finished_at),
        seconds=round(samples[-1].elapsed, 1) if samples else 0.0,
        playing_seconds=round(playing, 1),
        first_update_seconds=_first_update(run, samples),
        games=games,
        games_per_second=throughput.games_per_second,
        decisions=decisions,
        updates=(status.model.version or 0) if status.model is not None else 0,
        throughput=throughput,
        waits=_waits(played),
        bottleneck=_bottleneck(played),
        figures=_figures(played),
        ledger=ledger,
        evaluation=_ratings(run),
        elo=status.elo,
        champion=status.model.champion if status.model is not None else None,
        checkpoints=tuple(each.checkpoint for each in entries if isinstance(each, Saved)),
        evaluations=tuple(each.evaluation for each in entries if isinstance(each, EvaluationEntry)),
        versions=_versions(),
        machine=f"{platform.system()} {platform.release()}, {platform.machine()}",
        curriculum=_curriculum(run),
        spec=run.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
    )


def playing_seconds(samples: Sequence[Sample]) -> float:
    """Return the seconds in which games were played."""
    if not samples:
        return 0.0
    first = samples[0].elapsed if samples[0].playing else 0.0
    return first + sum(
        later.elapsed - earlier.elapsed for earlier, later in pairwise(samples) if later.playing
    )


def encode(summary: Summary) -> bytes:
    """As it stands in the file."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"


def _per_second(count: int, seconds: float) -> float | None:
    return round(count / seconds, 3) if seconds > 0 else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return round(fmean(known), 3) if known else None


def _waits(played: Sequence[Sample]) -> Waits:
    found = (
        mean_parts([waits for waits in every if waits])
        for every in ([s.actor_waits for s in played], [s.learner_waits for s in played])
    )
    actor, learner = ({name: round(part, 4) for name, part in each.items()} for each in found)
    return Waits(actor, learner)


def _bottleneck(played: Sequence[Sample]) -> Bottleneck:
    named = Counter(each.bottleneck for each in played if each.bottleneck is not None)
    total = named.total()
    shares = {part: round(count / total, 3) for part, count in named.most_common()}
    return Bottleneck(next(iter(shares), None), shares)


def _figures(played: Sequence[Sample]) -> Figures:
    return Figures(
        policy_lag=_mean([each.policy_lag for each in played]),
        policy_lag_p95=_mean([each.policy_lag_p95 for each in played]),
        game_seconds_p95=_mean([each.game_seconds_p95 for each in played]),
        sync_seconds=_mean([each.sync_seconds for each in played]),
    )


def _ratings(run: TrainingRun) -> tuple[Rating, ...]:
    return tuple(
        Rating(
            each.opponent, each.games, each.win_rate, each.low, each.high, each.elo, each.elo_error
        )
        for each in run.status.evaluation
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a role's library that this machine lacks
            continue
    return found


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment is not None else None


def _curriculum(run: TrainingRun) -> dict[str, Any] | None:
    course = run.status.curriculum
    if course is None:
        return None
    return course.model_dump(mode="json", by_alias=True, exclude_none=True)


def _first_update(run: TrainingRun, samples: Sequence[Sample]) -> float | None:
    """Return seconds from the run's beginning; not known of a run that resumes the weights of an
    earlier one, whose first update was before that."""
    begun = run.metadata.creation_timestamp
    moments = [each.first_update_at for each in samples if each.first_update_at is not None]
    if begun is None or not moments or min(moments) < begun.timestamp():
        return None
    return round(min(moments) - begun.timestamp(), 1)


def _ledger(run: TrainingRun) -> LedgerSummary | None:
    counted = run.status.transitions
    if counted is None:
        return None
    return LedgerSummary(
        produced=counted.produced or 0,
        trained=counted.trained or 0,
        queued=counted.queued or 0,
        dropped=counted.dropped.model_dump() if counted.dropped is not None else {},
        lost=counted.lost or 0,
    )
