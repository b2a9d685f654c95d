"""Who makes the present call, as a token says it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from trainingrun_league.declaration import Audience


@dataclass(frozen=True)
class Caller:
    """A verified one.

    Attributes:
        subject: of the token: ``person/NAME``, ``service/NAME``, or any other name.
        audience: that the token is for.
    """

    subject: str
    audience: Audience


CALLER: Final[ContextVar[Caller]] = ContextVar("trainingrun_league_caller")
"""Of the call that the running task serves; ``server.calls`` sets it."""


def caller() -> Caller:
    """Return who makes the call that this code serves."""
    return CALLER.get()
