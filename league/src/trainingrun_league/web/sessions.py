"""Who is at the browser: a person with a name of their own, proved by a cookie.

A name is for the taking, so each gets four digits behind it by chance: whose cookie says
``ada-7f3a`` is that player, and no one else can become it. The cookie is a token of the league for
players, which its services accept, too. Passwords were refused: the page is for a league's friends,
and a lost cookie costs a name.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from aiohttp import web

from trainingrun_league.declaration import Audience
from trainingrun_league.errors import InvalidRequest
from trainingrun_league.server.caller import Caller
from trainingrun_league.server.tokens import InvalidToken, TokenKey

PERSON: Final = "person/"
COOKIE: Final = "league_person"
_SECONDS: Final = 365 * 86_400
_SEAT_SECONDS: Final = 86_400
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,23}")


class Sessions:
    """Reads and writes the cookies."""

    def __init__(self, key: TokenKey, *, is_encrypted: bool) -> None:
        self._key = key
        self._is_encrypted = is_encrypted

    def person(self, request: web.Request) -> str | None:
        """Return who somebody is, as ``person/NAME``; None for somebody new."""
        token = request.cookies.get(COOKIE)
        if token is None:
            return None
        try:
            found = self._key.verify(token)
        except InvalidToken:
            return None
        is_person = found.audience is Audience.PLAYERS and found.subject.startswith(PERSON)
        return found.subject if is_person else None

    def welcome(self, response: web.StreamResponse, person: str) -> None:
        """Let a browser remember who somebody is."""
        token = self._key.issue(Caller(person, Audience.PLAYERS), seconds=_SECONDS)
        self._set(response, COOKIE, token, path="/", seconds=_SECONDS)

    def seat(self, request: web.Request, game_id: str) -> str:
        """Return the token of the seat that this browser has in a game; empty for none."""
        return request.cookies.get(_seat_cookie(game_id), "")

    def keep_seat(self, response: web.StreamResponse, game_id: str, token: str) -> None:
        """Let a browser keep its seat; sent to this game's page alone."""
        path = f"/games/{game_id}"
        self._set(response, _seat_cookie(game_id), token, path=path, seconds=_SEAT_SECONDS)

    def _set(
        self, response: web.StreamResponse, name: str, value: str, *, path: str, seconds: int
    ) -> None:
        response.set_cookie(
            name,
            value,
            path=path,
            max_age=seconds,
            httponly=True,
            secure=self._is_encrypted,
            samesite="Strict",
        )


def new_person(name: str) -> str:
    """Return a new player for a name that somebody chose.

    Raises:
        InvalidRequest: it is too long, or has other characters.
    """
    if _NAME.fullmatch(name) is None:
        raise InvalidRequest(
            "A name has 1 to 24 letters, digits, points, hyphens or underscores, and begins with a"
            " letter or digit."
        )
    return f"{PERSON}{name}-{secrets.token_hex(2)}"


def _seat_cookie(game_id: str) -> str:
    return f"seat_{game_id}"
