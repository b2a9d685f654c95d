"""What values positions: the one seam between a search and a network.

An evaluator gets all leaves of a round at once. Those here need no network: they are for players
without training, for tests and for measuring; a network's come from elsewhere, with the same
signature. ``Cached`` and ``Symmetric`` stand around another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from trainingrun_environments.symmetries import Symmetry

from trainingrun_search.compiling import compiled
from trainingrun_search.positions import Float32, Observations, Positions
from trainingrun_search.tree import Bool, Int32


class Request(Struct, frozen=True):
    """Positions to value. The arrays are the search's own: it writes into them again once it has
    its answer.

    Attributes:
        observations: [positions, *shape], as the player to move sees them.
        legal: [positions, actions].
        nodes: [positions], the numbers by which ``positions`` knows them.
        positions: where they are; only of use in the same process.
    """

    observations: Observations
    legal: Bool
    nodes: Int32
    positions: Positions


class Answer(Struct, frozen=True):
    """What an evaluator says.

    Attributes:
        priors: [positions, actions], at least 0; those of illegal actions are not read, and the
            others need not add up to one.
        values: [positions] in [-1, 1], for the player to move.
        generation: of the weights that said it; grows with each publication.
    """

    priors: Float32
    values: Float32
    generation: int


class EvaluationError(Exception):
    """An evaluator says what cannot be: another number of rows, or a number that is not finite."""


class Evaluator(Protocol):
    """Values positions."""

    def evaluate(self, request: Request) -> Answer:
        """Return an answer with a row for each position."""


def check(answer: Answer, request: Request) -> None:
    """Raise EvaluationError unless the answer has finite numbers of the request's shape."""
    if answer.priors.shape != request.legal.shape or len(answer.values) != len(request.legal):
        raise EvaluationError(
            f"the evaluator answered priors of shape {list(answer.priors.shape)} and"
            f" {len(answer.values)} values to {len(request.legal)} positions with"
            f" {request.legal.shape[1]} actions"
        )
    if not np.isfinite(answer.values.sum() + answer.priors.sum()):  # a sum of finite ones is
        raise EvaluationError(
            f"the evaluator of generation {answer.generation} answered numbers that are not finite:"
            " these weights cannot be played with"
        )


class Uniform:
    """Knows nothing: all actions alike, every position even."""

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        rows = len(request.legal)
        return Answer(request.legal.astype(np.float32), np.zeros(rows, np.float32), 0)


class Rollouts:
    """Values a position by random games from it; all actions alike. The classic MCTS player."""

    def __init__(self, *, seed: int, games: int = 1) -> None:
        self._seed = seed
        self._count = 0
        self._games = games

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator; in the search's own process alone."""
        rows = len(request.nodes)
        values = np.zeros(rows, np.float32)
        for _ in range(self._games):
            numbers = np.arange(self._count, self._count + rows, dtype=np.uint64)
            self._count += rows
            seeds = numbers * np.uint64(0xD1342543DE82EF95) + np.uint64(self._seed)
            values += request.positions.rollouts(request.nodes, seeds)
        return Answer(request.legal.astype(np.float32), values / np.float32(self._games), 0)


class Table:
    """Numbers that were drawn once and are read by a hash of the observation: a network's place
    where the search itself is tested or measured.
    """

    def __init__(self, *, actions: int, seed: int = 0, entries: int = 4096) -> None:
        numbers = np.random.default_rng(seed)
        self._priors = numbers.random((entries, actions), np.float32) + np.float32(0.01)
        self._values = (numbers.random(entries, np.float32) - np.float32(0.5)) * np.float32(1.5)

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        rows = np.ascontiguousarray(request.observations).reshape(len(request.legal), -1)
        priors = np.empty(request.legal.shape, np.float32)
        values = np.empty(len(rows), np.float32)
        _read_table(rows.view(np.uint8), self._priors, self._values, priors, values)
        return Answer(priors, values, 0)


