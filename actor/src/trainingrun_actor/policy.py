"""The pointer policy in numpy: loaded from safetensors bytes, evaluated for many states at once.

The formulas are those of ``trainingrun_contracts.policy_format``; parity with the trainer's torch
module is tested. No torch here: it would cost an actor 200 MB and a second and a half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from msgspec import Struct
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.own_network import (
    PREFIX,
    NamedNetwork,
    OwnNetwork,
    own_actions,
    own_network,
    stated_network,
)
from trainingrun_contracts.own_parts import PartFault, UnknownPart, described
from trainingrun_contracts.policy_format import KEY, Network, Shapes, network_of, shapes_of
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.observation import Observation

from trainingrun_actor.network_encoders import ZERO, Float16, Float32, Int64, encoder_of, layer

_SCALE: Final = np.float32(1.0 / np.sqrt(KEY))


Evaluate: TypeAlias = Callable[[Float16, Float16, Int64], tuple[Float32, Float32]]
"""Log-probability of every action, and value of every state.

Takes states [B, state_width]; actions [A, action_width], the legal actions of all states, one state
after another; counts [B], number of actions of each state, each at least 1. Gives float32 [A],
normalised over each state's own actions, and float32 [B] in [-1, 1].
"""


class Policy:
    """Frozen weights with the name they were published under."""

    __slots__ = ("evaluate", "pointer")

    def __init__(self, evaluate: Evaluate, pointer: Pointer) -> None:
        self.evaluate = evaluate
        self.pointer = pointer


class PointerNetwork:
    """The pointer policy's forward pass."""

    __slots__ = ("_encode", "_heads", "_value")

    def __init__(
        self, tensors: dict[str, Float32], network: Network, spec: EnvironmentSpec
    ) -> None:
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
        """See Evaluate."""
        hidden, keys = self._encode(states, actions, counts)
        heads = hidden @ self._heads[0]
        heads += self._heads[1]
        logits = np.vecdot(keys, heads[:, :KEY].repeat(counts, axis=0))
        last, last_bias = self._value
        values = np.maximum(heads[:, KEY:], ZERO) @ last + last_bias
        return log_softmax(logits, counts), np.tanh(values[:, 0])


def log_softmax(logits: Float32, counts: Int64) -> Float32:
    """Return log-probabilities over each state's own actions, in the place of the logits."""
    # Methods, not functions of numpy: each of those costs a microsecond more.
    starts = counts.cumsum() - counts
    logits -= np.maximum.reduceat(logits, starts).repeat(counts)
    totals = np.log(np.add.reduceat(np.exp(logits), starts))
    logits -= totals.repeat(counts)
    return logits


class UsersNetwork:
    """The forward pass of a network of a user's."""

    __slots__ = ("_name", "_network", "_spec", "_tensors")

    def __init__(
        self, network: OwnNetwork, name: str, tensors: dict[str, Float32], spec: EnvironmentSpec
    ) -> None:
        self._network = network
        self._name = name
        self._tensors = tensors
        self._spec = spec

    def evaluate(self, states: Float16, actions: Float16, counts: Int64) -> tuple[Float32, Float32]:
        """See Evaluate.

        Raises:
            PartFault: the network fails, or gives other shapes or numbers that are not finite.
        """
        seen = own_actions(actions, self._spec)
        try:
            logits, values = self._network.forward(
                self._tensors, states.astype(np.float32), seen, counts
            )
            logits, values = np.array(logits, np.float32), np.array(values, np.float32)
        except Exception as error:
            raise PartFault(f"the network {self._name!r} failed: {described(error)}") from error
        if logits.shape != (len(actions),) or values.shape != (len(states),):
            raise PartFault(
                f"the network {self._name!r} gives logits {logits.shape} and values {values.shape}"
                f" for {len(actions)} actions of {len(states)} states: return one of each"
            )
        if not (np.isfinite(logits).all() and np.isfinite(values).all()):
            raise PartFault(f"the network {self._name!r} gives a number that is not finite")
        return log_softmax(logits, counts), values


