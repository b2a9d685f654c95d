"""Seats players at the Game service: one game of a match after the other.

The match is in the database before its game is made, and the game's idempotency key follows from
the match, so that a game that was made before a crash is found again, not made twice. Who waits for
a seat of a model (a worker) finds it in ``offers``, and says from then on that it plays it: of a
worker that says nothing the seat is offered again. Every step holds the lock of its match, as a
report that comes meanwhile ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import grpc.aio
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.game_pb2 import CreateGameRequest
from trainingrun_contracts.league.v1.matchmaker_pb2 import SeatedMatch

from trainingrun_league.errors import Exhausted, Unavailable
from trainingrun_league.matchmaker.leases import is_forsaken
from trainingrun_league.matchmaker.matches import Match, Seats
from trainingrun_league.matchmaker.records import Records
from trainingrun_league.matchmaker.register import Register
from trainingrun_league.matchmaker.signals import KeyedLocks, Signal
from trainingrun_league.peers import Peers

MOST_OFFERS: Final = 1000
"""Seats that wait for workers at once."""


@dataclass(frozen=True)
class Offer:
    """A seat that waits for a worker."""

    match_id: str
    seat: int
    player: str
    purpose: int


class Seating:
    """See above."""

    def __init__(
        self,
        records: Records,
        register: Register,
        peers: Peers,
        *,
        locks: KeyedLocks,
        move_seconds: float,
        seat_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._records, self._register, self._peers = records, register, peers
        self._locks, self._clock = locks, clock
        self._seat_seconds = seat_seconds
        self._move_limit = Duration(seconds=int(move_seconds))
        self.offers: dict[str, Offer] = {}
        self.offered = Signal()
        self._kept: dict[str, float] = {}
        for match in register.seated:
            self._offer(match)
            if match.seats.offered_to:
                self._kept[match.id] = clock()

    def check_room(self) -> None:
        """Refuse another match that needs a worker.

        Raises:
            Exhausted: too many seats wait for workers.
        """
        if len(self.offers) >= MOST_OFFERS:
            raise Exhausted(
                f"{MOST_OFFERS} seats of models wait for workers: start more workers, or try later"
            )

    async def seat(self, match_id: str) -> Match | None:
        """Make the game that a match needs now; return the match with its seats, None where it is
        over.

        Raises:
            Unavailable: the Game service or the database cannot be reached; call it again.
        """
        async with self._locks(match_id):
            match = self._register.get(match_id)
            if match is None or match.seats.game_id:
                return match
            return await self._seated(match)

    async def _seated(self, match: Match) -> Match:
        request = CreateGameRequest(
            idempotency_key=f"{match.id}/{len(match.played)}/{match.abandoned}",
            match_id=match.id,
            purpose=MatchPurpose.ValueType(match.purpose),
            players=[match.player_at(1), match.player_at(2)],
            seed=match.seed + len(match.played) // 2,
            move_limit=self._move_limit,
        )
        try:
            game = await self._peers.game.CreateGame(request)
        except grpc.aio.AioRpcError as error:
            raise Unavailable(
                f"the Game service made no game ({error.code().name}: {error.details()}): ask again"
            ) from error
        seated = replace(match, seats=Seats(game.game_id, game.address, tuple(game.seat_tokens)))
        self._records.save_soon(seated)
        self._register.put(seated)
        self._offer(seated)
        return seated

    def _offer(self, match: Match) -> None:
        seat = match.model_seat
        if match.seats.game_id and seat is not None and not match.seats.offered_to:
            self.offers[match.id] = Offer(match.id, seat, match.player_at(seat), match.purpose)
            self.offered.notify()

    def first_offer(self, takes: Callable[[int], bool]) -> Offer | None:
        """Return the seat that has waited longest, of the purposes that a worker takes."""
        for offer in tuple(self.offers.values()):
            match = self._register.get(offer.match_id)
            if match is None or match.seats.offered_to or not match.seats.game_id:
                del self.offers[offer.match_id]  # the game ended without a worker
            elif takes(offer.purpose):
                return offer
        return None

    async def take(self, offer: Offer, worker: str) -> Match | None:
        """Give a seat to a worker; None where it is gone."""
        if self.offers.pop(offer.match_id, None) is None:
            return None
        async with self._locks(offer.match_id):
            match = self._register.get(offer.match_id)
            if match is None or not match.seats.game_id or match.model_seat != offer.seat:
                return None  # the game ended meanwhile
            taken = replace(match, seats=replace(match.seats, offered_to=worker))
            try:
                await self._records.save(taken)
            except Unavailable:
                self.offers[offer.match_id] = offer
                raise
            self._register.put(taken)
            self._kept[taken.id] = self._clock()
            return taken

    def keep(self, worker: str, match_ids: Iterable[str]) -> list[str]:
        """Note that a worker plays these seats; return those that are not its own any longer."""
        lost = []
        for match_id in match_ids:
            match = self._register.get(match_id)
            if match is not None and match.seats.offered_to == worker:
                self._kept[match_id] = self._clock()
            else:
                lost.append(match_id)
        return lost

    async def offer_forsaken(self) -> None:
        """Offer the seats again whose workers are gone.

        Raises:
            Unavailable: the database cannot be reached; the next call makes up for it.
        """
        now = self._clock()
        limit = self._seat_seconds
        for match_id in [each for each, at in self._kept.items() if is_forsaken(at, now, limit)]:
            match = self._register.get(match_id)
            if match is not None and match.seats.offered_to:
                await self.give_back(match_id, match.seats.offered_to)
            self._kept.pop(match_id, None)

    async def give_back(self, match_id: str, worker: str) -> None:
        """Offer a seat again that a worker has; one that it has not stays as it is.

        Raises:
            Unavailable: the database cannot be reached; nothing was changed.
        """
        async with self._locks(match_id):
            match = self._register.get(match_id)
            if match is None or not worker or match.seats.offered_to != worker:
                return
            free = replace(match, seats=replace(match.seats, offered_to=""))
            await self._records.save(free)
            self._register.put(free)
            self._kept.pop(match_id, None)
            self._offer(free)


def seated_match(match: Match, seat: int) -> SeatedMatch:
    """Return a seat as its player gets it."""
    return SeatedMatch(
        match_id=match.id,
        game_id=match.seats.game_id,
        game_address=match.seats.address,
        seat=seat,
        opponent=match.player_at(3 - seat),
        seat_token=match.seats.tokens[seat - 1],
    )
