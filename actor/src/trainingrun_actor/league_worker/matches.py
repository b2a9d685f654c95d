"""Plays a leased match: pairs of games with changed seats, all of them in lock step.

The games go forward in slices of a quarter of a second, each in a thread, so that the worker can be
asked to stop, and answers people, in between. Each pair has an opening of its own, drawn from its
seed, as players that always play what they prefer would play one game again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from msgspec import Struct
from trainingrun_contracts.league.v1.game_pb2 import RecordedGame
from trainingrun_contracts.league.v1.matchmaker_pb2 import GameResult, LeasedMatch
from trainingrun_environments.errors import describe_error
from trainingrun_environments.games import Game, Games
from trainingrun_search.matches import Match, MatchGame, Pairing, Player, swapped
from trainingrun_search.openings import Opening, draw_openings

from trainingrun_actor.league_worker.roster import Contender, Roster

SLICE_SECONDS: Final = 0.25
MOST_MOVES: Final = 10_000
"""Of a game; what is cut off counts as a draw."""
MOST_PAIRS: Final = 10_000
_OPENINGS: Final = 128
"""That there should be: one lease is a part of many games of the same players."""
_SEEDS: Final = 2**64


class Interrupted(Exception):
    """The worker is to stop, or lost its games; nothing is wrong with the match."""


class PlayerFailed(Exception):
    """A player of the match cannot play; the message says why."""

    def __init__(self, player_id: str, problem: str) -> None:
        super().__init__(problem)
        self.player_id = player_id


class GamesFailed(Exception):
    """The environment's games fail, or take too long, with any players."""


class Played(Struct, frozen=True):
    """A match that was played."""

    results: list[GameResult]
    recorded: list[RecordedGame]


class MatchPlayer:
    """Plays one match after another."""

    def __init__(self, roster: Roster, *, recorded: int, is_stopping: Callable[[], bool]) -> None:
        """``recorded`` is the number of pairs of each match to be kept for people."""
        self._roster = roster
        self._recorded = recorded
        self._is_stopping = is_stopping

    async def play(
        self, leased: LeasedMatch, first: Contender, second: Contender, *, until: float
    ) -> Played:
        """Play all games; ``until`` is by the monotonic clock.

        Raises:
            Interrupted: see there.
            PlayerFailed: see there.
            GamesFailed: see there.
        """
        match, pairings = await asyncio.to_thread(self._begin, leased, first, second)
        ended: dict[int, MatchGame] = {}
        while not match.is_over:
            for game in await asyncio.to_thread(_advance, match):
                ended[game.number] = game
            check_time_left(self._is_stopping, until)
        games = [ended[number] for number in range(len(pairings))]
        return Played(
            [_result(game, pairings[game.number]) for game in games],
            [
                _record(game, pairings[game.number], leased, (first, second))
                for game in games[: 2 * self._recorded]
            ],
        )

    def _begin(
        self, leased: LeasedMatch, first: Contender, second: Contender
    ) -> tuple[Match, list[Pairing]]:
        games = self._roster.games
        pairings = pairings_of(games, leased)
        places = self._roster.places((first, second), games=len(pairings))
        players: dict[str, Player] = {}
        for name, contender in ((FIRST, first), (SECOND, second)):
            try:
                seated = self._roster.seat(contender, places=places, seed=leased.seed % _SEEDS)
            except ValueError as error:
                raise PlayerFailed(contender.player_id, str(error)) from error
            players[name] = _Watched(contender.player_id, seated)
        return Match(games, players, pairings, places=places, most_moves=MOST_MOVES), pairings


FIRST, SECOND = "first", "second"


def pairs_in(leased: LeasedMatch) -> int:
    """Return how many pairs of games a match has."""
    return max(1, min(leased.pairs, MOST_PAIRS))


def check_time_left(is_stopping: Callable[[], bool], until: float) -> None:
    """See that there is time for more of a match; ``until`` is by the monotonic clock.

    Raises:
        Interrupted: the worker is to stop.
        GamesFailed: its lease ends.
    """
    if is_stopping():
        raise Interrupted("the worker was asked to end")
    if monotonic() > until:
        raise GamesFailed("the match took longer than its lease")


def pairings_of(games: Games, leased: LeasedMatch) -> list[Pairing]:
    """Return the games of a match: pair n begins from its seed + n, first with seat 1."""
    pairs = pairs_in(leased)
    seeds = [(leased.seed + number) % _SEEDS for number in range(pairs)]
    # Games with chance or secrets differ without: their players draw, or the cards do.
    openings: Sequence[Opening] = [()] * pairs
    if games.spec.is_forkable:
        openings = draw_openings(games, seeds, among=_OPENINGS)
    found = []
    for seed, opening in zip(seeds, openings, strict=True):
        pairing = Pairing((FIRST, SECOND), seed, opening)
        found += [pairing, swapped(pairing)]
    return found


class _Watched:
    """A player of whom it is said who failed."""

    def __init__(self, player_id: str, player: Player) -> None:
        self._player_id = player_id
        self._player = player

    def ask(self, place: int, game: Game, *, seed: int) -> None:
        """See ``matches.Player``."""
        self._player.ask(place, game, seed=seed)

    def advance(self) -> Sequence[tuple[int, int]]:
        """See ``matches.Player``."""
        try:
            return self._player.advance()
        except Exception as error:
            raise PlayerFailed(self._player_id, describe_error(error)) from error


def _advance(match: Match) -> list[MatchGame]:
    """Play for a slice of time; return games that ended."""
    until, found = monotonic() + SLICE_SECONDS, list[MatchGame]()
    try:
        while monotonic() < until and not match.is_over:
            found += match.round()
    except PlayerFailed:
        raise
    except Exception as error:
        raise GamesFailed(f"a game failed: {describe_error(error)}") from error
    return found


def _result(game: MatchGame, pairing: Pairing) -> GameResult:
    is_first = pairing.players[0] == FIRST
    outcome = game.outcome if is_first else -game.outcome
    return GameResult(outcome=outcome, moves=len(game.actions), seed=pairing.seed)


def _record(
    game: MatchGame, pairing: Pairing, leased: LeasedMatch, contenders: tuple[Contender, Contender]
) -> RecordedGame:
    ids = {FIRST: contenders[0].player_id, SECOND: contenders[1].player_id}
    return RecordedGame(
        match_id=leased.match_id,
        purpose=leased.purpose,
        players=[ids[name] for name in pairing.players],
        seed=pairing.seed,
        actions=[RecordedGame.Action(number=action) for action in game.actions],
    )
