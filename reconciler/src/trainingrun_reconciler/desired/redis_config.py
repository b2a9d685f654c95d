"""The configuration file of a managed Redis: what it keeps on disk, and who may do what.

One file for every place where we start a Redis: the cluster, this machine, the tests. Only
addresses, folders and memory differ, and stand on the command line.

Each role has a user of its own, and so has the operator; daemons have none. A user writes the keys
of its own areas and reads those that its role needs (``stream.keys.Area``), with the commands that
its role uses: no CONFIG, no KEYS, no FLUSHALL, no DEBUG, nothing that inspects or stops the server.
The lists are plain commands and not Redis' categories, which grow with each release of Redis.
Scripts run with the rights of who calls them. Not separated: two actors of one run share a user,
and notices are one list of all roles.

The default user is off, so that nothing is reachable without a password. It keeps all rights,
although no client can use them: Redis replays its append-only file as that user, and throws away
every transaction and script that the user may not run.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from typing import Final

from trainingrun_contracts.stream.keys import Area, Keys

from trainingrun_reconciler.desired.redis_tls import Identity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.redis_rights import Rights
from trainingrun_reconciler.roles.workload import Role

OPERATOR: Final = "operator"
"""The operator's user; those of the roles have the roles' names."""
READ_ONLY_KEYS_SINCE: Final = (7, 0)
"""The first version of Redis that lets a user read keys without writing them."""
PERSISTENCE: Final = (
    "appendonly yes",
    "appendfsync everysec",
    'save ""',
    "aof-load-truncated yes",
    "maxmemory-policy noeviction",
)
_REPLAY: Final = "user default off ~* &* +@all"
"""Off: no login is possible. The rights are for the replay of the append-only file."""
_OWN: Final = Rights(
    writes=(Area.OPERATOR, Area.PLAYERS),  # reports of players that are gone are removed
    reads=tuple(area for area in Area if area not in (Area.OPERATOR, Area.PLAYERS)),
    commands="set del hset hdel",
)


def users(roles: Collection[Role] | None = None) -> Mapping[str, Rights]:
    """The users of a managed Redis, by name: the operator, and those of ``roles`` that ask it, of
    every role where none are given.

    A run's Redis knows the roles that its algorithm has, also where one is not asked for yet: that
    may change in a run, and its algorithm may not.
    """
    asking = (each for each in ROLES if roles is None or each.role in roles)
    rights = {each.role.value: each.redis for each in asking if each.redis is not None}
    return {OPERATOR: _OWN, **rights}


def password_for(user: str, secret: str) -> str:
    """The password of a user: one user's does not lead to another's without the run's secret."""
    return hmac.new(secret.encode(), f"redis/{user}".encode(), hashlib.sha256).hexdigest()


def url_for(user: str, secret: str, address: str, *, tls: Identity | None = None) -> str:
    """The URL with which a user reaches the Redis at ``host:port``; by TLS where it has an
    identity, of which the URL holds the certificate."""
    rest = f"{user}:{password_for(user, secret)}@{address}/0"
    return f"redis://{rest}" if tls is None else f"rediss://{rest}?ca={tls.in_url}"


def config_file(
    run_id: str,
    secret: str,
    *,
    roles: Collection[Role] | None = None,
    read_only_keys: bool = True,
) -> str:
    """The file; it holds the passwords' SHA-256 and not the passwords.

    Args:
        run_id: of the run that the Redis serves; ``*`` for any.
        secret: of the run; all passwords follow from it.
        roles: that have a user; None: every one.
        read_only_keys: whether the server is Redis 7.0 or newer. An older one lets a user write
            what it may read, as far as its commands go: a player could move the published daemons,
            the target and the pointer to the weights, but neither the intent nor a blob.
    """
    lines = (
        _user(name, rights, Keys(run_id), secret, read_only_keys=read_only_keys)
        for name, rights in users(roles).items()
    )
    return "\n".join((*PERSISTENCE, _REPLAY, *lines, ""))


def _user(name: str, rights: Rights, keys: Keys, secret: str, *, read_only_keys: bool) -> str:
    password = hashlib.sha256(password_for(name, secret).encode()).hexdigest()
    reading = "%R~" if read_only_keys else "~"
    patterns = [f"~{glob}" for area in rights.writes for glob in keys.patterns(area)]
    patterns += [f"{reading}{glob}" for area in rights.reads for glob in keys.patterns(area)]
    commands = [f"+{command}" for command in rights.all_commands]
    fields = ["user", name, "on", f"#{password}", "resetchannels", *patterns, "-@all", *commands]
    return " ".join(fields)
