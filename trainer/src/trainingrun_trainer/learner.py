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
from itertools import count
from threading import Event
from typing import Any, Final

from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.games import boundary
from trainingrun_contracts.reports import Intent, LearnerState
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.accounts import Mark
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.ledger import appended_from
from trainingrun_contracts.stream.read import Fenced, RolloutReader

from trainingrun_trainer.batcher import Batcher, Collected
from trainingrun_trainer.checkpoint.manifest import Progress
from trainingrun_trainer.checkpoint.state import capture
from trainingrun_trainer.checkpoint.store import StorageError
from trainingrun_trainer.coordinator import Rank0
from trainingrun_trainer.episodes import Episodes
from trainingrun_trainer.folding import Folding
from trainingrun_trainer.lag import lags_of
from trainingrun_trainer.link import Epoch, EpochState, RedisLink
from trainingrun_trainer.prefetcher import Prefetcher, Received
from trainingrun_trainer.publish import Cadence, Publisher, weights_blob
from trainingrun_trainer.recovery import (
    STUCK_UPDATES,
    Recovery,
    Verdict,
    WeightsNotFinite,
    all_finite,
)
from trainingrun_trainer.reporter import Reporter
from trainingrun_trainer.saving import CheckpointWriters, Schedule, newest_rate
from trainingrun_trainer.spot import SpotShutdown, SpotWatch
from trainingrun_trainer.status import Status
from trainingrun_trainer.stop import StopRequested
from trainingrun_trainer.telemetry import EventFiles, LossCurve
from trainingrun_trainer.update import UpdateResult
from trainingrun_trainer.watchdog import DataWatchdog, Starved, Timeouts

_log = logging.getLogger(__name__)

_BACKOFF: Final = Backoff(first=0.5, longest=30.0)
_TAKE_SECONDS: Final = 0.25
_POLL_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Queue:
    """The learner's side of the rollout queue."""

    keys: Keys
    link: RedisLink
    reader: RolloutReader
    prefetcher: Prefetcher
    batcher: Batcher
    epoch: Epoch
    watchdog: DataWatchdog
    folding: Folding


@dataclass(frozen=True)
class Outputs:
    """Where results go."""

    publisher: Publisher
    writer: CheckpointWriters
    reporter: Reporter
    status: Status
    events: EventFiles
    curve: LossCurve | None = None


