"""The bounds of a service's calls: how many at once, whose, and what they hold meanwhile.

The server is the frame's own, in this process, with a service whose one call ends when the test
says so.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import CollectorRegistry
from trainingrun_contracts.league.v1.elo_pb2 import GetEloRatingRequest, GetEloRatingResponse
from trainingrun_contracts.league.v1.elo_pb2_grpc import (
    EloServiceServicer,
    add_EloServiceServicer_to_server,
)
from trainingrun_league.declaration import Audience, Host, ServiceDeclaration
from trainingrun_league.server.call_metrics import SharedCallMetrics
from trainingrun_league.server.caller import Caller
from trainingrun_league.server.calls import MOST_PROBES_OF_ADDRESS, Calls, Limits
from trainingrun_league.server.frame import Listening, ServiceServer
from trainingrun_league.server.probe import ProbeServer
from trainingrun_league.server.tokens import TokenKey
from trainingrun_league.settings import ServiceName

ELO = "trainingrun.league.v1.EloService"
METHOD = f"/{ELO}/GetEloRating"
SERVICE, ADA, EVE = "service/test", "person/ada", "person/eve"
KEY = TokenKey("test", b"k" * 32, time.time)
Code = grpc.StatusCode
LIMITS = Limits()


class Waiting(EloServiceServicer):
    """Ratings of a league: of ``wait`` when it may end, of all others at once."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.begun: asyncio.Queue[str] = asyncio.Queue()

    async def GetEloRating(
        self, request: GetEloRatingRequest, _context: Any
    ) -> GetEloRatingResponse:
        """See the protocol."""
        self.begun.put_nowait(request.player_id)
        if request.player_id == "wait":
            await self.may_end.wait()
        return GetEloRatingResponse()


