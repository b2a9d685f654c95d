"""Players of the queue while they wait: tickets, pairs, and the games that they get.

A ticket follows from the player and the idempotency key of the call that joined, by HMAC: a call
that is made again finds the same place, and another one's cannot be guessed. A waiting ticket is
kept live as well, so that the queue outlives the process where live state does; matches are in the
database. A ticket that is not asked for leaves the queue: its player is gone. One of before a
restart is paired when its player asks for it again: it may have been played meanwhile. Without
live state the queue works, and a restart then costs the players their places in it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose

from trainingrun_league.errors import Conflict, Exhausted, LeagueError, NotFound, Unavailable
from trainingrun_league.live.state import LiveState
from trainingrun_league.matchmaker.leases import Lease, MatchState
from trainingrun_league.matchmaker.live_tickets import LiveTickets
from trainingrun_league.matchmaker.matches import Match
from trainingrun_league.matchmaker.pairing import Pair, Queue, QueueFull, Ticket, Window
from trainingrun_league.matchmaker.records import Records
from trainingrun_league.matchmaker.register import Register
from trainingrun_league.matchmaker.seating import Seating
from trainingrun_league.matchmaker.signals import is_set_within

TICKET_SECONDS: Final = 30.0
"""After the last call that asked for it, a ticket leaves the queue."""
_PAUSE: Final = 1.0
"""Seconds before a pair that could not be kept, or whose game could not be made, is tried again."""
_MOST_SEATED_KEPT: Final = 100_000

_log: Final = logging.getLogger(__name__)


@dataclass
class Place:
    """A player's place: waits, or has a match.

    Attributes:
        player: who has it.
        asked_at: when a call last asked for it.
        match_id: of the match; empty while it waits.
        is_decided: set when it has a match.
        asking: calls that wait now.
    """

    player: str
    asked_at: float
    match_id: str = ""
    is_decided: asyncio.Event = field(default_factory=asyncio.Event)
    asking: int = 0


class Lobby:
    """See above. ``secret`` signs tickets."""

    def __init__(
        self,
        records: Records,
        register: Register,
        seating: Seating,
        live: LiveState,
        *,
        window: Window,
        secret: bytes,
        clock: Callable[[], float],
    ) -> None:
        self.queue = Queue(window)
        self._records, self._register, self._seating = records, register, seating
        self._live, self._clock = LiveTickets(live), clock
        # Copied for each ticket: to begin with the key costs more than all else of a signature.
        self._signature = hmac.new(hmac.digest(secret, b"league/tickets", sha256), digestmod=sha256)
        self._places: dict[str, Place] = {}
        self._unasked: dict[str, Ticket] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        for match in register.seated:
            self._note(match)

    def resume(self) -> None:
        """Make the games that a process before this one did not get to make."""
        for match in self._register.seated:
            if match.tickets and not match.seats.game_id:
                self._start(self.seat_until_done(match))

    async def restore(self) -> None:
        """Take up the queue that a process before this one left, as far as it can be read."""
        try:
            found = await self._live.read()
        except Unavailable as error:
            _log.warning("the queue of before is not taken up: %s", error)
            return
        for ticket in sorted(found, key=lambda ticket: ticket.joined_at):
            if ticket.id not in self._places:
                self._unasked[ticket.id] = ticket
                self._places[ticket.id] = Place(ticket.player, self._clock())

    async def keep_live(self) -> None:
        """Bring live state to the tickets that wait.

        Raises:
            Unavailable: it cannot be reached; the next call makes up for it.
        """
        waiting = {ticket.id: ticket for ticket in (*self._unasked.values(), *self.queue)}
        await self._live.write(waiting, self._clock())

    def ticket_id(self, player: str, key: str) -> str:
        """Return the ticket of a player's call."""
        signature = self._signature.copy()
        signature.update(f"{len(player)}/{player}/{key}".encode())
        return signature.hexdigest()[:40]

    def place(self, ticket_id: str, player: str) -> Place:
        """Return the place of a ticket.

        Raises:
            NotFound: there is none, or it is another player's.
            Exhausted: it is one of before a restart, and the queue is full.
        """
        place = self._places.get(ticket_id)
        if place is not None and place.player == player and self._is_back(ticket_id):
            return place
        raise NotFound(
            f"ticket: {ticket_id[:60]!r} is no ticket of {player} that waits or plays:"
            " it has expired or was cancelled; join the queue again without a ticket"
        )

    def _is_back(self, ticket_id: str) -> bool:
        """Let a ticket of before a restart wait again, unless its player has a newer one."""
        ticket = self._unasked.get(ticket_id)
        if ticket is None:
            return True
        if self.queue.ticket_of(ticket.player) is not None:
            self._leave(ticket_id)
            return False
        self._join(ticket)
        del self._unasked[ticket_id]
        self.pair()
        return True

    def holds(self, ticket_id: str) -> bool:
        """Whether the ticket waits or plays."""
        return ticket_id in self._places

    def join(self, ticket_id: str, player: str, elo: float) -> str:
        """Join the queue; return the ticket: the one of before, where the player waits already.

        Raises:
            Exhausted: the queue is full.
        """
        waiting = self.queue.ticket_of(player)
        if waiting is not None:
            return waiting.id
        ticket = Ticket(ticket_id, player, elo, self._clock())
        self._join(ticket)
        self._places[ticket_id] = Place(player, ticket.joined_at)
        self.pair()
        return ticket_id

    def _join(self, ticket: Ticket) -> None:
        try:
            self.queue.join(ticket)
        except QueueFull:
            raise Exhausted(f"{len(self.queue)} players wait already: try again later") from None

    async def wait(self, place: Place, seconds: float) -> Match | None:
        """Return the match of a place, None where there is none within this time."""
        place.asking += 1
        try:
            if not await is_set_within(place.is_decided, seconds):
                return None
        finally:
            place.asking -= 1
            place.asked_at = self._clock()
        if not place.match_id:
            raise Conflict("the ticket was cancelled: join the queue again without a ticket")
        match = self._register.get(place.match_id)
        if match is None:
            raise Conflict(f"the match {place.match_id} of this ticket is over: join again")
        return match

    def cancel(self, ticket_id: str) -> None:
        """Leave the queue.

        Raises:
            Conflict: the ticket has a match.
        """
        place = self._places.get(ticket_id)
        if place is not None and place.match_id:
            raise Conflict(
                f"the ticket has the match {place.match_id}: join its game, or lose it by time"
            )
        self._leave(ticket_id)

    def expire(self) -> None:
        """Take out the tickets that were not asked for."""
        now = self._clock()
        for ticket in (*self._unasked.values(), *self.queue):
            place = self._places.get(ticket.id)
            if place is None or (not place.asking and now - place.asked_at >= TICKET_SECONDS):
                self._leave(ticket.id)

    def forget(self) -> None:
        """Forget the places whose match is over; there are as many as games are played."""
        now = self._clock()
        for ticket_id, place in tuple(self._places.items()):
            is_asked = place.asking or now - place.asked_at < TICKET_SECONDS
            if place.match_id and not is_asked and self._register.get(place.match_id) is None:
                del self._places[ticket_id]
        while len(self._places) > _MOST_SEATED_KEPT:
            self._places.pop(next(iter(self._places)))

    def pair(self) -> None:
        """Seat all that may play now; windows widen with time, so it is called again and again."""
        for pair in self.queue.pair(self._clock()):
            self._start(self._seat(pair))

    async def meet(self, match: Match) -> Place:
        """Keep a match of one ticket against a player that workers play for, and make its game."""
        await self._records.add(match)
        self._register.put(match)
        self._note(match)
        self._start(self.seat_until_done(match))
        return self._places[next(ticket for ticket in match.tickets if ticket)]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Leave off the pairs that are being seated; the next process makes their games."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _leave(self, ticket_id: str) -> None:
        self.queue.leave(ticket_id)
        self._unasked.pop(ticket_id, None)
        place = self._places.pop(ticket_id, None)
        if place is not None:
            place.is_decided.set()

    def _note(self, match: Match) -> None:
        """Let the tickets of a match find it."""
        players = (match.first, match.second)
        for ticket_id, player in zip(match.tickets, players, strict=False):
            if ticket_id:
                place = self._places.setdefault(ticket_id, Place(player, self._clock()))
                place.match_id = match.id
                if match.seats.game_id:
                    place.is_decided.set()

    async def _seat(self, pair: Pair) -> None:
        """Keep the match, make its game, then wake both."""
        match = _ranked(pair, self._clock())
        self._note(match)  # from here on the tickets are this match's, whatever fails
        try:
            await self._keep(match)
        except LeagueError as error:
            _log.warning("a pair of the queue is not seated: %s", error)
            for ticket_id in match.tickets:
                self._leave(ticket_id)
            return
        self._register.put(match)
        self._note(match)  # places that no call asked for meanwhile are forgotten
        await self.seat_until_done(match)

    async def _keep(self, match: Match) -> None:
        """Write the match until that is done. A write that failed may have been done: the same
        row again is one match, another pair of the two would be a second one."""
        while True:
            try:
                await self._records.add(match)
            except Unavailable as error:
                _log.warning("the match %s is written again: %s", match.id, error)
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def seat_until_done(self, match: Match) -> None:
        """Make the game of a match that is kept, and wake who waits for it."""
        while self._register.get(match.id) is not None:
            try:
                await self._seating.seat(match.id)
                break
            except LeagueError as error:
                _log.warning("the game of match %s is tried again: %s", match.id, error)
                await asyncio.sleep(_PAUSE)
        for ticket_id in match.tickets:
            if place := self._places.get(ticket_id):
                place.is_decided.set()


def _ranked(pair: Pair, now: float) -> Match:
    """Return the match of two tickets; chance says who begins."""
    name = uuid4()
    first, second = (pair.first, pair.second) if name.int % 2 else (pair.second, pair.first)
    return Match(
        id=name.hex,
        purpose=MatchPurpose.MATCH_PURPOSE_RANKED,
        first=first.player,
        second=second.player,
        pairs=1,
        games=1,
        seed=name.int % 2**63,
        created_at=now,
        lease=Lease(MatchState.SEATED),
        tickets=(first.id, second.id),
    )