@dataclass(frozen=True)
class Limits:
    """How long a learner waits, and how it goes back: ``restore`` puts the state of the newest
    valid checkpoint into the updater; None where there is none."""

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
        queue: Queue,
        outputs: Outputs,
        spot: SpotWatch,
        limits: Limits,
        stop: Event,
    ) -> None:
        self._config = config
        self._lead = lead
        self._updater = lead.updater
        self._progress = progress
        self._queue = queue
        self._out = outputs
        self._spot = spot
        self._stop = stop
        self._restore, self._patience = limits.restore, limits.patience
        self._recovery = Recovery()
        self._episodes = Episodes()
        learner, checkpoint = config.learner, config.checkpoint
        self._cadence = Cadence(learner.publish_every_steps, learner.publish_every_seconds)
        self._schedule = Schedule(checkpoint.interval_games, checkpoint.interval_seconds)
        self._published = (progress.step, time.monotonic())
        self._saving = (progress, time.monotonic())
        self._spot_shutdown = SpotShutdown()
        self._answered = ""  # the last request for a checkpoint that was followed
        self._best = self._newest_rate if progress.step else None
        self._resumed = progress if progress.step else None
        self._ledger = queue.batcher.accounts.ledger  # what is in the weights, acknowledged or not
        self._rewrite_marks = True  # a checkpoint may know more than Redis does

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
        self._spot.start()
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
            self._spot.close()
            self._out.reporter.close()
            self._lead.end()

    def _train_on(self) -> int:
        self._out.events.write_config(self._config)
        self._out.events.restart(self._progress.step + 1)
        self._publish()
        self._out.status.set(state=LearnerState.TRAINING)
        self._queue.prefetcher.start()
        while not self._stop.is_set():
            self._poll_signals()
            if self._collect():
                self._train()
            elif self._is_flushing and self._flush():
                return ExitCode.DONE
            self._queue.watchdog.check(is_wanted=self._out.reporter.intent is Intent.RUN)
            self._publish_if_due()
            self._save_if_due()
            self._out.writer.evaluated(self._out.reporter.evaluations)
        return ExitCode.INTERRUPTED

    # What the run wants, and how Redis is.

    @property
    def _is_flushing(self) -> bool:
        return self._out.reporter.intent in (Intent.FLUSH, Intent.EVALUATE)

    @property
    def _is_machine_leaving(self) -> bool:
        return self._spot_shutdown.is_over(self._spot.notice, now=time.time())

    def _poll_signals(self) -> None:
        if self._lead.is_stop_wanted() or self._is_machine_leaving:
            self._stop.set()
        reporter = self._out.reporter
        reporter.require_alive()
        if reporter.is_fenced.is_set():
            raise Fenced(f"epoch {self._queue.epoch.number} is over: a newer learner has started")
        if reporter.redis_lost_data.is_set():
            reporter.redis_lost_data.clear()
            reporter.notify("RedisLostData", "Redis had lost its data: weights published again")
            self._rewrite_marks = True
            self._publish(again=True)
        if self._is_flushing:
            self._queue.prefetcher.begin_flush()

    def _unless_fenced(self, act: Callable[[], object]) -> None:
        """Do something that the epoch fences; again, if Redis had only forgotten the epoch."""
        queue = self._queue
        while True:
            try:
                act()
            except Fenced:
                state = queue.link.persist(queue.epoch.hold, what="checking the epoch")
                if state is EpochState.OVER:
                    raise
                if state is EpochState.RESTORED:
                    self._out.reporter.redis_lost_data.set()
            else:
                return

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
                    queue.watchdog.note_data()
                    queue.batcher.add(
                        received,
                        publish=self._out.publisher.publish_number,
                        produced=self._produced_by(received),
                        now=time.time(),
                    )
                elif self._is_flushing:
                    break
        if not queue.batcher.has_segments and not queue.batcher.is_empty:
            self._settle(queue.batcher.collect())  # nothing before these waits for training
        return queue.batcher.is_ready

    def _produced_by(self, received: Received) -> int | None:
        """Return what the actor of an entry has appended, where the entry says that some is
        missing; None where nothing is missing, or where Redis does not know."""
        queue, segment = self._queue, received.segment
        if segment is None or not queue.batcher.has_gap(received):
            return None
        actor = segment.header.actor
        return queue.link.persist(
            lambda: queue.reader.produced_by(actor), what="reading an actor's count"
        )

    def _train(self) -> None:
        """Update on what was collected, then acknowledge it."""
        collected = self._queue.batcher.collect()
        status = self._out.status
        with status.phase("compute"), status.timing_update():
            result = self._lead.update(collected.segments)
        status.note_lags(lags_of(collected.segments, self._out.publisher.publish_number))
        self._note(collected, result)
        self._recover(result)
        if self._config.sync:
            self._publish()  # before the acknowledgement, by which the actor knows that it is done
        self._settle(collected)

    @property
    def _has_finite_weights(self) -> bool:
        updater = self._updater
        return all_finite(updater.policy.state_dict(), updater.optimiser.tensors())

    def _recover(self, result: UpdateResult) -> None:
        """Go back to the newest checkpoint, when no step can be taken.

        Raises:
            WeightsNotFinite: that has not helped, or there is none.
            StorageError: the storage cannot be read.
        """
        self._recovery = self._recovery.after_update(steps=result.steps, skipped=result.skipped)
        is_finite = result.skipped == 0 or self._has_finite_weights
        match self._recovery.verdict(is_finite=is_finite):
            case Verdict.TRAIN:
                return
            case Verdict.ROLL_BACK:
                self._roll_back()
            case Verdict.GIVE_UP:
                raise WeightsNotFinite(
                    f"no step was finite in {STUCK_UPDATES} updates, and going back to the newest"
                    f" checkpoint did not help ({self._recovery.rolled_back} times): lower"
                    " learner.ppo.learningRate, or resume from an older checkpoint"
                )

    def _roll_back(self) -> None:
        self._out.writer.wait()
        found = self._restore()
        if found is None:
            raise WeightsNotFinite(
                "no step is finite, and there is no checkpoint to go back to: lower"
                " learner.ppo.learningRate"
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
        self._publish()

    def _note(self, collected: Collected, result: UpdateResult) -> None:
        """Write down what an update did."""
        self._ledger = self._queue.batcher.accounts.ledger
        status, before = self._out.status, self._progress
        if result.skipped:
            self._out.reporter.notify(
                "UpdateSkipped",
                f"update {before.step + 1}: {result.skipped} steps were skipped, because a loss or"
                " a gradient was not finite; a smaller learning rate may help",
            )
        self._progress = Progress(
            step=before.step + (1 if result.steps else 0),
            publish=before.publish,
            games=self._games,
            transitions=before.transitions + collected.transitions,
            first_update_at=before.first_update_at or time.time(),
        )
        losses = result.losses if result.steps else status.facts.losses
        status.set(
            version=self._progress.step,
            updates=status.facts.updates + 1,
            skipped_steps=status.facts.skipped_steps + result.skipped,
            losses=losses,
            policy_lag=collected.lag,
            first_update_at=self._progress.first_update_at,
        )
        self._out.events.write_update(status, self._progress)
        self._episodes.note(collected.segments)
        rate = self._config.learner.ppo.learning_rate
        curves = {"optimiser/learning_rate": rate, **self._episodes.curves()}
        self._out.events.write(curves, step=self._progress.step)
        self._out.events.write_evaluations(self._out.reporter.evaluations)
        if self._out.curve is not None:
            self._out.curve.write(
                losses, step=self._progress.step, transitions=collected.transitions
            )
        _log.info(
            "update %d: %d transitions, lag %.1f, policy %.4f, value %.4f, entropy %.3f, kl %.4f",
            self._progress.step,
            collected.transitions,
            collected.lag or 0.0,
            *(losses.get(name, 0.0) for name in ("policy", "value", "entropy", "kl")),
        )

    def _settle(self, collected: Collected) -> None:
        """Acknowledge entries and write the accounts that include them."""
        queue = self._queue
        with self._out.status.phase("publish"):
            for received in collected.dead_letters:
                self._dead_letter(received)
            self._acknowledge(collected)
        queue.prefetcher.release(collected.entries)
        self._out.status.set(totals=queue.batcher.accounts.totals)
        if collected.dead_letters:
            self._out.reporter.notify(
                "RolloutUnreadable",
                f"{len(collected.dead_letters)} rollouts could not be read ({collected.causes})"
                f" and were moved to the stream {queue.keys.dead_letters}",
            )

    def _dead_letter(self, received: Received) -> None:
        queue = self._queue
        queue.link.persist(
            lambda: queue.reader.dead_letter(received.entry, received.poison),
            what="burying an entry",
        )

    def _acknowledge(self, collected: Collected) -> None:
        queue, accounts = self._queue, self._queue.batcher.accounts
        publish = self._out.publisher.publish_number
        queue.link.persist(
            lambda: queue.folding.retire(accounts, publish=publish, now=time.time()),
            what="searching for actors that are gone",
        )

        def write() -> None:
            actors = set(accounts.marks) if self._rewrite_marks else set(collected.actors)
            queue.link.persist(
                lambda: queue.reader.acknowledge(collected.entries, accounts, actors),
                what="acknowledging rollouts",
            )

        self._unless_fenced(write)
        self._rewrite_marks = False

    # Results out.

    def _publish_if_due(self) -> None:
        if self._config.sync:
            return
        version, at = self._published
        seconds = time.monotonic() - at
        if self._cadence.is_due(updates=self._progress.step - version, seconds=seconds):
            self._publish()

    def _publish(self, *, again: bool = False) -> None:
        version, publisher = self._progress.step, self._out.publisher
        with self._out.status.phase("publish"):
            blob = weights_blob(self._updater.policy, version=version)
            if not again:
                publisher.advance()
            self._unless_fenced(lambda: publisher.publish(blob, version=version, now=time.time()))
        self._published = (version, time.monotonic())
        self._out.status.set(publish=publisher.publish_number, version=version)

    @property
    def _games(self) -> int:
        """Return training games; as the checkpoint has it, until Redis has answered."""
        return self._out.reporter.games or self._progress.games

    def _save_if_due(self) -> None:
        last, at = self._saving
        has_failed = self._out.writer.has_failed
        every = self._config.checkpoint.interval_games
        due = self._schedule.is_due(
            games=boundary(self._games, every=every) - boundary(last.games, every=every),
            seconds=time.monotonic() - at,
            is_first=last.step == 0,
            has_failed=has_failed,
        )
        has_news = self._progress.step > last.step or has_failed
        is_spot_save_due = self._spot_shutdown.is_save_due(self._spot.notice)
        asked = self._out.reporter.checkpoint_request
        is_wanted = due or is_spot_save_due or asked != self._answered or self._has_new_best()
        if has_news and is_wanted and self._recovery.is_sound and self._has_finite_weights:
            self._save()
        self._answered = asked  # also where nothing is new: what there is, is saved already

    @property
    def _newest_rate(self) -> float | None:
        """Mean win rate of the newest weights that met every opponent; None without any."""
        steady = [each for each in self._config.evaluation.opponents if each != "past"]
        return newest_rate(self._out.reporter.evaluations, steady)

    def _has_new_best(self) -> bool:
        """Return whether the newest evaluation was the best: weights close to it are worth
        keeping."""
        rate = self._newest_rate
        if rate is None or (self._best is not None and rate <= self._best):
            return False
        self._best = rate
        return self._config.checkpoint.keep_best

    @property
    def _is_saved(self) -> bool:
        """Whether a whole checkpoint of this step is in the storage."""
        saved = self._out.writer.saved or self._resumed
        return saved is not None and saved.step == self._progress.step

    def _save(self) -> None:
        with self._out.status.phase("checkpoint"):
            progress = Progress(
                step=self._progress.step,
                publish=self._out.publisher.publish_number,
                games=self._games,
                transitions=self._progress.transitions,
                first_update_at=self._progress.first_update_at,
            )
            checkpoint = capture(
                self._updater,
                self._config,
                progress,
                now=time.time(),
                epoch=self._queue.epoch.number,
                ledger=self._ledger,
            )
            self._out.writer.save(checkpoint)
        self._recovery = self._recovery.after_save()
        self._saving = (progress, time.monotonic())

    # The end.

    def _flush(self) -> bool:
        """Train the rest of the queue; whether it is empty and all is accounted for."""
        queue = self._queue
        if not queue.prefetcher.is_dry:
            return False
        if queue.batcher.has_segments:
            self._train()
            return False
        appended = queue.link.persist(self._appended_if_empty, what="checking the queue")
        if appended is None:
            return False
        publish = self._out.publisher.publish_number
        queue.batcher.accounts.settle(appended, publish=publish, at=int(time.time()))
        self._rewrite_marks = True
        self._settle(queue.batcher.collect())
        if self._published[0] != self._progress.step:
            self._publish()
        return True

    def _appended_if_empty(self) -> dict[str, Mark] | None:
        """Return how far each actor's segments were appended, if the queue is empty now."""
        keys, queue = self._queue.keys, self._queue
        pipe: Any = queue.link.client.pipeline(transaction=True)
        pipe.xlen(keys.rollouts)
        pipe.hgetall(keys.produced)
        pipe.hgetall(keys.appended)
        length, produced, appended = pipe.execute()
        if length:
            return None
        return appended_from(appended, produced)

    def _finish(self, code: int) -> int:
        """Save what is not saved, say so, and let go of everything."""
        self._queue.prefetcher.close()
        self._out.writer.wait()
        if not self._is_saved and self._has_finite_weights:
            is_flushed = code == ExitCode.DONE
            self._save_at_last(patience=self._patience.storage_seconds if is_flushed else 0.0)
        self._out.writer.finish()
        is_saved = self._is_saved
        self._out.status.set(state=LearnerState.SAVED if is_saved else LearnerState.TRAINING)
        self._out.events.close()
        self._out.reporter.close()
        if not is_saved and code == ExitCode.DONE:
            raise self._out.writer.failure or StorageError(
                "CheckpointStorageUnusable", "the last checkpoint was not written"
            )
        return code

    def _save_at_last(self, *, patience: float) -> None:
        """Save what is not saved; with patience, again and again while the storage may come back:
        a run that is flushed has nothing else to do, and its training would be lost."""
        until = time.monotonic() + patience
        for failures in count(1):
            self._save()
            self._out.writer.wait()
            failure = self._out.writer.failure
            is_passing = failure is not None and failure.exit_code is ExitCode.UNREACHABLE
            if not is_passing or time.monotonic() >= until or self._lead.is_stop_wanted():
                return
            if self._stop.wait(_BACKOFF.seconds(failures)):
                return
