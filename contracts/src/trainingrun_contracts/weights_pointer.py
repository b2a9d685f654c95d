"""Which weights are the newest: a value, and how a reply of Redis is read as one.

Apart from ``weights``, which publishes: what decides about a run knows the pointer and no Redis.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

_LATEST: Final = 2.5e11
"""Unix seconds that a date can have."""


class Pointer(Struct, frozen=True):
    """Which weights are the newest."""

    epoch: int
    version: int
    publish: int
    sha256: str
    at: float


def pointer_from(reply: dict[bytes, bytes]) -> Pointer | None:
    """Return the pointer from the reply of ``HGETALL keys.weights``; None before the first
    publication, and where it is not readable."""
    try:
        pointer = Pointer(
            epoch=int(reply[b"epoch"]),
            version=int(reply[b"version"]),
            publish=int(reply[b"publish"]),
            sha256=reply[b"sha256"].decode(),
            at=float(reply[b"at"]),
        )
    except (KeyError, ValueError):
        return None
    counts = (pointer.epoch, pointer.version, pointer.publish)
    is_sane = all(0 <= count <= 2**53 for count in counts) and 0 <= pointer.at <= _LATEST
    return pointer if is_sane else None
