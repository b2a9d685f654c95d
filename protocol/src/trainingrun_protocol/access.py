"""The token of a daemon: a word that a client must know before a daemon plays with it.

It travels as a flag of NEWGAME (``--token WORD``), and not as a line before the command: a daemon
that has no token ignores the flag, as it ignores all that it does not know, and a game still costs
its client one write. STATUS needs none, so that probes and counters of games need no secret.

A token is shown nowhere: not by ``repr``, not in an error, on no command line.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TOKEN_VARIABLE: Final = "TRAININGRUN_DAEMON_TOKEN"  # noqa: S105 - a variable's name
TOKEN_FLAG: Final = "--token"  # noqa: S105 - a flag's name
_FORM: Final = re.compile(r"[!-~]{16,256}")
_MOST_BYTES: Final = 4096
_NEEDED: Final = (
    "a token is one word of 16 to 256 printable ASCII characters, such as `openssl rand -hex 32`"
    " makes"
)


class TokenError(ValueError):
    """What should be a token is none, or cannot be read; the message says where it stands."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the right form."""

    text: str = field(repr=False)

    def is_same(self, word: str) -> bool:
        """Return whether the word is this token, in a time that does not depend on how much of it
        is right."""
        return hmac.compare_digest(self.text.encode(), word.encode())


def read_token(text: str, *, where: str) -> Token:
    """Read a token, with white space around it.

    Args:
        text: the token.
        where: what holds it, for the error.

    Raises:
        TokenError: it is no token.
    """
    word = text.strip()
    if _FORM.fullmatch(word) is None:
        raise TokenError(f"{where} holds no token: {_NEEDED}")
    return Token(word)


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
