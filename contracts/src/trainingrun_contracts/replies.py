"""Parsers that refuse a Redis reply above a bound before memory is taken for it.

The last line of defence: commands ask for no more than they need, but a server may answer what it
likes. hiredis makes a list as long as an array's header says, and keeps the bytes of a reply until
all of it is there; so headers are read here first, at less than a microsecond each, and what may be
inside a bulk string is skipped. Not used: redis-py's parser in Python, which is ten times slower
and has no bound either.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import redis
from redis._parsers import _AsyncHiredisParser, _HiredisParser
from redis._parsers.hiredis import NOT_ENOUGH_DATA

_LINE_BYTES: Final = 64 * 1024
_BULK = b"$"[0]
_SIZED: Final = frozenset(b"$*")
_LINES: Final = frozenset(b"+-:")


class ReplyRefused(redis.exceptions.InvalidResponse):
    """The reply is larger than anything we ask for, or no RESP2; the connection is closed."""


@dataclass(frozen=True)
class Bound:
    """How large one reply may be: its bytes, and the elements of all its arrays together."""

    size: int
    elements: int = 1_000_000


class ReplyGuard:
    """Follows the headers of replies, chunk by chunk."""

    __slots__ = ("_bound", "_bytes", "_elements", "_head", "_skip")

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._bytes = self._elements = self._skip = 0
        self._head = b""

    def admit(self, data: bytes | bytearray, end: int) -> None:
        """Follow the first ``end`` bytes of a chunk.

        Raises:
            ReplyRefused: the reply is, or will be, larger than its bound.
        """
        self._bytes += end
        if self._bytes > self._bound.size:
            raise ReplyRefused(f"a reply is longer than {self._bound.size} bytes")
        at = self._skip
        if self._head:
            data, end = self._head + data[:end], end + len(self._head)
            self._head = b""
        while at < end:
            stop = data.find(b"\n", at, end)
            if stop < 0:
                self._keep_head(data, at, end)
                break
            at = self._after_header(data, at, stop)
        self._skip = max(0, at - end)

    def completed(self) -> None:
        """Begin to count anew: a whole reply was taken."""
        self._bytes = self._elements = 0

    def _keep_head(self, data: bytes | bytearray, at: int, end: int) -> None:
        if end - at > _LINE_BYTES:
            raise ReplyRefused(f"a line of a reply is longer than {_LINE_BYTES} bytes")
        self._head = bytes(data[at:end])

    def _after_header(self, data: bytes | bytearray, at: int, stop: int) -> int:
        """Return where the next header begins."""
        kind = data[at]
        if kind in _LINES:
            return stop + 1
        if kind not in _SIZED:
            raise ReplyRefused("the reply is not RESP2: this is no Redis server")
        try:
            count = int(data[at + 1 : stop])
        except ValueError:
            raise ReplyRefused("a length in the reply is no number") from None
        if kind == _BULK:
            if count > self._bound.size:
                raise ReplyRefused(
                    f"a string of {count} bytes was announced, at most {self._bound.size} are taken"
                )
            return stop + 1 + (count + 2 if count >= 0 else 0)
        self._elements += count
        if self._elements > self._bound.elements:
            raise ReplyRefused(
                f"an array of {count} elements was announced, at most {self._bound.elements} are"
                " taken"
            )
        return stop + 1


class _BoundedReader:
    """hiredis' reader behind a guard."""

    __slots__ = ("_guard", "_reader", "has_data")

    def __init__(self, reader: Any, bound: Bound) -> None:
        self._reader = reader
        self._guard = ReplyGuard(bound)
        self.has_data = reader.has_data

    def feed(self, data: bytes | bytearray, offset: int = 0, length: int | None = None) -> None:
        """Take in a chunk; the parsers give all of it, or its first ``length`` bytes."""
        size = len(data) if length is None else length
        self._guard.admit(data, size)
        self._reader.feed(data, offset, size)

    def gets(self, *should_decode: bool) -> Any:
        """Return the next whole reply, or what stands for none."""
        reply = self._reader.gets(*should_decode)
        if reply is not NOT_ENOUGH_DATA:
            self._guard.completed()
        return reply


@lru_cache(maxsize=8)
def asyncio_parser(bound: Bound) -> type[Any]:
    """Return a parser class for asyncio connections whose replies are bounded."""

    class BoundedParser(_AsyncHiredisParser):
        def on_connect(self, connection: Any) -> None:
            base: Any = super()
            base.on_connect(connection)
            self._reader: Any = _BoundedReader(self._reader, bound)

    return BoundedParser


@lru_cache(maxsize=8)
def blocking_parser(bound: Bound) -> type[Any]:
    """Return a parser class for blocking connections whose replies are bounded."""

    class BoundedParser(_HiredisParser):
        def on_connect(self, connection: Any, **options: Any) -> None:
            base: Any = super()
            base.on_connect(connection, **options)
            self._reader: Any = _BoundedReader(self._reader, bound)

    return BoundedParser
