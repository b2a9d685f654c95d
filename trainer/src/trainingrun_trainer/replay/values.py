"""What training from a replay table decides, without a table: priorities, weights, sizes. Pure.

Sources: Schaul et al. 2016 (importance weights, whose exponent grows to 1), Kapturowski et al. 2019
(the priority of a sequence).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from torch import Tensor
from trainingrun_contracts.segment import Segment

_OF_GREATEST: Final = 0.9
_LEAST: Final = 1e-6
"""Priority of a segment that taught nothing: it can still be drawn."""
_GREATEST: Final = 1e9
MOST_DRAWN: Final = 4096
"""Segments of one sample."""


@dataclass(frozen=True)
class Sample:
    """Segments that were drawn, without those that are too old.

    Attributes:
        ids: of the segments in the table.
        segments: one may be there several times.
        weights: what each counts for.
    """

    ids: tuple[int, ...]
    segments: tuple[Segment, ...]
    weights: tuple[float, ...]


class ReplayTable(Protocol):
    """The table of a run. Its methods wait for a service that cannot be reached.

    They raise:
        StopRequested: an orderly end was asked for meanwhile.
        ConfigError: the service refuses the run.
    """

    def record(self, segments: Sequence[Segment]) -> bool:
        """Record segments, those of an actor in order; False where the limiter held some. Call it
        again with the same ones until all are durable: what is there is not recorded twice."""

    def sample(self, *, games: int, publish: int) -> Sample | None:
        """Draw a batch; None where the limiter holds it. The run has played ``games`` training
        games, and ``publish`` is the number of the newest weights."""

    def set_priorities(self, ids: Sequence[int], priorities: Sequence[float]) -> None:
        """Say how often segments should be drawn."""

    def close(self) -> None:
        """Let go of the service; a call that runs ends."""


def priority_of(corrections: Tensor) -> float:
    """Return the priority of a segment from the absolute V-trace corrections of its steps: mostly
    the greatest, so that one surprise in a long segment is not averaged away."""
    mixed = _OF_GREATEST * float(corrections.max()) + (1 - _OF_GREATEST) * float(corrections.mean())
    return min(max(mixed, _LEAST), _GREATEST) if math.isfinite(mixed) else _LEAST


def beta_at(first: float, *, games: int, of_games: int) -> float:
    """Return the exponent of the importance weights: ``first`` at the begin, 1 at the run's end,
    where sampling by priority has no bias left."""
    return first + (1 - first) * min(1.0, games / of_games)


def drawn_at_once(transitions: int, *, segments: int, of_transitions: int) -> int:
    """Return how many segments have a batch's transitions, by the mean of those seen so far."""
    if not of_transitions:
        return 1
    return min(max(1, round(transitions * segments / of_transitions)), MOST_DRAWN)
