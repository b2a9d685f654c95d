"""The health of a whole process, for who cannot speak TLS: Kubernetes' gRPC probe.

A port of its own, without TLS, that answers gRPC's health check and nothing else: whether all of
the process' services serve. Each service answers for itself on its own port, with TLS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trainingrun_league.errors import Unavailable
from trainingrun_league.server.frame import ServiceServer

_CALLS = 100


class ProbeServer:
    """Serves the check from ``begin`` to ``end``."""

    def __init__(self, servers: Sequence[ServiceServer]) -> None:
        self._server = grpc.aio.server(
            options=[("grpc.so_reuseport", 0)], maximum_concurrent_rpcs=_CALLS
        )
        health_pb2_grpc.add_HealthServicer_to_server(_Health(servers), self._server)

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


class _Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # generated without types
    def __init__(self, servers: Sequence[ServiceServer]) -> None:
        self._servers = servers

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> health_pb2.HealthCheckResponse:
        """Answer for all services together; the name of one is not known here."""
        if request.service:
            await context.abort(grpc.StatusCode.NOT_FOUND, "ask the service itself, on its port")
        states = health_pb2.HealthCheckResponse.ServingStatus
        is_serving = all(each.is_serving for each in self._servers)
        return health_pb2.HealthCheckResponse(
            status=states.SERVING if is_serving else states.NOT_SERVING
        )
