"""The Replay service as the league's process starts it."""

from __future__ import annotations

from typing import Final

from trainingrun_league.declaration import ServiceDeclaration
from trainingrun_league.replay.requests import MOST_REQUEST_BYTES
from trainingrun_league.replay.service import start
from trainingrun_league.settings import ServiceName

REPLAY: Final = ServiceDeclaration(
    name=ServiceName.REPLAY,
    full_name="trainingrun.league.v1.ReplayService",
    start=start,
    most_request_bytes=MOST_REQUEST_BYTES,
    most_calls=128,
)
"""Nothing of it is open to players: who writes experience decides what is learnt. Calls are few and
large: their number bounds the memory of requests that are being read."""
