"""The health of a whole process, for who cannot speak TLS: Kubernetes' gRPC probe.

A port of its own, without TLS, that answers gRPC's health check and nothing else: whether all of
the process' services serve. Each service answers for itself on its own port, with TLS. Who asks
needs no token, so that no address has more than its part of the calls, and a call whose message
does not come has an end: the kubelet would restart a process whose calls others hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2

from trainingrun_league.errors import Unavailable
from trainingrun_league.server.admission import Admission
from trainingrun_league.server.calls import MOST_PROBES, MOST_PROBES_OF_ADDRESS, address_of
from trainingrun_league.server.frame import MOST_REFUSED, ServiceServer

MESSAGE_SECONDS: Final = 5.0
"""Within which a call says what it asks."""


class ProbeServer:
    """Serves the check from ``begin`` to ``end``."""

    def __init__(
        self, servers: Sequence[ServiceServer], *, message_seconds: float = MESSAGE_SECONDS
    ) -> None:
        self._server = grpc.aio.server(
            options=[("grpc.so_reuseport", 0)], maximum_concurrent_rpcs=MOST_PROBES + MOST_REFUSED
        )
        check = grpc.stream_unary_rpc_method_handler(
            _Health(servers, message_seconds).check,
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(health.SERVICE_NAME, {"Check": check}),)
        )

    async def begin(self, host: str, port: int) -> int:
        """Listen, and return the port.

        Raises:
            Unavailable: it cannot be had.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            found = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise Unavailable(
                f"the health check cannot listen on {address}: the port is in use, or the address"
                " is not this machine's; choose another one with --health-port"
            ) from error
        await self._server.start()
        return found

    async def end(self) -> None:
        """Serve no longer."""
        await self._server.stop(None)


class _Health:
    def __init__(self, servers: Sequence[ServiceServer], message_seconds: float) -> None:
        self._servers, self._message_seconds = servers, message_seconds
        self._admission = Admission(MOST_PROBES, MOST_PROBES_OF_ADDRESS)

    async def check(self, _messages: Any, context: Any) -> health_pb2.HealthCheckResponse:
        """Answer for all services together; the name of one is not known here."""
        who = address_of(context)
        if not self._admission.enter(who):
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many ask: try again")
        try:
            async with asyncio.timeout(self._message_seconds):
                request = await context.read()
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the call brought no message")
        finally:
            self._admission.leave(who)
        if request is grpc.aio.EOF or request.service:
            await context.abort(grpc.StatusCode.NOT_FOUND, "ask the service itself, on its port")
        states = health_pb2.HealthCheckResponse.ServingStatus
        is_serving = all(each.is_serving for each in self._servers)
        return health_pb2.HealthCheckResponse(
            status=states.SERVING if is_serving else states.NOT_SERVING
        )
