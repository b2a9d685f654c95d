"""What happens around each call: room, token, message, deadline, error to status code, metrics.

``Calls`` stands between gRPC and the servicers: they register with it as with a server, and gRPC
asks it for the handler of each call. So a call is refused before its message is read: one without a
token that never sends any holds nothing. Refused: an interceptor, which gRPC runs the same
but lets decide nothing before the message of a call is there, however long that takes; and
registering methods with gRPC one by one, for which its asynchronous server waits for all of them
anew at each call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from trainingrun_league.declaration import Audience, ServiceDeclaration
from trainingrun_league.errors import LeagueError, Unavailable
from trainingrun_league.server.admission import Admission
from trainingrun_league.server.call_metrics import CallMetrics
from trainingrun_league.server.caller import CALLER, Caller
from trainingrun_league.server.tokens import InvalidToken, TokenKey

CALL_SECONDS: Final = 90.0
"""Of a call with one answer: the longest wait that a request may ask for (60 s), and its work."""
STREAM_SECONDS: Final = 6 * 3600.0
"""Of a call with many messages; a client that still follows calls again."""
TAKE_SECONDS: Final = 60.0
"""Within which a client takes the next message of a stream: one that reads nothing holds none."""
MOST_PROBES: Final = 200
MOST_PROBES_OF_ADDRESS: Final = 20
"""Calls at once about health, which need no token and are counted apart from all others."""
AGAIN_MS: Final = 1000
"""After which a caller for whom there was no room should try again."""
_HEALTH: Final = "/grpc.health.v1.Health/"
_BEARER: Final = "Bearer "
_PUSHBACK: Final = (("grpc-retry-pushback-ms", str(AGAIN_MS)),)
"""As gRPC's clients understand it (gRFC A6)."""
_METADATA: Final[ContextVar[tuple[tuple[str, str | bytes], ...]]] = ContextVar("metadata")
"""Of the call that the running task serves: to ask the context would read them once more."""

_log: Final = logging.getLogger(__name__)

if TYPE_CHECKING:  # generic in its stubs alone
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]


@dataclass(frozen=True)
class Limits:
    """How long calls may take; tests have shorter ones."""

    call_seconds: float = CALL_SECONDS
    stream_seconds: float = STREAM_SECONDS
    take_seconds: float = TAKE_SECONDS


@dataclass(frozen=True)
class _Method:
    """A method as it was registered.

    Attributes:
        name: without the service.
        behaviour: of the servicer.
        reads_stream: whether it takes many messages.
        seconds: for which a call may run.
        is_probe: about health: without a token.
        is_open: to players.
    """

    name: str
    behaviour: Callable[[Any, Any], Any]
    reads_stream: bool
    seconds: float
    is_probe: bool
    is_open: bool


