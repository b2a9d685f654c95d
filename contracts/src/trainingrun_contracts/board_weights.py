"""Published weights of AlphaZero as arrays, once everything about them has been checked.

Who plays, searches or answers for others reads weights here and nowhere else, so that all of them
refuse the same ones. Not here: what the tensors compute (``board_network``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct
from safetensors import SafetensorError
from safetensors.numpy import load

from trainingrun_contracts.board_network import NETWORK_METADATA, board_network_of, board_shapes
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.weights import MAX_BYTES, WeightsError

Float32 = npt.NDArray[np.float32]

SCHEMA_METADATA: Final = "schema_hash"
VERSION_METADATA: Final = "version"
_HEADER_PREFIX: Final = 8


class BoardWeights(Struct, frozen=True):
    """Weights that fit an environment.

    Attributes:
        network: what they are of.
        tensors: float32, finite, with exactly the names and shapes of ``board_shapes``.
        version: optimiser step.
    """

    network: Network
    tensors: Mapping[str, Float32]
    version: int


def read_board_weights(blob: bytes, spec: EnvironmentSpec) -> BoardWeights:
    """Read published weights.

    Raises:
        WeightsError: too large, not safetensors, of another environment, of no network of
            AlphaZero's, or a tensor is missing, too many, no float32, of another shape, or holds a
            number that is not finite.
    """
    if len(blob) > MAX_BYTES:
        raise WeightsError(f"the weights have {len(blob)} bytes, at most {MAX_BYTES} are allowed")
    try:
        tensors: dict[str, Any] = load(blob)
        metadata = _metadata(blob)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"the weights are not safetensors: {error}") from error
    schema = metadata.get(SCHEMA_METADATA)
    if schema != spec.schema_hash:
        raise WeightsError(
            f"the weights were made for an environment of schema {schema}, and this run plays"
            f" {spec.name} ({spec.schema_hash})"
        )
    version = metadata.get(VERSION_METADATA, "")
    if not (version.isascii() and version.isdigit() and len(version) < 19):
        raise WeightsError(f"the weights have no version, but {version!r}")
    try:
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        network = board_network_of(metadata.get(NETWORK_METADATA, ""), shapes)
        expected = board_shapes(network, spec)
    except ValueError as error:
        raise WeightsError(f"the weights: {error}") from error
    if unknown := sorted(set(tensors) - set(expected)):
        raise WeightsError(f"the weights: tensor {unknown[0]} is none of the network's")
    for name, shape in expected.items():
        _require_sound(name, tensors.get(name), shape)
    return BoardWeights(network, tensors, int(version))


def are_board_weights(blob: bytes) -> bool:
    """Say whether bytes claim to be weights of AlphaZero's; ``read_board_weights`` checks them."""
    try:
        return NETWORK_METADATA in _metadata(blob)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _require_sound(name: str, tensor: Any, shape: tuple[int, ...]) -> None:
    if tensor is None or tensor.shape != shape or tensor.dtype != np.float32:
        found = "is missing" if tensor is None else f"is {tensor.dtype} {list(tensor.shape)}"
        raise WeightsError(f"the weights: tensor {name} {found}, not float32 {list(shape)}")
    if not np.isfinite(tensor).all():
        raise WeightsError(f"the weights: tensor {name} holds a number that is not finite")


def _metadata(blob: bytes) -> dict[str, str]:
    """Return the metadata in the header of safetensors bytes, which ``load`` has checked."""
    end = _HEADER_PREFIX + int.from_bytes(blob[:_HEADER_PREFIX], "little")
    header = msgspec.json.decode(blob[_HEADER_PREFIX:end], type=dict[str, Any])
    return msgspec.convert(header.get("__metadata__") or {}, dict[str, str])
