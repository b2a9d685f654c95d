"""A match as a value, and the steps that it takes; ``records`` keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose

from trainingrun_league.matchmaker.leases import Lease, MatchState, given
from trainingrun_league.matchmaker.pool import MODEL, PERSON, Results
from trainingrun_league.matchmaker.reports import Game, Report, digest_of, results_of

RATED: Final = frozenset(
    {
        MatchPurpose.MATCH_PURPOSE_GATE,
        MatchPurpose.MATCH_PURPOSE_RATING,
        MatchPurpose.MATCH_PURPOSE_RANKED,
        MatchPurpose.MATCH_PURPOSE_TOURNAMENT,
    }
)

OPEN: Final = Lease(MatchState.OPEN)


class PlayedGame(msgspec.Struct, frozen=True, array_like=True):
    """A game that is over, seen from the match's first player."""

    outcome: float
    moves: int
    seed: int
    game_id: str = ""


@dataclass(frozen=True)
class Table:
    """Where a match stands in a tournament."""

    tournament_id: str
    round: int
    number: int


@dataclass(frozen=True)
class Seats:
    """The game that a seated match has now.

    Attributes:
        game_id: of the Game service; empty before it is made.
        address: of the process that holds it.
        tokens: for seat 1 and 2.
        offered_to: the worker that took the seat of a model; empty for none.
    """

    game_id: str = ""
    address: str = ""
    tokens: tuple[str, ...] = ()
    offered_to: str = ""


NO_SEATS: Final = Seats()


@dataclass(frozen=True)
class Match:
    """A match.

    Attributes:
        id: names it for ever.
        purpose: of it.
        first: player who has seat 1 in the games of even number.
        second: the other one.
        pairs: of games with changed seats.
        games: in all: two to a pair, or the one of the queue.
        seed: of the games.
        created_at: seconds since 1970.
        lease: its state, and who had it.
        leased_at: when the last lease began.
        closed_at: when it was reported or given up.
        played: games so far.
        failed_player: who could not play; empty for none.
        problem: why it was given up.
        gate_number: its number in a test of the gate.
        table: its place in a tournament.
        tickets: of the queue, of the first and the second player; empty ones for workers.
        seats: of the game that the Game service holds.
        abandoned: games that had no end and were made again.
    """

    id: str
    purpose: int
    first: str
    second: str
    pairs: int
    games: int
    seed: int
    created_at: float
    lease: Lease = OPEN
    leased_at: float = 0.0
    closed_at: float = 0.0
    played: tuple[PlayedGame, ...] = ()
    failed_player: str = ""
    problem: str = ""
    gate_number: int | None = None
    table: Table | None = None
    tickets: tuple[str, ...] = ()
    seats: Seats = NO_SEATS
    abandoned: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it is reported or given up."""
        return self.lease.state in {MatchState.CLOSED, MatchState.FAILED}

    @property
    def outcomes(self) -> tuple[float, ...]:
        """Of the games so far, for the first player."""
        return tuple(game.outcome for game in self.played)

    @property
    def results(self) -> Results:
        """Of the games so far."""
        return results_of(self.outcomes)

    def player_at(self, seat: int) -> str:
        """Return who has a seat in the game that is played now: they change with each game."""
        return (self.first, self.second)[(seat - 1 + len(self.played)) % 2]

    def seat_of(self, player: str) -> int:
        """Return the seat of a player in the game that is played now."""
        return 1 if self.player_at(1) == player else 2

    @property
    def model_seat(self) -> int | None:
        """The seat that a worker is to take where a person or another client has the other."""
        for seat in (1, 2):
            player = self.player_at(seat)
            ticket = self.tickets[self._index(player)] if self.tickets else ""
            if not ticket and not player.startswith(PERSON):
                return seat
        return None

    def _index(self, player: str) -> int:
        return 0 if player == self.first else 1


def leased(match: Match, worker: str, now: float, until: float) -> Match:
    """Return the match after it was given to a worker."""
    return replace(match, lease=given(match.lease, worker, until), leased_at=now)


def closed(match: Match, report: Report, worker: str, now: float) -> Match:
    """Return the match after a report of all of its games, or of a player that failed."""
    state = MatchState.FAILED if report.failed_player else MatchState.CLOSED
    lease = replace(match.lease, state=state, report=digest_of(report), reporter=worker)
    return replace(
        match,
        lease=lease,
        closed_at=now,
        played=tuple(_played(game) for game in report.games),
        failed_player=report.failed_player,
        problem=report.problem[:1000],
    )


def given_up(match: Match, problem: str, now: float, *, failed_player: str = "") -> Match:
    """Return the match after it was given up; a late report of it does not count."""
    lease = replace(match.lease, state=MatchState.FAILED)
    return replace(
        match, lease=lease, closed_at=now, problem=problem[:1000], failed_player=failed_player
    )


def after_game(match: Match, game: Game, worker: str, now: float) -> Match:
    """Return a seated match after one game, seen from seat 1; the last one closes it."""
    outcome = game.outcome if len(match.played) % 2 == 0 else -game.outcome
    played = (*match.played, PlayedGame(outcome, game.moves, game.seed, game.game_id))
    if len(played) < match.games:
        return replace(match, played=played, seats=NO_SEATS)
    lease = replace(match.lease, state=MatchState.CLOSED, reporter=worker)
    return replace(match, lease=lease, closed_at=now, played=played)


def _played(game: Game) -> PlayedGame:
    return PlayedGame(game.outcome, game.moves, game.seed, game.game_id)


def row_of(match: Match) -> dict[str, Any]:
    """Return the columns of a match; when it was rated is a new one's alone."""
    table, results = match.table, match.results
    is_rated = (
        match.lease.state is MatchState.CLOSED
        and match.purpose in RATED
        and match.first != match.second
    )
    return {
        "id": match.id,
        "purpose": match.purpose,
        "first": match.first,
        "second": match.second,
        "pairs": match.pairs,
        "games": match.games,
        "seed": match.seed,
        "state": match.lease.state.value,
        "created_at": match.created_at,
        "holders": _json(match.lease.holders),
        "expires_at": match.lease.expires_at,
        "leased_at": match.leased_at,
        "closed_at": match.closed_at,
        "report": match.lease.report,
        "reporter": match.lease.reporter,
        "played": _json(match.played),
        "wins": results.wins,
        "draws": results.draws,
        "losses": results.losses,
        "failed_player": match.failed_player,
        "problem": match.problem,
        "is_rated": is_rated,
        "rated_at": None,
        "gate_number": match.gate_number,
        "tournament_id": table.tournament_id if table else None,
        "round": table.round if table else None,
        "table_number": table.number if table else None,
        "tickets": _json(match.tickets),
        "abandoned": match.abandoned,
        **seats_row_of(match),
    }


