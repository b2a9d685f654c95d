"""Past selves, and models of a league, as opponents: which one to meet, by the results of all
actors against each.

The results are counters in Redis, raised with every game. From their growth each actor keeps a
record that forgets (``contracts.ratings.pfsp``), so that an opponent that has been outgrown is met
less, and one that wins again is met more.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from trainingrun_contracts.ratings.pfsp import Curve, Record, weights

PREFIX: Final = "past:"
LEAGUE_PREFIX: Final = "league:"
_RESULTS: Final = {"won": 1.0, "drawn": 0.5, "lost": 0.0}


def counter_name(version: int, result: str, prefix: str = PREFIX) -> str:
    """Return the counter of games against a version that were ``won``, ``drawn`` or ``lost``."""
    return f"{prefix}{version}:{result}"


def forgotten_counters(names: Sequence[str], versions: Sequence[int]) -> tuple[str, ...]:
    """Return the counters of versions that are no longer opponents."""
    kept = {counter_name(version, result) for version in versions for result in _RESULTS}
    return tuple(
        name
        for name in names
        if name.startswith(PREFIX) and ":" in name[len(PREFIX) :] and name not in kept
    )


class PastOpponents:
    """The snapshots that can be met, and what is known of them."""

    def __init__(self, curve: Curve, *, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self.curve = curve
        """How they are drawn; it may change with the phase of the curriculum."""
        self._snapshots: list[tuple[str, int]] = []
        self._totals: dict[str, int] = {}
        self._records: dict[int, Record] = {}

    @property
    def snapshots(self) -> tuple[tuple[str, int], ...]:
        """Sha256 and version of each, oldest first."""
        return tuple(self._snapshots)

    @property
    def counters(self) -> tuple[str, ...]:
        """The counters that :meth:`note_counts` takes, in this order."""
        return tuple(
            counter_name(version, result, self._prefix)
            for _, version in self._snapshots
            for result in _RESULTS
        )

    def note_snapshots(self, snapshots: Sequence[tuple[str, int]]) -> None:
        """Take in which snapshots there are."""
        self._snapshots = list(snapshots)
        versions = {version for _, version in snapshots}
        self._records = {v: record for v, record in self._records.items() if v in versions}

    def note_counts(self, counts: dict[str, int]) -> None:
        """Take in the totals; one that has fallen (a Redis that lost data) begins anew."""
        for _, version in self._snapshots:
            games, score = 0, 0.0
            for result, worth in _RESULTS.items():
                name = counter_name(version, result, self._prefix)
                total = counts.get(name, 0)
                growth = max(0, total - self._totals.get(name, 0))
                self._totals[name] = total
                games, score = games + growth, score + worth * growth
            if games:
                record = self._records.get(version, Record())
                self._records[version] = record.after(games=games, score=score)

    def draw(self, random: Random) -> tuple[str, int] | None:
        """Sha256 and version of the opponent of a game; None when there is no snapshot."""
        if not self._snapshots:
            return None
        versions = [version for _, version in self._snapshots]
        return random.choices(self._snapshots, weights(versions, self._records, self.curve))[0]
