"""What a checkpoint's folder on this machine holds: its manifest, and files that are what it says.

For verbs that play with a checkpoint and have no torch. The learner's own reader
(``trainingrun_trainer.checkpoint``) knows all of a manifest, and comes with torch.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.environment_config import EnvironmentConfig, Magic
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.weights import MAX_BYTES

MANIFEST_FILE: Final = "manifest.json"
MODEL_FILE: Final = "model.safetensors"


class FileSum(Struct, frozen=True):
    """Size and sum of a file of the checkpoint."""

    size: int
    sha256: str


class Progress(Struct, frozen=True):
    """How far the run was: optimiser steps, and training games."""

    step: int = 0
    games: int = 0


class LearnerPart(Struct, frozen=True):
    """Of the run's learner, what its weights are of."""

    network: Network = Network()


class RunPart(Struct, frozen=True):
    """Of the run's configuration, what its weights play."""

    environment: EnvironmentConfig = Magic()
    alpha_zero: AlphaZeroConfig | None = None
    learner: LearnerPart = LearnerPart()


class Manifest(Struct, frozen=True):
    """Of the manifest, what is needed to play."""

    schema_hash: str
    progress: Progress
    files: dict[str, FileSum]
    run: str = ""
    saved_at: float = 0.0
    config: RunPart = RunPart()


class UnfitCheckpointError(Exception):
    """A checkpoint cannot be used; the message says why."""


def manifest_of(checkpoint: Path) -> Manifest:
    """Return the manifest of a checkpoint's folder.

    Raises:
        UnfitCheckpointError: it cannot be read.
    """
    try:
        document = (checkpoint / MANIFEST_FILE).read_bytes()
        return msgspec.json.decode(document, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnfitCheckpointError(f"its manifest cannot be read ({error})") from error
    except OSError as error:
        raise UnfitCheckpointError(f"its manifest cannot be read ({error.strerror})") from error


def content_of(checkpoint: Path, manifest: Manifest, name: str) -> bytes:
    """Return a file of a checkpoint, compared with its sum.

    Raises:
        UnfitCheckpointError: there is no such file, it is too large, or it is damaged.
    """
    expected = manifest.files.get(name)
    if expected is None:
        raise UnfitCheckpointError(f"its manifest names no {name}")
    if expected.size > MAX_BYTES:
        raise UnfitCheckpointError(
            f"{name} has {expected.size} bytes, at most {MAX_BYTES} are read"
        )
    try:
        content = (checkpoint / name).read_bytes()
    except OSError as error:
        raise UnfitCheckpointError(f"{name} cannot be read ({error.strerror})") from error
    if len(content) != expected.size or hashlib.sha256(content).hexdigest() != expected.sha256:
        raise UnfitCheckpointError(f"{name} does not match its sha256: it is damaged")
    return content