def seats_row_of(match: Match) -> dict[str, Any]:
    """Return the id of a match and the columns that say which game it has now."""
    return {
        "id": match.id,
        "game_id": match.seats.game_id,
        "game_address": match.seats.address,
        "seat_tokens": _json(match.seats.tokens),
        "offered_to": match.seats.offered_to,
    }


def match_of(row: Mapping[str, Any]) -> Match:
    """Return the match of a row."""
    table = None
    if row["tournament_id"] is not None:
        table = Table(row["tournament_id"], row["round"], row["table_number"])
    return Match(
        id=row["id"],
        purpose=row["purpose"],
        first=row["first"],
        second=row["second"],
        pairs=row["pairs"],
        games=row["games"],
        seed=row["seed"],
        created_at=row["created_at"],
        lease=Lease(
            MatchState(row["state"]),
            _strings(row["holders"]),
            row["expires_at"],
            row["report"],
            row["reporter"],
        ),
        leased_at=row["leased_at"],
        closed_at=row["closed_at"],
        played=msgspec.json.decode(row["played"], type=tuple[PlayedGame, ...]),
        failed_player=row["failed_player"],
        problem=row["problem"],
        gate_number=row["gate_number"],
        table=table,
        tickets=_strings(row["tickets"]),
        seats=Seats(
            row["game_id"], row["game_address"], _strings(row["seat_tokens"]), row["offered_to"]
        ),
        abandoned=row["abandoned"],
    )


def is_worker_played(player: str) -> bool:
    """Whether workers play for this player."""
    return not player.startswith(PERSON)


def model_id(player: str) -> str:
    """Return the id of the model that a player is; empty where it is none."""
    return player.removeprefix(MODEL) if player.startswith(MODEL) else ""


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _strings(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
