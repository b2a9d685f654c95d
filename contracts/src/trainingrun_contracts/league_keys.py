"""The file with a league's keys: which one signs, which are valid besides, and the identity's.

    8f3a…                 the first line signs tokens
    accept 77b0…          tokens of this key are valid, too: while keys are rotated
    identity 77b0…        certificates and seats follow from this one; without it from the first

A key alone in the file, as every league begins, is all three. Tokens and identity have a key each
once one was rotated: a client that trusts the league's authority need not notice a rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_ACCEPT: Final = "accept"
_IDENTITY: Final = "identity"


class LeagueKeysError(Exception):
    """The file cannot be understood; the message says which line, and shows none of it."""


@dataclass(frozen=True, repr=False)
class LeagueKeys:
    """The keys of a league."""

    signing: bytes
    accepted: tuple[bytes, ...] = ()
    identity: bytes = b""

    def __post_init__(self) -> None:
        """An identity that is not named is the signing key's."""
        if not self.identity:
            object.__setattr__(self, "identity", self.signing)

    def __repr__(self) -> str:
        """Show no key."""
        return f"LeagueKeys({len(self.accepted)} accepted)"

    @property
    def text(self) -> str:
        """As a file has them."""
        lines = [self.signing.decode(), *(f"{_ACCEPT} {each.decode()}" for each in self.accepted)]
        if self.identity != self.signing:
            lines.append(f"{_IDENTITY} {self.identity.decode()}")
        return "\n".join(lines) + "\n"


def parse_keys(content: bytes) -> LeagueKeys:
    """Return the keys of a file; bytes that are no text are one key.

    Raises:
        LeagueKeysError: a line is not of the form above.
    """
    whole = content.strip()
    if not whole.isascii() or any(each < 32 and each not in b"\r\n\t" for each in whole):
        return LeagueKeys(whole)
    first, *others = whole.decode().splitlines() or [""]
    accepted: list[bytes] = []
    identity = b""
    for number, line in enumerate(others, start=2):
        match line.split():
            case []:
                pass
            case ["accept", key]:
                accepted.append(key.encode())
            case ["identity", key] if not identity:
                identity = key.encode()
            case _:
                raise LeagueKeysError(
                    f"line {number}: write `accept KEY` or, once, `identity KEY`; the first line is"
                    " the key that signs"
                )
    return LeagueKeys(first.strip().encode(), tuple(accepted), identity)


def with_new_key(keys: LeagueKeys, new: bytes) -> LeagueKeys:
    """Return the keys with which a rotation begins: the new one signs, the others are accepted."""
    return LeagueKeys(new, (keys.signing, *keys.accepted), keys.identity)


def without_old_keys(keys: LeagueKeys) -> LeagueKeys:
    """Return the keys with which a rotation ends: only the one that signs is accepted."""
    return LeagueKeys(keys.signing, (), keys.identity)
