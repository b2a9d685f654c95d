"""Who plays whom with which deck: an endless, reproducible row of games in swapped pairs.

The two games of a pair have the same decks in the same seats and the same seed; the players change
seats, and with them decks. So neither the draw of decks nor who begins favours anybody.

Decks are dealt like cards and not thrown like dice. A round has every ordered pair of decks once,
in a random order in which each deck comes to each seat before any comes to it again (a Latin
square: the second deck is the first one's neighbour at some distance, one distance after another).
So after each round every deck has met every deck, itself too, equally often from either seat; and
at any moment no deck has sat in either seat more than once more than another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from random import Random
from typing import Final

from msgspec import Struct
from trainingrun_contracts.run_config import OpponentsConfig

LATEST: Final = "latest"
PAST: Final = "past"


class Matchup(Struct, frozen=True):
    """One game: ``seat`` (1 or 2) is the learner's, the opponent has the other."""

    decks: tuple[str, str]
    seat: int
    seed: int
    opponent: str


def deck_pairs(decks: Sequence[str], random: Random) -> Iterator[tuple[str, str]]:
    """Decks of seat 1 and seat 2, for ever: each round has every ordered pair once."""
    count = len(decks)
    while True:
        circle = random.sample(decks, count)
        for distance in random.sample(range(count), count):
            for place in random.sample(range(count), count):
                yield circle[place], circle[(place + distance) % count]


def training_matchups(
    decks: Sequence[str], shares: OpponentsConfig, *, seed: str
) -> Iterator[Matchup]:
    """Games for training, the opponent of each pair drawn by the configured shares."""
    random = Random(seed)
    kinds = (LATEST, PAST, "scripted")
    weights = (shares.latest, shares.past, shares.scripted)
    dealt = deck_pairs(decks, Random(f"{seed}:decks"))
    for pair in dealt:
        kind = random.choices(kinds, weights)[0] if sum(weights) > 0 else LATEST
        opponent = random.choice(shares.scripted_players) if kind == "scripted" else kind
        yield from _swapped(pair, opponent, random)


def evaluation_matchups(
    decks: Sequence[str], opponents: Sequence[str], *, games: int, seed: str
) -> tuple[Matchup, ...]:
    """Games against opponents in turn, a pair each; an odd number is rounded up to whole pairs.

    Every opponent is met with the same decks in the same order.
    """
    random = Random(seed)
    dealt = {name: deck_pairs(decks, Random(f"{seed}:decks")) for name in opponents}
    turns = islice(cycle(opponents), (games + 1) // 2)
    return tuple(game for name in turns for game in _swapped(next(dealt[name]), name, random))


def _swapped(decks: tuple[str, str], opponent: str, random: Random) -> Iterator[Matchup]:
    seed = random.getrandbits(31)
    first = random.choice((1, 2))
    yield Matchup(decks, first, seed, opponent)
    yield Matchup(decks, 3 - first, seed, opponent)
