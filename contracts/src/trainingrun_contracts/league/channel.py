"""How a client reaches a service of a league: a channel with a token, TLS, a deadline and retries.

    address = ServiceAddress("league.example:50053", token=given(token), authority=pem)
    async with open_channel(address) as channel:
        await ModelServiceStub(channel).GetModel(request)        # or timeout=… of one's own

``open_blocking`` is the same for code without an event loop. Calls that are answered with
UNAVAILABLE are tried again by gRPC itself (every write of a league is idempotent). The token is put
on each call by the channel: interceptors were refused, as gRPC's asynchronous ones change the types
of streams, and call credentials, as they need TLS and run in a thread for each call.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

import grpc
import grpc.aio

CALL_SECONDS: Final = 20.0
"""Deadline of a call with one answer where the caller gives none."""
TOKEN_SECONDS: Final = 1.0
MOST_ANSWER_BYTES: Final = 64 << 20
_ATTEMPTS: Final = 5
_SERVICE_CONFIG: Final = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": _ATTEMPTS,
                    "initialBackoff": "0.2s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)
_OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.enable_retries", 1),
    ("grpc.max_receive_message_length", MOST_ANSWER_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # A connection whose other end is gone without a word is noticed; see server.frame.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


@dataclass(frozen=True)
class ServiceAddress:
    """Where a service is, and what it needs to know of the caller.

    Attributes:
        target: ``host:port``.
        token: gives the token of the next call, so that one may be renewed.
        authority: certificates (PEM) that the server's is signed by; None trusts the system's.
        is_encrypted: False speaks without TLS, as a server with ``--insecure`` does.
        server_name: that the certificate has, where it is not the host's.
    """

    target: str
    token: Callable[[], str] = field(repr=False)
    authority: bytes | None = None
    is_encrypted: bool = True
    server_name: str | None = None


def given(token: str) -> Callable[[], str]:
    """Return a token that stays the same."""
    return lambda: token


class TokenFile:
    """The token of a file that may be replaced while a process runs: read again after a second.

    A file that cannot be read just now, because it is being replaced, keeps what was read last.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = monotonic) -> None:
        """Read it.

        Raises:
            OSError: it cannot be read.
            UnicodeDecodeError: it is no text.
        """
        self._path, self._clock = path, clock
        self._token, self._until = path.read_text().strip(), clock() + TOKEN_SECONDS

    def __call__(self) -> str:
        """Return the token of the next call."""
        now = self._clock()
        if now >= self._until:
            self._until = now + TOKEN_SECONDS
            with suppress(OSError, UnicodeDecodeError):
                self._token = self._path.read_text().strip() or self._token
        return self._token


def open_channel(
    address: ServiceAddress, *, waits: bool = False, seconds: float = CALL_SECONDS
) -> grpc.aio.Channel:
    """Return a channel of the running event loop; it connects with the first call.

    Args:
        address: of the service.
        waits: whether a call waits for a server that is not there, up to its deadline. Roles that
            outlive restarts of the league do; a person's command does not.
        seconds: deadline of calls with one answer; streams have none but the server's.
    """
    options = _options(address)
    if address.is_encrypted:
        credentials = grpc.ssl_channel_credentials(address.authority)
        channel = grpc.aio.secure_channel(address.target, credentials, options)
    else:
        channel = grpc.aio.insecure_channel(address.target, options)
    return _Channel(channel, _Call(address.token, waits, seconds))


def open_blocking(
    address: ServiceAddress, *, waits: bool = False, seconds: float = CALL_SECONDS
) -> grpc.Channel:
    """Return a channel for code without an event loop; as ``open_channel``."""
    options = _options(address)
    if address.is_encrypted:
        credentials = grpc.ssl_channel_credentials(address.authority)
        channel = grpc.secure_channel(address.target, credentials, options)
    else:
        channel = grpc.insecure_channel(address.target, options)
    return _BlockingChannel(channel, _Call(address.token, waits, seconds))


def _options(address: ServiceAddress) -> list[tuple[str, Any]]:
    name = address.server_name
    return [*_OPTIONS, *([("grpc.ssl_target_name_override", name)] if name else [])]


@dataclass(frozen=True)
class _Call:
    """What each call of a channel gets."""

    token: Callable[[], str]
    waits: bool
    seconds: float

    def arguments(self, given: dict[str, Any], seconds: float | None) -> dict[str, Any]:
        """Return the arguments of a call: those that the caller gives go before."""
        token = ("authorization", f"Bearer {self.token()}")
        timeout, waits = given.get("timeout"), given.get("wait_for_ready")
        return given | {
            "timeout": seconds if timeout is None else timeout,
            "wait_for_ready": self.waits if waits is None else waits,
            "metadata": (*(given.get("metadata") or ()), token),
        }


class _Method:
    """A method of a channel; ``future`` and ``with_call`` are those of blocking ones."""

    def __init__(self, inner: Any, call: _Call, seconds: float | None) -> None:
        self._inner, self._call, self._seconds = inner, call, seconds

    def __call__(self, *request: Any, **given: Any) -> Any:
        return self._inner(*request, **self._call.arguments(given, self._seconds))

    def with_call(self, *request: Any, **given: Any) -> Any:
        return self._inner.with_call(*request, **self._call.arguments(given, self._seconds))

    def future(self, *request: Any, **given: Any) -> Any:
        return self._inner.future(*request, **self._call.arguments(given, self._seconds))


class _Channel(grpc.aio.Channel):
    def __init__(self, channel: grpc.aio.Channel, call: _Call) -> None:
        self._channel, self._call = channel, call

    async def __aenter__(self) -> _Channel:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        await self._channel.close(grace)

    def get_state(  # as gRPC has it
        self,
        try_to_connect: bool = False,  # noqa: FBT001, FBT002
    ) -> grpc.ChannelConnectivity:
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()

    def unary_unary(self, *method: Any, **options: Any) -> Any:
        return _Method(
            self._channel.unary_unary(*method, **options), self._call, self._call.seconds
        )

    def unary_stream(self, *method: Any, **options: Any) -> Any:
        return _Method(self._channel.unary_stream(*method, **options), self._call, None)

    def stream_unary(self, *method: Any, **options: Any) -> Any:
        return _Method(self._channel.stream_unary(*method, **options), self._call, None)

    def stream_stream(self, *method: Any, **options: Any) -> Any:
        return _Method(self._channel.stream_stream(*method, **options), self._call, None)


class _BlockingChannel(grpc.Channel):
    def __init__(self, channel: grpc.Channel, call: _Call) -> None:
        self._channel, self._call = channel, call

    def __enter__(self) -> _BlockingChannel:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._channel.close()

    def subscribe(
        self,
        callback: Any,
        try_to_connect: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        self._channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Any) -> None:
        self._channel.unsubscribe(callback)

    def unary_unary(self, *method: Any, **options: Any) -> Any:
        return _Method(
            self._channel.unary_unary(*method, **options), self._call, self._call.seconds
        )

    def unary_stream(self, *method: Any, **options: Any) -> Any:
        return _Method(self._channel.unary_stream(*method, **options), self._call, None)

    def stream_unary(self, *method: Any, **options: Any) -> Any:
        return _Method(self._channel.stream_unary(*method, **options), self._call, None)

    def stream_stream(self, *method: Any, **options: Any) -> Any:
        return _Method(self._channel.stream_stream(*method, **options), self._call, None)
