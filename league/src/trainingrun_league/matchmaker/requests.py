"""What callers ask, checked: each field by its bound, with a sentence that says which."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    CreateTournamentRequest,
    GameResult,
    KeepSeatsRequest,
    ReportResultRequest,
)

from trainingrun_league.declaration import Audience
from trainingrun_league.errors import InvalidRequest, NotPermitted
from trainingrun_league.matchmaker.brackets.values import MOST_ENTRANTS
from trainingrun_league.matchmaker.pool import MODEL, PERSON
from trainingrun_league.matchmaker.reports import Game, Report
from trainingrun_league.server.caller import Caller

LONGEST_NAME: Final = 200
LONGEST_WAIT: Final = 60.0
MOST_GAMES: Final = 100
MOST_SEATS: Final = 1000
MOST_PAIRS: Final = 50
_PLAYER: Final = re.compile(
    r"(model|person|builtin)/[A-Za-z0-9._@:+-]([A-Za-z0-9._@:+/-]{0,180}[A-Za-z0-9._@:+-])?"
)


def player_of(said: str, caller: Caller) -> str:
    """Return the player that a caller plays for.

    Raises:
        InvalidRequest: it is no player that can wait for a game.
        NotPermitted: the caller's token is another one's.
    """
    if not _PLAYER.fullmatch(said) or not said.startswith((PERSON, MODEL)):
        raise InvalidRequest(f"player_id: write person/NAME or model/ID, not {said[:100]!r}")
    if caller.audience is Audience.PLAYERS and caller.subject != said:
        raise NotPermitted(f"player_id: this token is of {caller.subject}, not of {said[:100]}")
    return said


def worker_of(said: str) -> str:
    """Return the name of a worker.

    Raises:
        InvalidRequest: it is empty or too long.
    """
    if not 0 < len(said) <= LONGEST_NAME:
        raise InvalidRequest(f"worker: 1 to {LONGEST_NAME} characters, not {len(said)}")
    return said


def wait_of(said: Duration) -> float:
    """Return a wait in seconds.

    Raises:
        InvalidRequest: it is negative or too long.
    """
    seconds = said.seconds + said.nanos / 1e9
    if not 0.0 <= seconds <= LONGEST_WAIT:
        raise InvalidRequest(f"wait: 0 to {LONGEST_WAIT:g} s, not {seconds:g}")
    return seconds


def purposes_of(said: Iterable[int]) -> frozenset[int]:
    """Return the purposes that a worker takes.

    Raises:
        InvalidRequest: one is unknown.
    """
    found = frozenset(said)
    unknown = sorted(found - set(MatchPurpose.values()))
    if unknown:
        raise InvalidRequest(f"purposes: {unknown[0]} is none")
    return found


def seats_of(request: KeepSeatsRequest) -> tuple[str, ...]:
    """Return the matches whose seats a worker plays.

    Raises:
        InvalidRequest: they are too many.
    """
    if len(request.match_ids) > MOST_SEATS:
        raise InvalidRequest(f"match_ids: at most {MOST_SEATS}, not {len(request.match_ids)}")
    return tuple(request.match_ids)


def report_of(request: ReportResultRequest) -> Report:
    """Return the report; ``reports.problem_of`` checks it against the match.

    Raises:
        InvalidRequest: it has more games than any match.
    """
    if len(request.games) > MOST_GAMES:
        raise InvalidRequest(f"games: at most {MOST_GAMES}, not {len(request.games)}")
    return Report(
        tuple(_game(game) for game in request.games),
        request.failed_player[:LONGEST_NAME],
        request.problem[:1000],
    )


def _game(game: GameResult) -> Game:
    return Game(game.outcome, game.moves, game.seed, game.game_id)


def check_tournament(request: CreateTournamentRequest) -> None:
    """Check what does not depend on the league's players.

    Raises:
        InvalidRequest: with the field.
    """
    if not 0 < len(request.name) <= 100 or not request.name.isprintable():
        raise InvalidRequest("name: 1 to 100 printable characters")
    if len(request.entrants) > MOST_ENTRANTS:
        raise InvalidRequest(f"entrants: at most {MOST_ENTRANTS}, not {len(request.entrants)}")
    if request.pairs_per_match > MOST_PAIRS:
        raise InvalidRequest(
            f"pairs_per_match: at most {MOST_PAIRS}, not {request.pairs_per_match}"
        )
    for number, entrant in enumerate(request.entrants):
        if entrant.startswith(PERSON) and not _PLAYER.fullmatch(entrant):
            raise InvalidRequest(f"entrants[{number}]: {entrant[:100]!r} is no player")
