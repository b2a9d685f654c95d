"""Tokens of seats: who has one may play the seat. They are computed, so no database holds them.

A token is the HMAC of a game and a seat under the league's key, which signs the tokens of callers
too; the domain in front keeps the two apart.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from typing import Final

from trainingrun_league.errors import NotPermitted

_DOMAIN: Final = "trainingrun-league-seat"
SEATS: Final = (1, 2)


def seat_token(key: bytes, game_id: str, seat: int) -> str:
    """Return the token of a seat."""
    message = f"{_DOMAIN}\n{game_id}\n{seat}".encode()
    return urlsafe_b64encode(hmac.digest(key, message, "sha256")).decode().rstrip("=")


def seat_of(key: bytes, game_id: str, token: str) -> int:
    """Return the seat that a token opens.

    Raises:
        NotPermitted: it opens none of this game's.
    """
    given = token.encode(errors="replace")
    for seat in SEATS:
        if hmac.compare_digest(seat_token(key, game_id, seat).encode(), given):
            return seat
    raise NotPermitted(
        f"the seat token opens no seat of the game {game_id[:80]!r}: use the one that came with the"
        " match"
    )
