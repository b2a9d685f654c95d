"""Runs tournaments: makes the matches that a bracket calls for, and ends them.

The bracket follows from the matches that are over (``brackets``), and a match's id from its place
in it: after every end of a match the bracket is compared with what is there. Matches between models
are leased by workers; who is a person asks for a seat (``seat``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.matchmaker_pb2 import TournamentFormat, TournamentState

from trainingrun_league.errors import Exhausted, NotFound, NotPermitted
from trainingrun_league.matchmaker.brackets.progress import is_complete, pairings
from trainingrun_league.matchmaker.brackets.values import (
    BYE,
    Format,
    Outcome,
    Pairing,
    Plan,
    rounds_of,
)
from trainingrun_league.matchmaker.leases import Lease, MatchState
from trainingrun_league.matchmaker.matches import Match, Table
from trainingrun_league.matchmaker.pool import PERSON
from trainingrun_league.matchmaker.records import Records, add_tournament
from trainingrun_league.matchmaker.register import Register
from trainingrun_league.matchmaker.seating import Seating
from trainingrun_league.matchmaker.showing_up import AfterNoGame, after_no_game, no_show
from trainingrun_league.matchmaker.signals import KeyedLocks, Signal

MOST_RUNNING: Final = 50
FORMATS: Final = {
    TournamentFormat.TOURNAMENT_FORMAT_ROUND_ROBIN: Format.ROUND_ROBIN,
    TournamentFormat.TOURNAMENT_FORMAT_SINGLE_ELIMINATION: Format.SINGLE_ELIMINATION,
    TournamentFormat.TOURNAMENT_FORMAT_SWISS: Format.SWISS,
}


@dataclass(frozen=True)
class NewTournament:
    """A tournament that is asked for, checked.

    Attributes:
        id: names it for ever.
        name: for people.
        format: as the protocol has it.
        plan: of it.
        pairs: of games in a match.
        seed: of the games.
    """

    id: str
    name: str
    format: int
    plan: Plan
    pairs: int
    seed: int


@dataclass
class _Running:
    plan: Plan
    pairs: int
    seed: int
    since: float
    """When this process took it up: before that no entrant could be heard."""
    outcomes: dict[tuple[int, int], Outcome] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)

    def heard_at(self, player: str) -> float:
        """Return when an entrant last asked or played."""
        return self.heard.get(player, self.since)


class Tournaments:
    """See above; ``changed`` wakes when one has new matches or is over."""

    def __init__(
        self,
        records: Records,
        register: Register,
        seating: Seating,
        *,
        locks: KeyedLocks,
        clock: Callable[[], float],
        show_up_seconds: float,
    ) -> None:
        self._show_up_seconds = show_up_seconds
        self._records, self._register, self._seating = records, register, seating
        self._locks, self._clock = locks, clock
        self._running: dict[str, _Running] = {}
        self.changed = Signal()

    async def restore(self) -> None:
        """Take up the tournaments that run."""
        running = TournamentState.TOURNAMENT_STATE_RUNNING
        for row in await self._records.tournaments(state=running):
            self._running[row.id] = _Running(plan_of(row), row.pairs, row.seed, since=self._clock())
            for match in await self._records.of_tournament(row.id):
                self.note(match)

    def check_room(self) -> None:
        """Refuse another one.

        Raises:
            Exhausted: too many run.
        """
        if len(self._running) >= MOST_RUNNING:
            raise Exhausted(f"{MOST_RUNNING} tournaments run already: wait for one to end")

    async def insert(self, connection: AsyncConnection, new: NewTournament) -> dict[str, Any]:
        """Keep a tournament, within a transaction of the caller; return its row."""
        row = {
            "id": new.id,
            "name": new.name,
            "format": new.format,
            "entrants": msgspec.json.encode(new.plan.entrants).decode(),
            "pairs": new.pairs,
            "rounds": rounds_of(new.plan),
            "seed": new.seed,
            "state": TournamentState.TOURNAMENT_STATE_RUNNING,
            "problem": "",
            "created_at": self._clock(),
            "completed_at": None,
        }
        await add_tournament(connection, row)
        return row

    async def begin(self, new: NewTournament) -> None:
        """Make the first matches of a tournament that is kept."""
        running = _Running(new.plan, new.pairs, new.seed, since=self._clock())
        self._running.setdefault(new.id, running)
        await self.advance(new.id)

    async def step(self) -> None:
        """Advance all that run.

        Raises:
            Unavailable: the database cannot be reached; the next step makes up for it.
        """
        for tournament_id in tuple(self._running):
            await self.advance(tournament_id)

    def note(self, match: Match) -> None:
        """Take over the end of a match, if it is one of a tournament."""
        table = match.table
        if table is None or not match.is_over:
            return
        running = self._running.get(table.tournament_id)
        if running is not None:
            running.outcomes[table.round, table.number] = outcome_of(match)

    async def advance(self, tournament_id: str) -> None:
        """Make the matches that are called for by now, or end the tournament."""
        async with self._locks(f"tournament/{tournament_id}"):
            running = self._running.get(tournament_id)
            if running is None:
                return
            outcomes = tuple(running.outcomes.values())
            given_up = [each for each in outcomes if _is_void(each)]
            if given_up:
                each = given_up[0]
                await self._end(
                    tournament_id,
                    TournamentState.TOURNAMENT_STATE_FAILED,
                    f"round {each.round}: {each.first} against {each.second} was not finished",
                )
                return
            called = pairings(running.plan, outcomes)
            if is_complete(called, outcomes):
                await self._end(tournament_id, TournamentState.TOURNAMENT_STATE_COMPLETE, "")
                return
            await self._make(tournament_id, running, called)

    async def _make(self, tournament_id: str, running: _Running, called: Iterable[Pairing]) -> None:
        new = [
            match
            for pairing in called
            if pairing.second != BYE and (pairing.round, pairing.table) not in running.outcomes
            if self._register.get(
                (match := _match(tournament_id, running, pairing, self._clock())).id
            )
            is None
        ]
        if new:
            await self._records.add(*new)
            for match in new:
                self._register.put(match)
            self.changed.notify()

    async def _end(self, tournament_id: str, state: int, problem: str) -> None:
        await self._records.change_tournament(
            tournament_id, state=state, problem=problem, completed_at=self._clock()
        )
        self._running.pop(tournament_id, None)
        self.changed.notify()

    async def seat(self, tournament_id: str, player: str) -> Match | None:
        """Return the match of a person that is to be played now, with its game; None for none yet.

        Raises:
            NotFound: there is no such tournament.
            NotPermitted: the player is no entrant.
            Unavailable: the Game service or the database cannot be reached.
        """
        row = await self._records.tournament(tournament_id)
        if row is None:
            raise NotFound(f"tournament_id: there is no tournament {tournament_id[:100]!r}")
        if player not in plan_of(row).entrants:
            raise NotPermitted(f"{player} is no entrant of the tournament {row.name}")
        for match in self._register.seated:
            is_its = match.table is not None and match.table.tournament_id == tournament_id
            if is_its and player in {match.first, match.second}:
                self.hear(match, player)
                return await self._seating.seat(match.id)
        return None

    def hear(self, match: Match, player: str) -> None:
        """Note that an entrant is there."""
        running = self._running.get(match.table.tournament_id) if match.table else None
        if running is not None:
            running.heard[player] = self._clock()

    def no_shows(self) -> list[tuple[Match, str]]:
        """Return the matches that a person has lost by not coming, with that person."""
        if not self._running:
            return []
        now, found = self._clock(), []
        for match in self._register.seated:
            running = self._running.get(match.table.tournament_id) if match.table else None
            if running is not None:
                absent = no_show(match, running.heard_at, now=now, limit=self._show_up_seconds)
                if absent:
                    found.append((match, absent))
        return found

    def after_no_game(self, match: Match, absent: str) -> AfterNoGame:
        """Return what follows from a game that was abandoned; of the queue it is given up."""
        running = self._running.get(match.table.tournament_id) if match.table else None
        if running is None:
            return AfterNoGame.GIVE_UP
        heard_at, limit = running.heard_at(absent), self._show_up_seconds
        return after_no_game(match, absent, heard_at, now=self._clock(), limit=limit)


def plan_of(row: Any) -> Plan:
    """Return the plan of a tournament's row."""
    format_ = FORMATS[row.format]
    rounds = row.rounds if format_ is Format.SWISS else 0
    return Plan(format_, msgspec.json.decode(row.entrants, type=tuple[str, ...]), rounds)


