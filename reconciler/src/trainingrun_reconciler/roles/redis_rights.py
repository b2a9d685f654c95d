"""What a user of a managed Redis may do: areas of keys, and commands.

The lists are plain commands and not Redis' categories, which grow with each release of Redis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainingrun_contracts.stream.keys import Area

_CONNECTION: Final = "auth hello ping select multi exec discard watch unwatch"
_SCRIPTS: Final = "eval evalsha script|load script|exists time"
_READS: Final = (
    "get mget exists strlen getrange hget hmget hgetall hkeys hvals hlen hstrlen hexists"
    " lrange lindex llen zrange zrangebyscore zcard zcount zscore xlen"
)
PLAYERS: Final = "hset hdel hincrby rpush ltrim zadd zrem zremrangebyscore"
"""What writes games, slots and reports."""


@dataclass(frozen=True)
class Rights:
    """What one user may do: the areas that it writes (and reads), those that it only reads, and
    the commands that write."""

    writes: tuple[Area, ...]
    reads: tuple[Area, ...]
    commands: str

    @property
    def all_commands(self) -> tuple[str, ...]:
        """Every command, the reading ones too."""
        return tuple(f"{_CONNECTION} {_SCRIPTS} {_READS} {self.commands}".split())
