"""Daemons on the command line: lists of them, and the token that they ask for."""

from __future__ import annotations

from pathlib import Path

from trainingrun_protocol.access import Token, TokenError
from trainingrun_protocol.given_token import given_token
from trainingrun_reconciler.controller.daemon_status import split_endpoint

from trainingrun.commands.errors import UserError


def endpoints_in(text: str, *, where: str = "--daemons") -> tuple[str, ...]:
    """Return the endpoints in ``host:port,host:port``, each once.

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


def token_from(file: Path | None) -> Token | None:
    """Return the daemons' token from ``--token-file``, or else from the environment.

    Raises:
        UserError: it is no token, or cannot be read.
    """
    try:
        return given_token(file)
    except TokenError as error:
        raise UserError(str(error)) from error
