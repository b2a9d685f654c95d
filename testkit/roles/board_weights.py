"""Published weights of AlphaZero's network with random numbers: they know nothing of the game."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import save
from trainingrun_contracts.board_network import NETWORK_METADATA, board_shapes
from trainingrun_contracts.board_weights import SCHEMA_METADATA, VERSION_METADATA
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network


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
