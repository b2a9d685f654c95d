"""Plays games in this process: the arena of a run whose daemons are embedded.

All open games go forward in rounds: each game plays up to its next question, the questions of a
round are put to their seats together, and one forward pass for each policy answers them. A round is
one turn of the event loop, so that Redis, reports and weights have theirs in between; where games
are slow, a round ends early and the other games have the next one.

What a daemon would say of a game is its outcome here: the time limit counts as a draw, and a game
that fails is aborted. A slot is not needed; the number of a training game is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from random import Random
from time import monotonic
from typing import Final, TypeAlias

from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.own_parts import PartFault
from trainingrun_environments.embedded import EmbeddedGame, EmbeddedGames
from trainingrun_environments.errors import GameFault
from trainingrun_environments.generic.questions import GenericQuestion
from trainingrun_protocol.commands import NewGame

from trainingrun_actor.arena import Arena
from trainingrun_actor.game import NEVER_ASKED, End, Outcome, Seat
from trainingrun_actor.game_numbers import GameNumbers
from trainingrun_actor.inference import Inference
from trainingrun_actor.leases import GameStart, Lease, Leases
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policy import Request

ENDPOINT: Final = "embedded"
"""What stands in the place of a daemon's address in metrics."""
ROUND_SECONDS: Final = 0.02
BACKOFF: Final = Backoff(first=0.1, longest=10.0, spread=0.5)
"""After games that failed one after the other: they would fail thousands of times a second."""

_log = logging.getLogger(__name__)


class _Table:
    """An open game, and who plays it."""

    __slots__ = ("action", "began", "deadline", "game", "has_asked", "outcome", "seats")

    def __init__(
        self,
        game: EmbeddedGame,
        seats: Mapping[int, Seat],
        *,
        limit_seconds: float,
        outcome: asyncio.Future[Outcome],
    ) -> None:
        self.game = game
        self.seats = (seats.get(1), seats.get(2))
        self.began = monotonic()
        self.deadline = self.began + limit_seconds
        self.outcome = outcome
        self.action: int | None = None
        """The answer to its open question; None while there is none."""
        self.has_asked = False

    def seat(self, question: GenericQuestion) -> Seat:
        """Return who is asked."""
        seat = self.seats[question.seat]
        assert seat is not None, "only players with a seat are asked"
        return seat


