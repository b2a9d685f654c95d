"""A service on its port: gRPC server, health, reflection, and how it begins and ends.

Every service has a server and a port of its own, in one process too: so it is reached the same way
wherever it runs, and a network policy can name one.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final, cast

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from trainingrun_league.declaration import Host, Service, ServiceDeclaration
from trainingrun_league.errors import Unavailable
from trainingrun_league.server.calls import Calls
from trainingrun_league.server.certificates import Certificates

GRACE_SECONDS: Final = 10.0
"""Running calls have this long after SIGTERM; those who wait are ended then."""
READY_EVERY_SECONDS: Final = 2.0
MOST_REFUSED: Final = 10_000
"""Calls that wait to be taken, or for their refusal to be sent. Beyond, gRPC ends some without
a word, those of everybody: by its own bound of 1,000 a burst of one client would do that."""
_OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.so_reuseport", 0),  # a second process on the port is an error, not half of the calls
    ("grpc.max_send_message_length", -1),
    ("grpc.server.max_pending_requests", MOST_REFUSED),
    ("grpc.server.max_pending_requests_hard_limit", 2 * MOST_REFUSED),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.server_handshake_timeout_ms", 20_000),  # who connects says that it speaks HTTP/2
    ("grpc.max_connection_idle_ms", 600_000),  # without a call; clients connect again by themselves
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
)

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listening:
    """Where a server listens.

    Attributes:
        host: an address of this machine.
        port: 0 picks one.
        certificates: None serves without TLS.
    """

    host: str
    port: int
    certificates: Certificates | None


class ServiceServer:
    """One service's server: ``bind``, then ``begin``, then ``end``."""

    def __init__(self, declaration: ServiceDeclaration, calls: Calls) -> None:
        self.declaration = declaration
        self._health = health.aio.HealthServicer()
        self._calls = calls
        self._server = grpc.aio.server(
            options=[
                *_OPTIONS,
                ("grpc.max_receive_message_length", declaration.most_request_bytes),
                ("grpc.max_concurrent_streams", declaration.most_calls_of_connection),
            ],
            maximum_concurrent_rpcs=declaration.most_calls + MOST_REFUSED,
        )
        self._service: Service | None = None
        self._is_serving = False

    def bind(self, listening: Listening) -> int:
        """Take the port and return it; calls are served after ``begin``.

        Raises:
            Unavailable: it cannot be had.
        """
        host = f"[{listening.host}]" if ":" in listening.host else listening.host
        address = f"{host}:{listening.port}"
        try:
            if listening.certificates is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, _credentials(listening.certificates))
        except RuntimeError as error:
            raise Unavailable(
                f"the {self.declaration.name.value} service cannot listen on {address}: the port is"
                " in use, or the address is not this machine's; choose others with --port and"
                " --host"
            ) from error

    async def begin(self, host: Host) -> None:
        """Start the service, then serve."""
        self._service = await self.declaration.start(host)
        registered = cast("grpc.aio.Server", self._calls)  # what generated code needs of one
        self._service.add_to(registered)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, registered)
        names = (self.declaration.full_name, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            reflection.aio.ReflectionServicer(names), registered
        )
        self._server.add_generic_rpc_handlers((self._calls,))
        await self._say(await self._service.is_ready())
        await self._server.start()

    async def run(self) -> None:
        """Do the service's own work and answer health, until cancelled or one of them fails."""
        assert self._service is not None, "begin comes before"
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._service.run())
            tasks.create_task(self._watch(self._service))

    @property
    def is_serving(self) -> bool:
        """Whether its health check says so."""
        return self._is_serving

    async def end(self) -> None:
        """Take no new calls, let running ones end, make durable what is not."""
        self._is_serving = False
        await self._health.enter_graceful_shutdown()
        await self._server.stop(GRACE_SECONDS)
        if self._service is not None:
            await self._service.close()

    async def _watch(self, service: Service) -> None:
        before = ""
        while True:
            await asyncio.sleep(READY_EVERY_SECONDS)
            problem = await service.is_ready()
            if problem != before:
                name = self.declaration.name.value
                _log.warning("%s: %s", name, problem or "ready again")
                await self._say(problem)
                before = problem

    async def _say(self, problem: str) -> None:
        status = health_pb2.HealthCheckResponse.ServingStatus
        self._is_serving = not problem
        found = status.NOT_SERVING if problem else status.SERVING
        for name in (self.declaration.full_name, ""):
            await self._health.set(name, found)


def _credentials(made: Certificates) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials([(made.key, made.certificate)])
