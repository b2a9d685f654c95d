"""Reads published weights for the server, and refuses what cannot answer.

A number that is not finite, a tensor of another shape or weights of another environment are found
here, before a batch is: then the server keeps what it has.
"""

from __future__ import annotations

from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor
from trainingrun_contracts.board_network import NETWORK_METADATA, board_shapes
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.weights import WeightsError, verified


def read_weights(
    blob: Any, sha256: str, *, network: Network, spec: EnvironmentSpec
) -> dict[str, Tensor]:
    """Return the tensors of published weights, float32.

    Raises:
        WeightsError: they are missing, not what their hash says, not safetensors, of another
            environment or network, or hold a number that is not finite.
    """
    data, name = verified(blob, sha256), f"weights {sha256[:12]}"
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"{name} are not safetensors: {error}") from error
    _require_meaning(_metadata(data), name, network=network, spec=spec)
    shapes = board_shapes(network, spec)
    if tensors.keys() != shapes.keys():
        different = sorted(tensors.keys() ^ shapes.keys())[:3]
        raise WeightsError(
            f"{name} are not a {network.kind} of width {network.width} and {network.layers} layers:"
            f" {', '.join(different)} is too much or missing"
        )
    return {key: _checked(tensors[key], shape, f"{name}: {key}") for key, shape in shapes.items()}


def _require_meaning(
    metadata: dict[str, str], name: str, *, network: Network, spec: EnvironmentSpec
) -> None:
    schema, kind = metadata.get("schema_hash"), metadata.get(NETWORK_METADATA)
    if schema != spec.schema_hash:
        raise WeightsError(
            f"{name} have observation schema {schema}, this server {spec.schema_hash} ({spec.name})"
        )
    if kind != network.kind:
        raise WeightsError(f"{name} are a {kind}, and the run's network is a {network.kind}")


def _checked(tensor: Tensor, shape: tuple[int, ...], name: str) -> Tensor:
    if tuple(tensor.shape) != shape or not tensor.is_floating_point():
        raise WeightsError(
            f"{name} is {tensor.dtype} {list(tensor.shape)}, not numbers of shape {list(shape)}"
        )
    found = tensor.float()
    if not bool(torch.isfinite(found).all()):
        raise WeightsError(f"{name} holds a number that is not finite")
    return found


def _metadata(data: bytes) -> dict[str, str]:
    """Return the metadata in the header of safetensors bytes, which ``load`` has checked."""
    length = int.from_bytes(data[:8], "little")
    header = msgspec.json.decode(data[8 : 8 + length], type=dict[str, Any])
    found: dict[str, str] = header.get("__metadata__") or {}
    return found