class Calls(grpc.GenericRpcHandler):
    """The methods of one service's server."""

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
        self._admission = Admission(declaration.most_calls, declaration.most_calls_of_player)
        self._probes = Admission(MOST_PROBES, MOST_PROBES_OF_ADDRESS)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Take the methods of a servicer, as generated code gives them to a server."""
        for name, handler in handlers.items():
            self._handlers[f"/{service}/{name}"] = self._around(service, name, handler)

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Generated code gives the same methods in this way, too."""

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the handler of a call (gRPC asks in the task that then runs it)."""
        _METADATA.set(details.invocation_metadata or ())
        return self._handlers.get(str(details.method))

    def _around(self, service: str, name: str, handler: Handler) -> Handler:
        """Return a handler that is called before a message is there, whatever the method takes."""
        reads, writes = bool(handler.request_streaming), bool(handler.response_streaming)
        inner: Any = handler.stream_stream if writes else handler.stream_unary
        if not reads:
            inner = handler.unary_stream if writes else handler.unary_unary
        limits = self._limits
        method = _Method(
            name,
            inner,
            reads,
            limits.stream_seconds if reads or writes else limits.call_seconds,
            is_probe=f"/{service}/" == _HEALTH,
            is_open=service == self._declaration.full_name
            and name in self._declaration.open_to_players,
        )

        async def answer(messages: Any, context: Any) -> Any:
            return await self._serve(method, messages, context)

        make = (
            grpc.stream_stream_rpc_method_handler
            if writes
            else grpc.stream_unary_rpc_method_handler
        )
        return make(answer, handler.request_deserializer, handler.response_serializer)

    async def _serve(self, method: _Method, messages: Any, context: Any) -> Any:
        began, code = monotonic(), grpc.StatusCode.OK
        try:
            admission, who = self._admitted(method, context)
            try:
                left = context.time_remaining()
                seconds = method.seconds if left is None else min(method.seconds, left)
                async with asyncio.timeout(seconds):
                    request = messages if method.reads_stream else await _message(context)
                    return await self._act(method.behaviour, request, context)
            finally:
                admission.leave(who)
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except grpc.aio.AbortError:
            code = context.code()
            raise
        except _NoMessage:
            code = grpc.StatusCode.CANCELLED
            raise asyncio.CancelledError from None  # gRPC has ended it, and says why
        except Exception as error:
            code, said = _status(error)
            if code in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}:
                _log.exception("%s failed", method.name, extra={"kind": method.name})
            elif isinstance(error, Unavailable):  # what a person has to see to
                _log.warning("%s: %s", method.name, said, extra={"kind": method.name})
            await context.abort(code, said, _PUSHBACK if isinstance(error, _NoRoom) else ())
        finally:
            self._metrics.record(method.name, code, monotonic() - began)

    async def _act(self, inner: Callable[[Any, Any], Any], request: Any, context: Any) -> Any:
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

    def _admitted(self, method: _Method, context: Any) -> tuple[Admission, str]:
        """Let a call in, and return what counts it and under which name.

        Room comes before the token: to refuse has to be cheap. A call without a valid token has
        none of the room.

        Raises:
            _NoRoom: too many calls run, or too many of the caller.
            _Refused: the token is missing, invalid, or not enough for the method.
        """
        admission = self._probes if method.is_probe else self._admission
        if admission.is_full:
            raise _NoRoom(f"{admission.most} calls run here already: try again later")
        if method.is_probe:
            who = address_of(context)
        else:
            caller = self._caller(method)
            CALLER.set(caller)
            who = caller.subject if caller.audience is Audience.PLAYERS else ""
        if not admission.enter(who):
            raise _NoRoom(
                f"{admission.most_of_one} calls of {who} run here already: end one before the next"
            )
        return admission, who

    def _caller(self, method: _Method) -> Caller:
        try:
            found = self._key.verify(_token())
        except InvalidToken as error:
            raise _Refused(
                grpc.StatusCode.UNAUTHENTICATED,
                f"the token is not valid here ({error}): send `authorization: Bearer TOKEN` with"
                " one of this league (python -m trainingrun_league token)",
            ) from None
        if found.audience is Audience.SERVICES or method.is_open:
            return found
        raise _Refused(
            grpc.StatusCode.PERMISSION_DENIED,
            f"{method.name} is not open to tokens of the audience {found.audience.value!r}",
        )


class _Refused(Exception):
    def __init__(self, code: grpc.StatusCode, said: str) -> None:
        super().__init__(said)
        self.code = code


class _NoRoom(_Refused):
    def __init__(self, said: str) -> None:
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED, said)


class _NoMessage(Exception):
    """The call ended before its message came: gRPC refused it, or the client is gone."""


def address_of(context: Any) -> str:
    """Return where a call comes from, without the port."""
    return str(context.peer()).rpartition(":")[0]


async def _message(context: Any) -> Any:
    """Return the one message of a call.

    Raises:
        _NoMessage: there is none.
        _Refused: it cannot be read.
    """
    try:
        message = await context.read()
    except DecodeError:
        raise _Refused(
            grpc.StatusCode.INVALID_ARGUMENT,
            "the message cannot be read as what this method takes: make your client from the"
            " league's protocol (league/proto)",
        ) from None
    if message is grpc.aio.EOF:
        raise _NoMessage
    return message


def _token() -> str:
    for name, value in _METADATA.get():
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
