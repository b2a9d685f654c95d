"""The replay window: the newest positions of self-play, in arrays that are made once.

It is a ring: position number ``n`` of the run lies in row ``n`` modulo the most rows that there may
be, and the window are the newest of them, as many as the schedule of ``ReplayConfig`` says. So
nothing is moved or freed when positions are added, and memory that was never written costs nothing.

Observations of zeros and ones take a bit each, all others two bytes; legal actions are kept with
their shares, as many to a row as the position with the most of them has. Both are widened once it
is seen that more is needed.

Pure but for its arrays: chance comes from a generator that the caller has. Not here: how a window
is written into a checkpoint (``window_file``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from trainingrun_contracts.alphazero_config import ReplayConfig
from trainingrun_contracts.environment_spec import VOCABULARY_SCALE, EnvironmentSpec
from trainingrun_contracts.segment import Segment
from trainingrun_environments.symmetries import Symmetry

from trainingrun_trainer.alphazero.loss import Positions

Float16 = npt.NDArray[np.float16]
Float32 = npt.NDArray[np.float32]
UInt16 = npt.NDArray[np.uint16]
UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

_BITS_OF_BYTE: Final = 8


class Rows(NamedTuple):
    """Positions with what a search found of them, n in all, at most k legal actions each.

    Attributes:
        observations: float16 [n, numbers], flat; or bits, uint8 [n, numbers / 8 rounded up].
        actions: uint16 [n, k], legal ones; 0 where a row has fewer.
        shares: float16 [n, k], what should be played; 0 where a row has fewer actions.
        counts: uint16 [n], legal actions.
        outcomes: float32 [n] in [-1, 1].
    """

    observations: Float16 | UInt8
    actions: UInt16
    shares: Float16
    counts: UInt16
    outcomes: Float32

    @property
    def are_bits(self) -> bool:
        """Whether observations are bits."""
        return self.observations.dtype == np.uint8


def rows_of(segments: Sequence[Segment]) -> Rows:
    """Return the positions of segments, in order; all have targets."""
    targets = [segment.targets for segment in segments if segment.targets is not None]
    counts = np.concatenate([np.diff(segment.offsets) for segment in segments])
    numbers = np.concatenate([segment.actions[:, 0] for segment in segments])
    shares = np.concatenate([each.policies for each in targets])
    is_action = np.arange(counts.max())[None, :] < counts[:, None]
    actions = np.zeros(is_action.shape, np.uint16)
    padded = np.zeros(is_action.shape, np.float16)
    actions[is_action] = np.rint(numbers.astype(np.float32) * VOCABULARY_SCALE).astype(np.uint16)
    padded[is_action] = shares
    return Rows(
        np.concatenate([segment.states for segment in segments]),
        actions,
        padded,
        counts.astype(np.uint16),
        np.concatenate([each.outcomes for each in targets]),
    )


def capacity(config: ReplayConfig, total: int) -> int:
    """Return how many rows the window holds once ``total`` were ever added."""
    grown = config.rows + config.growth * max(0, total - config.rows)
    return min(int(grown), max(config.most_rows, config.rows))


def draw_places(
    size: int, count: int, *, recency: float, generator: torch.Generator
) -> npt.NDArray[np.int64]:
    """Draw ``count`` of ``size`` places, of which 0 is the oldest, with repetition.

    Place k has a probability in proportion to ``recency ** (k / (size - 1))``: each is drawn by the
    same factor more often than the one before it, and the newest ``recency`` times as often as the
    oldest. That is a geometric distribution that is cut off, whose sums are known: the place of a
    uniform number is found by a logarithm, however many places there are.
    """
    if recency == 1 or size == 1:
        return torch.randint(size, (count,), generator=generator).numpy()
    step = math.log(recency) / (size - 1)
    drawn = torch.rand(count, generator=generator, dtype=torch.float64).numpy()
    found = np.floor(np.log1p(drawn * math.expm1(size * step)) / step)
    return np.minimum(found, size - 1).astype(np.int64)


class ReplayWindow:
    """See the module's docstring.

    Attributes:
        total: positions that were ever added, in this process or before it.
    """

    def __init__(self, config: ReplayConfig, spec: EnvironmentSpec) -> None:
        self.total = 0
        self._config = config
        self._spec = spec
        self._most = max(config.most_rows, config.rows)
        self._first = 0
        """Number of the first position that was added here."""
        self._rows = _room(self._most, spec.state_width, actions=1, are_bits=True)

    def __len__(self) -> int:
        """Return the positions that it holds."""
        return min(self.total - self._first, capacity(self._config, self.total))

    def add(self, rows: Rows) -> None:
        """Take in positions; the oldest leave."""
        count = len(rows.counts)
        if count > self._most:
            self.total += count - self._most
            self._first = max(self._first, self.total)
            rows, count = _of(rows, slice(count - self._most, None)), self._most
        rows = self._fitting(rows)
        places = np.arange(self.total, self.total + count) % self._most
        for own, new in zip(self._rows, rows, strict=True):
            own[places] = new
        self.total += count

    def newest(self, count: int) -> Rows:
        """Return copies of the newest positions, at most ``count``, the oldest of them first."""
        count = min(count, len(self))
        return _of(self._rows, np.arange(self.total - count, self.total) % self._most)

    def skip(self, total: int) -> None:
        """Begin an empty window at a number of positions that came before it."""
        assert self.total == 0
        self.total = self._first = total

    def sample(
        self, count: int, *, symmetries: Sequence[Symmetry], generator: torch.Generator
    ) -> Positions:
        """Draw positions with repetition, each in a symmetry that is drawn, too; the window has at
        least one. All are drawn alike, or newer ones more often (``ReplayConfig.recency``)."""
        size = len(self)
        places = draw_places(size, count, recency=self._config.recency, generator=generator)
        rows = _of(self._rows, (self.total - size + places) % self._most)
        observations = _opened(rows.observations, self._spec.state_width)
        actions = rows.actions.astype(np.int64)
        if len(symmetries) > 1:
            drawn = torch.randint(len(symmetries), (count,), generator=generator).numpy()
            for number, symmetry in enumerate(symmetries):
                seen = drawn == number
                observations[seen] = observations[seen][:, symmetry.observation]
                actions[seen] = symmetry.actions[actions[seen]]
        return _positions(observations, actions, rows, size=self._spec.action_inputs)

    def _fitting(self, rows: Rows) -> Rows:
        """Return the rows in the form of the window's own, which is widened where it must be."""
        width = rows.actions.shape[1]
        if self._rows.are_bits and not rows.are_bits:
            bits = _bits(rows.observations)
            rows = rows if bits is None else rows._replace(observations=bits)
        needs_numbers = self._rows.are_bits and not rows.are_bits
        if width > self._rows.actions.shape[1] or needs_numbers:
            self._widen(max(width, self._rows.actions.shape[1]), needs_numbers=needs_numbers)
        missing = self._rows.actions.shape[1] - width
        if rows.are_bits and not self._rows.are_bits:
            opened = _opened(rows.observations, self._spec.state_width)
            rows = rows._replace(observations=opened.astype(np.float16))
        return rows._replace(
            actions=np.pad(rows.actions, ((0, 0), (0, missing))),
            shares=np.pad(rows.shares, ((0, 0), (0, missing))),
        )

    def _widen(self, actions: int, *, needs_numbers: bool) -> None:
        """Make the arrays anew with room for more, and copy what the window holds."""
        old, width = self._rows, self._spec.state_width
        are_bits = old.are_bits and not needs_numbers
        self._rows = _room(self._most, width, actions=actions, are_bits=are_bits)
        size = len(self)
        places = np.arange(self.total - size, self.total) % self._most
        kept = old.actions.shape[1]
        seen = old.observations[places]
        if needs_numbers:
            seen = _opened(seen, width).astype(np.float16)
        self._rows.observations[places] = seen
        self._rows.actions[places, :kept] = old.actions[places]
        self._rows.shares[places, :kept] = old.shares[places]
        self._rows.counts[places] = old.counts[places]
        self._rows.outcomes[places] = old.outcomes[places]


