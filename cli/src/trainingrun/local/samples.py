"""The curves of a run: samples, evaluations and checkpoints as JSON lines, kept across stops and
kills.

The file is bounded: when it is full, every second sample is dropped, so a long run has coarser
curves and not a longer file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field
from trainingrun_contracts.reports import ActorReport, CheckpointReport, Evaluation
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.observed import Signals
from trainingrun_reconciler.desired.rates import learner_report

from trainingrun.local.files import write_atomically

SAMPLES_KEPT: Final = 20_000


class Sample(Struct, frozen=True, tag="sample", omit_defaults=True):
    """One moment. ``elapsed`` counts the seconds in which a runtime was there, all sessions
    together; ``playing`` says whether games were played since the sample before; ``daemons`` are
    those that served, ``spent`` is in the currency of spec.cost."""

    at: float
    elapsed: float
    playing: bool = False
    games: int = 0
    produced: int = 0
    trained: int = 0
    queued: int = 0
    updates: int = 0
    policy_lag: float | None = None
    learner_wait: float | None = None
    losses: dict[str, float] = field(default_factory=dict)
    first_update_at: float | None = None
    decisions: int = 0
    actor_waits: dict[str, float] = field(default_factory=dict)
    learner_waits: dict[str, float] = field(default_factory=dict)
    bottleneck: str | None = None
    policy_lag_p95: float | None = None
    game_seconds_p95: float | None = None
    sync_seconds: float | None = None
    daemons: int | None = None
    spent: float | None = None


class EvaluationEntry(Struct, frozen=True, tag="evaluation"):
    """An evaluation, as it was read from Redis."""

    evaluation: Evaluation


class Saved(Struct, frozen=True, tag="checkpoint"):
    """A checkpoint, as the learner reported it."""

    checkpoint: CheckpointReport


Entry = Sample | EvaluationEntry | Saved


class DecisionCount:
    """Decisions of all actors together, whose own counts begin anew with each process.

    What an actor did after its last report is not in it.
    """

    def __init__(self, before: int = 0) -> None:
        self.total = before
        self._seen: dict[str, int] = {}

    def note(self, reports: Iterable[ActorReport]) -> None:
        """Add the reports of one reconcile."""
        for report in reports:
            last = self._seen.get(report.member, 0)
            began_anew = report.decisions < last
            self.total += report.decisions - (0 if began_anew else last)
            self._seen[report.member] = report.decisions


class SampleFile:
    """Appends to the file of one run."""

    def __init__(self, path: Path, *, limit: int = SAMPLES_KEPT) -> None:
        self._path = path
        self._limit = limit
        entries = read_entries(path)
        self._count = len(entries)
        samples = [entry for entry in entries if isinstance(entry, Sample)]
        self.elapsed_before = samples[-1].elapsed if samples else 0.0
        self.decisions_before = samples[-1].decisions if samples else 0
        saved = [entry.checkpoint.sha256 for entry in entries if isinstance(entry, Saved)]
        self._saved = saved[-1] if saved else None
        measured = [entry.evaluation.at for entry in entries if isinstance(entry, EvaluationEntry)]
        self._measured_until = max(measured, default=0.0)

    def add(
        self,
        sample: Sample,
        evaluations: Iterable[Evaluation] = (),
        *,
        checkpoint: CheckpointReport | None = None,
    ) -> None:
        """Append a sample, the evaluations that are new, and the checkpoint if it is."""
        new = [each for each in evaluations if each.at > self._measured_until]
        self._measured_until = max((each.at for each in new), default=self._measured_until)
        entries: list[Entry] = [sample, *(EvaluationEntry(each) for each in new)]
        if checkpoint is not None and checkpoint.sha256 != self._saved:
            self._saved = checkpoint.sha256
            entries.append(Saved(checkpoint))
        with self._path.open("ab") as file:
            file.write(_lines(entries))
        self._count += len(entries)
        if self._count > self._limit:
            self._thin_out()

    def _thin_out(self) -> None:
        entries = read_entries(self._path)
        samples = [entry for entry in entries if isinstance(entry, Sample)]
        dropped = {id(sample) for sample in samples[1:-1:2]}
        kept = [entry for entry in entries if id(entry) not in dropped]
        write_atomically(self._path, _lines(kept))
        self._count = len(kept)


def read_entries(path: Path) -> list[Entry]:
    """Return all entries of a file, none when it is not there; a line that was cut short is left
    out."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    decoder = msgspec.json.Decoder(Entry)
    entries: list[Entry] = []
    for line in lines:
        try:
            entries.append(decoder.decode(line))
        except msgspec.DecodeError:
            continue
    return entries


def sample_of(
    view: RunView, *, at: float, elapsed: float, playing: bool, decisions: int = 0
) -> Sample | None:
    """Return the sample of a reconcile; None when Redis could not be read."""
    signals = view.observed.signals
    if not isinstance(signals, Signals):
        return None
    learner, actors = learner_report(signals), actor_reports(signals)
    lasted = [each.game_seconds_p95 for each in actors if each.game_seconds_p95 is not None]
    synced = [each.sync_seconds for each in actors if each.sync_seconds is not None]
    there, cost = view.observed.daemons, view.status.cost
    return Sample(
        at=at,
        elapsed=elapsed,
        playing=playing,
        games=signals.games.get("played", 0),
        produced=signals.ledger.produced,
        trained=signals.ledger.trained,
        queued=signals.ledger.queued,
        updates=learner.version if learner is not None else 0,
        policy_lag=learner.policy_lag if learner is not None else None,
        learner_wait=learner.waits.get("data") if learner is not None else None,
        losses=learner.losses if learner is not None else {},
        first_update_at=learner.first_update_at if learner is not None else None,
        decisions=decisions,
        actor_waits=mean_parts([each.waits for each in actors]),
        learner_waits=learner.waits if learner is not None else {},
        bottleneck=view.status.bottleneck,
        policy_lag_p95=learner.policy_lag_p95 if learner is not None else None,
        game_seconds_p95=max(lasted, default=None),
        sync_seconds=max(synced, default=None),
        daemons=len(there.ready) if there is not None else None,
        spent=cost.spent if cost is not None else None,
    )


def actor_reports(signals: Signals) -> tuple[ActorReport, ...]:
    """Return what the actors said last."""
    return tuple(report for report in signals.reports if isinstance(report, ActorReport))


def mean_parts(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each part; one that is missing somewhere counts as 0 there."""
    names = dict.fromkeys(name for each in parts for name in each)
    return {name: sum(each.get(name, 0.0) for each in parts) / len(parts) for name in names}


def _lines(entries: Iterable[Entry]) -> bytes:
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
