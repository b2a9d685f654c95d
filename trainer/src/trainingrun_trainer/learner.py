"""The training loop: collect a batch, update, acknowledge, publish, save; until asked to end.

The order after an update is part of the contract: entries are acknowledged, with the accounts that
include them, only when the step that used them is done. A kill between the two trains them twice,
never not at all.

Not here: how each of these is done. The learner is put together in ``factory``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Final

from msgspec.structs import replace
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.reports import Intent, LearnerState
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.read import Fenced

from trainingrun_trainer.acknowledger import Acknowledger
from trainingrun_trainer.batcher import Collected
from trainingrun_trainer.checkpoint.manifest import Progress
from trainingrun_trainer.checkpoint.store import StorageError
from trainingrun_trainer.checkpoint_output import CheckpointOutput, Trained
from trainingrun_trainer.coordinator import Rank0
from trainingrun_trainer.lag import lags_of
from trainingrun_trainer.outputs import Outputs
from trainingrun_trainer.publish_policy import PublishPolicy
from trainingrun_trainer.recovery import (
    STUCK_UPDATES,
    Recovery,
    Verdict,
    WeightsNotFinite,
)
from trainingrun_trainer.replay.values import ReplayTable, Sample
from trainingrun_trainer.rollout_queue import RolloutQueue
from trainingrun_trainer.spot import SpotWatch
from trainingrun_trainer.spot_notice import is_shutdown_due
from trainingrun_trainer.stop import StopRequested
from trainingrun_trainer.update_log import UpdateLog
from trainingrun_trainer.updater import UpdateResult
from trainingrun_trainer.watchdog import Starved, Timeouts
from trainingrun_trainer.weights_output import WeightsOutput

_log = logging.getLogger(__name__)

_TAKE_SECONDS: Final = 0.25
_POLL_SECONDS: Final = 0.5
_HELD_SECONDS: Final = 0.2
"""Between two tries to record what the limiter holds while nothing may be sampled either."""
_LEAGUE_SECONDS: Final = 30.0
"""How long the end of a run waits for its league; the checkpoint has the weights in any case."""


@dataclass(frozen=True)
class Controls:
    """What ends a learner, and what brings it back.

    Attributes:
        stop: set when an orderly end is asked for.
        spot: knows when the machine goes.
        patience: how long is waited for what does not come.
        restore: puts the state of the newest valid checkpoint into the updater; None where there
            is none.
    """

    stop: Event
    spot: SpotWatch
    patience: Timeouts
    restore: Callable[[], Progress | None]


class Learner:
    """One run's learner, ready to run."""

    def __init__(
        self,
        config: RunConfig,
        *,
        lead: Rank0,
        progress: Progress,
        queue: RolloutQueue,
        outputs: Outputs,
        controls: Controls,
        replay: ReplayTable | None = None,
    ) -> None:
        self._lead = lead
        self._progress = progress
        self._queue = queue
        self._replay = replay
        self._out = outputs
        self._controls = controls
        self._stop = controls.stop
        self._recovery = Recovery()
        self._ledger = queue.batcher.accounts.ledger  # what is in the weights, acknowledged or not
        self._config = config
        self._acknowledger = Acknowledger(queue, outputs)
        learner, alpha_zero, now = config.learner, config.alpha_zero, time.monotonic()
        self._weights = WeightsOutput(
            lead.updater,
            outputs,
            PublishPolicy(
                learner.publish_every_steps,
                learner.publish_every_seconds,
                in_step=config.sync,
                every_games=alpha_zero.publish_every_games if alpha_zero else None,
                step=progress.step,
                at=now,
                games=progress.games,
            ),
            self._while_epoch_holds,
        )
        self._checkpoints = CheckpointOutput(
            config, lead.updater, outputs, progress=progress, epoch=queue.epoch.number
        )
        self._update_log = UpdateLog(outputs)

    def run(self) -> int:
        """Train until the run is flushed or a stop is asked for; returns the exit code.

        Raises:
            Fenced: a newer learner has started.
            RedisRefused: Redis cannot be used.
            RankLost: another rank has ended.
            Starved: nothing comes and no actor plays; the state is saved.
            WeightsNotFinite: training does not recover; what was saved before stays.
            StorageError: the run is flushed, and the storage does not take its last checkpoint; or
                the learner must go back to a checkpoint, and the storage does not answer.
        """
        self._out.reporter.start()
        self._controls.spot.start()
        try:
            try:
                return self._finish(self._train_on())
            except StopRequested:
                _log.info("stopping, although Redis cannot be reached")
                return self._finish(ExitCode.INTERRUPTED)
            except Starved as error:
                self._out.reporter.notify("NoData", str(error))
                self._finish(ExitCode.STARVED)
                raise
            except WeightsNotFinite as error:
                self._out.reporter.notify("NonFiniteWeights", str(error))
                self._out.writer.finish()
                raise
        finally:
            self._stop.set()  # also ends threads that wait for Redis
            self._queue.prefetcher.close()
            if self._replay is not None:
                self._replay.close()
            self._controls.spot.close()
            self._out.reporter.close()
            self._lead.end()

    def _train_on(self) -> int:
        self._out.events.write_config(self._config)
        self._out.events.restart(self._progress.step + 1)
        self._weights.publish(self._progress.step, games=self._progress.games)
        self._out.status.set(state=LearnerState.TRAINING)
        self._queue.prefetcher.start()
        while not self._stop.is_set():
            self._poll_signals()
            if self._collect():
                self._train()
            elif self._is_flushing and self._flush():
                return ExitCode.DONE
            self._queue.watchdog.check(is_wanted=self._out.reporter.intent is Intent.RUN)
            self._weights.publish_if_due(self._progress.step, games=self._games)
            self._save_if_due()
            self._out.writer.evaluated(self._out.reporter.evaluations)
        return ExitCode.INTERRUPTED

    # What the run wants, and how Redis is.

    @property
    def _is_flushing(self) -> bool:
        return self._out.reporter.intent in (Intent.FLUSH, Intent.EVALUATE)

    def _poll_signals(self) -> None:
        is_machine_leaving = is_shutdown_due(self._controls.spot.notice, now=time.time())
        if self._lead.is_stop_wanted() or is_machine_leaving:
            self._stop.set()
        reporter = self._out.reporter
        reporter.require_alive()
        if reporter.is_fenced.is_set():
            raise Fenced(f"epoch {self._queue.epoch.number} is over: a newer learner has started")
        if reporter.redis_lost_data.is_set():
            reporter.redis_lost_data.clear()
            reporter.notify("RedisLostData", "Redis had lost its data: weights published again")
            self._acknowledger.rewrite_marks()
            self._weights.publish(self._progress.step, games=self._games, again=True)
        if self._is_flushing:
            self._queue.prefetcher.begin_flush()

    def _while_epoch_holds(self, act: Callable[[], object]) -> None:
        self._queue.while_epoch_holds(act, on_lost=self._out.reporter.redis_lost_data.set)

    # Data in.

    def _collect(self) -> bool:
        """Take entries for a moment; whether a batch is ready."""
        queue = self._queue
        until = time.monotonic() + _POLL_SECONDS
        with self._out.status.phase("data"):
            while not queue.batcher.is_ready and time.monotonic() < until:
                if self._stop.is_set():
                    return False
                received = queue.prefetcher.take(seconds=_TAKE_SECONDS)
                if received is not None:
                    publish = self._out.publisher.publish_number
                    queue.add(received, publish=publish, now=time.time())
                elif self._is_flushing:
                    break
        if not queue.batcher.has_segments and not queue.batcher.is_empty:
            collected = queue.batcher.collect()  # nothing before these waits for training
            self._acknowledger.acknowledge(collected)
        if not queue.batcher.is_ready:
            self._while_epoch_holds(queue.recount_if_starved)
        return queue.batcher.is_ready

    def _train(self) -> None:
        """Update on what was collected, then acknowledge it."""
        collected = self._queue.batcher.collect()
        if self._replay is not None:
            self._train_from(self._replay, collected)
            return
        status = self._out.status
        with status.phase("compute"), status.timing_update():
            result = self._lead.update(collected.segments, games=self._games)
        status.note_lags(lags_of(collected.segments, self._out.publisher.publish_number))
        self._note(collected, result)
        self._ledger = self._queue.batcher.accounts.ledger
        self._recover(result)
        if self._config.sync:
            # Before the acknowledgement, by which the actor knows that it is done.
            self._weights.publish(self._progress.step, games=self._games)
        self._acknowledger.acknowledge(collected)

    def _train_from(self, replay: ReplayTable, collected: Collected) -> None:
        """Hand what was collected over to the table, acknowledge it, and update on samples until
        the table's limiter holds them.

        Until all is durable there the ledger of a checkpoint does not have it: a kill brings it
        again, and the table knows what it has.
        """
        while not replay.record(collected.segments):
            self._poll_signals()
            if self._stop.is_set():
                raise StopRequested
            if not self._train_sample(replay):
                self._stop.wait(_HELD_SECONDS)
        self._ledger = self._queue.batcher.accounts.ledger
        handed_over = self._progress.transitions + collected.transitions
        self._progress = replace(self._progress, transitions=handed_over)
        self._acknowledger.acknowledge(collected)
        while not self._stop.is_set() and self._train_sample(replay):
            self._save_if_due()
            self._poll_signals()

    def _train_sample(self, replay: ReplayTable) -> bool:
        """Update on one sample and set its priorities; whether there was one."""
        status, publish = self._out.status, self._out.publisher.publish_number
        with status.phase("data"):
            sample = replay.sample(games=self._games, publish=publish)
        if sample is None:
            return False
        if sample.segments:
            with status.phase("compute"), status.timing_update():
                result = self._lead.update(
                    sample.segments, games=self._games, weights=sample.weights
                )
            status.note_lags(lags_of(sample.segments, publish))
            replay.set_priorities(sample.ids, result.priorities)
            self._note(_sampled(sample, publish), result)
            self._recover(result)
        self._weights.publish_if_due(self._progress.step, games=self._games)
        return True

    def _recover(self, result: UpdateResult) -> None:
        """Go back to the newest checkpoint, when no step can be taken.

        Raises:
            WeightsNotFinite: that has not helped, or there is none.
            StorageError: the storage cannot be read.
        """
        self._recovery = self._recovery.after_update(steps=result.steps, skipped=result.skipped)
        is_finite = result.skipped == 0 or self._lead.updater.has_finite_state()
        match self._recovery.verdict(is_finite=is_finite):
            case Verdict.TRAIN:
                return
            case Verdict.ROLL_BACK:
                self._roll_back()
            case Verdict.GIVE_UP:
                raise WeightsNotFinite(
                    f"no step was finite in {STUCK_UPDATES} updates, and going back to the newest"
                    f" checkpoint did not help ({self._recovery.rolled_back} times): lower"
                    f" {self._rate_field}, or resume from an older checkpoint"
                )

    @property
    def _rate_field(self) -> str:
        is_ppo = self._config.alpha_zero is None
        return "learner.ppo.learningRate" if is_ppo else "algorithm.alphaZero.learningRate"

    def _roll_back(self) -> None:
        self._out.writer.wait()
        found = self._controls.restore()
        if found is None:
            raise WeightsNotFinite(
                "no step is finite, and there is no checkpoint to go back to: lower"
                f" {self._rate_field}"
            )
        self._lead.share()
        before, self._progress = self._progress.step, found
        self._recovery = self._recovery.after_roll_back()
        self._out.events.restart(found.step + 1)
        status = self._out.status
        status.set(version=found.step, roll_backs=status.facts.roll_backs + 1)
        self._out.reporter.notify(
            "RolledBack",
            f"no step was finite after update {before}: training continues from the checkpoint of"
            f" update {found.step}",
        )
        self._weights.publish(found.step, games=self._games)

    def _note(self, collected: Collected, result: UpdateResult) -> None:
        """Count an update, and write down what it did."""
        before = self._progress
        self._progress = Progress(
            step=before.step + (1 if result.steps else 0),
            publish=before.publish,
            games=self._games,
            transitions=before.transitions + (0 if self._replay else collected.transitions),
            first_update_at=before.first_update_at or time.time(),
        )
        self._update_log.note(collected, result, self._progress)

    # Results out.

    @property
    def _games(self) -> int:
        """Return training games; as the checkpoint has it, until Redis has answered."""
        return self._out.reporter.games or self._progress.games

    @property
    def _trained(self) -> Trained:
        """Return what a checkpoint of this moment holds."""
        publish = self._out.publisher.publish_number
        return Trained(replace(self._progress, publish=publish, games=self._games), self._ledger)

    def _save_if_due(self) -> None:
        is_saved = self._checkpoints.save_if_due(
            self._trained, notice=self._controls.spot.notice, is_sound=self._recovery.is_sound
        )
        if is_saved:
            self._recovery = self._recovery.after_save()

    # The end.

    def _flush(self) -> bool:
        """Train the rest of the queue; whether it is empty and all is accounted for."""
        queue = self._queue
        if not queue.prefetcher.is_dry:
            return False
        if queue.batcher.has_segments:
            self._train()
            return False
        appended = queue.appended_if_empty()
        if appended is None:
            return False
        self._acknowledger.close_accounts(appended)
        self._weights.publish_last(self._progress.step, games=self._games)
        return True

    def _finish(self, code: int) -> int:
        """Save what is not saved, say so, and let go of everything."""
        self._queue.prefetcher.close()
        is_flushed = code == ExitCode.DONE
        self._checkpoints.save_at_last(
            self._trained,
            patience=self._controls.patience.storage_seconds if is_flushed else 0.0,
            pause=lambda seconds: self._lead.is_stop_wanted() or self._stop.wait(seconds),
        )
        self._out.writer.finish()
        if self._out.league is not None:
            self._out.league.close(seconds=_LEAGUE_SECONDS if is_flushed else 0.0)
        is_saved = self._checkpoints.is_saved(self._progress)
        self._out.status.set(state=LearnerState.SAVED if is_saved else LearnerState.TRAINING)
        self._out.events.close()
        self._out.reporter.close()
        if is_flushed and not is_saved:
            raise self._out.writer.failure or StorageError(
                "CheckpointStorageUnusable", "the last checkpoint was not written"
            )
        return code


def _sampled(sample: Sample, publish: int) -> Collected:
    """Return a sample in the form of what an update is written down by."""
    lags = lags_of(sample.segments, publish)
    return Collected(
        segments=sample.segments,
        entries=(),
        dead_letters=(),
        actors=frozenset(),
        transitions=len(lags),
        lag=float(lags.mean()),
    )
