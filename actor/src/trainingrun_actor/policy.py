"""The pointer policy in numpy: loaded from safetensors bytes, evaluated for many states at once.

The formulas are those of ``trainingrun_contracts.policy_format``; parity with the trainer's torch
module is tested. No torch here: it would cost an actor 200 MB and a second and a half.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import KEY, Network, network_of, shapes_of
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.observation import Observation

from trainingrun_actor.network_encoders import ZERO, Float16, Float32, Int64, encoder_of, layer

_SCALE: Final = np.float32(1.0 / np.sqrt(KEY))


class Policy:
    """Frozen weights with the name they were published under."""

    __slots__ = ("_encode", "_heads", "_value", "pointer")

    def __init__(
        self,
        tensors: dict[str, Float32],
        network: Network,
        pointer: Pointer,
        spec: EnvironmentSpec,
    ) -> None:
        self.pointer = pointer
        self._encode = encoder_of(network, tensors, spec)
        # The query, scaled, and the value's hidden layer read the same numbers: one product.
        (query, query_bias), (value, value_bias) = (
            layer(tensors, name) for name in ("query", "value.0")
        )
        self._heads = (
            np.concatenate([query * _SCALE, value], axis=1),
            np.concatenate([query_bias * _SCALE, value_bias]),
        )
        self._value = layer(tensors, "value.1")

    def evaluate(self, states: Float16, actions: Float16, counts: Int64) -> tuple[Float32, Float32]:
        """Log-probability of every action, and value of every state.

        Args:
            states: [B, state_width].
            actions: [A, action_width], the legal actions of all states, one state after another.
            counts: [B], number of actions of each state, each at least 1.

        Returns:
            float32 [A], normalised over each state's own actions, and float32 [B] in [-1, 1].
        """
        hidden, keys = self._encode(states, actions, counts)
        heads = hidden @ self._heads[0]
        heads += self._heads[1]
        # Methods, not functions of numpy: each of those costs a microsecond more.
        logits = np.vecdot(keys, heads[:, :KEY].repeat(counts, axis=0))
        starts = counts.cumsum() - counts
        logits -= np.maximum.reduceat(logits, starts).repeat(counts)
        totals = np.log(np.add.reduceat(np.exp(logits), starts))
        logits -= totals.repeat(counts)
        last, last_bias = self._value
        values = np.maximum(heads[:, KEY:], ZERO) @ last + last_bias
        return logits, np.tanh(values[:, 0])


class Choice(Struct, frozen=True):
    """What a policy chose: a position among the options, its log-probability, the state's value."""

    position: int
    log_prob: float
    value: float


class Request(Struct, frozen=True):
    """What a policy is asked: to choose by ``draw`` in [0, 1) from the distribution, or, without a
    draw, the likeliest option."""

    policy: Policy
    observation: Observation
    draw: float | None


def load_policy(blob: bytes, pointer: Pointer, spec: EnvironmentSpec) -> Policy:
    """Read published weights for an environment.

    Raises:
        WeightsError: not safetensors, of another observation schema, or a tensor is missing, has
            another shape or holds a number that is not finite.
    """
    name = f"weights {pointer.sha256[:12]}"
    try:
        tensors: dict[str, Any] = load_tensors(blob)
    except (SafetensorError, ValueError) as error:
        raise WeightsError(f"{name} are not safetensors: {error}") from error
    schema = _metadata(blob).get("schema_hash")
    if schema != spec.schema_hash:
        raise WeightsError(
            f"{name} have observation schema {schema}, this actor {spec.schema_hash} ({spec.name})"
        )
    try:
        network = network_of({tensor: found.shape for tensor, found in tensors.items()})
    except ValueError as error:
        raise WeightsError(f"{name}: {error}") from error
    for tensor, shape in shapes_of(network, spec).items():
        if tensor not in tensors or tensors[tensor].shape != shape:
            raise WeightsError(f"{name}: tensor {tensor} is missing or not of shape {shape}")
        tensors[tensor] = tensors[tensor].astype(np.float32)
        if not np.isfinite(tensors[tensor]).all():
            raise WeightsError(f"{name}: tensor {tensor} holds a number that is not finite")
    return Policy(tensors, network, pointer, spec)


def _metadata(blob: bytes) -> dict[str, str]:
    """Return the metadata in the header of safetensors bytes (which ``load`` has checked)."""
    length = int.from_bytes(blob[:8], "little")
    header = msgspec.json.decode(blob[8 : 8 + length], type=dict[str, Any])
    found: dict[str, str] = header.get("__metadata__") or {}
    return found
