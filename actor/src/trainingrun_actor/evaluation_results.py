"""What the games of an evaluation say: pure functions from raw results to rates and ratings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct
from trainingrun_contracts.ratings.bradley_terry import Rating, Tally, fit
from trainingrun_contracts.reports import DeckResult, Evaluation
from trainingrun_contracts.search_players import is_open_spiels, search_simulations
from trainingrun_contracts.wilson import win_rate

from trainingrun_actor.schedule import Matchup

ANCHORS: Final = ("random", "aggressive", "engine")
"""Who is at 0 Elo: the first of these that was met; without any, the weakest player that searches,
and without such, the oldest version."""


class Played(Struct, frozen=True):
    """A game that came to its end; ``reward`` is the policy's: 1, 0 or -1."""

    matchup: Matchup
    reward: float


def version_name(version: int) -> str:
    """Return the policy's version as a player among the ratings."""
    return f"v{version}"


def pair_scores(rewards: Iterable[float | None]) -> Iterator[float]:
    """Yield the mean result (0 to 1) of each pair, in order, up to the first that is not
    complete."""
    first: float | None = None
    for number, reward in enumerate(rewards):
        if reward is None:
            return
        if number % 2 == 0:
            first = reward
        elif first is not None:
            yield (first + reward) / 4 + 0.5


def deck_results(games: Iterable[Played]) -> tuple[DeckResult, ...]:
    """Return the raw results, games with the same opponent and decks counted together."""
    counts: dict[tuple[str, str, str], Counter[float]] = {}
    for game in games:
        matchup, seat = game.matchup, game.matchup.seat
        key = (matchup.opponent, matchup.decks[seat - 1], matchup.decks[2 - seat])
        counts.setdefault(key, Counter())[game.reward] += 1
    return tuple(
        DeckResult(*key, games=found.total(), wins=found[1.0], draws=found[0.0])
        for key, found in sorted(counts.items())
    )


def evaluation_of(
    games: Sequence[Played], *, opponent: str, version: int, training_games: int, at: float
) -> Evaluation:
    """Return the result against one opponent, not rated yet."""
    rewards = [game.reward for game in games]
    wins, draws = rewards.count(1.0), rewards.count(0.0)
    rate, low, high = win_rate(wins, draws, len(rewards))
    return Evaluation(
        at=at,
        version=version,
        training_games=training_games,
        opponent=opponent,
        games=len(rewards),
        wins=wins,
        draws=draws,
        rate=rate,
        low=low,
        high=high,
        results=deck_results(games),
    )


def rating_of(version: int, evaluations: Sequence[Evaluation]) -> tuple[str, Rating | None]:
    """Return the anchor, and the version's Elo above it by all raw results; None without a link."""
    tallies = tuple(tally for each in evaluations for tally in _tallies(each))
    players = {name for tally in tallies for name in (tally.first, tally.second)}
    searching = {name: found for name in players if (found := search_simulations(name))}
    versions = sorted(players.difference(ANCHORS, searching), key=_number)
    weakest_first = sorted(searching, key=lambda name: (is_open_spiels(name), searching[name]))
    candidates = (*ANCHORS, *weakest_first, *versions)
    anchor = next((name for name in candidates if name in players), "")
    return anchor, fit(tallies, anchor=anchor).get(version_name(version))


def _number(name: str) -> int:
    return int(name[1:]) if name[1:].isdecimal() else 0


def _tallies(evaluation: Evaluation) -> Iterator[Tally]:
    """Yield one for each opponent; an evaluation of before the raw results were kept is one
    itself."""
    own = version_name(evaluation.version)
    if not evaluation.results and evaluation.opponent in ANCHORS:
        score = evaluation.wins + evaluation.draws / 2
        yield Tally(own, evaluation.opponent, evaluation.games, score)
    for result in evaluation.results:
        yield Tally(own, result.opponent, result.games, result.wins + result.draws / 2)
