"""The network of AlphaZero in numpy: read from published weights, asked for many positions at once.

The formulas are those of ``trainingrun_contracts.board_network``; parity with the trainer's torch
module is tested. No torch here: it would cost each process of self-play 200 MB and a second and a
half, and one thread of numpy computes as many positions.

Boards are held with their planes last. So the three columns that a convolution reads of one row lie
beside each other, a row of its matrix is three copies of 3 x planes numbers, and each layer is one
matrix product. A few boards at a time: what a product reads then stays in a core's cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided
from trainingrun_contracts.board_network import KERNEL
from trainingrun_contracts.board_weights import read_board_weights
from trainingrun_contracts.environment_spec import EnvironmentSpec

from trainingrun_search.evaluators import Answer, Request
from trainingrun_search.positions import Float32
from trainingrun_search.tree import Bool

Layer = tuple[Float32, Float32]
"""Weights [inputs, outputs] and biases [outputs]."""

_ZERO: Final = np.float32(0.0)
_CHUNK_NUMBERS: Final = 100_000
"""Numbers of the matrix of one convolution, at most, unless one board has more: 400 KB."""


class _Body(Protocol):
    """All of a network before its last layers."""

    def __call__(self, seen: Float32) -> tuple[Float32, Float32]:
        """Return what the policy's and the value's last layers read of flat observations."""


class BoardPolicy:
    """The network of AlphaZero with the weights of one publication; an ``Evaluator``.

    Attributes:
        version: optimiser step of the weights.
        generation: what answers are marked with: the publish number of the weights.
    """

    def __init__(
        self, body: _Body, tensors: Mapping[str, Float32], *, version: int, generation: int
    ) -> None:
        self.version = version
        self.generation = generation
        self._body = body
        self._policy, self._hidden, self._value = (
            _linear(tensors, name) for name in ("policy", "value.0", "value.1")
        )

    @classmethod
    def from_bytes(cls, blob: bytes, spec: EnvironmentSpec, *, generation: int = 0) -> BoardPolicy:
        """Read published weights.

        Raises:
            WeightsError: they do not fit the environment, or are not sound.
        """
        weights = read_board_weights(blob, spec)
        tensors = weights.tensors
        is_resnet = weights.network.kind == "resnet"
        body = _ResNet(tensors, spec.observation) if is_resnet else _Mlp(tensors)
        return cls(body, tensors, version=weights.version, generation=generation)

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator; priors are a softmax over the legal actions and 0 elsewhere."""
        observations = request.observations
        flat = observations.reshape(len(observations), -1).astype(np.float32)
        logits, values = self.forward(flat)
        return Answer(masked_softmax(logits, request.legal), values, self.generation)

    def forward(self, observations: Float32) -> tuple[Float32, Float32]:
        """Return logits [n, actions] and values [n] of flat observations [n, numbers]."""
        for_policy, for_value = self._body(observations)
        logits = _apply(for_policy, self._policy)
        values = _apply(_relu(_apply(for_value, self._hidden)), self._value)[:, 0]
        return logits, np.tanh(values)


def masked_softmax(logits: Float32, legal: Bool) -> Float32:
    """Return shares of each row's legal actions; each row has at least one."""
    masked = np.where(legal, logits, -np.inf)
    masked -= masked.max(axis=1, keepdims=True)
    shares = np.exp(masked, out=masked)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares.astype(np.float32, copy=False)


class _Mlp:
    """Full layers with ReLU between them."""

    def __init__(self, tensors: Mapping[str, Float32]) -> None:
        self._layers = tuple(_linear(tensors, name) for name in _numbered(tensors, "body.{}"))

    def __call__(self, seen: Float32) -> tuple[Float32, Float32]:
        """See _Body."""
        for layer in self._layers:
            seen = _relu(_apply(seen, layer))
        return seen, seen


