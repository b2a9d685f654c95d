"""What a learner begins with: the newest valid checkpoint, adopted weights, or new ones."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from trainingrun_contracts.run_config import ConfigError, RunConfig
from trainingrun_contracts.stream.accounts import LedgerSnapshot
from trainingrun_environments.registry import games_of, spec_of
from trainingrun_environments.symmetries import symmetries_of

from trainingrun_trainer.alphazero.network import new_board_network
from trainingrun_trainer.alphazero.update import AlphaZeroUpdater
from trainingrun_trainer.checkpoint.archive import CheckpointArchive, Loaded, Skipped, resumable
from trainingrun_trainer.checkpoint.inspection import NothingFound, adoptable, find_place
from trainingrun_trainer.checkpoint.manifest import CheckpointInvalid, Progress
from trainingrun_trainer.checkpoint.state import adopt, ledger_of, restore
from trainingrun_trainer.checkpoint.store import StorageGone, StorageRefused
from trainingrun_trainer.checkpoint_places import CheckpointPlaces
from trainingrun_trainer.distributed import RankGroup
from trainingrun_trainer.networks.build import new_policy
from trainingrun_trainer.reporter import Reporter
from trainingrun_trainer.saving import report_of
from trainingrun_trainer.start_context import StartContext
from trainingrun_trainer.update import PpoUpdater
from trainingrun_trainer.updater import Updater

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resumed:
    """An updater, how far the run has come with its weights, and which rollouts are in them."""

    updater: Updater
    progress: Progress
    ledger: LedgerSnapshot


def resume(start: StartContext, places: CheckpointPlaces, reporter: Reporter) -> Resumed:
    """Return a new updater, or one with the state of the newest valid checkpoint of any place.

    Raises:
        StorageError: nothing is there, and the checkpoint that ``resumeFrom`` names cannot be used.
    """
    updater = new_updater(start.config, start.device, start.ranks)
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
            updater = new_updater(start.config, start.device, start.ranks)
            ledger = LedgerSnapshot()
            continue
        _log.info("resumed at update %d from %s", progress.step, found.uri)
        start.status.set(checkpoint=report_of(found.checkpoint, found.uri))
        break
    else:
        _adopt(start, updater, reporter)
    start.status.set(version=progress.step, first_update_at=progress.first_update_at)
    return Resumed(updater, progress, ledger)


def _adopt(start: StartContext, updater: Updater, reporter: Reporter) -> None:
    """Begin with the weights of the checkpoint that ``resumeFrom`` names, if it names one.

    Raises:
        StorageError: it cannot be read, is not there, or does not fit this run's network.
    """
    wanted = start.config.resume_from
    if wanted is None:
        return
    try:
        place = find_place(wanted.storage, endpoint_url=start.config.checkpoint.endpoint_url)
        uri, checkpoint = adoptable(place, wanted.checkpoint, run=wanted.run)
    except NothingFound as error:
        raise StorageGone("CheckpointMissing", str(error)) from error
    try:
        adopt(checkpoint, updater)
    except CheckpointInvalid as error:
        raise StorageRefused("CheckpointSkipped", f"spec.resumeFrom: {uri}: {error}") from error
    reporter.notify("CheckpointAdopted", f"begins with the weights of {uri}", warning=False)
    start.status.set(adopted_from=uri)


def restore_newest(archives: Sequence[CheckpointArchive], updater: Updater) -> Progress | None:
    """Put the state of the newest valid checkpoint into an updater; None where there is none.

    Raises:
        StorageError: the storage cannot be read; the learner's next start goes back as well.
    """
    for found in resumable(*archives):
        if isinstance(found, Loaded):
            with contextlib.suppress(CheckpointInvalid):
                return restore(found.checkpoint, updater)
    return None


def new_updater(config: RunConfig, device: torch.device, ranks: RankGroup) -> Updater:
    """Return an updater of the run's algorithm, with the weights that the run's seed gives.

    Raises:
        ConfigError: the network does not fit the environment.
        UnknownEnvironment: the run plays in an environment that cannot be had here.
    """
    torch.manual_seed(config.seed)
    if config.alpha_zero is not None:
        return _alpha_zero(config, device)
    policy = new_policy(config.seed, spec_of(config.environment), config.learner.network)
    return PpoUpdater(policy, config.learner, seed=config.seed, device=device, ranks=ranks)


def _alpha_zero(config: RunConfig, device: torch.device) -> AlphaZeroUpdater:
    """Return an updater of AlphaZero, which trains in the symmetries of the run's games."""
    games = games_of(config.environment)
    try:
        network = new_board_network(config.seed, config.learner.network, games.spec)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    symmetries = symmetries_of(games)
    return AlphaZeroUpdater(network, config, device=device, symmetries=symmetries)