@compiled
def _read_table(
    rows: npt.NDArray[np.uint8],
    table_priors: Float32,
    table_values: Float32,
    priors: Float32,
    values: Float32,
) -> None:
    factor = np.uint64(0x100000001B3)
    for place in range(rows.shape[0]):
        found = np.uint64(0xCBF29CE484222325)
        for number in rows[place]:
            found = (found ^ np.uint64(number)) * factor
        entry = int((found >> np.uint64(32)) % np.uint64(len(table_values)))
        priors[place] = table_priors[entry]
        values[place] = table_values[entry]


class Mlp:
    """A small network of full layers with ReLU between them, in numpy: enough for small boards."""

    def __init__(
        self,
        layers: Sequence[tuple[Float32, Float32]],
        policy: tuple[Float32, Float32],
        value: tuple[Float32, Float32],
        *,
        generation: int = 0,
    ) -> None:
        """Take weights [inputs, outputs] and biases [outputs] of the layers and of both heads; the
        value's head has one output, whose tanh is the value.
        """
        self._layers = tuple(layers)
        self._policy, self._value = policy, value
        self._generation = generation

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        seen = request.observations.reshape(len(request.legal), -1).astype(np.float32)
        for weights, bias in self._layers:
            seen = np.maximum(seen @ weights + bias, 0.0)
        logits = np.where(request.legal, seen @ self._policy[0] + self._policy[1], -np.inf)
        priors = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(np.float32)
        values = np.tanh(seen @ self._value[0] + self._value[1])[:, 0].astype(np.float32)
        return Answer(priors, values, self._generation)


class Cached:
    """Asks another evaluator once for each position and generation.

    With ``entries`` positions it is emptied: games that are played at the same time share their
    openings, and positions of long ago do not come back.
    """

    def __init__(self, evaluator: Evaluator, *, entries: int = 100_000) -> None:
        self._evaluator = evaluator
        self._entries = entries
        self._generation = -1
        self._known: dict[bytes, tuple[Float32, np.float32]] = {}
        self.hits = 0
        self.misses = 0

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        keys = [each.tobytes() for each in request.observations]
        missing: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            if key not in self._known:
                missing.setdefault(key, place)
        self.misses += len(missing)
        self.hits += len(keys) - len(missing)
        if missing:
            self._ask(request, missing)
            if not all(key in self._known for key in keys):  # a new generation emptied it
                return self.evaluate(request)
        found = [self._known[key] for key in keys]
        return Answer(
            np.stack([priors for priors, _ in found]),
            np.array([value for _, value in found], np.float32),
            self._generation,
        )

    def _ask(self, request: Request, missing: dict[bytes, int]) -> None:
        places = np.fromiter(missing.values(), np.int64, len(missing))
        answer = self._evaluator.evaluate(
            Request(
                request.observations[places],
                request.legal[places],
                request.nodes[places],
                request.positions,
            )
        )
        if answer.generation != self._generation:
            self._known.clear()
            self._generation = answer.generation
        elif len(self._known) + len(missing) > self._entries:
            self._known.clear()
        for key, priors, value in zip(missing, answer.priors, answer.values, strict=True):
            self._known[key] = (priors, value)


class Symmetric:
    """Shows another evaluator each position in one of the game's symmetries, drawn by chance."""

    def __init__(self, evaluator: Evaluator, symmetries: Sequence[Symmetry], *, seed: int) -> None:
        self._evaluator = evaluator
        self._seen = np.stack([each.observation for each in symmetries])
        self._actions = np.stack([each.actions for each in symmetries])
        self._random = np.random.default_rng(seed)

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        rows = len(request.legal)
        drawn = self._random.integers(len(self._seen), size=rows)
        flat = request.observations.reshape(rows, -1)
        seen = np.take_along_axis(flat, self._seen[drawn], axis=1)
        numbers = self._actions[drawn]
        legal = np.empty_like(request.legal)
        np.put_along_axis(legal, numbers, request.legal, axis=1)
        answer = self._evaluator.evaluate(
            Request(
                seen.reshape(request.observations.shape), legal, request.nodes, request.positions
            )
        )
        priors = np.take_along_axis(answer.priors, numbers, axis=1)
        return Answer(priors, answer.values, answer.generation)