class _ResNet:
    """Convolutions over a board, two and a shortcut in each block."""

    def __init__(self, tensors: Mapping[str, Float32], shape: tuple[int, ...]) -> None:
        self._planes, self._rows, self._columns = shape
        self._stem = _convolution(tensors, "stem")
        self._blocks = tuple(
            (_convolution(tensors, f"{name}.first"), _convolution(tensors, f"{name}.second"))
            for name in _numbered(tensors, "block.{}.first", drop=".first")
        )
        policy = _convolution(tensors, "policy_planes")
        value = _convolution(tensors, "value_planes")
        self._policy_planes = len(policy[1])
        # Both read the same numbers: one product.
        self._heads = (
            np.concatenate([policy[0], value[0]], axis=1),
            np.concatenate([policy[1], value[1]]),
        )
        widest = KERNEL * KERNEL * max(self._planes, len(self._stem[1]))
        self._boards = max(1, _CHUNK_NUMBERS // (self._rows * self._columns * widest))

    def __call__(self, seen: Float32) -> tuple[Float32, Float32]:
        """See _Body."""
        edges = [*range(0, max(len(seen), 1), self._boards), len(seen)]
        found = [self._chunk(seen[first:last]) for first, last in pairwise(edges)]
        policies, values = zip(*found, strict=True)
        return np.concatenate(policies), np.concatenate(values)

    def _chunk(self, seen: Float32) -> tuple[Float32, Float32]:
        board = (len(seen), self._rows, self._columns)
        stem = _Padded(*board, self._planes)
        stem.inner[...] = seen.reshape(len(seen), *self._shape).transpose(0, 2, 3, 1)
        trunk = _relu(stem.convolve(self._stem))
        padded = _Padded(*board, trunk.shape[1])
        for first, second in self._blocks:
            padded.fill(trunk)
            padded.fill(_relu(padded.convolve(first)))
            trunk += padded.convolve(second)
            _relu(trunk)
        heads = _relu(_apply(trunk, self._heads)).reshape(len(seen), self._rows * self._columns, -1)
        by_plane = heads.transpose(0, 2, 1)
        policy, value = np.split(by_plane, [self._policy_planes], axis=1)
        return policy.reshape(len(seen), -1), value.reshape(len(seen), -1)

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self._planes, self._rows, self._columns


class _Padded:
    """Boards with a border of zeros, planes last; and the matrix that a convolution reads."""

    def __init__(self, boards: int, rows: int, columns: int, planes: int) -> None:
        border = KERNEL - 1
        whole = np.zeros((boards, rows + border, columns + border, planes), np.float32)
        self.inner = whole[:, 1 : rows + 1, 1 : columns + 1]
        board, row, column, number = whole.strides
        self._seen = as_strided(
            whole,
            (boards, rows, columns, KERNEL, KERNEL * planes),
            (board, row, column, row, number),
            writeable=False,
        )
        self._matrix = np.empty((boards * rows * columns, KERNEL * KERNEL * planes), np.float32)

    def fill(self, numbers: Float32) -> None:
        """Take over the planes of all squares [boards x rows x columns, planes]."""
        self.inner[...] = numbers.reshape(self.inner.shape)

    def convolve(self, layer: Layer) -> Float32:
        """Return the planes of all squares [boards x rows x columns, planes] after a layer."""
        np.copyto(self._matrix.reshape(self._seen.shape), self._seen)
        return _apply(self._matrix, layer)


def _relu(numbers: Float32) -> Float32:
    """Return the numbers without what is below 0, in their own place."""
    return np.maximum(numbers, _ZERO, out=numbers)


def _apply(seen: Float32, layer: Layer) -> Float32:
    weights, biases = layer
    found: Float32 = seen @ weights
    found += biases
    return found


def _linear(tensors: Mapping[str, Float32], name: str) -> Layer:
    return np.ascontiguousarray(tensors[f"{name}.weight"].T), tensors[f"{name}.bias"]


def _convolution(tensors: Mapping[str, Float32], name: str) -> Layer:
    """Return a convolution's weights [rows x columns x planes, outputs]."""
    weights = tensors[f"{name}.weight"]
    flat = weights.transpose(2, 3, 1, 0).reshape(-1, len(weights))
    return np.ascontiguousarray(flat), tensors[f"{name}.bias"]


def _numbered(tensors: Mapping[str, Any], form: str, *, drop: str = "") -> Iterator[str]:
    """Yield the names of layers that have a number, in order."""
    number = 0
    while f"{form.format(number)}.bias" in tensors:
        yield form.format(number).removesuffix(drop)
        number += 1
