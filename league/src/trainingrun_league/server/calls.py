"""What happens around each call: token, deadline, error to status code, metrics.

One interceptor does all of it, in this order, because each step needs what the one before it found;
several interceptors would each wrap four kinds of handlers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc
import grpc.aio

from trainingrun_league.declaration import Audience, ServiceDeclaration
from trainingrun_league.errors import LeagueError, Unavailable
from trainingrun_league.server.call_metrics import CallMetrics
from trainingrun_league.server.caller import CALLER, Caller
from trainingrun_league.server.tokens import InvalidToken, TokenKey

CALL_SECONDS: Final = 90.0
"""Of a call with one answer: the longest wait that a request may ask for (60 s), and its work."""
STREAM_SECONDS: Final = 6 * 3600.0
"""Of a call with many messages; a client that still follows calls again."""
TAKE_SECONDS: Final = 60.0
"""Within which a client takes the next message of a stream: one that reads nothing holds none."""
_HEALTH: Final = "/grpc.health.v1.Health/"
_BEARER: Final = "Bearer "

_log: Final = logging.getLogger(__name__)

if TYPE_CHECKING:  # generic in its stubs alone
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
Behaviour: TypeAlias = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Limits:
    """How long calls may take; tests have shorter ones."""

    call_seconds: float = CALL_SECONDS
    stream_seconds: float = STREAM_SECONDS
    take_seconds: float = TAKE_SECONDS


class Calls(grpc.aio.ServerInterceptor):
    """The interceptor of one service's server."""

    def __init__(
        self,
        declaration: ServiceDeclaration,
        key: TokenKey,
        metrics: CallMetrics,
        limits: Limits = Limits(),
    ) -> None:
        self._declaration = declaration
        self._key = key
        self._metrics = metrics
        self._limits = limits
        self._handlers: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the method's handler with what stands around it."""
        method = str(details.method)
        known = self._handlers.get(method)
        if known is not None:
            return known
        handler = await continuation(details)
        if handler is None or method.startswith(_HEALTH):
            return handler  # probes have no token
        self._handlers[method] = made = self._wrapped(handler, method)
        return made

    def _wrapped(self, handler: Handler, method: str) -> Handler:
        streams = bool(handler.request_streaming or handler.response_streaming)
        seconds = self._limits.stream_seconds if streams else self._limits.call_seconds
        inner: Any = (
            handler.unary_unary
            or handler.unary_stream
            or handler.stream_unary
            or handler.stream_stream
        )

        async def answer(request: Any, context: Any) -> Any:
            return await self._serve(
                method, context, seconds, lambda: self._act(inner, request, context)
            )

        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[bool(handler.request_streaming), bool(handler.response_streaming)]
        return make(answer, handler.request_deserializer, handler.response_serializer)

    async def _act(self, inner: Behaviour, request: Any, context: Any) -> Any:
        """Run a servicer's method of any kind; messages of a stream are written one by one."""
        result = inner(request, context)
        if not hasattr(result, "__aiter__"):
            return await result
        messages: AsyncIterator[Any] = result
        try:
            async for message in messages:
                async with asyncio.timeout(self._limits.take_seconds):
                    await context.write(message)
        finally:  # what a stream holds is free when its call is over, not when it is collected
            if isinstance(messages, AsyncGenerator):
                await messages.aclose()
        return None

    async def _serve(
        self, method: str, context: Any, seconds: float, act: Callable[[], Awaitable[Any]]
    ) -> Any:
        began, name = monotonic(), method.rpartition("/")[2]
        code = grpc.StatusCode.OK
        try:
            CALLER.set(self._admitted(method, name, context))
            left = context.time_remaining()
            async with asyncio.timeout(min(seconds, left) if left is not None else seconds):
                return await act()
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except grpc.aio.AbortError:
            code = context.code()
            raise
        except Exception as error:
            code, said = _status(error)
            if code in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}:
                _log.exception("%s failed", method, extra={"kind": name})
            elif isinstance(error, Unavailable):  # what a person has to see to
                _log.warning("%s: %s", name, said, extra={"kind": name})
            await context.abort(code, said)
        finally:
            self._metrics.record(name, code, monotonic() - began)

    def _admitted(self, method: str, name: str, context: Any) -> Caller:
        """Return who calls.

        Raises:
            _Refused: the token is missing, invalid, or not enough for the method.
        """
        try:
            found = self._key.verify(_token(context))
        except InvalidToken as error:
            raise _Refused(
                grpc.StatusCode.UNAUTHENTICATED,
                f"the token is not valid here ({error}): send `authorization: Bearer TOKEN` with"
                " one of this league (python -m trainingrun_league token)",
            ) from None
        if found.audience is Audience.SERVICES:
            return found
        own = method.startswith(f"/{self._declaration.full_name}/")
        if own and name in self._declaration.open_to_players:
            return found
        raise _Refused(
            grpc.StatusCode.PERMISSION_DENIED,
            f"{name} is not open to tokens of the audience {found.audience.value!r}",
        )


class _Refused(Exception):
    def __init__(self, code: grpc.StatusCode, said: str) -> None:
        super().__init__(said)
        self.code = code


def _token(context: Any) -> str:
    for name, value in context.invocation_metadata() or ():
        if name == "authorization" and isinstance(value, str):
            if not value.startswith(_BEARER):
                raise InvalidToken("it does not begin with Bearer")
            return value.removeprefix(_BEARER)
    raise InvalidToken("there is none")


def _status(error: Exception) -> tuple[grpc.StatusCode, str]:
    """Return what a client sees of an error: of ours the sentence, of a bug nothing."""
    match error:
        case LeagueError() | _Refused():
            return error.code, str(error)
        case NotImplementedError():
            return grpc.StatusCode.UNIMPLEMENTED, "this version has no such method"
        case TimeoutError():
            return grpc.StatusCode.DEADLINE_EXCEEDED, "the call took longer than it may"
        case grpc.aio.AioRpcError() if error.code() in {
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        }:
            said = "another service of the league cannot be reached; try again"
            return grpc.StatusCode.UNAVAILABLE, said
        case grpc.aio.AioRpcError() if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            said = f"another service of the league has no room: {error.details()}"
            return grpc.StatusCode.RESOURCE_EXHAUSTED, said
        case _:
            return grpc.StatusCode.INTERNAL, "this is a bug of the league: its log says more"
