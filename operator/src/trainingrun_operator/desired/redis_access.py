"""Who may do what in a managed Redis: one named user per run, and nobody else.

The default user is off, so that nothing is reachable without the run's password. It keeps all
rights, although nobody can use them: Redis replays its append-only file as that user, and throws
away every transaction and script that the user may not run. The run's user reaches
the keys of its own run and runs the commands that roles and operator use: no CONFIG, no KEYS, no
FLUSHALL, no DEBUG, nothing that tells of or stops the server. The list is plain commands and not
Redis' categories, because categories grow with each release of Redis.
"""

from __future__ import annotations

import hashlib
from typing import Final

from trainingrun_contracts.stream.keys import Keys

USER: Final = "trainingrun"
COMMANDS: Final = (
    # the connection
    "auth", "hello", "ping", "select",
    # transactions and scripts
    "multi", "exec", "discard", "watch", "unwatch",
    "eval", "evalsha", "script|load", "script|exists", "time",
    # values
    "get", "set", "mget", "incr", "incrby", "decrby", "exists", "expire", "persist", "del",
    # hashes
    "hget", "hset", "hmget", "hgetall", "hkeys", "hvals", "hdel", "hincrby",
    # lists
    "rpush", "lrange", "lindex", "ltrim",
    # sorted sets
    "zadd", "zrem", "zrange", "zrangebyscore", "zremrangebyscore", "zcard", "zcount", "zscore",
    # streams
    "xadd", "xlen", "xdel", "xack", "xreadgroup", "xautoclaim", "xgroup|create",
)  # fmt: skip
"""Everything that roles and operator ask of Redis."""
_REPLAY: Final = "user default off ~* &* +@all"
"""Off: nobody may log in. The rights are for the replay of the append-only file."""


def access_rules(run_id: str, password: str) -> str:
    """The lines of a Redis configuration file that let in the run's user alone.

    The file holds the password's SHA-256 and not the password.
    """
    secret = hashlib.sha256(password.encode()).hexdigest()
    keys = " ".join(f"~{pattern}" for pattern in Keys(run_id).patterns)
    commands = " ".join(f"+{command}" for command in COMMANDS)
    return f"{_REPLAY}\nuser {USER} on #{secret} resetchannels {keys} -@all {commands}\n"
