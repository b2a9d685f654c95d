"""What of the optional packages is installed."""

from __future__ import annotations

from importlib.util import find_spec

from trainingrun_operator.cli.errors import UserError


def require_local() -> None:
    """Check that roles can run on this machine.

    Raises:
        UserError: a package is missing.
    """
    missing = [name for name in ("psutil", "matplotlib") if find_spec(name) is None]
    if missing:
        raise UserError(
            f"local: {' and '.join(missing)} not installed: install trainingrun-operator[local]"
        )
