"""Whose turn it is to change to new default images."""

from __future__ import annotations

from typing import Final

from trainingrun_reconciler.store import ResourceKey

BETWEEN_SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 3600.0
"""However many runs there are, all of them have had their turn after this."""


class Rollouts:
    """Lets one run begin after the other. It is forgotten at a restart, which lets one run begin
    and the others wait anew."""

    def __init__(self) -> None:
        self._begun: set[ResourceKey] = set()
        self._next_at = 0.0

    def allows(self, key: ResourceKey, *, now: float) -> bool:
        """Whether a run may replace its members now, or has begun to."""
        return key in self._begun or now >= self._next_at

    def begin(self, key: ResourceKey, *, runs: int, now: float) -> None:
        """A run replaces its members, one of ``runs``."""
        if key not in self._begun:
            self._begun.add(key)
            self._next_at = now + min(BETWEEN_SECONDS, LONGEST_SECONDS / max(runs, 1))

    def forget(self, key: ResourceKey) -> None:
        """The run is gone."""
        self._begun.discard(key)
