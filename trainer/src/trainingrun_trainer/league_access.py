"""How a learner reaches the services of its run's league, and what their answers mean."""

from __future__ import annotations

from typing import Any, Final

import grpc
from trainingrun_contracts.league.channel import ServiceAddress, given
from trainingrun_contracts.role_environment import LeagueAccess
from trainingrun_contracts.run_config import ConfigError

REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
"""Answers that the same call would get again, whatever it asks for."""


def service_address(
    address: str, access: LeagueAccess | None, *, is_encrypted: bool, use: str
) -> ServiceAddress:
    """Return where a service is and by which token it is called; ``use`` is what for, as in
    "publishes to".

    Raises:
        ConfigError: there is no token.
    """
    if access is None:
        raise ConfigError(
            f"the run {use} a league, and TRAININGRUN_LEAGUE_TOKEN is not set: give a token"
            " of the league's services"
        )
    return ServiceAddress(
        address, given(access.token), authority=access.authority, is_encrypted=is_encrypted
    )


def reason_of(error: Exception) -> str:
    """Return what a call's error says, or another error."""
    details: Any = getattr(error, "details", None)
    return str(details() if callable(details) else error)