def outcome_of(match: Match) -> Outcome:
    """Return what a match that is over is to its tournament."""
    assert match.table is not None
    results = match.results
    return Outcome(
        match.table.round,
        match.table.number,
        match.first,
        match.second,
        results.wins,
        results.draws,
        results.losses,
        match.failed_player,
    )


def _is_void(outcome: Outcome) -> bool:
    """Given up without a player that failed: it has no winner, and is no draw."""
    return not outcome.failed and outcome.wins + outcome.draws + outcome.losses == 0


def outcomes_of(matches: Sequence[Match]) -> tuple[Outcome, ...]:
    """Return those of the matches that are over."""
    return tuple(outcome_of(match) for match in matches if match.is_over)


def _match(tournament_id: str, running: _Running, pairing: Pairing, now: float) -> Match:
    """Return the match of a pairing; all matches of a tournament begin from seeds of their own."""
    players = (pairing.first, pairing.second)
    has_person = any(player.startswith(PERSON) for player in players)
    place = f"{running.seed}/{pairing.round}/{pairing.table}"
    return Match(
        id=match_id_of(tournament_id, pairing),
        purpose=MatchPurpose.MATCH_PURPOSE_TOURNAMENT,
        first=pairing.first,
        second=pairing.second,
        pairs=running.pairs,
        games=2 * running.pairs,
        seed=int.from_bytes(hashlib.sha256(place.encode()).digest()[:7]),
        created_at=now,
        lease=Lease(MatchState.SEATED if has_person else MatchState.OPEN),
        table=Table(tournament_id, pairing.round, pairing.table),
    )


def match_id_of(tournament_id: str, pairing: Pairing) -> str:
    """Return the id of a pairing's match."""
    return f"{tournament_id}-{pairing.round}-{pairing.table}"
