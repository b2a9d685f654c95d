"""Gives work to workers: seats first, then validations, then matches of each purpose in turn.

A person waits for a seat, and a model that is not validated can do nothing. Among matches the
purpose that was served longest ago is next: a league that always has candidates still plays its
tournaments and ratings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose

from trainingrun_league.errors import NotFound
from trainingrun_league.matchmaker.leases import MatchState, returned
from trainingrun_league.matchmaker.matches import Match, leased
from trainingrun_league.matchmaker.model_watch import ModelWatch
from trainingrun_league.matchmaker.records import Records
from trainingrun_league.matchmaker.register import Register
from trainingrun_league.matchmaker.seating import Seating
from trainingrun_league.matchmaker.signals import KeyedLocks, Signal
from trainingrun_league.matchmaker.validations import Validations

_VALIDATES: Final = MatchPurpose.MATCH_PURPOSE_GATE


@dataclass(frozen=True)
class Lent:
    """What a worker got; nothing where all fields are empty.

    Attributes:
        match: to be played with both seats.
        validate: id of a model.
        seat: a match of which it takes one seat.
        seat_number: of that.
    """

    match: Match | None = None
    validate: str = ""
    seat: Match | None = None
    seat_number: int = 0

    def __bool__(self) -> bool:
        return bool(self.match or self.validate or self.seat)


class Work:
    """See above."""

    def __init__(
        self,
        records: Records,
        register: Register,
        seating: Seating,
        models: ModelWatch,
        *,
        locks: KeyedLocks,
        clock: Callable[[], float],
    ) -> None:
        self.validations = Validations()
        self._records, self._register = records, register
        self._seating, self._models = seating, models
        self._locks, self._clock = locks, clock
        self._served: dict[int, int] = {}
        self._turns = count(1)
        self.returned = Signal()

    async def take(self, worker: str, purposes: frozenset[int]) -> Lent:
        """Give what is most urgent of these purposes (none: of all), if there is anything.

        Raises:
            Unavailable: the database cannot be reached; nothing was given.
        """
        mine = self._held_by(worker, purposes)
        if mine is not None:
            return Lent(match=mine)
        offer = self._seating.first_offer(lambda purpose: not purposes or purpose in purposes)
        if offer is not None:
            taken = await self._seating.take(offer, worker)
            if taken is not None:
                return Lent(seat=taken, seat_number=offer.seat)
        if not purposes or _VALIDATES in purposes:
            model_id = self.validations.take(self._models.entries, self._clock())
            if model_id:
                return Lent(validate=model_id)
        return await self._lease(worker, purposes)

    def waiting(self) -> int:
        """Return how many seats and validations wait for a worker."""
        validations = self.validations.waiting(self._models.entries, self._clock())
        return len(self._seating.offers) + len(validations)

    def _held_by(self, worker: str, purposes: frozenset[int]) -> Match | None:
        """A lease of the worker that is open: it asks again because it did not get the answer."""
        now = self._clock()
        for match in self._register:
            holders = match.lease.holders
            is_held = holders and holders[-1] == worker and match.lease.expires_at > now
            if is_held and (not purposes or match.purpose in purposes):
                return match
        return None

    async def _lease(self, worker: str, purposes: frozenset[int]) -> Lent:
        match = self._next(worker, purposes)
        if match is None:
            return Lent()
        async with self._locks(match.id):
            now = self._clock()
            until = now + self._register.durations.lease_seconds(match.pairs)
            lent = leased(match, worker, now, until)
            self._served[match.purpose] = next(self._turns)
            await self._records.save(lent)
            self._register.put(lent)
            return Lent(match=lent)

    async def give_back(self, worker: str, match_id: str, problem: str) -> None:
        """Take a match or a seat back from a worker; what it has not stays as it is.

        Raises:
            NotFound: there is no such match that is not over.
            Unavailable: the database cannot be reached; nothing was changed.
        """
        match = self._register.get(match_id)
        if match is None:
            raise NotFound(f"match_id: {match_id[:100]!r} is no match that is open")
        if match.lease.state is MatchState.SEATED:
            await self._seating.give_back(match_id, worker)
            return
        async with self._locks(match_id):
            newest = self._register.get(match_id)
            if newest is None:
                return
            lease = returned(newest.lease, worker, is_problem=bool(problem), now=self._clock())
            if lease is None:
                return
            free = replace(newest, lease=lease, problem=problem[:1000] or newest.problem)
            await self._records.save(free)
            self._register.put(free)
        self.returned.notify()

    def _next(self, worker: str, purposes: frozenset[int]) -> Match | None:
        oldest: dict[int, Match] = {}
        for match in self._register.ready(self._clock(), worker):
            if (not purposes or match.purpose in purposes) and not self._locks.is_held(match.id):
                oldest.setdefault(match.purpose, match)
        return min(
            oldest.values(), key=lambda match: self._served.get(match.purpose, 0), default=None
        )