class EmbeddedArena:
    """See Arena; the environment's games are in this process."""

    def __init__(
        self, leases: Leases, games: EmbeddedGames, *, metrics: PlayMetrics, random: Random
    ) -> None:
        self._games = games
        self._metrics = metrics
        self._random = random
        self._loop = asyncio.get_running_loop()
        self._inference = Inference(metrics.note_inference)
        self._numbers = GameNumbers(leases, random=random)
        self._tables: deque[_Table] = deque()
        self._is_round_due = False
        self._waits: set[asyncio.Task[None]] = set()
        self._failures = 0

    async def start_game(self, *, target: int, may_start: Callable[[], bool]) -> GameStart | None:
        """Wait for the number of a training game; None when none may start."""
        with self._metrics.waiting("slots"):
            return await self._numbers.next(target=target, may_start=may_start)

    def seats_engine(self, _endpoint: str) -> bool:
        """See Arena: the games' own player is a random one, as a daemon's is."""
        return True

    async def give_back(self, _lease: Lease | None) -> None:
        """See Arena: there is no slot."""

    async def play(
        self,
        command: NewGame,
        seats: Mapping[int, Seat],
        *,
        may_start: Callable[[], bool],
        lease: Lease | None = None,  # noqa: ARG002 (Arena names it)
    ) -> Outcome | None:
        """Play a game; None when it may no longer start. The seats get the outcome in every
        case.
        """
        outcome: Outcome | None = None
        try:
            if may_start():
                with self._metrics.playing():
                    is_overheard = any(seat.is_overheard for seat in seats.values())
                    play = self._play_by_lines if is_overheard else self._play
                    outcome = await play(command, seats)
                await self._rest_after(outcome)
        finally:
            for number, seat in seats.items():
                seat.finish(None if outcome is None else outcome.reward(number))
        return outcome

    def close(self) -> None:
        """Leave all open games."""
        self._numbers.close()
        for task in self._waits:
            task.cancel()
        self._tables.clear()

    async def _play(self, command: NewGame, seats: Mapping[int, Seat]) -> Outcome:
        asked = frozenset(number - 1 for number in seats)
        try:
            game = self._games.begin(seed=command.seed or 0, asked=asked)
        except GameFault as fault:
            return Outcome(End.ABORTED, None, 0.0, str(fault), is_fault=True)
        table = _Table(
            game,
            seats,
            limit_seconds=command.limit_seconds,
            outcome=self._loop.create_future(),
        )
        self._seat(table)
        return await table.outcome

    async def _play_by_lines(self, command: NewGame, seats: Mapping[int, Seat]) -> Outcome:
        """Play a game that is written down as a daemon would, line by line, without a socket."""
        asked = frozenset(number - 1 for number in seats)
        lines, began = self._games.lines(seed=command.seed or 0, asked=asked), monotonic()
        try:
            decision = lines.begin()
            while decision is not None:
                if monotonic() - began > command.limit_seconds:
                    reason = f"no result within {command.limit_seconds:g} s"
                    return Outcome(End.TIMEOUT, None, monotonic() - began, reason)
                self._metrics.decisions += 1
                decision = lines.answer(await seats[decision.seat + 1].answer(decision))
            (first, second), says_more = lines.returns()
        except GameFault as fault:
            return Outcome(End.ABORTED, None, monotonic() - began, str(fault), is_fault=True)
        except PartFault as fault:
            return Outcome(End.ABORTED, None, monotonic() - began, str(fault), is_part_fault=True)
        bound, seconds = self._games.spec.reward_bound, monotonic() - began
        returns = (first / bound, second / bound) if says_more else None
        if first == second:
            return Outcome(End.DRAW, None, seconds, returns=returns)
        return Outcome(End.WON, 1 if first > second else 2, seconds, returns=returns)

    async def _rest_after(self, outcome: Outcome) -> None:
        """Wait a little after a game that failed, longer after each in a row.

        Games that a part of the user's spoilt are counted by those who began them, as with daemons.
        """
        if outcome.is_part_fault:
            return
        if outcome.end is not End.ABORTED:
            self._failures = 0
            return
        self._failures += 1
        self._metrics.count_error(ENDPOINT, "lost")
        if self._failures == 1:
            _log.warning("a game failed: %s", outcome.reason)
        await asyncio.sleep(BACKOFF.seconds(self._failures, self._random))

    def _seat(self, table: _Table) -> None:
        """Let a game take part in the rounds."""
        self._tables.append(table)
        if not self._is_round_due:
            self._is_round_due = True
            self._loop.call_soon(self._round)

    def _round(self) -> None:
        """Have a question of each game answered; a failure of ours ends all games with it."""
        self._is_round_due = False
        began, count = monotonic(), len(self._tables)
        asking: list[_Table] = []
        try:
            self._advance(asking, until=began + ROUND_SECONDS)
            played = monotonic()
            self._answer(asking)
        except Exception as error:
            for table in (*asking, *self._tables):
                if not table.outcome.done():
                    table.outcome.set_exception(error)
            return
        if self._tables and not self._is_round_due:
            self._is_round_due = True
            self._loop.call_soon(self._round)
        # Each game waits for all others of the round.
        self._metrics.waited["engine"] += (played - began) * count
        self._metrics.waited["inference"] += (monotonic() - played) * count

    def _advance(self, asking: list[_Table], *, until: float) -> None:
        """Play each game to its next question, as many as there is time for; collects those that
        ask.
        """
        tables, now = self._tables, 0.0
        for _ in range(len(tables)):
            table = tables.popleft()
            if table.outcome.done():  # it was given up
                continue
            try:
                asks = table.game.advance(table.action)
            except GameFault as fault:
                self._end(table, End.ABORTED, str(fault))
                continue
            now = monotonic()
            if asks:
                asking.append(table)
            else:
                self._end_or_continue(table, now)
            if now > until:
                return

    def _end_or_continue(self, table: _Table, now: float) -> None:
        """See to a game that asks nothing: it is over, or has more moves to play."""
        if table.game.is_over:
            self._end_played(table)
        elif now > table.deadline:
            self._end_late(table)
        else:
            self._tables.append(table)

    def _answer(self, asking: list[_Table]) -> None:
        """Answer the questions of these games."""
        if not asking:
            return
        requests: list[Request] = []
        askers: list[tuple[_Table, GenericQuestion]] = []
        now = monotonic()
        for table, question in zip(
            asking, self._games.questions([table.game for table in asking]), strict=True
        ):
            if isinstance(question, GameFault):
                self._end(table, End.ABORTED, str(question))
                continue
            if now > table.deadline:
                self._end_late(table)
                continue
            request = self._ask(table, question)
            if request is not None:
                requests.append(request)
                askers.append((table, question))
        if not requests:
            return
        choices = self._inference.choose_all(requests)
        for (table, question), request, choice in zip(askers, requests, choices, strict=True):
            if isinstance(choice, PartFault):
                self._end_of_part(table, choice)
                continue
            table.seat(question).note(request, choice)
            self._take(table, question.options[choice.position])

    def _ask(self, table: _Table, question: GenericQuestion) -> Request | None:
        """Put a question to its seat; return what its policy is to be asked, where it has one."""
        table.has_asked = True
        seat = table.seat(question)
        try:
            asked = seat.ask(question)
        except PartFault as fault:
            self._end_of_part(table, fault)
            return None
        if isinstance(asked, Request):
            return asked
        if asked is None:
            self._wait_for(seat, table)
        else:
            self._take(table, question.options[asked])
        return None

    def _take(self, table: _Table, action: int) -> None:
        """Keep the answer for the next round."""
        table.action = action
        self._metrics.decisions += 1
        self._tables.append(table)

    def _wait_for(self, seat: Seat, table: _Table) -> None:
        """Let a game take part again once its seat has weights; its question stays open."""

        async def wait() -> None:
            await seat.ready()
            self._seat(table)

        table.action = None
        task = self._loop.create_task(wait())
        self._waits.add(task)
        task.add_done_callback(self._waits.discard)

    def _end_played(self, table: _Table) -> None:
        """End a game by what it returned."""
        try:
            (first, second), says_more = table.game.returns()
        except GameFault as fault:
            self._end(table, End.ABORTED, str(fault))
            return
        bound = self._games.spec.reward_bound
        returns = (first / bound, second / bound) if says_more else None
        if first == second:
            self._end(table, End.DRAW, returns=returns)
        else:
            self._end(table, End.WON, winner=1 if first > second else 2, returns=returns)

    def _end_late(self, table: _Table) -> None:
        """End a game whose time has passed."""
        limit = f"no result within {table.deadline - table.began:g} s"
        if table.has_asked or table.game.asked_alone:
            self._end(table, End.TIMEOUT, limit)
        else:
            self._end(table, End.ABORTED, f"{NEVER_ASKED}: {limit}")

    def _end_of_part(self, table: _Table, fault: PartFault) -> None:
        """End a game that a part of the user's has spoilt."""
        self._end(table, End.ABORTED, str(fault), is_part_fault=True)

    def _end(
        self,
        table: _Table,
        end: End,
        reason: str = "",
        *,
        winner: int | None = None,
        returns: tuple[float, float] | None = None,
        is_part_fault: bool = False,
    ) -> None:
        self._metrics.decisions += table.game.asked_alone
        seconds = monotonic() - table.began
        is_fault = end is End.ABORTED and not is_part_fault
        table.outcome.set_result(
            Outcome(end, winner, seconds, reason, returns, is_fault, is_part_fault)
        )


AnyArena: TypeAlias = Arena | EmbeddedArena
"""Where the games of a run are played."""
