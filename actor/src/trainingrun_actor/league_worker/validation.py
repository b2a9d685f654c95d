"""Tries a new model: it loads, its numbers are finite, it plays games to their end.

A model that passes may be played with by every worker; how strong it is, matches say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from msgspec import Struct
from trainingrun_contracts.league.v1.model_pb2 import Validation
from trainingrun_environments.errors import describe_error
from trainingrun_environments.games import Game
from trainingrun_search.matches import Match, Pairing, Player, swapped

from trainingrun_actor.league_worker.roster import Contender, Roster
from trainingrun_actor.league_worker.weights import Unusable

PAIRS: Final = 4
SEED: Final = 1
LONGEST_SECONDS: Final = 300.0
"""A model that does not end its games by then is too slow to be played with."""
_SLICE_SECONDS: Final = 0.25
_MOST_PROBLEM: Final = 500
_TRIED, _OTHER = "tried", "other"
_RANDOM: Final = Contender("builtin/random", None, 0)


class _Trial(Struct, frozen=True):
    """Games of a model against chance, and what was noted of them."""

    match: Match
    player: _Counting
    games: int


async def validate(
    roster: Roster, model_id: str, *, is_stopping: Callable[[], bool]
) -> Validation | None:
    """Return what was found of a model; None where the worker is to stop first.

    Raises:
        grpc.aio.AioRpcError: the model cannot be had now.
    """
    try:
        contender = await roster.find(f"model/{model_id}")
    except Unusable as error:
        return Validation(problem=str(error)[:_MOST_PROBLEM])
    began, ended = monotonic(), 0
    try:
        trial = await asyncio.to_thread(_begin, roster, contender)
        while not trial.match.is_over:
            ended += await asyncio.to_thread(_advance, trial.match)
            if is_stopping():
                return None
            if monotonic() - began > LONGEST_SECONDS:
                raise _TooSlow(
                    f"it ended {ended} of {trial.games} games within {LONGEST_SECONDS:g} s"
                )
    except Exception as error:
        # Whatever a model's numbers do to a search is the model's failure, not the worker's.
        said = str(error) if isinstance(error, _TooSlow) else describe_error(error)
        return Validation(loads=True, games=ended, problem=said[:_MOST_PROBLEM])
    seconds = max(trial.player.seconds, 1e-9)
    return Validation(
        loads=True,
        is_finite=True,
        games=ended,
        decisions_per_second=trial.player.decisions / seconds,
    )


class _TooSlow(Exception):
    """See ``LONGEST_SECONDS``."""


def _begin(roster: Roster, contender: Contender) -> _Trial:
    pairing = [Pairing((_TRIED, _OTHER), SEED + number, ()) for number in range(PAIRS)]
    pairings = [game for each in pairing for game in (each, swapped(each))]
    places = roster.places((contender,), games=len(pairings))
    tried = _Counting(roster.seat(contender, places=places, seed=SEED))
    players: dict[str, Player] = {
        _TRIED: tried,
        _OTHER: roster.seat(_RANDOM, places=places, seed=SEED),
    }
    match = Match(roster.games, players, pairings, places=places)
    return _Trial(match, tried, len(pairings))


def _advance(match: Match) -> int:
    until, ended = monotonic() + _SLICE_SECONDS, 0
    while monotonic() < until and not match.is_over:
        ended += len(match.round())
    return ended


class _Counting:
    """A player whose decisions are counted, and its time."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self.decisions = 0
        self.seconds = 0.0

    def ask(self, place: int, game: Game, *, seed: int) -> None:
        """See ``matches.Player``."""
        self._player.ask(place, game, seed=seed)

    def advance(self) -> Sequence[tuple[int, int]]:
        """See ``matches.Player``."""
        began = monotonic()
        found = self._player.advance()
        self.seconds += monotonic() - began
        self.decisions += len(found)
        return found
