"""Published weights with random numbers, which know nothing of the game: of AlphaZero's network and
of a policy of PPO. And checkpoints that hold them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save
from trainingrun_contracts.board_network import NETWORK_METADATA, board_shapes
from trainingrun_contracts.board_weights import SCHEMA_METADATA, VERSION_METADATA
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network, shapes_of


def random_board_weights(
    network: Network, spec: EnvironmentSpec, *, version: int = 0, scale: float = 1.0
) -> bytes:
    """Weights as the learner publishes them, other ones for each version; ``scale`` multiplies all
    of them."""
    random = np.random.default_rng(version)
    tensors = {
        name: (random.standard_normal(shape) * scale / np.sqrt(np.prod(shape[1:]))).astype(
            np.float32
        )
        for name, shape in board_shapes(network, spec).items()
    }
    metadata = {
        SCHEMA_METADATA: spec.schema_hash,
        VERSION_METADATA: str(version),
        NETWORK_METADATA: network.kind,
    }
    return save(tensors, metadata)


def random_policy_weights(spec: EnvironmentSpec, *, version: int = 0) -> bytes:
    """Weights of PPO's usual network as the learner publishes them, other ones for each version."""
    random = np.random.default_rng(version)
    tensors = {
        name: (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        for name, shape in shapes_of(Network(), spec).items()
    }
    return save(tensors, {SCHEMA_METADATA: spec.schema_hash, VERSION_METADATA: str(version)})


def write_checkpoint(
    checkpoints: Path,
    run: str,
    step: int,
    *,
    spec: EnvironmentSpec,
    config: Mapping[str, Any],
    files: Mapping[str, bytes],
) -> Path:
    """Write a checkpoint with these files, as a learner does; returns its folder.

    ``config`` is what its manifest says of the run's configuration.
    """
    path = checkpoints / f"{run}-{step:010d}"
    path.mkdir(parents=True)
    sums = {}
    for name, content in files.items():
        (path / name).write_bytes(content)
        sums[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest = {
        "format": 2,
        "run": run,
        "run_id": f"{run}-1",
        "schema_hash": spec.schema_hash,
        "saved_at": float(step),
        "progress": {"step": step, "games": 10 * step},
        "files": sums,
        "config": dict(config),
        "libraries": {},
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path
