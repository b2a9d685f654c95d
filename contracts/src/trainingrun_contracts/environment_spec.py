"""What a run's environment is like from outside: shapes, and the hash that names their meaning.

Nothing here knows a game. Segments, weights and checkpoints carry the hash of the environment that
they were made in; learner and actor refuse each other's data when it differs.

An action is either a row of features, which the network reads as it stands, or a number out of a
fixed vocabulary, of which the network learns a row for each. In arrays of float16 a number ``i`` of
the vocabulary is stored as ``i / 256``: exact, and within the bound of every feature.
"""

from __future__ import annotations

import hashlib
from math import prod
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

FEATURE_BOUND: Final = 8.0
"""No feature goes beyond this, either way."""
VOCABULARY_SCALE: Final = 256
"""A number of the vocabulary is divided by it to be stored as a feature."""
MOST_NUMBERS: Final = 65_536
"""Longest observation."""
MOST_DIMENSIONS: Final = 4
"""Longest shape."""
MOST_ACTIONS: Final = 2048
"""Largest vocabulary: the numbers beyond are not exact as features."""

Dimension = Annotated[int, Meta(ge=1, le=MOST_NUMBERS)]
Shape = Annotated[tuple[Dimension, ...], Meta(min_length=1, max_length=MOST_DIMENSIONS)]


class Features(Struct, frozen=True, tag="features", forbid_unknown_fields=True):
    """Each legal action is a row of ``width`` numbers."""

    width: Annotated[int, Meta(ge=1, le=1024)]


class Vocabulary(Struct, frozen=True, tag="vocabulary", forbid_unknown_fields=True):
    """Each legal action is one of ``size`` numbers, from 0."""

    size: Annotated[int, Meta(ge=1, le=MOST_ACTIONS)]


class EnvironmentSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """An environment of two players who take turns.

    Attributes:
        name: of the environment, as people know it.
        version: of the meaning of its numbers; a change of what any number means must change it.
        observation: shape of what a player sees; arrays hold it flattened.
        actions: how legal actions are described.
        reward_bound: largest return of a game, either way; rewards are divided by it.
        is_forkable: whether games can be cloned for search, which then sees nothing that players
            do not: neither what is hidden from them nor chance to come.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    version: Annotated[str, Meta(max_length=64)]
    observation: Shape
    actions: Features | Vocabulary
    reward_bound: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    is_forkable: bool = False

    @property
    def state_width(self) -> int:
        """Numbers of one observation."""
        return prod(self.observation)

    @property
    def action_width(self) -> int:
        """Numbers of one legal action in arrays: 1 for a number out of a vocabulary."""
        return self.actions.width if isinstance(self.actions, Features) else 1

    @property
    def action_inputs(self) -> int:
        """Inputs of the network's first layer over actions: a column for each of the vocabulary."""
        return self.actions.width if isinstance(self.actions, Features) else self.actions.size

    @property
    def schema_hash(self) -> str:
        """16 hexadecimal digits that name the meaning of the arrays."""
        meaning = (self.name, self.version, self.observation, self.actions, self.reward_bound)
        return hashlib.sha256(msgspec.json.encode(meaning)).hexdigest()[:16]
