"""Writes the curves of a run while it runs: a sample of each moment, with the time of all sessions
together."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Final

from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.observed import Signals
from trainingrun_reconciler.desired.rates import learner_report
from trainingrun_reconciler.desired.stage import Stage

from trainingrun.local.samples import DecisionCount, SampleFile, actor_reports, sample_of

_PLAYING: Final = frozenset({Stage.RUNNING, Stage.DRAINING, Stage.WAITING})


class Sampler:
    """The curves of one run; ``begun_at`` is the start of this session, in Unix seconds."""

    def __init__(self, file: Path, *, begun_at: float) -> None:
        self._begun_at = begun_at
        self._file = SampleFile(file)
        self._decisions = DecisionCount(self._file.decisions_before)
        self.has_learned = False
        """Whether a learner has reported in this session."""

    @property
    def elapsed(self) -> float:
        """Seconds of all sessions together."""
        return self._file.elapsed_before + max(0.0, time.time() - self._begun_at)

    def note(self, view: RunView) -> None:
        """Count what the roles have reported since the reconcile before."""
        signals = view.observed.signals
        if isinstance(signals, Signals):
            self._decisions.note(actor_reports(signals))
            learner = learner_report(signals)
            self.has_learned |= learner is not None and learner.at >= self._begun_at

    def add(self, view: RunView) -> None:
        """Append a sample; nothing where Redis could not be read."""
        sample = sample_of(
            view,
            at=time.time(),
            elapsed=self.elapsed,
            playing=view.stage in _PLAYING,
            decisions=self._decisions.total,
        )
        signals = view.observed.signals
        if sample is not None and isinstance(signals, Signals):
            learner = learner_report(signals)
            saved = learner.checkpoint if learner is not None else None
            with contextlib.suppress(OSError):  # a full disk, which the store reports
                self._file.add(sample, signals.evaluations, checkpoint=saved)
