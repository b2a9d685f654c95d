"""What of the optional packages is installed."""

from __future__ import annotations

from importlib.util import find_spec

from trainingrun.commands.errors import UserError


def require_league() -> None:
    """Check that a league can be asked.

    Raises:
        UserError: a package is missing.
    """
    if find_spec("grpc") is None:
        raise UserError("league: grpcio not installed: install trainingrun[league]")


def require_league_services() -> None:
    """Check that a league can be served, and played, on this machine.

    Raises:
        UserError: a package is missing.
    """
    require_league()
    for module, name in (("trainingrun_league", "trainingrun-league"), ("psutil", "psutil")):
        if find_spec(module) is None:
            raise UserError(f"league: {name} not installed: install trainingrun[local]")


def require_local() -> None:
    """Check that roles can run on this machine.

    Raises:
        UserError: a package is missing.
    """
    if find_spec("psutil") is None:
        raise UserError("local: psutil not installed: install trainingrun[local]")
