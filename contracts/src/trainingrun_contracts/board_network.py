"""The network of AlphaZero as tensors: names and shapes that the trainer publishes and searches
read.

Of observations [n, *shape] (float32) it gives logits [n, actions] of the whole vocabulary and
values [n] in [-1, 1], the expected outcome for the player to move; who asks leaves out illegal
actions and takes the softmax. ``linear(x)`` is ``x @ weight.T + bias``, convolutions are
cross-correlations with padding that keeps the board's size. W is the network's width, L its layers.

``resnet`` (Silver et al. 2018), for observations of three dimensions [planes, rows, columns]:

    x = relu(stem(o))                                                        3 x 3, W planes
    x = relu(x + block.i.second(relu(block.i.first(x))))   for each of L     3 x 3
    p = flatten(relu(policy_planes(x)))                                      1 x 1, 16 planes
    v = flatten(relu(value_planes(x)))                                       1 x 1, 4 planes

``mlp``, for any observation, flattened:

    x = relu(body.i(x))                                    for each of L     W wide
    p = v = x

Then, in both:

    logits = policy(p)
    value = tanh(value.1(relu(value.0(v))))                                  64 wide

Normalisation that the trainer uses is folded into the weights before they are published, so that
who plays needs none. The safetensors metadata holds ``schema_hash``, ``version`` and ``network``
(``resnet`` or ``mlp``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from typing import Final

import msgspec

from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary
from trainingrun_contracts.policy_format import Network, Shapes

KINDS: Final = ("resnet", "mlp")
POLICY_PLANES: Final = 16
VALUE_PLANES: Final = 4
VALUE_HIDDEN: Final = 64
KERNEL: Final = 3
BOARD_DIMENSIONS: Final = 3
_MATRIX: Final = 2
NETWORK_METADATA: Final = "network"
_COUNTED: Final = {
    "resnet": ("stem.bias", re.compile(r"block\.\d+\.first\.bias")),
    "mlp": ("body.0.bias", re.compile(r"body\.\d+\.bias")),
}
"""Of each kind: the tensor that is as long as the network is wide, and those that count layers."""


def board_shapes(network: Network, spec: EnvironmentSpec) -> Shapes:
    """Return names and shapes of the published tensors.

    Raises:
        ValueError: the network is none of AlphaZero's, or does not fit the environment; a sentence
            for the user.
    """
    if not isinstance(spec.actions, Vocabulary):
        raise ValueError(
            f"AlphaZero needs actions out of a fixed vocabulary, and {spec.name} describes each by"
            " features: train it by PPO"
        )
    if network.kind not in KINDS:
        raise ValueError(f"the network of AlphaZero is resnet or mlp, not {network.kind!r}")
    if network.kind == "mlp":
        shapes = _mlp_body(network, spec)
        policy_inputs = value_inputs = network.width
    else:
        shapes = _resnet_body(network, spec)
        squares = spec.observation[1] * spec.observation[2]
        policy_inputs, value_inputs = POLICY_PLANES * squares, VALUE_PLANES * squares
    return {
        **shapes,
        **_layer("policy", spec.actions.size, policy_inputs),
        **_layer("value.0", VALUE_HIDDEN, value_inputs),
        **_layer("value.1", 1, VALUE_HIDDEN),
    }


def multiplications(network: Network, spec: EnvironmentSpec) -> int:
    """Return how many multiplications a network makes for one position.

    Raises:
        ValueError: see :func:`board_shapes`.
    """
    squares = prod(spec.observation[1:]) if network.kind == "resnet" else 1
    return sum(
        prod(shape) * (squares if len(shape) > _MATRIX else 1)
        for shape in board_shapes(network, spec).values()
    )


def board_network_of(kind: str, shapes: Mapping[str, tuple[int, ...]]) -> Network:
    """Return the network of a kind that tensors of such names and shapes seem to be of.

    Compare the tensors with :func:`board_shapes` before they are used.

    Raises:
        ValueError: they are of none.
    """
    if kind not in KINDS:
        raise ValueError(f"the network of AlphaZero is resnet or mlp, not {kind!r}")
    first, counted = _COUNTED[kind]
    layers = sum(1 for name in shapes if counted.fullmatch(name))
    width = (*shapes.get(first, ()), 0)[0]
    try:
        return msgspec.convert({"kind": kind, "width": width, "layers": layers}, Network)
    except msgspec.ValidationError as error:
        raise ValueError(f"{layers} layers of width {width} are no network's") from error


def _mlp_body(network: Network, spec: EnvironmentSpec) -> Shapes:
    shapes: Shapes = {}
    inputs = spec.state_width
    for number in range(network.layers):
        shapes |= _layer(f"body.{number}", network.width, inputs)
        inputs = network.width
    return shapes


def _resnet_body(network: Network, spec: EnvironmentSpec) -> Shapes:
    if len(spec.observation) != BOARD_DIMENSIONS:
        raise ValueError(
            f"a resnet reads observations of planes, rows and columns, and those of {spec.name}"
            f" have the shape {list(spec.observation)}: take kind mlp"
        )
    width = network.width
    shapes = _layer("stem", width, spec.observation[0], KERNEL, KERNEL)
    for number in range(network.layers):
        shapes |= _layer(f"block.{number}.first", width, width, KERNEL, KERNEL)
        shapes |= _layer(f"block.{number}.second", width, width, KERNEL, KERNEL)
    shapes |= _layer("policy_planes", POLICY_PLANES, width, 1, 1)
    return shapes | _layer("value_planes", VALUE_PLANES, width, 1, 1)


def _layer(name: str, outputs: int, *inputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, *inputs), f"{name}.bias": (outputs,)}
