"""The token of a daemon: a word that a client must know before a daemon plays with it.

It travels as a flag of NEWGAME (``--token WORD``), and not as a line before the command: a daemon
that has no token ignores the flag, as it ignores all that it does not know, and a game still costs
its client one write. STATUS needs none, so that probes and counters of games need no secret.

A token is shown nowhere: not by ``repr``, not in an error, on no command line.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import Final

TOKEN_VARIABLE: Final = "TRAININGRUN_DAEMON_TOKEN"  # noqa: S105 - a variable's name
TOKEN_FLAG: Final = "--token"  # noqa: S105 - a flag's name
_FORM: Final = re.compile(r"[!-~]{16,256}")
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
