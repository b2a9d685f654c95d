"""What of the optional packages is installed."""

from __future__ import annotations

from importlib.util import find_spec

from trainingrun.commands.errors import UserError


def require_local() -> None:
    """Check that roles can run on this machine.

    Raises:
        UserError: a package is missing.
    """
    if find_spec("psutil") is None:
        raise UserError("local: psutil not installed: install trainingrun[local]")
