"""The two encoders of the pointer policy in numpy: states and legal actions to what is compared.

The formulas are those of ``trainingrun_contracts.policy_format``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.environment_spec import VOCABULARY_SCALE, EnvironmentSpec, Features
from trainingrun_contracts.policy_format import HEAD, NORM_EPSILON, Network

Float32 = npt.NDArray[np.float32]
Float16 = npt.NDArray[np.float16]
Int64 = npt.NDArray[np.int64]
Tensors = Mapping[str, Float32]

Layer: TypeAlias = tuple[Float32, Float32]
"""The weight, transposed, and the bias."""

ZERO: Final = np.zeros((), np.float32)
_EPSILON: Final = np.float32(NORM_EPSILON)
_SCALE: Final = np.float32(1.0 / np.sqrt(HEAD))
_HIDDEN: Final = np.float32(-1e30)


class NetworkEncoder(Protocol):
    """What makes of a pass the numbers that are compared."""

    def __call__(self, states: Float16, actions: Float16, counts: Int64) -> tuple[Float32, Float32]:
        """Encode states [B, S] and their packed actions [A, action_width], ``counts`` [B] for each
        state: to [B, W] and keys [A, K]."""


def encoder_of(network: Network, tensors: Tensors, spec: EnvironmentSpec) -> NetworkEncoder:
    """Return the encoder that a network has."""
    if network.kind == "mlp":
        return Mlp(tensors, network.layers, spec)
    return Transformer(tensors, network.layers, spec)


def layer(tensors: Tensors, name: str) -> Layer:
    """Return a linear layer."""
    return np.ascontiguousarray(tensors[f"{name}.weight"].T), tensors[f"{name}.bias"]


def rectified(inputs: Float32, through: Layer) -> Float32:
    """Return a linear layer and ReLU, in one array."""
    found = linear(inputs, through)
    return np.maximum(found, ZERO, out=found)


def linear(inputs: Float32, through: Layer) -> Float32:
    """Return a linear layer."""
    found: Float32 = inputs @ through[0]
    found += through[1]
    return found


def over_actions(
    through: Layer, spec: EnvironmentSpec, apply: Callable[[Float32, Layer], Float32]
) -> Callable[[Float16], Float32]:
    """Return the first layer over stored actions [A, action_width]. Of a vocabulary all rows are
    computed once: the layer of a number is then a row that is looked up."""
    if isinstance(spec.actions, Features):
        return lambda actions: apply(actions.astype(np.float32), through)
    rows = apply(np.eye(spec.actions.size, dtype=np.float32), through)
    scale = np.float32(VOCABULARY_SCALE)
    return lambda actions: rows[(actions[:, 0].astype(np.float32) * scale).astype(np.int64)]


class Mlp:
    """Layers for the state, and one for each action alone."""

    __slots__ = ("_key", "_layers")

    def __init__(self, tensors: Tensors, layers: int, spec: EnvironmentSpec) -> None:
        self._layers = [layer(tensors, f"state.{number}") for number in range(layers)]
        self._key = over_actions(layer(tensors, "action.0"), spec, rectified)

    def __call__(
        self,
        states: Float16,
        actions: Float16,
        counts: Int64,  # noqa: ARG002 (Encoder names it)
    ) -> tuple[Float32, Float32]:
        """See Encoder."""
        hidden = states.astype(np.float32)
        for each in self._layers:
            hidden = rectified(hidden, each)
        return hidden, self._key(actions)


class Transformer:
    """Blocks over one token for the state and one for each action; lists are padded to the longest
    of the pass, which is that of a few games."""

    __slots__ = ("_action", "_blocks", "_key", "_norm", "_state")

    def __init__(self, tensors: Tensors, layers: int, spec: EnvironmentSpec) -> None:
        self._state = layer(tensors, "token_state")
        self._action = over_actions(layer(tensors, "token_action"), spec, linear)
        self._blocks = [_Block(tensors, f"block.{number}") for number in range(layers)]
        self._norm = _Norm(tensors, "norm")
        self._key = layer(tensors, "action.0")

    def __call__(self, states: Float16, actions: Float16, counts: Int64) -> tuple[Float32, Float32]:
        """See Encoder."""
        place = np.arange(int(counts.max()) + 1)
        is_action = (place <= counts[:, None]) & (place > 0)
        width = len(self._state[1])
        tokens = np.zeros((len(counts), len(place), width), np.float32)
        tokens[:, 0] = linear(states.astype(np.float32), self._state)
        tokens[is_action] = self._action(actions)
        is_hidden = np.broadcast_to(place > counts[:, None, None], (*tokens.shape[:2], len(place)))
        unseen = np.where(is_hidden, _HIDDEN, ZERO)
        unseen[:, 0, 1:] = _HIDDEN
        for block in self._blocks:
            tokens = block(tokens, unseen[:, None])
        found = self._norm(tokens)
        return found[:, 0], rectified(found[is_action], self._key)


class _Norm:
    """A layer norm over the last axis."""

    def __init__(self, tensors: Tensors, name: str) -> None:
        self._weight, self._bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]

    def __call__(self, tokens: Float32) -> Float32:
        centred = tokens - tokens.mean(-1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(-1, keepdims=True) + _EPSILON)
        found: Float32 = centred / spread * self._weight + self._bias
        return found


class _Block:
    """Attention and a feed-forward layer."""

    def __init__(self, tensors: Tensors, name: str) -> None:
        self._attend_norm = _Norm(tensors, f"{name}.attend_norm")
        self._attend_in = layer(tensors, f"{name}.attend_in")
        self._attend_out = layer(tensors, f"{name}.attend_out")
        self._feed_norm = _Norm(tensors, f"{name}.feed_norm")
        self._feed_in = layer(tensors, f"{name}.feed_in")
        self._feed_out = layer(tensors, f"{name}.feed_out")

    def __call__(self, tokens: Float32, unseen: Float32) -> Float32:
        """Tokens [B, L, W]; ``unseen`` [B, 1, L, L] is added to the scores of whom sees whom."""
        games, length, width = tokens.shape
        parts = linear(self._attend_norm(tokens), self._attend_in)
        query, key, value = parts.reshape(games, length, 3, -1, HEAD).transpose(2, 0, 3, 1, 4)
        scores = query @ key.swapaxes(-1, -2) * _SCALE + unseen
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        seen = (weights @ value).swapaxes(1, 2).reshape(games, length, width)
        tokens = tokens + linear(seen, self._attend_out)
        return tokens + linear(rectified(self._feed_norm(tokens), self._feed_in), self._feed_out)