@dataclass
class Served:
    """A service while it is served."""

    servicer: Waiting
    target: str
    channels: list[grpc.aio.Channel] = field(default_factory=list)

    def method(self, *kinds: str) -> Any:
        """The method as a connection of its own calls it, by the kinds of its messages."""
        channel = grpc.aio.insecure_channel(
            self.target, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self.channels.append(channel)
        return getattr(channel, "_".join(kinds or ("unary", "unary")))(METHOD)


@dataclass
class _Service:
    servicer: Waiting

    def add_to(self, server: grpc.aio.Server) -> None:
        add_EloServiceServicer_to_server(self.servicer, server)

    async def run(self) -> None: ...

    async def is_ready(self) -> str:
        return ""

    async def close(self) -> None: ...


@asynccontextmanager
async def served(
    *, most: int, of_player: int = 2, limits: Limits = LIMITS
) -> AsyncIterator[Served]:
    """Serve so many calls at once."""
    service = _Service(Waiting())

    async def start(_host: Host) -> _Service:
        return service

    declaration = ServiceDeclaration(
        ServiceName.ELO,
        ELO,
        start,
        open_to_players=frozenset({"GetEloRating"}),
        most_calls=most,
        most_calls_of_player=of_player,
    )
    metrics = SharedCallMetrics(CollectorRegistry()).of("elo")
    server = ServiceServer(declaration, Calls(declaration, KEY, metrics, limits))
    port = server.bind(Listening("127.0.0.1", 0, None))
    await server.begin(cast("Host", None))
    found = Served(service.servicer, f"127.0.0.1:{port}")
    try:
        yield found
    finally:
        found.servicer.may_end.set()
        for channel in found.channels:
            await channel.close()
        await server.end()


def token(subject: str = SERVICE) -> dict[str, Any]:
    """What a call with a token is given."""
    audience = Audience.SERVICES if subject == SERVICE else Audience.PLAYERS
    made = KEY.issue(Caller(subject, audience), seconds=600)
    return {"metadata": (("authorization", f"Bearer {made}"),), "timeout": 20}


def asked(player: str) -> bytes:
    """A request."""
    return GetEloRatingRequest(player_id=player).SerializeToString()


def silent(served: Served, calls: int, **given: Any) -> list[Any]:
    """Calls that were begun and whose message never comes."""
    method = served.method("stream", "unary")
    return [method(_nothing(), **given) for _ in range(calls)]


def _silent(channel: grpc.aio.Channel, calls: int) -> list[Any]:
    method: Any = channel.stream_unary("/grpc.health.v1.Health/Check")
    return [method(_nothing(), timeout=10) for _ in range(calls)]


async def _nothing() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def code(call: Awaitable[object]) -> Code:
    """How a call ends."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return Code.OK


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a test."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


def test_who_finds_no_room_is_told_to_try_again() -> None:
    """Expect RESOURCE_EXHAUSTED with a time to wait while two calls run, and an answer after."""

    async def scenario() -> None:
        async with served(most=2) as there:
            method = there.method()
            held = [method(asked("wait"), **token()) for _ in range(2)]
            assert [await there.servicer.begun.get() for _ in held] == ["wait", "wait"]
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await method(asked("one"), **token())
            assert refused.value.code() is Code.RESOURCE_EXHAUSTED
            assert "2 calls run here already: try again later" in (refused.value.details() or "")
            assert ("grpc-retry-pushback-ms", "1000") in tuple(refused.value.trailing_metadata())
            there.servicer.may_end.set()
            await asyncio.gather(*held)
            await method(asked("one"), **token())

    run(scenario)


def test_calls_without_a_token_hold_no_room() -> None:
    """Expect calls whose message never comes to be refused for their token, each at once, and none
    of the room to be theirs."""

    async def scenario() -> None:
        async with served(most=2) as there:
            codes = await asyncio.gather(*(code(each) for each in silent(there, 50)))
            assert Counter(codes) == {Code.UNAUTHENTICATED: 50}
            assert await code(there.method()(asked("one"), **token())) is Code.OK

    run(scenario)


def test_a_player_leaves_room_to_others() -> None:
    """Expect no more than two calls of ada, whatever she sends, and eve to be served."""

    async def scenario() -> None:
        async with served(most=10) as there:
            held = silent(there, 9, **token(ADA))
            waiting = {asyncio.ensure_future(code(each)) for each in held}
            refused: set[Code] = set()
            while len(waiting) > 2:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                refused |= {each.result() for each in done}
            assert refused == {Code.RESOURCE_EXHAUSTED}
            assert await code(there.method()(asked("one"), **token(EVE))) is Code.OK
            for each in waiting:
                each.cancel()
            await asyncio.wait(waiting)

    run(scenario)


def test_a_message_that_never_comes_has_an_end() -> None:
    """Expect DEADLINE_EXCEEDED by the server's own limit, and the room to be free again."""

    async def scenario() -> None:
        async with served(most=1, limits=Limits(call_seconds=0.3)) as there:
            (call,) = silent(there, 1, metadata=token()["metadata"])
            assert await code(call) is Code.DEADLINE_EXCEEDED
            assert await code(there.method()(asked("one"), **token())) is Code.OK

    run(scenario)


def test_no_call_of_a_burst_is_dropped() -> None:
    """Expect an answer or RESOURCE_EXHAUSTED for each of 2,000 calls at once: by its own bounds
    gRPC cancels some of those that wait to be taken, also those of others."""

    async def scenario() -> None:
        async with served(most=100) as there:
            method, given = there.method(), token()
            calls = [method(asked("one"), **given) for _ in range(2000)]
            found = Counter(await asyncio.gather(*(code(each) for each in calls)))
            assert found.keys() <= {Code.OK, Code.RESOURCE_EXHAUSTED}
            assert found[Code.OK] >= 100

    run(scenario)


def test_health_needs_no_token_and_takes_no_room_of_others() -> None:
    """Expect one address to have no more than its part of the calls about health, and calls with a
    token to be served beside them."""

    async def scenario() -> None:
        async with served(most=1) as there:
            there.method()
            watched = health_pb2_grpc.HealthStub(there.channels[0]).Watch
            streams = [watched(health_pb2.HealthCheckRequest()) for _ in range(25)]
            heard = await asyncio.gather(*(code(stream.read()) for stream in streams))
            assert Counter(heard) == {
                Code.OK: MOST_PROBES_OF_ADDRESS,
                Code.RESOURCE_EXHAUSTED: 25 - MOST_PROBES_OF_ADDRESS,
            }
            assert await code(there.method()(asked("one"), **token())) is Code.OK
            for stream in streams:
                stream.cancel()

    run(scenario)


def test_probes_of_the_process_are_not_held_by_others() -> None:
    """Expect calls to the port of probes whose message never comes to end, those beyond an
    address' part at once, and the next probe to be answered."""

    async def scenario() -> None:
        probe = ProbeServer([], message_seconds=0.3)
        port = await probe.begin("127.0.0.1", 0)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            found = Counter(await asyncio.gather(*(code(each) for each in _silent(channel, 25))))
            assert found == {
                Code.DEADLINE_EXCEEDED: MOST_PROBES_OF_ADDRESS,
                Code.RESOURCE_EXHAUSTED: 25 - MOST_PROBES_OF_ADDRESS,
            }
            check = health_pb2_grpc.HealthStub(channel).Check
            assert await code(check(health_pb2.HealthCheckRequest(), timeout=10)) is Code.OK
        await probe.end()

    run(scenario)


def test_a_message_that_is_none_is_the_callers_fault() -> None:
    """Expect INVALID_ARGUMENT for bytes that are no message, without a traceback in the log."""

    async def scenario() -> None:
        async with served(most=1) as there:
            assert await code(there.method()(b"\xff\xff", **token())) is Code.INVALID_ARGUMENT

    run(scenario)


def test_large_metadata_are_refused() -> None:
    """Expect RESOURCE_EXHAUSTED for more than 16 kB, on a connection that serves on."""

    async def scenario() -> None:
        async with served(most=1) as there:
            method, given = there.method(), token()
            large = given | {"metadata": (*given["metadata"], ("filling", "x" * 20_000))}
            assert await code(method(asked("one"), **large)) is Code.RESOURCE_EXHAUSTED
            assert await code(method(asked("one"), **given)) is Code.OK
            assert there.servicer.begun.qsize() == 1

    run(scenario)
