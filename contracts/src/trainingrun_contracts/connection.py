"""Redis clients with the settings that the contracts rely on.

RESP2 is pinned, because the reply shape of XREADGROUP depends on the protocol version; replies stay
bytes, because segments and weights are.
"""

from __future__ import annotations

from typing import Any, Final

import redis
import redis.asyncio
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

_TIMEOUT_SECONDS = 10.0


def blocking_client(url: str, *, retries: int = 2) -> redis.Redis:
    """A client for the learner and for short commands.

    Give ``retries=0`` where a command must not be sent twice: a second XREADGROUP after a lost
    reply would skip what the first one was given.

    Raises:
        ValueError: the URL's scheme is unknown.
    """
    return redis.Redis.from_url(
        url, protocol=2, socket_timeout=_TIMEOUT_SECONDS + 5, socket_connect_timeout=5,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries),
    )  # fmt: skip


def asyncio_client(url: str, *, max_connections: int = 16) -> redis.asyncio.Redis:
    """A client for actors and the operator; it never retries by itself."""
    client = redis.asyncio.Redis.from_url(
        url, protocol=2, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=5,
        max_connections=max_connections,
    )  # fmt: skip
    pool: Any = client.connection_pool
    pool.connection_class = _TELLING.get(pool.connection_class, pool.connection_class)
    return client


class _Telling:
    """A connection that breaks with a ConnectionError only.

    When the peer hangs up just before something is sent, uvloop raises a RuntimeError, which
    redis-py passes on; nobody who waits out an outage expects that.
    """

    async def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        try:
            sends: Any = super()
            await sends.send_packed_command(*arguments, **options)
        except RuntimeError as error:
            raise redis.ConnectionError("the connection was closed just now") from error


class _Plain(_Telling, redis.asyncio.Connection):
    pass


class _Encrypted(_Telling, redis.asyncio.SSLConnection):
    pass


_TELLING: Final[dict[Any, Any]] = {
    redis.asyncio.Connection: _Plain,
    redis.asyncio.SSLConnection: _Encrypted,
}


def why_unreachable(error: redis.RedisError | OSError, address: str) -> str:
    """One sentence about a failed connection: what, where (no password), what to do."""
    text = str(error)
    if isinstance(error, redis.AuthenticationError) or "NOAUTH" in text or "WRONGPASS" in text:
        return f"Redis at {address} refused the password: check the URL or the Secret it comes from"
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return f"Redis at {address} is out of memory: give it more, or wait for the learner to read"
    return f"Redis at {address} cannot be reached ({text}): check that it runs and its address"


def address_of(url: str) -> str:
    """``host:port`` of a Redis URL, without user and password, for messages."""
    rest = url.split("://", 1)[-1].rsplit("@", 1)[-1]
    return rest.split("/", 1)[0] or "localhost"
