"""Putting a learner together from a run configuration and a role's environment.

Order at the start: Redis answers, the storage can be used, then a new epoch fences every older
learner, then the newest valid checkpoint is taken, then reading begins.
"""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Final

import torch
from trainingrun_contracts.own_parts import LOSSES
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import ConfigError, LearnerConfig, RunConfig
from trainingrun_contracts.stream.accounts import Accounts, resumed_ledger
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.read import RolloutReader, next_epoch
from trainingrun_contracts.weights import WeightsPublisher
from trainingrun_contracts.weights_pointer import pointer_from

from trainingrun_trainer.batcher import Batcher
from trainingrun_trainer.checkpoint.manifest import Progress
from trainingrun_trainer.checkpoint_places import CheckpointPlaces, usable_places, writers_to
from trainingrun_trainer.coordinator import Rank0, run_worker
from trainingrun_trainer.distributed import (
    DistributedRanks,
    join,
    local_rank,
)
from trainingrun_trainer.folding import Folding
from trainingrun_trainer.league_schedule import LeagueOutput
from trainingrun_trainer.learner import Controls, Learner
from trainingrun_trainer.link import Epoch, RedisLink
from trainingrun_trainer.outputs import Outputs
from trainingrun_trainer.prefetcher import Prefetcher
from trainingrun_trainer.publish import Publisher
from trainingrun_trainer.replay.values import ReplayTable
from trainingrun_trainer.reporter import Identity, Reporter
from trainingrun_trainer.resuming import Resumed, new_updater, restore_newest, resume
from trainingrun_trainer.rollout_queue import RolloutQueue
from trainingrun_trainer.spot import SpotWatch, metadata_service
from trainingrun_trainer.start_context import StartContext
from trainingrun_trainer.status import Status
from trainingrun_trainer.telemetry import EventFiles, LossCurve, event_folder, serve_metrics
from trainingrun_trainer.watchdog import TIMEOUTS, DataWatchdog, Timeouts, report_times

_log = logging.getLogger(__name__)

THREADS_VARIABLE: Final = "TRAININGRUN_TORCH_THREADS"
_ANY_LAG: Final = 2**53
CURVE_FILE: Final = "losses.jsonl"


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
    start = _begin(config, environment, stop=stop, patience=patience)
    places = usable_places(start)
    epoch = _take_epoch(start, above=places.newest_epoch())
    identity = Identity(start.member, start.keys, environment.health_file)
    reporter = Reporter(start.link.client, identity, status=start.status, epoch=epoch)
    resumed = resume(start, places, reporter)
    start.link.persist(reporter.tick, what="asking for the intent")
    publisher = _publisher(start, epoch, resumed.progress)
    outputs = replace(
        _outputs(start, places, reporter, publisher),
        league=_league(start, environment, resumed, reporter),
    )
    lead = Rank0(resumed.updater, start.ranks)
    lead.start()
    metadata = metadata_service(os.environ, is_wanted=config.checkpoint.spot_notice)
    return Learner(
        config,
        lead=lead,
        progress=resumed.progress,
        queue=_queue(start, epoch, resumed),
        outputs=outputs,
        controls=Controls(
            stop=stop,
            spot=SpotWatch(metadata, reporter.notify),
            patience=patience,
            restore=lambda: restore_newest(places.nearest_first, resumed.updater),
        ),
        replay=_replay(start, environment, stop),
    )


def _begin(
    config: RunConfig, environment: RoleEnvironment, *, stop: Event, patience: Timeouts
) -> StartContext:
    """Return what the parts need, once Redis has answered; metrics are served from then on."""
    device = prepare_device(config.learner)
    link = RedisLink(
        environment.redis_url, stop=stop, on_wait=lambda: _touch(environment.health_file)
    )
    start = StartContext(
        config=config,
        member=environment.member,
        keys=Keys(config.run_id),
        link=link,
        status=Status(),
        ranks=join(device),
        device=device,
        patience=patience,
    )
    link.persist(link.client.ping, what="starting", patience=patience.storage_seconds)
    if environment.metrics_port:
        serve_metrics(start.status, port=environment.metrics_port)
    return start


def _take_epoch(start: StartContext, *, above: int) -> Epoch:
    client, keys = start.link.client, start.keys
    number = start.link.persist(
        lambda: next_epoch(client, keys, above=above), what="taking the epoch"
    )
    return Epoch(client, keys, number)


def batch_transitions(config: RunConfig) -> int:
    """Return how many transitions are collected for one update.

    AlphaZero takes as many new positions as one step draws, at most: a new position is worth
    more the sooner it can be drawn.
    """
    most = config.learner.batch_transitions
    return most if config.alpha_zero is None else min(most, config.alpha_zero.batch)


def require_supported(config: RunConfig) -> None:
    """Raise ConfigError where a run's algorithm cannot be trained in the way that is asked for."""
    if config.replay is not None:
        _require_replay(config)
    if config.alpha_zero is None:
        return
    for name in ("ranks", "gpus"):
        number = getattr(config.learner, name)
        if number > 1:
            raise ConfigError(
                f"learner.{name} is {number}: AlphaZero trains in one process, with one GPU or"
                " none: set it to 1"
            )


