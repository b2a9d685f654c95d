"""Tokens: JSON Web Tokens (RFC 7519) signed with the league's key by HMAC-SHA256.

A token says for whom it is (``aud``), who has it (``sub``), of which league (``iss``) and until
when (``exp``); all four are required. The holder of the key can make tokens: services make theirs
themselves, people get one by ``python -m trainingrun_league token``. Mutual TLS was refused: a
browser and a learner on a laptop would need certificates, and their renewal.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

import jwt

from trainingrun_league.declaration import Audience
from trainingrun_league.errors import InvalidRequest
from trainingrun_league.server.caller import Caller

LEAST_KEY_BYTES: Final = 32
LONGEST_SUBJECT: Final = 200
LONGEST_TOKEN: Final = 4096
OWN_SECONDS: Final = 3600.0
"""How long a token lasts that a process makes for its own calls."""
MOST_VERIFIED: Final = 10_000
"""Tokens whose signature is remembered; about 5 MB."""
_ALGORITHM: Final = "HS256"
_LEEWAY_SECONDS: Final = 30
"""Clocks of machines differ."""


class InvalidToken(Exception):
    """It is none that is valid here; the message says why, and no part of it."""


class TokenKey:
    """What tokens of one league are signed with, and which other keys they may be signed with while
    keys are rotated.

    Attributes:
        league: its name.
        clock: seconds since 1970.
        generation: rises whenever the keys change.
    """

    def __init__(
        self,
        league: str,
        secret: bytes,
        clock: Callable[[], float],
        *,
        accepted: Sequence[bytes] = (),
    ) -> None:
        """``secret`` signs; it and the ``accepted`` have at least 32 bytes each."""
        self.league = league
        self.clock = clock
        self.generation = 0
        self._signing: tuple[bytes, ...] = ()
        self._verified: dict[str, tuple[Caller, int]] = {}
        """Signatures that were checked: a client sends the same token with each call."""
        self.take(secret, accepted)

    def take(self, secret: bytes, accepted: Sequence[bytes]) -> None:
        """Sign with another key from now on, and accept these besides.

        Raises:
            InvalidRequest: one is too short.
        """
        for each in (secret, *accepted):
            if len(each) < LEAST_KEY_BYTES:
                raise InvalidRequest(
                    f"the league's key has {len(each)} bytes, at least {LEAST_KEY_BYTES} are"
                    " needed: make one with `openssl rand -hex 32`"
                )
        self._signing = tuple(map(_signing, (secret, *accepted)))
        self._verified.clear()
        self.generation += 1

    def issue(self, caller: Caller, *, seconds: float) -> str:
        """Return a token for the caller.

        Raises:
            InvalidRequest: the subject is empty or too long.
        """
        if not 0 < len(caller.subject) <= LONGEST_SUBJECT:
            raise InvalidRequest(f"a token's subject has 1 to {LONGEST_SUBJECT} characters")
        now = self.clock()
        claims = {
            "aud": caller.audience.value,
            "sub": caller.subject,
            "iss": self.league,
            "iat": int(now),
            "exp": int(now + seconds),
        }
        return jwt.encode(claims, self._signing[0], algorithm=_ALGORITHM)

    def verify(self, token: str) -> Caller:
        """Return whose it is.

        Raises:
            InvalidToken: it is not signed with this key, has expired, or is of another league.
        """
        if len(token) > LONGEST_TOKEN:
            raise InvalidToken("it is too long")
        known = self._verified.get(token)
        if known is None:
            known = self._decoded(token)
            if len(self._verified) >= MOST_VERIFIED:
                self._verified.clear()
            self._verified[token] = known
        caller, expires = known
        if expires + _LEEWAY_SECONDS < self.clock():
            raise InvalidToken("it has expired")
        return caller

    def _decoded(self, token: str) -> tuple[Caller, int]:
        """Return whose it is and until when, by its signature."""
        claims = self._claims(token)
        subject, audience, expires = claims["sub"], claims["aud"], claims["exp"]
        if not isinstance(audience, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
            raise InvalidToken("its audience is a list, or its subject is too long")
        if not isinstance(expires, int):
            raise InvalidToken("its end is no number")
        return Caller(subject, Audience(audience)), expires

    def _claims(self, token: str) -> dict[str, Any]:
        """Return what it says, where one of the keys has signed it."""
        refusal: jwt.InvalidTokenError | None = None
        for key in self._signing:
            try:
                return _decoded(token, key, self.league)
            except jwt.InvalidSignatureError as error:
                refusal = error
            except jwt.InvalidTokenError as error:
                raise InvalidToken(type(error).__name__) from None
        raise InvalidToken(type(refusal).__name__) from None


def _decoded(token: str, key: bytes, league: str) -> dict[str, Any]:
    return jwt.decode(
        token,
        key,
        algorithms=[_ALGORITHM],  # never what the token itself names
        audience=[each.value for each in Audience],
        issuer=league,
        options={
            "require": ["aud", "sub", "iss", "exp"],
            "strict_aud": False,
            "verify_exp": False,  # below, by this league's clock
            "verify_iat": False,
        },
    )


def _signing(secret: bytes) -> bytes:
    """Not the secret itself, from which certificates follow, too."""
    return hmac.digest(secret, b"league/tokens", sha256)


class OwnToken:
    """The token of a process' own calls; made again before it expires."""

    def __init__(self, key: TokenKey, subject: str) -> None:
        self._key = key
        self._caller = Caller(subject, Audience.SERVICES)
        self._token, self._until = "", 0.0
        self._generation = 0

    def __call__(self) -> str:
        """Return one that is valid for at least half its time."""
        now = self._key.clock()
        if now >= self._until or self._generation != self._key.generation:
            self._generation = self._key.generation
            self._token = self._key.issue(self._caller, seconds=OWN_SECONDS)
            self._until = now + OWN_SECONDS / 2
        return self._token
