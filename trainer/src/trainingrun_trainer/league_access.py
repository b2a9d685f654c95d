"""How a learner reaches the services of its run's league, and what their answers mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from trainingrun_contracts.league.channel import ServiceAddress, given
from trainingrun_contracts.role_environment import LeagueAccess, LeagueFolder
from trainingrun_contracts.run_config import ConfigError

_REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)

Heard = Callable[[str], None]
"""Hears what keeps a service from answering; nothing when it answers."""


@dataclass(frozen=True)
class LeagueWay:
    """The way to one service of a league.

    Attributes:
        target: ``host:port``.
        address: gives what the next connection is made with; raises ``LeagueAccessMissing`` while
            there is nothing.
        is_renewed: whether what the league is called with may change while the learner runs.
    """

    target: str
    address: Callable[[], ServiceAddress]
    is_renewed: bool = False

    @property
    def refusals(self) -> frozenset[grpc.StatusCode]:
        """Return the answers that the same call would get again, whatever it asks for."""
        return _REFUSALS - {grpc.StatusCode.UNAUTHENTICATED} if self.is_renewed else _REFUSALS


def way_to(
    target: str, access: LeagueAccess | LeagueFolder | None, *, is_encrypted: bool, use: str
) -> LeagueWay:
    """Return the way to a service; ``use`` is what it is called for, as in "publishes to".

    Raises:
        ConfigError: nothing was given to call it with.
    """
    if access is None:
        raise ConfigError(
            f"the run {use} a league, and TRAININGRUN_LEAGUE_TOKEN is not set: give a token"
            " of the league's services"
        )

    def address() -> ServiceAddress:
        known = access.read()
        return ServiceAddress(
            target, given(known.token), authority=known.authority, is_encrypted=is_encrypted
        )

    return LeagueWay(target, address, is_renewed=isinstance(access, LeagueFolder))


def code_of(error: Exception) -> grpc.StatusCode | None:
    """Return the code of a call's error; other errors have none."""
    code: Any = getattr(error, "code", None)
    return code() if callable(code) else None


def reason_of(error: Exception) -> str:
    """Return what a call's error says, or another error."""
    details: Any = getattr(error, "details", None)
    return str(details() if callable(details) else error)
