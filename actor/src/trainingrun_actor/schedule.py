"""Who plays whom with which deck: an endless, reproducible row of games in swapped pairs.

The two games of a pair have the same decks in the same seats and the same seed; the players change
seats, and with them decks. So neither the draw of decks nor who begins favours anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from random import Random
from typing import Final

from msgspec import Struct
from trainingrun_contracts.run_config import SelfPlayConfig

LATEST: Final = "latest"
PAST: Final = "past"


class Matchup(Struct, frozen=True):
    """One game: ``seat`` (1 or 2) is the learner's, the opponent has the other."""

    decks: tuple[str, str]
    seat: int
    seed: int
    opponent: str


def training_matchups(
    decks: Sequence[str], shares: SelfPlayConfig, *, seed: str
) -> Iterator[Matchup]:
    """Games for training, the opponent of each pair drawn by the configured shares."""
    random = Random(seed)
    kinds = (LATEST, PAST, "scripted")
    weights = (shares.latest, shares.past, shares.scripted)
    while True:
        kind = random.choices(kinds, weights)[0] if sum(weights) > 0 else LATEST
        opponent = random.choice(shares.scripted_players) if kind == "scripted" else kind
        yield from _pair(random, decks, opponent)


def evaluation_matchups(
    decks: Sequence[str], opponents: Sequence[str], *, games: int, seed: str
) -> tuple[Matchup, ...]:
    """Games against opponents in turn, a pair each; an odd number is rounded up to whole pairs."""
    random = Random(seed)
    turns = islice(cycle(opponents), (games + 1) // 2)
    return tuple(game for opponent in turns for game in _pair(random, decks, opponent))


def _pair(random: Random, decks: Sequence[str], opponent: str) -> Iterator[Matchup]:
    chosen = (random.choice(decks), random.choice(decks))
    seed = random.getrandbits(31)
    first = random.choice((1, 2))
    yield Matchup(chosen, first, seed, opponent)
    yield Matchup(chosen, 3 - first, seed, opponent)
