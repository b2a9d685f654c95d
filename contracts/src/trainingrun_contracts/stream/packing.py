"""Commands to the bytes of the Redis protocol (RESP), without copying what is large.

redis-py packs every argument of every command by itself; for a batch of segments that takes longer
than the kernel takes to send them. Here an argument may also be a list of buffers that go out one
after the other as one string, so that the arrays of a segment are never put together in memory.
Most of the others are the same in command after command, and are packed once.

Not here: connections and replies, which stay with redis-py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

Buffer = bytes | memoryview  # a view of single bytes: its length is its size
Argument = bytes | str | int | list[Buffer]
Command = Sequence[Argument]


def pack_transaction(commands: Iterable[Command]) -> list[Buffer]:
    """``MULTI``, the commands, ``EXEC``, as buffers to write one after the other."""
    packed: list[Buffer] = []
    small = [b"*1\r\n$5\r\nMULTI\r\n"]
    for command in commands:
        small.append(b"*%d\r\n" % len(command))
        for argument in command:
            if isinstance(argument, list):
                small.append(b"$%d\r\n" % sum(map(len, argument)))
                packed.append(b"".join(small))
                packed += argument
                small = [b"\r\n"]
            else:
                small.append(_string(argument))
    small.append(b"*1\r\n$4\r\nEXEC\r\n")
    packed.append(b"".join(small))
    return packed


@lru_cache(maxsize=256)
def _string(argument: bytes | str | int) -> bytes:
    if not isinstance(argument, bytes):
        argument = str(argument).encode()
    return b"$%d\r\n%b\r\n" % (len(argument), argument)
