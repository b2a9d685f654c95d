"""The file with a league's keys: read, rotated, and never shown."""

from __future__ import annotations

import pytest
from trainingrun_contracts.league_keys import (
    LeagueKeys,
    LeagueKeysError,
    parse_keys,
    with_new_key,
    without_old_keys,
)


@pytest.mark.parametrize("content", [b"k" * 64 + b"\n", b"two words", b"\x00bin\nary\xff" * 9])
def test_a_key_alone_is_all_three(content: bytes) -> None:
    """As every league begins; bytes that are no text are one key, line breaks included."""
    key = content.strip()
    assert parse_keys(content) == LeagueKeys(key, (), key)


def test_a_rotation_keeps_the_identity_and_accepts_what_was() -> None:
    """Until it ends; and a file that was written is read as it was."""
    first = parse_keys(b"one")
    begun = with_new_key(first, b"two")
    assert begun == LeagueKeys(b"two", (b"one",), b"one")
    again = with_new_key(begun, b"three")
    assert again == LeagueKeys(b"three", (b"two", b"one"), b"one")
    ended = without_old_keys(again)
    assert ended == LeagueKeys(b"three", (), b"one")
    for keys in (first, begun, again, ended):
        assert parse_keys(keys.text.encode()) == keys


@pytest.mark.parametrize(
    "content", [b"key\nacept secret", b"key\nsecret", b"key\nidentity a\nidentity secret"]
)
def test_a_wrong_line_is_named_and_not_shown(content: bytes) -> None:
    """A slip of the pen is no other key."""
    with pytest.raises(LeagueKeysError, match=r"line [23]: write") as refused:
        parse_keys(content)
    assert "secret" not in str(refused.value)


def test_keys_are_not_shown() -> None:
    """In no log of a value."""
    assert "one" not in repr(with_new_key(LeagueKeys(b"one"), b"two"))
