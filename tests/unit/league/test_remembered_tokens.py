"""Tokens whose signature was checked before: what is remembered, and what is not."""

from __future__ import annotations

import pytest
from trainingrun_league.declaration import Audience
from trainingrun_league.server.caller import Caller
from trainingrun_league.server.tokens import InvalidToken, TokenKey

ADA = Caller("person/ada", Audience.PLAYERS)


class Clock:
    """Seconds that the test sets."""

    now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_a_remembered_token_expires() -> None:
    """Expect the same caller while it lasts, and a refusal after its end, though its signature is
    known."""
    clock = Clock()
    key = TokenKey("league", b"k" * 32, clock)
    token = key.issue(ADA, seconds=60)
    assert key.verify(token) == key.verify(token) == ADA
    clock.now += 1000
    with pytest.raises(InvalidToken, match="expired"):
        key.verify(token)


def test_only_what_was_signed_is_remembered() -> None:
    """Expect a token of another key, and one that was changed, to be refused each time."""
    clock = Clock()
    key = TokenKey("league", b"k" * 32, clock)
    forged = TokenKey("league", b"x" * 32, clock).issue(ADA, seconds=60)
    own = key.issue(ADA, seconds=60)
    key.verify(own)
    for token in (forged, forged, own[:-3] + "AAA"):
        with pytest.raises(InvalidToken):
            key.verify(token)
