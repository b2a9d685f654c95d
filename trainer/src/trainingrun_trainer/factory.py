"""Putting a learner together from a run configuration and a role's environment.

Order at the start: Redis answers, the storage can be used, then a new epoch fences every older
learner, then the newest valid checkpoint is taken, then reading begins.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any, Final

import torch
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.exit_codes import FINAL
from trainingrun_contracts.reports import Notice, queue_notice
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import ConfigError, LearnerConfig, RunConfig
from trainingrun_contracts.stream.accounts import Accounts, LedgerSnapshot, resumed_ledger
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.read import RolloutReader, next_epoch
from trainingrun_contracts.weights import WeightsPublisher
from trainingrun_contracts.weights_pointer import pointer_from

from trainingrun_trainer.batcher import Batcher
from trainingrun_trainer.checkpoint.archive import (
    CheckpointArchive,
    Loaded,
    Owner,
    Skipped,
    open_archive,
    open_cache,
    resumable,
)
from trainingrun_trainer.checkpoint.inspection import NothingFound, adoptable, find_place
from trainingrun_trainer.checkpoint.manifest import CheckpointInvalid, Progress
from trainingrun_trainer.checkpoint.state import adopt, ledger_of, restore
from trainingrun_trainer.checkpoint.store import (
    StorageError,
    StorageGone,
    StorageRefused,
)
from trainingrun_trainer.coordinator import Rank0, run_worker
from trainingrun_trainer.distributed import (
    DistributedRanks,
    RankGroup,
    SingleRank,
    join,
    local_rank,
)
from trainingrun_trainer.folding import Folding
from trainingrun_trainer.learner import Controls, Learner
from trainingrun_trainer.link import Epoch, RedisLink
from trainingrun_trainer.networks.build import new_policy
from trainingrun_trainer.outputs import Outputs
from trainingrun_trainer.prefetcher import Prefetcher
from trainingrun_trainer.publish import Publisher
from trainingrun_trainer.reporter import Identity, Reporter
from trainingrun_trainer.rollout_queue import RolloutQueue
from trainingrun_trainer.saving import NOT_REMOVED, CheckpointWriter, CheckpointWriters, report_of
from trainingrun_trainer.spot import SpotWatch, metadata_service
from trainingrun_trainer.status import Status
from trainingrun_trainer.telemetry import EventFiles, LossCurve, event_folder, serve_metrics
from trainingrun_trainer.update import PpoUpdater
from trainingrun_trainer.watchdog import TIMEOUTS, DataWatchdog, Timeouts, report_times

_log = logging.getLogger(__name__)

THREADS_VARIABLE: Final = "TRAININGRUN_TORCH_THREADS"
CURVE_FILE: Final = "losses.jsonl"
_BACKOFF: Final = Backoff(first=0.5, longest=15.0)


@dataclass(frozen=True)
class _Base:
    """What all parts need."""

    config: RunConfig
    keys: Keys
    link: RedisLink
    status: Status
    ranks: SingleRank | DistributedRanks


def assemble(
    config: RunConfig,
    environment: RoleEnvironment,
    *,
    stop: Event,
    patience: Timeouts = TIMEOUTS,
) -> Learner:
    """Return a learner with its epoch taken and its state resumed.

    Raises:
        ConfigError, RedisRefused, StorageError, MetricsPortTaken: with a sentence for the user.
        StopRequested: an orderly end was asked for before Redis answered.
        RankLost: another rank has ended.
    """
    device = prepare_device(config.learner)
    redis = RedisLink(
        environment.redis_url, stop=stop, on_wait=lambda: _touch(environment.health_file)
    )
    base = _Base(config, Keys(config.run_id), redis, Status(), join(device))
    link, keys = base.link, base.keys
    link.persist(link.client.ping, what="starting", patience=patience.storage_seconds)
    if environment.metrics_port:
        serve_metrics(base.status, port=environment.metrics_port)
    places = _usable_places(base, environment.member, patience=patience.storage_seconds)

    above = places.newest_epoch()
    number = link.persist(
        lambda: next_epoch(link.client, keys, above=above), what="taking the epoch"
    )
    epoch = Epoch(link.client, keys, number)
    identity = Identity(environment.member, keys, environment.health_file)
    reporter = Reporter(link.client, identity, status=base.status, epoch=epoch)
    updater, progress, ledger = _resumed(base, places, reporter, device)
    link.persist(reporter.tick, what="asking for the intent")
    outputs = Outputs(
        publisher=_publisher(base, number, progress),
        writer=_savers(base.status, places, reporter),
        reporter=reporter,
        status=base.status,
        events=EventFiles(tensorboard := tensorboard_directory(config)),
        curve=LossCurve(tensorboard / CURVE_FILE) if config.sync else None,
    )
    lead = Rank0(updater, base.ranks)
    lead.start()
    return Learner(
        config,
        lead=lead,
        progress=progress,
        queue=_queue(base, epoch, consumer=environment.member, patience=patience, ledger=ledger),
        outputs=outputs,
        controls=Controls(
            stop=stop,
            spot=SpotWatch(
                metadata_service(os.environ, is_wanted=config.checkpoint.spot_notice),
                reporter.notify,
            ),
            patience=patience,
            restore=lambda: restore_newest(places.nearest_first, updater),
        ),
    )


def assist(config: RunConfig, *, stop: Event) -> None:
    """Be one of the ranks that follow rank 0, until it ends.

    Raises:
        ConfigError: this rank has no GPU.
        RankLost: another rank has ended.
    """
    device = prepare_device(config.learner)
    ranks = join(device)
    assert isinstance(ranks, DistributedRanks)
    run_worker(_new_updater(config, device, ranks), ranks, stop=stop)


def prepare_device(config: LearnerConfig) -> torch.device:
    """Return the device to train on; sets torch's threads.

    Raises:
        ConfigError: a GPU is asked for and there is none, or the number of threads is none.
    """
    found = torch.cuda.device_count() if config.gpus > 0 else 0
    if config.gpus > 0 and found <= local_rank():
        seen = f"{found} GPUs" if found else "no GPU"
        raise ConfigError(
            f"learner.gpus is {config.gpus}, and torch sees {seen} here: set it to {found}, or give"
            " the learner more"
        )
    threads = os.environ.get(THREADS_VARIABLE, "1")
    if not threads.isdigit() or int(threads) < 1:
        raise ConfigError(f"{THREADS_VARIABLE}={threads!r} is not a number of threads")
    torch.set_num_threads(int(threads))
    if config.gpus == 0:
        return torch.device("cpu")
    device = torch.device("cuda", local_rank())
    torch.cuda.set_device(device)
    return device


def tensorboard_directory(config: RunConfig) -> Path:
    """Return where event files go: the run's folder for them, or a temporary one, which the log
    names."""
    found = event_folder(config)
    if found is not None:
        return found
    temporary = Path(tempfile.mkdtemp(prefix="trainingrun-tensorboard-"))
    _log.info("event files for TensorBoard go to %s", temporary)
    return temporary


@dataclass(frozen=True)
class _Places:
    """Where checkpoints are kept; the cache only beside a bucket."""

    storage: CheckpointArchive
    cache: CheckpointArchive | None = None

    @property
    def nearest_first(self) -> tuple[CheckpointArchive, ...]:
        return (self.storage,) if self.cache is None else (self.cache, self.storage)

    def newest_epoch(self) -> int:
        """Return the highest epoch of a checkpoint of any place; a place that fails says
        nothing."""
        found = 0
        for place in self.nearest_first:
            with contextlib.suppress(StorageError):
                found = max(found, place.newest_epoch())
        return found


def _usable_places(base: _Base, member: str, *, patience: float) -> _Places:
    """Return the places, once they are known to work; publish a notice about one that does not.

    A storage that does not answer is waited for; one that is named wrongly, refuses or is gone ends
    the start. Neither does where this machine has a checkpoint to resume from: then the bucket
    did work, and training continues without it.

    Raises:
        StorageError: it cannot be used, or did not answer within the patience (seconds).
    """
    config, run = base.config.checkpoint, base.config.run
    owner = Owner(run, base.config.run_id, base.config.namespace)
    cache = open_cache(config, run=run, owner=owner)
    try:
        if cache is not None:
            cache.check()
    except StorageError as error:
        _notify(base, member, reason="CheckpointCacheUnusable", message=str(error))
        cache = None
    try:
        places = _Places(open_archive(config, run=run, owner=owner), cache)
    except StorageError as error:
        _notify(base, member, reason=error.reason, message=str(error))
        raise
    until, reported = time.monotonic() + patience, ""
    for failures in count(1):
        try:
            places.storage.check()
        except StorageError as error:
            if reported != error.reason:
                _notify(base, member, reason=error.reason, message=str(error))
                reported = error.reason
            if cache is not None and cache.newest_valid().checkpoint is not None:
                _log.warning("resuming from the checkpoints of this machine: %s", error)
                return places
            if error.exit_code in FINAL or time.monotonic() >= until:
                raise
            _log.warning("waiting for the storage: %s", error)
            base.link.wait(_BACKOFF.seconds(failures))
        else:
            break
    return places


def _touch(health_file: Path | None) -> None:
    """A sign of life for the probes, while what is waited for does not answer."""
    if health_file is not None:
        health_file.touch()


def _notify(base: _Base, member: str, *, reason: str, message: str) -> None:
    """Publish a notice before there is a reporter."""
    pipe: Any = base.link.client.pipeline(transaction=True)
    queue_notice(pipe, base.keys.notices, Notice(time.time(), "learner", member, reason, message))
    base.link.persist(pipe.execute, what="publishing a notice about the storage", patience=5)


def _resumed(
    base: _Base, places: _Places, reporter: Reporter, device: torch.device
) -> tuple[PpoUpdater, Progress, LedgerSnapshot]:
    """Return a new updater, or one with the state of the newest valid checkpoint of any place, and
    what of the rollouts is in its weights."""
    updater = _new_updater(base.config, device, base.ranks)
    progress, ledger = Progress(), LedgerSnapshot()
    for found in resumable(*places.nearest_first):
        if isinstance(found, Skipped):
            reporter.notify("CheckpointSkipped", f"checkpoint {found.uri} is skipped: {found.why}")
            continue
        try:
            ledger = ledger_of(found.checkpoint)
            progress = restore(found.checkpoint, updater)
        except CheckpointInvalid as error:
            reporter.notify("CheckpointSkipped", f"checkpoint {found.uri} is skipped: {error}")
            updater, ledger = _new_updater(base.config, device, base.ranks), LedgerSnapshot()
            continue
        _log.info("resumed at update %d from %s", progress.step, found.uri)
        base.status.set(checkpoint=report_of(found.checkpoint, found.uri))
        break
    else:
        _adopt(base, updater, reporter)
    base.status.set(version=progress.step, first_update_at=progress.first_update_at)
    return updater, progress, ledger


def _adopt(base: _Base, updater: PpoUpdater, reporter: Reporter) -> None:
    """Begin with the weights of the checkpoint that ``resumeFrom`` names, if it names one.

    Raises:
        StorageError: it cannot be read, is not there, or does not fit this run's network.
    """
    wanted = base.config.resume_from
    if wanted is None:
        return
    try:
        place = find_place(wanted.storage, endpoint_url=base.config.checkpoint.endpoint_url)
        uri, checkpoint = adoptable(place, wanted.checkpoint, run=wanted.run)
    except NothingFound as error:
        raise StorageGone("CheckpointMissing", str(error)) from error
    try:
        adopt(checkpoint, updater)
    except CheckpointInvalid as error:
        raise StorageRefused("CheckpointSkipped", f"spec.resumeFrom: {uri}: {error}") from error
    reporter.notify("CheckpointAdopted", f"begins with the weights of {uri}", warning=False)
    base.status.set(adopted_from=uri)


def restore_newest(archives: Sequence[CheckpointArchive], updater: PpoUpdater) -> Progress | None:
    """Put the state of the newest valid checkpoint into an updater; None where there is none.

    Raises:
        StorageError: the storage cannot be read; the learner's next start goes back as well.
    """
    for found in resumable(*archives):
        if isinstance(found, Loaded):
            with contextlib.suppress(CheckpointInvalid):
                return restore(found.checkpoint, updater)
    return None


def _new_updater(config: RunConfig, device: torch.device, ranks: RankGroup) -> PpoUpdater:
    torch.manual_seed(config.seed)
    policy = new_policy(config.seed, config.learner.network)
    return PpoUpdater(policy, config.learner, seed=config.seed, device=device, ranks=ranks)


def _publisher(base: _Base, epoch: int, progress: Progress) -> Publisher:
    """Continue the numbers that actors have seen, also when the checkpoint is older."""
    client, keys = base.link.client, base.keys
    reply: Any = base.link.persist(lambda: client.hgetall(keys.weights), what="reading the pointer")
    pointer = pointer_from(reply)
    last = max(progress.publish, pointer.publish if pointer else 0)
    return Publisher(
        base.link,
        WeightsPublisher(client, keys, epoch=epoch),
        last_publish=last,
        snapshot_every=base.config.self_play.snapshot_every_publishes,
    )


def _savers(status: Status, places: _Places, reporter: Reporter) -> CheckpointWriters:
    storage = CheckpointWriter(
        places.storage,
        on_saved=status.note_checkpoint,
        on_failure=lambda error: _note_failure(status, reporter, error),
    )
    if places.cache is None:
        return CheckpointWriters(storage)
    cache = CheckpointWriter(
        places.cache,
        on_saved=lambda report: _log.info("kept %s", report.uri),
        on_failure=lambda error: reporter.notify("CheckpointCacheUnusable", str(error)),
    )
    return CheckpointWriters(storage, cache=cache)


def _note_failure(status: Status, reporter: Reporter, error: StorageError) -> None:
    if error.reason != NOT_REMOVED:
        status.note_checkpoint(None)
    reporter.notify(error.reason, str(error))


def _queue(
    base: _Base, epoch: Epoch, *, consumer: str, patience: Timeouts, ledger: LedgerSnapshot
) -> RolloutQueue:
    learner = base.config.learner
    client = base.link.client_without_retries()
    reader = base.link.persist(
        lambda: RolloutReader(client, base.keys, consumer=consumer, epoch=epoch.number),
        what="joining the queue",
    )
    known = base.link.persist(reader.load_ledger, what="reading the accounts")
    known = resumed_ledger(known, ledger)
    accounts = Accounts(known.totals, known.marks, folded=known.folded)
    reports = partial(report_times, base.link.client, base.keys)
    capacity = HIGH_WATER_BATCHES * learner.batch_transitions
    base.status.set(totals=accounts.totals, queue_capacity=capacity)
    return RolloutQueue(
        keys=base.keys,
        link=base.link,
        reader=reader,
        prefetcher=Prefetcher(
            base.link, reader, run_id=base.config.run_id, capacity=2 * learner.batch_transitions
        ),
        batcher=Batcher(accounts, learner.batch_transitions, learner.max_policy_lag),
        epoch=epoch,
        watchdog=DataWatchdog(reports, patience),
        folding=Folding(reports, max_lag=learner.max_policy_lag),
    )
