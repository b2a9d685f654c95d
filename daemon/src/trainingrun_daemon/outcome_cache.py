"""Outcomes of games that were played before, for daemons that only pretend to be slow.

A daemon with a latency profile is there to size a fleet: a hundred of them share a machine that
could never play all their games. A quiet game between two AIs shows its client nothing but the
winner, so such a daemon plays ``VARIANTS`` real games for a pair of decks and from then on lets
their outcomes come round again. Inventing winners would cost as little, but then a win rate
measured through such a daemon would mean nothing.
"""

from typing import Final

from trainingrun_protocol.lines import GameResult

VARIANTS: Final = 8
"""Real games for each pair of decks."""
MAX_PAIRS: Final = 1024
"""Pairs of decks that are remembered."""


def fold_seed(seed: int) -> int:
    """Return the seed of the real game whose outcome serves for this seed."""
    return seed % VARIANTS


class OutcomeCache:
    """Known outcomes, by decks and folded seed. A deck that was read anew is another deck."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[tuple[object, object], dict[int, GameResult]]] = {}

    def recall(self, decks: tuple[object, object], seed: int) -> GameResult | None:
        """Return the outcome, or None when that game has not been played."""
        found = self._known.get(_key(decks))
        return None if found is None else found[1].get(fold_seed(seed))

    def remember(self, decks: tuple[object, object], seed: int, outcome: GameResult) -> None:
        """Keep an outcome; the oldest pair of decks makes room."""
        key = _key(decks)
        if key not in self._known:
            if len(self._known) >= MAX_PAIRS:
                del self._known[next(iter(self._known))]
            self._known[key] = (decks, {})  # the decks are kept, so that their ids stay theirs
        self._known[key][1][fold_seed(seed)] = outcome


def _key(decks: tuple[object, object]) -> tuple[int, int]:
    return id(decks[0]), id(decks[1])
