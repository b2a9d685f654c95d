"""What is said of a run at its end: the fields of ``summary.json``, from status and samples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
from msgspec import Struct
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.reports import Evaluation

from trainingrun_operator.cli.local.samples import Entry, Measured, Sample


class Rating(Struct, frozen=True):
    """The newest evaluation against one opponent, with the 95 % Wilson interval."""

    opponent: str
    games: int
    rate: float
    low: float
    high: float
    elo: float | None = None
    elo_error: float | None = None


class LedgerSummary(Struct, frozen=True):
    """Where every transition went: produced = trained + queued + dropped + lost."""

    produced: int
    trained: int
    queued: int
    dropped: dict[str, int]
    lost: int


class Summary(Struct, frozen=True):
    """The document ``summary.json``.

    ``games_per_second`` is over the time in which games were played, from the start of the command
    on; ``first_update_seconds`` is from the start of the first command; ``seconds`` counts all
    sessions; ``evaluations`` is the whole history.
    """

    games: int
    games_per_second: float | None
    first_update_seconds: float | None
    updates: int
    evaluation: tuple[Rating, ...]
    ledger: LedgerSummary | None
    seconds: float
    evaluations: tuple[Evaluation, ...] = ()
    elo: str | None = None
    champion: int | None = None


def summarise(run: TrainingRun, entries: Sequence[Entry]) -> Summary:
    """The summary of a run as it stands."""
    samples = [entry for entry in entries if isinstance(entry, Sample)]
    status = run.status
    games = (status.games.played or 0) if status.games is not None else 0
    playing = playing_seconds(samples)
    return Summary(
        games=games,
        games_per_second=round(games / playing, 3) if playing > 0 else None,
        first_update_seconds=_first_update(run, samples),
        updates=(status.model.version or 0) if status.model is not None else 0,
        evaluation=tuple(
            Rating(
                each.opponent,
                each.games,
                each.win_rate,
                each.low,
                each.high,
                each.elo,
                each.elo_error,
            )
            for each in status.evaluation
        ),
        ledger=_ledger(run),
        seconds=round(samples[-1].elapsed, 1) if samples else 0.0,
        evaluations=tuple(each.evaluation for each in entries if isinstance(each, Measured)),
        elo=status.elo,
        champion=status.model.champion if status.model is not None else None,
    )


def playing_seconds(samples: Sequence[Sample]) -> float:
    """The seconds in which games were played."""
    if not samples:
        return 0.0
    first = samples[0].elapsed if samples[0].playing else 0.0
    return first + sum(
        later.elapsed - earlier.elapsed for earlier, later in pairwise(samples) if later.playing
    )


def encode(summary: Summary) -> bytes:
    """As it stands in the file."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"


def _first_update(run: TrainingRun, samples: Sequence[Sample]) -> float | None:
    begun = run.metadata.creation_timestamp
    moments = [each.first_update_at for each in samples if each.first_update_at is not None]
    if begun is None or not moments:
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