def _require_replay(config: RunConfig) -> None:
    """Raise ConfigError where a run cannot train from a replay service."""
    if config.league is None:
        raise ConfigError("replay: the run has no league, whose Replay service it would sample")
    if config.alpha_zero is not None:
        raise ConfigError("replay: AlphaZero has a window of its own: leave replay out")
    if not LOSSES.is_ours(config.learner.ppo.loss):
        raise ConfigError(
            f"replay: the loss {config.learner.ppo.loss!r} takes no importance weights: leave"
            " replay out, or choose the loss ppo"
        )
    if config.learner.ranks > 1 or config.sync:
        raise ConfigError("replay: the learner samples in one process: set learner.gpus to 0 or 1")


def assist(config: RunConfig, *, stop: Event) -> None:
    """Be one of the ranks that follow rank 0, until it ends.

    Raises:
        ConfigError: this rank has no GPU.
        RankLost: another rank has ended.
    """
    device = prepare_device(config.learner)
    ranks = join(device)
    assert isinstance(ranks, DistributedRanks)
    run_worker(new_updater(config, device, ranks), ranks, stop=stop)


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


def _touch(health_file: Path | None) -> None:
    """A sign of life for the probes, while what is waited for does not answer."""
    if health_file is not None:
        health_file.touch()


def _outputs(
    start: StartContext, places: CheckpointPlaces, reporter: Reporter, publisher: Publisher
) -> Outputs:
    tensorboard = tensorboard_directory(start.config)
    return Outputs(
        publisher=publisher,
        writer=writers_to(places, start.status, reporter),
        reporter=reporter,
        status=start.status,
        events=EventFiles(tensorboard),
        curve=LossCurve(tensorboard / CURVE_FILE) if start.config.sync else None,
    )


def _league(
    start: StartContext, environment: RoleEnvironment, resumed: Resumed, reporter: Reporter
) -> LeagueOutput | None:
    config = start.config
    if config.league is None:
        return None
    # Imported here because gRPC takes memory that a run without a league does not need.
    from trainingrun_trainer.league_publisher import SERVICE, league_publisher  # noqa: PLC0415

    return league_publisher(
        config,
        config.league,
        environment.league,
        client=start.link.client,
        schema_hash=resumed.updater.spec.schema_hash,
        games=resumed.progress.games,
        notify=reporter.notify,
        heard=partial(start.status.note_league, SERVICE),
    )


def _replay(start: StartContext, environment: RoleEnvironment, stop: Event) -> ReplayTable | None:
    config = start.config
    if config.replay is None:
        return None
    from trainingrun_trainer.replay.client import SERVICE, replay_table  # noqa: PLC0415 - as above

    heard = partial(start.status.note_league, SERVICE)
    return replay_table(config, config.replay, environment.league, stop=stop, heard=heard)


def _most_lag(config: RunConfig) -> int:
    """Return the lag of what is dropped unseen. From a replay table nothing is: whether a segment
    that comes again after a kill is too old would else be decided twice, and differently."""
    return config.learner.max_policy_lag if config.replay is None else _ANY_LAG


def _publisher(start: StartContext, epoch: Epoch, progress: Progress) -> Publisher:
    """Continue the numbers that actors have seen, also when the checkpoint is older."""
    client, keys = start.link.client, start.keys
    reply: Any = start.link.persist(
        lambda: client.hgetall(keys.weights), what="reading the pointer"
    )
    pointer = pointer_from(reply)
    last = max(progress.publish, pointer.publish if pointer else 0)
    return Publisher(
        start.link,
        WeightsPublisher(client, keys, epoch=epoch.number),
        last_publish=last,
        snapshot_every=start.config.self_play.snapshot_every_publishes,
    )


def _queue(start: StartContext, epoch: Epoch, resumed: Resumed) -> RolloutQueue:
    """Join the queue with the weights that training continues with."""
    learner = start.config.learner
    client = start.link.client_without_retries()
    reader = start.link.persist(
        lambda: RolloutReader(client, start.keys, consumer=start.member, epoch=epoch.number),
        what="joining the queue",
    )
    known = start.link.persist(reader.load_ledger, what="reading the accounts")
    known = resumed_ledger(known, resumed.ledger)
    accounts = Accounts(known.totals, known.marks, folded=known.folded)
    reports = partial(report_times, start.link.client, start.keys)
    capacity = HIGH_WATER_BATCHES * learner.batch_transitions
    start.status.set(totals=accounts.totals, queue_capacity=capacity)
    return RolloutQueue(
        keys=start.keys,
        link=start.link,
        reader=reader,
        prefetcher=Prefetcher(
            start.link,
            reader,
            run_id=start.config.run_id,
            spec=resumed.updater.spec,
            is_searched=start.config.alpha_zero is not None,
            capacity=2 * learner.batch_transitions,
        ),
        batcher=Batcher(accounts, batch_transitions(start.config), _most_lag(start.config)),
        epoch=epoch,
        watchdog=DataWatchdog(reports, start.patience),
        folding=Folding(reports, max_lag=learner.max_policy_lag),
    )
