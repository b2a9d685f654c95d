"""Takes reports of matches, from workers and from the Game service.

A report is in the database before it is answered, and everything that follows from it (ratings, the
gate's verdict, the next round) is made from there: what was acknowledged is never lost, and no
match is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trainingrun_league.errors import Conflict, InvalidRequest, NotFound, NotPermitted, Reused
from trainingrun_league.matchmaker.leases import Answer, MatchState, judge_report
from trainingrun_league.matchmaker.matches import NO_SEATS, Match, after_game, closed, given_up
from trainingrun_league.matchmaker.records import Records
from trainingrun_league.matchmaker.register import Register
from trainingrun_league.matchmaker.reports import Expected, Report, digest_of, problem_of
from trainingrun_league.matchmaker.showing_up import AfterNoGame
from trainingrun_league.matchmaker.signals import KeyedLocks, Signal
from trainingrun_league.matchmaker.tournaments import Tournaments


class Reporting:
    """See above; ``changed`` wakes when a match is over or its next game is due."""

    def __init__(
        self,
        records: Records,
        register: Register,
        tournaments: Tournaments,
        *,
        locks: KeyedLocks,
        clock: Callable[[], float],
    ) -> None:
        self._records, self._register = records, register
        self._tournaments = tournaments
        self._locks, self._clock = locks, clock
        self.changed = Signal()

    async def report(self, match_id: str, worker: str, report: Report) -> bool:
        """Take a report; return whether the same one came before.

        Raises:
            NotFound, InvalidRequest, NotPermitted, Conflict, Reused: it is refused.
            Unavailable: the database cannot be reached; nothing was changed.
        """
        async with self._locks(match_id):
            match = self._register.get(match_id) or await self._records.find(match_id)
            if match is None:
                raise NotFound(f"match_id: there is no match {match_id[:100]!r}")
            if match.seats.game_id or match.lease.state is MatchState.SEATED or match.tickets:
                return await self._game(match, worker, report)
            return await self._whole(match, worker, report)

    async def _whole(self, match: Match, worker: str, report: Report) -> bool:
        """Of a match that a worker played by itself."""
        problem = problem_of(report, Expected(match.first, match.second, match.games))
        if problem:
            raise InvalidRequest(problem)
        match judge_report(match.lease, worker, digest_of(report)):
            case Answer.ACCEPTED:
                await self._keep(closed(match, report, worker, self._clock()))
                return False
            case Answer.REPEATED:
                return True
            case Answer.CHANGED:
                raise Reused(f"{worker} has reported other games of the match {match.id} before")
            case Answer.TOO_LATE:
                said = match.problem or "another worker has reported it"
                raise Conflict(f"the match {match.id} is over ({said}): lease another one")
            case Answer.NOT_THEIRS:
                raise NotPermitted(f"{worker} never had a lease of the match {match.id}")

    async def _game(self, match: Match, worker: str, report: Report) -> bool:
        """Of a match whose games the Game service holds: one game, or why there is none."""
        known = {game.game_id for game in match.played}
        if report.games and all(game.game_id in known for game in report.games):
            return True
        if match.is_over:
            if not report.games and match.lease.state is MatchState.FAILED:
                return True
            raise Conflict(f"the match {match.id} is over: {match.problem or 'it was reported'}")
        if not report.games:
            await self._abandon(match, report)
            return False
        problem = problem_of(report, Expected(match.first, match.second, 1))
        game = report.games[0]
        if problem:
            raise InvalidRequest(problem)
        if not game.game_id or (match.seats.game_id and game.game_id != match.seats.game_id):
            raise InvalidRequest(
                f"games[0].game_id: the match has the game {match.seats.game_id or '(none yet)'},"
                f" not {game.game_id[:100]!r}"
            )
        for player in (match.first, match.second):
            self._tournaments.hear(match, player)
        await self._keep(after_game(match, game, worker, self._clock()))
        return False

    async def _abandon(self, match: Match, report: Report) -> None:
        """A game without an end: that of a tournament is played again."""
        problem, absent = report.problem or "the game was abandoned", report.failed_player
        now = self._clock()
        match self._tournaments.after_no_game(match, absent):
            case AfterNoGame.AGAIN:
                await self._keep(replace(match, seats=NO_SEATS, abandoned=match.abandoned + 1))
            case AfterNoGame.FORFEIT:
                await self._keep(given_up(match, problem, now, failed_player=absent))
            case AfterNoGame.GIVE_UP:
                await self._keep(given_up(match, problem, now))

    async def forfeit_no_shows(self) -> None:
        """End the matches of tournaments that a person has lost by not coming."""
        for match, player in self._tournaments.no_shows():
            await self.give_up(
                match,
                f"{player} did not come",
                still=lambda newest: not newest.seats.game_id,
                failed_player=player,
            )

    async def give_up(
        self,
        match: Match,
        problem: str,
        *,
        still: Callable[[Match], bool],
        failed_player: str = "",
    ) -> None:
        """End a match without a result, if what was seen of it still holds when its turn comes."""
        async with self._locks(match.id):
            newest = self._register.get(match.id)
            if newest is not None and still(newest):
                now = self._clock()
                await self._keep(given_up(newest, problem, now, failed_player=failed_player))

    async def _keep(self, match: Match) -> None:
        await self._records.save(match)
        self._register.put(match)
        self._tournaments.note(match)
        self.changed.notify()
