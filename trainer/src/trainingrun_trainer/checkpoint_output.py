"""Saves the learner's state when its policy for that says so, and at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.accounts import LedgerSnapshot

from trainingrun_trainer.checkpoint.manifest import Progress
from trainingrun_trainer.checkpoint.state import capture
from trainingrun_trainer.checkpoint_policy import CheckpointPolicy, Situation
from trainingrun_trainer.outputs import Outputs
from trainingrun_trainer.saving import newest_rate
from trainingrun_trainer.spot_notice import SpotNotice
from trainingrun_trainer.updater import Updater

_BACKOFF: Final = Backoff(first=0.5, longest=30.0)


@dataclass(frozen=True)
class Trained:
    """What is in the weights: how far the run has come, and which rollouts."""

    progress: Progress
    ledger: LedgerSnapshot


class CheckpointOutput:
    """The checkpoints of one learner; ``progress`` is what it resumed from, ``epoch`` its start."""

    def __init__(
        self,
        config: RunConfig,
        updater: Updater,
        outputs: Outputs,
        *,
        progress: Progress,
        epoch: int,
    ) -> None:
        self._config = config
        self._updater = updater
        self._out = outputs
        self._epoch = epoch
        self._resumed = progress if progress.step else None
        settings = config.checkpoint
        self._policy = CheckpointPolicy(
            settings.interval_games,
            settings.interval_seconds,
            settings.keep_best,
            step=progress.step,
            games=progress.games,
            at=time.monotonic(),
            best=self._rate if progress.step else None,
        )

    def save_if_due(self, trained: Trained, *, notice: SpotNotice | None, is_sound: bool) -> bool:
        """Save when it is time; return whether that was done. Weights that are not ``is_sound``, or
        that are not finite, are not saved."""
        situation = Situation(
            step=trained.progress.step,
            games=trained.progress.games,
            now=time.monotonic(),
            has_failed=self._out.writer.has_failed,
            request=self._out.reporter.checkpoint_request,
            notice=notice,
            rate=self._rate,
        )
        is_due = self._policy.is_due(situation)
        self._policy = self._policy.after(situation)
        if not (is_due and is_sound and self._updater.has_finite_state()):
            return False
        self._save(trained)
        return True

    def is_saved(self, progress: Progress) -> bool:
        """Return whether a whole checkpoint of this step is in the storage."""
        saved = self._out.writer.saved or self._resumed
        return saved is not None and saved.step == progress.step

    def save_at_last(
        self, trained: Trained, *, patience: float, pause: Callable[[float], bool]
    ) -> None:
        """Save what is not saved; with patience, again and again while the storage may come back:
        a run that is flushed has nothing else to do, and its training would be lost. ``pause``
        waits for some seconds and returns whether to give up."""
        self._out.writer.wait()
        if self.is_saved(trained.progress) or not self._updater.has_finite_state():
            return
        until = time.monotonic() + patience
        for failures in count(1):
            self._save(trained)
            self._out.writer.wait()
            failure = self._out.writer.failure
            is_passing = failure is not None and failure.exit_code is ExitCode.UNREACHABLE
            if not is_passing or time.monotonic() >= until or pause(_BACKOFF.seconds(failures)):
                return

    @property
    def _rate(self) -> float | None:
        """Mean win rate of the newest weights that met every opponent; None without any."""
        steady = [each for each in self._config.evaluation.opponents if each != "past"]
        return newest_rate(self._out.reporter.evaluations, steady)

    def _save(self, trained: Trained) -> None:
        progress = trained.progress
        with self._out.status.phase("checkpoint"):
            checkpoint = capture(
                self._updater,
                self._config,
                progress,
                now=time.time(),
                epoch=self._epoch,
                ledger=trained.ledger,
            )
            self._out.writer.save(checkpoint)
        self._policy = self._policy.after_save(
            step=progress.step, games=progress.games, now=time.monotonic()
        )
