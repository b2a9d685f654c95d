"""Writes down what an update did: status, event files, curves, the log."""

from __future__ import annotations

import logging

from trainingrun_trainer.batcher import Collected
from trainingrun_trainer.checkpoint.manifest import Progress
from trainingrun_trainer.episodes import Episodes
from trainingrun_trainer.outputs import Outputs
from trainingrun_trainer.updater import UpdateResult

_log = logging.getLogger(__name__)


class UpdateLog:
    """What people see of the updates of one learner."""

    def __init__(self, outputs: Outputs) -> None:
        self._out = outputs
        self._episodes = Episodes()

    def note(self, collected: Collected, result: UpdateResult, progress: Progress) -> None:
        """Write down an update; ``progress`` includes it."""
        status = self._out.status
        self._notify_of_skipped(result, progress)
        losses = result.losses if result.steps else status.facts.losses
        status.set(
            version=progress.step,
            updates=status.facts.updates + 1,
            skipped_steps=status.facts.skipped_steps + result.skipped,
            losses=losses,
            policy_lag=collected.lag,
            first_update_at=progress.first_update_at,
        )
        self._write_curves(collected, losses, progress, learning_rate=result.learning_rate)
        _log.info(
            "update %d: %d transitions, lag %.1f, policy %.4f, value %.4f, entropy %.3f, kl %.4f",
            progress.step,
            collected.transitions,
            collected.lag or 0.0,
            *(losses.get(name, 0.0) for name in ("policy", "value", "entropy", "kl")),
        )

    def _notify_of_skipped(self, result: UpdateResult, progress: Progress) -> None:
        if result.skipped:
            update = progress.step + (0 if result.steps else 1)
            self._out.reporter.notify(
                "UpdateSkipped",
                f"update {update}: {result.skipped} steps were skipped, because a loss or"
                " a gradient was not finite; a smaller learning rate may help",
            )

    def _write_curves(
        self,
        collected: Collected,
        losses: dict[str, float],
        progress: Progress,
        *,
        learning_rate: float,
    ) -> None:
        events = self._out.events
        events.write_update(self._out.status, progress)
        self._episodes.note(collected.segments)
        curves = {"optimiser/learning_rate": learning_rate, **self._episodes.curves()}
        events.write(curves, step=progress.step)
        events.write_evaluations(self._out.reporter.evaluations)
        if self._out.curve is not None:
            self._out.curve.write(losses, step=progress.step, transitions=collected.transitions)
