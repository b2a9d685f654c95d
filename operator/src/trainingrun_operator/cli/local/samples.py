"""The curves of a run: samples and evaluations as JSON lines, kept across stops and kills.

The file is bounded: when it is full, every second sample is dropped, so a long run has coarser
curves and not a longer file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field
from trainingrun_contracts.reports import Evaluation

from trainingrun_operator.backends.local.store import write_atomically
from trainingrun_operator.controller.loop import RunView
from trainingrun_operator.desired.observed import Signals
from trainingrun_operator.desired.rates import learner_report

SAMPLES_KEPT: Final = 20_000


class Sample(Struct, frozen=True, tag="sample", omit_defaults=True):
    """One moment. ``elapsed`` counts the seconds in which a runtime was there, all sessions
    together; ``playing`` says whether games were played since the sample before."""

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


class Measured(Struct, frozen=True, tag="evaluation"):
    """An evaluation, as it was read from Redis."""

    evaluation: Evaluation


Entry = Sample | Measured


class SampleFile:
    """Appends to the file of one run."""

    def __init__(self, path: Path, *, limit: int = SAMPLES_KEPT) -> None:
        self._path = path
        self._limit = limit
        entries = read_entries(path)
        self._count = len(entries)
        samples = [entry for entry in entries if isinstance(entry, Sample)]
        self.elapsed_before = samples[-1].elapsed if samples else 0.0
        measured = [entry.evaluation.at for entry in entries if isinstance(entry, Measured)]
        self._measured_until = max(measured, default=0.0)

    def add(self, sample: Sample, evaluations: Iterable[Evaluation] = ()) -> None:
        """Append a sample, and the evaluations that are new."""
        entries: list[Entry] = [sample]
        for evaluation in evaluations:
            if evaluation.at > self._measured_until:
                entries.append(Measured(evaluation))
        for entry in entries[1:]:
            assert isinstance(entry, Measured)
            self._measured_until = max(self._measured_until, entry.evaluation.at)
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
    """All entries of a file, none when it is not there; a line that was cut short is left out."""
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


def sample_of(view: RunView, *, at: float, elapsed: float, playing: bool) -> Sample | None:
    """The sample of a look; None when Redis could not be asked."""
    signals = view.observed.signals
    if not isinstance(signals, Signals):
        return None
    learner = learner_report(signals)
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
    )


def _lines(entries: Iterable[Entry]) -> bytes:
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
