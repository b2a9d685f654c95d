"""Which weights are to be evaluated, and at which number of training games.

An evaluation is due whenever the games pass a multiple of ``evaluation.interval_games``, and it is
of the weights of that moment: they are kept here until their turn comes, so that a long evaluation
moves neither the next one's place on the curve nor its weights. Boundaries that are passed faster
than evaluations are played are left out, the oldest first.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct
from trainingrun_contracts.games import boundary

from trainingrun_actor.policy import Policy

KEPT: Final = 2
"""Evaluations that wait; the weights of each are in memory."""


class Due(Struct, frozen=True):
    """Weights to evaluate, and the training games after which they were the newest."""

    games: int
    policy: Policy
    blob: bytes
    """The weights as they were published."""


class Agenda:
    """The evaluations that are due, oldest first."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._reached: int | None = None
        self._waiting: deque[Due] = deque(maxlen=KEPT)

    @property
    def next(self) -> Due | None:
        """The evaluation whose turn it is."""
        return self._waiting[0] if self._waiting else None

    def begin(self, evaluated: int) -> None:
        """Take in up to how many training games there are results; before, nothing is due."""
        if self._reached is None:
            self._reached = boundary(evaluated, every=self._every)

    def note(self, games: int, policy: Policy | None, blob: bytes) -> None:
        """Take in a reading: training games that were played, and the newest weights."""
        if self._reached is None or policy is None:
            return
        at = boundary(games, every=self._every)
        if at > self._reached:
            self._waiting.append(Due(at, policy, blob))
        self._reached = at  # lower, too: a Redis that lost its data begins anew

    def finish(self, due: Due) -> None:
        """An evaluation is over."""
        if due in self._waiting:
            self._waiting.remove(due)
