"""The learner's state as the files of a checkpoint, and back."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
import safetensors
import torch
from safetensors.torch import load, save
from torch import Tensor
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.accounts import LedgerSnapshot

from trainingrun_trainer.checkpoint.manifest import (
    FORMAT,
    OTHER_ENCODING,
    Checkpoint,
    CheckpointInvalid,
    Manifest,
    Progress,
    sum_of,
)
from trainingrun_trainer.recovery import all_finite
from trainingrun_trainer.updater import Updater

_log = logging.getLogger(__name__)

MODEL_FILE: Final = "model.safetensors"
OPTIMISER_FILE: Final = "optimizer.safetensors"
RANDOM_FILE: Final = "random.safetensors"
LEDGER_FILE: Final = "accounts.json"
NO_LEDGER: Final = LedgerSnapshot()


def capture(
    updater: Updater,
    config: RunConfig,
    progress: Progress,
    *,
    now: float,
    epoch: int = 0,
    ledger: LedgerSnapshot = NO_LEDGER,
) -> Checkpoint:
    """Return all that is needed to resume from here; a copy, so training may continue at once.

    ``ledger`` say what of the rollouts is in these weights.
    """
    files = {
        MODEL_FILE: save(_on_cpu(updater.model())),
        OPTIMISER_FILE: save(_on_cpu(updater.moments())),
        RANDOM_FILE: save(
            {"torch": torch.get_rng_state(), "shuffle": updater.generator.get_state()}
        ),
        LEDGER_FILE: msgspec.json.encode(ledger),
        **updater.memory(version=progress.step),
    }
    manifest = Manifest(
        format=FORMAT,
        run=config.run,
        run_id=config.run_id,
        schema_hash=updater.spec.schema_hash,
        saved_at=now,
        progress=progress,
        files={name: sum_of(content) for name, content in files.items()},
        config=msgspec.Raw(msgspec.json.encode(config)),
        libraries={
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "safetensors": str(safetensors.__version__),
        },
        epoch=epoch,
        namespace=config.namespace,
    )
    return Checkpoint(manifest, files)


def restore(checkpoint: Checkpoint, updater: Updater) -> Progress:
    """Put a checkpoint's state into the updater; returns how far the run had come.

    Raises:
        CheckpointInvalid: it does not fit this network, or is not finite; the updater is then as it
            was, or (where it does not fit) of no use.
    """
    _load(checkpoint, updater)
    forgotten = updater.recall(checkpoint.files)
    if forgotten:
        _log.warning("update %d: %s", checkpoint.manifest.progress.step, forgotten)
    return checkpoint.manifest.progress


def adopt(checkpoint: Checkpoint, updater: Updater) -> None:
    """Put the weights and moments of another run's checkpoint into the updater; its random state,
    memory and progress stay the run's own.

    Raises:
        CheckpointInvalid: see :func:`restore`.
    """
    shuffle, random = updater.generator.get_state(), torch.get_rng_state()
    try:
        _load(checkpoint, updater)
    finally:
        updater.generator.set_state(shuffle)
        torch.set_rng_state(random)


def _load(checkpoint: Checkpoint, updater: Updater) -> None:
    """Put weights, moments and random state into the updater."""
    if checkpoint.manifest.schema_hash != updater.spec.schema_hash:
        raise CheckpointInvalid(OTHER_ENCODING)
    try:
        model = load(checkpoint.files[MODEL_FILE])
        moments = load(checkpoint.files[OPTIMISER_FILE])
        random = load(checkpoint.files[RANDOM_FILE])
        if not all_finite(model, moments):
            raise CheckpointInvalid("its weights or moments hold numbers that are not finite")
        updater.load(model, moments)
        updater.generator.set_state(random["shuffle"])
        torch.set_rng_state(random["torch"])
    except (KeyError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
        raise CheckpointInvalid(f"it does not fit this policy ({error})") from error


def ledger_of(checkpoint: Checkpoint) -> LedgerSnapshot:
    """Return what of the rollouts is in the weights of a checkpoint.

    Raises:
        CheckpointInvalid: it does not say so.
    """
    try:
        return msgspec.json.decode(checkpoint.files[LEDGER_FILE], type=LedgerSnapshot)
    except (KeyError, msgspec.DecodeError) as error:
        raise CheckpointInvalid(f"its accounts cannot be read ({error})") from error


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
