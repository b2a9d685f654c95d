"""The token that a process was given: in a file, or in its environment.

The only module of this package that reads anything of the machine it runs on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trainingrun_protocol.access import TOKEN_VARIABLE, Token, TokenError, read_token

_MOST_BYTES: Final = 4096


def token_in_file(path: Path) -> Token:
    """Read the token in a file.

    Raises:
        TokenError: the file cannot be read, or holds none.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise TokenError(
            f"the token file {path} cannot be read ({error.strerror}): give one with a token in it"
        ) from error
    return read_token(content.decode("ascii", "replace"), where=f"the token file {path}")


def token_in_environment(environment: Mapping[str, str] = os.environ) -> Token | None:
    """Read the token that a process was given; None where it was given none.

    Raises:
        TokenError: ``TRAININGRUN_DAEMON_TOKEN`` is set to something else.
    """
    text = environment.get(TOKEN_VARIABLE, "")
    return read_token(text, where=TOKEN_VARIABLE) if text else None


def given_token(file: Path | None) -> Token | None:
    """Return the token in the file if one is named, else that of the environment.

    Raises:
        TokenError: it is none, or cannot be read.
    """
    return token_in_file(file) if file is not None else token_in_environment()
