"""Ratings of players, as the Elo service has them: a copy that is a few seconds old.

The queue pairs by it. A call for each player that joins was refused: a rating changes little within
seconds, and the queue must not wait for another service.
"""

from __future__ import annotations

from statistics import median
from typing import Final

from trainingrun_contracts.league.v1.elo_pb2 import GetRankedPoliciesRequest

from trainingrun_league.matchmaker.pool import PERSON
from trainingrun_league.peers import Peers

EVERY_SECONDS: Final = 10.0
_PAGE: Final = 1000
_MOST_PAGES: Final = 100


class PeerRatings:
    """See above."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._elo: dict[str, float] = {}
        self._unknown = 0.0

    def of(self, player: str) -> float:
        """Return the Elo of a player; the median of all persons where there is none yet."""
        return self._elo.get(player, self._unknown)

    async def refresh(self) -> None:
        """Ask the Elo service.

        Raises:
            grpc.aio.AioRpcError: it cannot be reached.
        """
        found: dict[str, float] = {}
        token = ""
        for _ in range(_MOST_PAGES):
            request = GetRankedPoliciesRequest(page_size=_PAGE, page_token=token)
            page = await self._peers.elo.GetRankedPolicies(request)
            found |= {player.id: player.rating.elo for player in page.players}
            token = page.next_page_token
            if not token:
                break
        persons = [elo for player, elo in found.items() if player.startswith(PERSON)]
        self._elo, self._unknown = found, median(persons) if persons else 0.0
