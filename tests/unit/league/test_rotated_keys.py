"""Tokens while the keys of a league are rotated."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainingrun_contracts.league.channel import TOKEN_SECONDS, TokenFile
from trainingrun_league.declaration import Audience
from trainingrun_league.errors import InvalidRequest
from trainingrun_league.server.caller import Caller
from trainingrun_league.server.tokens import InvalidToken, OwnToken, TokenKey

OLD, NEW = b"o" * 32, b"n" * 32
CALLER = Caller("service/a", Audience.SERVICES)


def key_of(secret: bytes, *accepted: bytes) -> TokenKey:
    """Keys at a moment that stands still."""
    return TokenKey("test", secret, lambda: 1_800_000_000.0, accepted=accepted)


def test_old_tokens_are_valid_until_the_rotation_ends() -> None:
    """Then they are refused, though they were verified before."""
    key = key_of(OLD)
    old = key.issue(CALLER, seconds=60)
    key.take(NEW, [OLD])
    new = key.issue(CALLER, seconds=60)
    assert key.verify(old) == key.verify(new) == CALLER
    with pytest.raises(InvalidToken):
        key_of(OLD).verify(new)
    key.take(NEW, [])
    assert key.verify(new) == CALLER
    with pytest.raises(InvalidToken):
        key.verify(old)


def test_a_token_of_another_league_is_refused_with_every_key() -> None:
    """Accepting two keys accepts nothing else."""
    other = TokenKey("other", OLD, lambda: 1_800_000_000.0).issue(CALLER, seconds=60)
    for token in (other, "nonsense", key_of(b"x" * 32).issue(CALLER, seconds=60)):
        with pytest.raises(InvalidToken):
            key_of(NEW, OLD).verify(token)


def test_own_calls_are_signed_anew_at_once() -> None:
    """A service's own token does not outlive the key that it was signed with."""
    key = key_of(OLD)
    own = OwnToken(key, "service/a")
    before = own()
    key.take(NEW, [OLD])
    assert own() != before
    key.take(NEW, [])
    assert key.verify(own()) == CALLER


def test_a_short_key_is_refused_and_changes_nothing() -> None:
    """Expect a sentence, and tokens as before."""
    key = key_of(OLD)
    with pytest.raises(InvalidRequest, match="at least 32"):
        key.take(NEW, [b"short"])
    assert key.verify(key_of(OLD).issue(CALLER, seconds=60)) == CALLER


def test_a_token_is_read_again_from_its_file(tmp_path: Path) -> None:
    """Within a second; what cannot be read, or is empty, keeps the one before."""
    now = [0.0]
    path = tmp_path / "token"
    path.write_text("one\n")
    token = TokenFile(path, lambda: now[0])
    path.write_text("two\n")
    assert token() == "one"
    now[0] += TOKEN_SECONDS
    assert token() == "two"
    for change in (lambda: path.write_text(""), path.unlink):
        change()
        now[0] += TOKEN_SECONDS
        assert token() == "two"
    path.write_text("three")
    now[0] += TOKEN_SECONDS
    assert token() == "three"
