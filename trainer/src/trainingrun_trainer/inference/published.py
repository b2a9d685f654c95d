"""Reads published weights for the server, and refuses what cannot answer before a batch is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from trainingrun_contracts.board_weights import read_board_weights
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.weights import WeightsError, verified


def read_weights(
    blob: Any, sha256: str, *, network: Network, spec: EnvironmentSpec
) -> Mapping[str, Tensor]:
    """Return the tensors of published weights, float32.

    Raises:
        WeightsError: they are missing, not what their hash says, of another environment or network
            than the run's, or cannot be used (``read_board_weights``).
    """
    found = read_board_weights(verified(blob, sha256), spec)
    if found.network != network:
        raise WeightsError(
            f"the weights are a {found.network.kind} of width {found.network.width} with"
            f" {found.network.layers} layers, and the run's network is a {network.kind} of width"
            f" {network.width} with {network.layers}"
        )
    return {name: torch.from_numpy(tensor.copy()) for name, tensor in found.tensors.items()}
