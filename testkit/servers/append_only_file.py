"""What a Redis was ever told, from its append-only file.

A witness that misses nothing: who reads a stream beside its consumer sees only what that has not
deleted yet. The file must never have been rewritten (:func:`keep_all`), as a rewrite forgets what
was deleted. Not here: what the commands mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import redis

_FILES: Final = ("appendonlydir/*.incr.aof", "*.aof")
"""Of Redis 7, and of those before, which have one file."""


def keep_all(client: redis.Redis) -> None:
    """Have a server rewrite its file no more; to be said again after each of its starts."""
    client.config_set("auto-aof-rewrite-percentage", 0)


def commands_of(folder: Path) -> Iterator[list[bytes]]:
    """Every command that changed something, oldest first, in the folder of a server's data; one
    that was cut off at the end is left out.
    """
    files = sorted(file for pattern in _FILES for file in folder.glob(pattern))
    for each in files:
        with each.open("rb") as file:
            yield from _commands_in(file)


def _commands_in(file: BinaryIO) -> Iterator[list[bytes]]:
    while line := file.readline():
        if not line.startswith(b"*"):
            continue  # a remark of Redis 7: when the commands after it were written
        found = [_argument_in(file) for _ in range(int(line[1:]))]
        if None in found:
            return
        yield [each for each in found if each is not None]


def _argument_in(file: BinaryIO) -> bytes | None:
    """The next argument; None where the file ends in it."""
    line = file.readline()
    if not line.endswith(b"\n"):
        return None
    size = int(line[1:])
    argument = file.read(size + 2)
    return argument[:size] if len(argument) == size + 2 else None
