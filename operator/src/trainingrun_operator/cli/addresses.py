"""Lists of daemons on the command line."""

from __future__ import annotations

from trainingrun_operator.cli.errors import UserError
from trainingrun_operator.controller.daemon_status import split_endpoint


def endpoints_in(text: str, *, where: str = "--daemons") -> tuple[str, ...]:
    """The endpoints in ``host:port,host:port``, each once.

    Raises:
        UserError: one is no ``host:port``, or there is none.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        try:
            split_endpoint(name)
        except ValueError as error:
            raise UserError(f"{where}: {error}: write for example 10.0.0.5:17171") from error
    if not names:
        raise UserError(f"{where}: names no daemon: write for example 10.0.0.5:17171")
    return names