class PolicyLoader:
    """Reads published weights of one run's network for its environment."""

    def __init__(self, spec: EnvironmentSpec, own: NamedNetwork | None = None) -> None:
        """``own`` is the user's network that the run names."""
        self._spec = spec
        self._own = own

    def load(self, blob: bytes, pointer: Pointer) -> Policy:
        """Read published weights.

        Raises:
            WeightsError: not safetensors, of another observation schema or another network, or a
                tensor is missing, has another shape or holds a number that is not finite.
        """
        if self._own is None:
            return load_policy(blob, pointer, self._spec)
        tensors, name = _tensors(blob, pointer, self._spec), _name(pointer)
        own, stored = self._own, {PREFIX + each: shape for each, shape in self._own.shapes.items()}
        checked = _checked(tensors, stored, name)
        bare = {each.removeprefix(PREFIX): tensor for each, tensor in checked.items()}
        found = UsersNetwork(own.network, own.name, bare, self._spec)
        return Policy(found.evaluate, pointer)


class UnknownNetwork(WeightsError):
    """Weights are of a network that cannot be had here; where its package is, they are sound."""


class ModelLoader:
    """Reads weights of models that are known by their bytes alone, as those of a league: of our
    networks, and of users' whose packages are installed here.
    """

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._spec = spec

    def load(self, blob: bytes, pointer: Pointer) -> Policy:
        """Read published weights.

        Raises:
            WeightsError: see ``PolicyLoader.load``.
            UnknownNetwork: see there.
        """
        tensors, name = _tensors(blob, pointer, self._spec), _name(pointer)
        try:
            network = stated_network(_metadata(blob))
            own = None if network is None else own_network(network, self._spec)
        except UnknownPart as error:
            raise UnknownNetwork(f"{name} are of a network of a package: {error}") from error
        except ValueError as error:
            raise WeightsError(f"{name}: {error}") from error
        if own is None and any(tensor.startswith(PREFIX) for tensor in tensors):
            raise WeightsError(
                f"{name} are of a network of a package, and do not say of which: publish them by a"
                " learner of this version"
            )
        return PolicyLoader(self._spec, own).load(blob, pointer)


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
    """Read published weights of one of our networks for an environment.

    Raises:
        WeightsError: see ``PolicyLoader.load``.
    """
    tensors, name = _tensors(blob, pointer, spec), _name(pointer)
    try:
        network = network_of({tensor: found.shape for tensor, found in tensors.items()})
    except ValueError as error:
        raise WeightsError(f"{name}: {error}") from error
    tensors |= _checked(tensors, shapes_of(network, spec), name)
    return Policy(PointerNetwork(tensors, network, spec).evaluate, pointer)


def _name(pointer: Pointer) -> str:
    return f"weights {pointer.sha256[:12]}"


def _tensors(blob: bytes, pointer: Pointer, spec: EnvironmentSpec) -> dict[str, Any]:
    """Return the tensors of weights that were made for this environment."""
    name = _name(pointer)
    try:
        tensors: dict[str, Any] = load_tensors(blob)
    except (SafetensorError, ValueError) as error:
        raise WeightsError(f"{name} are not safetensors: {error}") from error
    schema = _metadata(blob).get("schema_hash")
    if schema != spec.schema_hash:
        raise WeightsError(
            f"{name} have observation schema {schema}, this actor {spec.schema_hash} ({spec.name})"
        )
    return tensors


def _checked(tensors: Mapping[str, Any], shapes: Shapes, name: str) -> dict[str, Float32]:
    """Return the tensors of these names and shapes, as float32."""
    found: dict[str, Float32] = {}
    for tensor, shape in shapes.items():
        if tensor not in tensors or tensors[tensor].shape != shape:
            raise WeightsError(f"{name}: tensor {tensor} is missing or not of shape {shape}")
        found[tensor] = tensors[tensor].astype(np.float32)
        if not np.isfinite(found[tensor]).all():
            raise WeightsError(f"{name}: tensor {tensor} holds a number that is not finite")
    return found


def _metadata(blob: bytes) -> dict[str, str]:
    """Return the metadata in the header of safetensors bytes (which ``load`` has checked)."""
    length = int.from_bytes(blob[:8], "little")
    header = msgspec.json.decode(blob[8 : 8 + length], type=dict[str, Any])
    found: dict[str, str] = header.get("__metadata__") or {}
    return found
