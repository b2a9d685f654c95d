"""Redis clients with the settings that the contracts rely on.

RESP2 is pinned, because the reply shape of XREADGROUP depends on the protocol version; replies stay
bytes, because segments and weights are. Of a URL only scheme, user, password, host, port, database
and the option ``ca`` are taken: redis-py would let options in its query override the time limits
set here. No message quotes a URL or a parser's error, which may hold the password.

``rediss://…?ca=TEXT`` names one more certificate to trust, beside those of the system: it is DER in
base64 for URLs (RFC 4648, section 5), without padding. So whatever holds the URL holds all that a
client needs, and no file must reach it.
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
import redis.asyncio
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from trainingrun_contracts.plain_text import one_line
from trainingrun_contracts.replies import Bound, asyncio_parser, blocking_parser

_TIMEOUT_SECONDS = 10.0
ROLE_BOUND: Final = Bound(size=257 * 1024 * 1024)
"""Of one reply to a role: weights are the largest that it asks for."""
UNKNOWN_ADDRESS: Final = "an address that is not valid"
_PORT: Final = 6379
_TEXT: Final = 300
_CERTIFICATE: Final = "ca"
_FORM: Final = "write redis://[user:password@]host:port/database"


class AddressError(ValueError):
    """A Redis URL cannot be used; the message quotes nothing of it."""


@dataclass(frozen=True)
class RedisAddress:
    """What is taken of a Redis URL."""

    host: str
    port: int
    database: int
    user: str | None
    password: str | None
    is_encrypted: bool
    certificate: str | None = None
    """One more certificate to trust, as PEM."""

    @property
    def place(self) -> str:
        """``host:port``, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that a redis-py connection takes."""
        found = {
            "host": self.host,
            "port": self.port,
            "db": self.database,
            "username": self.user,
            "password": self.password,
        }
        if self.certificate is not None:
            found["ssl_ca_data"] = self.certificate
        return found


def parse_url(url: str) -> RedisAddress:
    """Read a Redis URL.

    Raises:
        AddressError: it is not valid, or has options other than ``ca``.
    """
    try:
        parts = urlsplit(url)
        host, port, user, password = parts.hostname, parts.port, parts.username, parts.password
    except ValueError:
        raise AddressError(
            f"its host and port cannot be read: {_FORM}, and / # ? @ : of a password as %2F %23 %3F"
            " %40 %3A"
        ) from None
    if parts.scheme not in ("redis", "rediss"):
        raise AddressError(f"its scheme is neither redis nor rediss: {_FORM}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.fragment or options.keys() - {_CERTIFICATE}:
        raise AddressError(f"it has options after ? or #, which are not taken: {_FORM}")
    if not re.fullmatch(r"/?|/[0-9]{1,4}", parts.path):
        raise AddressError(f"its database is no number: {_FORM}")
    return RedisAddress(
        host=host or "localhost",
        port=_PORT if port is None else port,
        database=int(parts.path[1:] or 0),
        user=unquote(user) if user else None,
        password=unquote(password) if password else None,
        is_encrypted=parts.scheme == "rediss",
        certificate=_certificate(parts.scheme, options.get(_CERTIFICATE)),
    )


def _certificate(scheme: str, text: str | None) -> str | None:
    if text is None:
        return None
    if scheme != "rediss":
        raise AddressError("it names a certificate, but speaks without TLS: write rediss://")
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        pem = ssl.DER_cert_to_PEM_cert(found)
        ssl.create_default_context(cadata=pem)
    except (binascii.Error, ValueError, ssl.SSLError):
        raise AddressError(
            "its option ca is no certificate: write the DER form in base64, with - and _ for + and"
            " /, such as `openssl x509 -outform der -in ca.crt | base64 -w0 | tr +/ -_`"
        ) from None
    return pem


def blocking_client(url: str, *, retries: int = 2, bound: Bound = ROLE_BOUND) -> redis.Redis:
    """Return a client for the learner and for short commands.

    Give ``retries=0`` where a command must not be sent twice: a second XREADGROUP after a lost
    reply would skip what the first one was given.

    Raises:
        AddressError: the URL cannot be used.
    """
    address = parse_url(url)
    kind = redis.SSLConnection if address.is_encrypted else redis.Connection
    pool = redis.ConnectionPool(
        connection_class=kind,
        **address.settings,
        protocol=2,
        socket_timeout=_TIMEOUT_SECONDS + 5,
        socket_connect_timeout=5,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries),
        parser_class=blocking_parser(bound),
    )
    return redis.Redis.from_pool(pool)


Check = Callable[[str, int], Awaitable[None]]
"""Raises an OSError where a host and port must not be connected to."""


def asyncio_client(
    url: str, *, max_connections: int = 16, bound: Bound = ROLE_BOUND, check: Check | None = None
) -> redis.asyncio.Redis:
    """Return a client for actors and the operator; it never retries by itself.

    ``check`` is asked before each connection.

    Raises:
        AddressError: the URL cannot be used.
    """
    address = parse_url(url)
    kind: type[Any] = _Encrypted if address.is_encrypted else _Plain
    if check is not None:
        kind = type(kind.__name__, (kind,), {"check": staticmethod(check)})
    pool: Any = redis.asyncio.ConnectionPool(
        connection_class=kind,
        **address.settings,
        protocol=2,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=5,
        max_connections=max_connections,
        parser_class=asyncio_parser(bound),
    )
    return redis.asyncio.Redis.from_pool(pool)


class _ErrorTranslation:
    """A connection whose failures are all a ConnectionError.

    When the peer hangs up just before something is sent, uvloop raises a RuntimeError, which
    redis-py passes on; code that waits out an outage does not expect that.
    """

    check: Check | None = None

    async def _connect(self) -> None:
        connection: Any = self
        if self.check is not None:
            await self.check(connection.host, connection.port)
        connects: Any = super()
        await connects._connect()

    async def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        try:
            sends: Any = super()
            await sends.send_packed_command(*arguments, **options)
        except RuntimeError as error:
            raise redis.ConnectionError("the connection was closed just now") from error


class _Plain(_ErrorTranslation, redis.asyncio.Connection):
    pass


class _Encrypted(_ErrorTranslation, redis.asyncio.SSLConnection):
    pass


def why_unreachable(error: redis.RedisError | OSError, url: str) -> str:
    """Return one sentence about a failed connection: what, where (no password), what to do.

    Args:
        error: what redis-py or the system raised. A server's own words may be in it, and in these
            the URL's password: an unknown command's arguments are repeated.
        url: of the Redis.
    """
    text, address, secret = str(error), address_of(url), secret_of(url)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            f"Redis at {address} shows a certificate that is not trusted here: give the one that"
            " signed it in the URL (rediss://…?ca=…)"
        )
    if isinstance(error, redis.AuthenticationError) or "NOAUTH" in text or "WRONGPASS" in text:
        return f"Redis at {address} refused the password: check the URL or the Secret it comes from"
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return f"Redis at {address} is out of memory: give it more, or wait for the learner to read"
    shown = one_line(text.replace(secret, "***") if secret else text, _TEXT)
    return f"Redis at {address} cannot be reached ({shown}): check that it runs and its address"


def address_of(url: str) -> str:
    """``host:port`` of a Redis URL, without user and password, for messages."""
    try:
        return parse_url(url).place
    except AddressError:
        return UNKNOWN_ADDRESS


def secret_of(url: str) -> str:
    """Return the password of a Redis URL; empty where it has none."""
    try:
        return parse_url(url).password or ""
    except AddressError:
        return ""