def observation_bytes(width: int, *, are_bits: bool) -> int:
    """Return the bytes of one observation in a window."""
    return -(-width // _BITS_OF_BYTE) if are_bits else 2 * width


def _room(rows: int, width: int, *, actions: int, are_bits: bool) -> Rows:
    """Return arrays of zeros, which take no memory before they are written."""
    observations: Float16 | UInt8 = (
        np.zeros((rows, observation_bytes(width, are_bits=True)), np.uint8)
        if are_bits
        else np.zeros((rows, width), np.float16)
    )
    return Rows(
        observations,
        np.zeros((rows, actions), np.uint16),
        np.zeros((rows, actions), np.float16),
        np.zeros(rows, np.uint16),
        np.zeros(rows, np.float32),
    )


def _of(rows: Rows, places: Int64 | slice) -> Rows:
    return Rows(
        rows.observations[places],
        rows.actions[places],
        rows.shares[places],
        rows.counts[places],
        rows.outcomes[places],
    )


def _bits(observations: Float16 | UInt8) -> UInt8 | None:
    """Return observations of zeros and ones as bits; None of others."""
    are_ones = observations == 1
    if not (are_ones | (observations == 0)).all():
        return None
    return np.packbits(are_ones, axis=1)


def _opened(observations: Float16 | UInt8, width: int) -> npt.NDArray[np.float32]:
    """Return stored observations as numbers, float32 [n, numbers]."""
    if observations.dtype == np.uint8:
        return np.unpackbits(observations.view(np.uint8), axis=1, count=width).astype(np.float32)
    return observations.astype(np.float32)


def _positions(observations: Float32, actions: Int64, rows: Rows, *, size: int) -> Positions:
    """Return sampled rows with a column for each action of the vocabulary."""
    is_action = np.arange(actions.shape[1])[None, :] < rows.counts[:, None]
    columns = np.where(is_action, actions, size)  # what is no action goes into a column beyond
    each = np.arange(len(actions))[:, None]
    legal = np.zeros((len(actions), size + 1), np.bool_)
    policies = np.zeros((len(actions), size + 1), np.float32)
    legal[each, columns] = True
    policies[each, columns] = rows.shares
    policies = policies[:, :size]
    policies /= policies.sum(axis=1, keepdims=True)  # exact again after two bytes a share
    return Positions(
        torch.from_numpy(observations),
        torch.from_numpy(legal[:, :size]),
        torch.from_numpy(policies),
        torch.from_numpy(rows.outcomes),
    )
