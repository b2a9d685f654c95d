"""A quick match of two contenders: pairs with changed seats, from openings that are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from msgspec import Struct
from trainingrun_contracts.wilson import win_rate
from trainingrun_search.matches import Match, MatchGame, Pairing, places_for, swapped
from trainingrun_search.openings import draw_openings

from trainingrun_actor_commands.play.contenders import Contender, player_of

_FIRST, _SECOND = "first", "second"
MOST_MOVES = 10_000


class Score(Struct, frozen=True):
    """Results from one side: of all games, or of those in which it began."""

    games: int = 0
    wins: int = 0
    draws: int = 0

    @property
    def losses(self) -> int:
        """What is left."""
        return self.games - self.wins - self.draws

    def plus(self, outcome: float) -> Score:
        """Return the score with one more game."""
        return Score(self.games + 1, self.wins + (outcome > 0), self.draws + (outcome == 0))


class MatchResult(Struct, frozen=True):
    """What a match says of the first player.

    Attributes:
        player, opponent: names, with the simulations of networks.
        environment: what was played.
        opening_plies: moves that were drawn at the beginning of each game.
        rate: its score in [0, 1], with the 95 % interval by Wilson, ``low`` to ``high``.
        began: of the games in which it began.
    """

    player: str
    opponent: str
    environment: str
    seed: int
    opening_plies: int
    games: int
    wins: int
    draws: int
    losses: int
    rate: float
    low: float
    high: float
    began: Score
    capped: int = 0


def play_match(
    first: Contender,
    second: Contender,
    *,
    games: int,
    seed: int,
    note: Callable[[int], None] = lambda _played: None,
) -> MatchResult:
    """Play whole pairs, at least as many games as asked for; ``note`` hears how many have ended."""
    rules = first.games
    random = Random(seed)
    seeds = [random.getrandbits(31) for _ in range((games + 1) // 2)]
    openings = draw_openings(rules, seeds)
    pairings = [
        game
        for each, opening in zip(seeds, openings, strict=True)
        for game in _pair(Pairing((_FIRST, _SECOND), each, opening))
    ]
    settings = [each.settings for each in (first, second) if each.settings is not None]
    places = min(places_for(rules, settings), len(pairings))
    players = {
        _FIRST: player_of(first, seed=seed, places=places),
        _SECOND: player_of(second, seed=seed + 1, places=places),
    }
    match = Match(rules, players, pairings, places=places, most_moves=MOST_MOVES)
    total, began, capped = Score(), Score(), 0
    for number, game in enumerate(_played(match), start=1):
        has_begun = game.number % 2 == 0
        outcome = game.outcome if has_begun else -game.outcome
        total, capped = total.plus(outcome), capped + game.is_capped
        began = began.plus(outcome) if has_begun else began
        note(number)
    rate, low, high = win_rate(total.wins, total.draws, total.games)
    return MatchResult(
        player=first.described,
        opponent=second.described,
        environment=rules.spec.name,
        seed=seed,
        opening_plies=max((len(each) for each in openings), default=0),
        games=total.games,
        wins=total.wins,
        draws=total.draws,
        losses=total.losses,
        rate=rate,
        low=low,
        high=high,
        began=began,
        capped=capped,
    )


def _pair(pairing: Pairing) -> tuple[Pairing, Pairing]:
    return pairing, swapped(pairing)


def _played(match: Match) -> Iterator[MatchGame]:
    while not match.is_over:
        yield from match.round()
