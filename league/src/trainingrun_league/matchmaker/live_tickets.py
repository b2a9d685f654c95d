"""The queue's tickets in live state, so that a restarted process knows who waited.

What stands there is compared with the queue every now and then and made like it. Refused: a write
within each call that joins or leaves. Calls would then fail, and pairs be left half made, because
of something that only a restart needs. Tickets are written anew from time to time, as a Redis
server may come back without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from trainingrun_league.live.state import LiveState
from trainingrun_league.matchmaker.pairing import Ticket

WRITE_SECONDS: Final = 0.25
"""Between two comparisons."""
REFRESH_SECONDS: Final = 30.0
_KEPT_SECONDS: Final = 3600.0
_LIVE: Final = "matchmaker/tickets/"


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A ticket as live state has it."""

    player: str
    elo: float
    joined_at: float


class LiveTickets:
    """See above. Both methods raise ``Unavailable`` where live state cannot be reached."""

    def __init__(self, live: LiveState) -> None:
        self._live = live
        self._written_at: dict[str, float] = {}

    async def read(self) -> list[Ticket]:
        """Return what a process before this one left."""
        tickets = []
        for key, value in (await self._live.below(_LIVE)).items():
            ticket_id = key.removeprefix(_LIVE)
            self._written_at[ticket_id] = 0.0
            try:
                kept = msgspec.msgpack.decode(value, type=_Kept)
            except msgspec.MsgspecError:
                continue  # of another version
            tickets.append(Ticket(ticket_id, kept.player, kept.elo, kept.joined_at))
        return tickets

    async def write(self, waiting: Mapping[str, Ticket], now: float) -> None:
        """Keep these tickets and no other one."""
        for ticket_id in [each for each in self._written_at if each not in waiting]:
            await self._live.delete(_LIVE + ticket_id)
            del self._written_at[ticket_id]
        for ticket_id, ticket in waiting.items():
            if now - self._written_at.get(ticket_id, 0.0) >= REFRESH_SECONDS:
                kept = msgspec.msgpack.encode(_Kept(ticket.player, ticket.elo, ticket.joined_at))
                await self._live.put(_LIVE + ticket_id, kept, seconds=_KEPT_SECONDS)
                self._written_at[ticket_id] = now
