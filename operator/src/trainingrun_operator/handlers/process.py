"""The life of the operator process: check, start, run until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Sequence

import kopf

from trainingrun_operator.backends import BackendError
from trainingrun_operator.backends.kubernetes.client import Client, load_configuration
from trainingrun_operator.backends.kubernetes.self_check import check
from trainingrun_operator.backends.kubernetes.throttle import TokenBucket
from trainingrun_operator.desired.workload import USER_ERROR
from trainingrun_operator.handlers import probes, watching
from trainingrun_operator.handlers.options import Options, parse
from trainingrun_operator.handlers.service import Service, ServiceError, patiently


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operator; returns the exit code: 0 when told to stop, 2 when it cannot start,
    1 when a part of it has ended by itself."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(
        level=options.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("kopf").setLevel(max(logging.WARNING, logging.getLogger().level))
    try:
        asyncio.run(_run(options))
    except BackendError as error:
        print(f"trainingrun-operator: {error}", file=sys.stderr)
        return USER_ERROR
    except ServiceError as error:
        print(f"trainingrun-operator: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


async def _run(options: Options) -> None:
    bucket = TokenBucket(options.requests_per_second, options.request_burst)
    client = Client(await load_configuration(options.kubeconfig), bucket)
    try:
        await patiently(lambda: check(client, options.namespaces))
        service = Service(client, options, instance=f"{socket.gethostname()}-{os.getpid()}")
        runner = await probes.serve(
            service, health_port=options.health_port, metrics_port=options.metrics_port
        )
        try:
            await service.start()
            await kopf.operator(
                registry=watching.registry(client, service),
                settings=watching.settings(),
                standalone=True,
                clusterwide=not options.namespaces,
                namespaces=options.namespaces,
                stop_flag=service.broken,
            )
            if not service.is_alive:
                raise ServiceError("the operator stops, so that it is started afresh")
        finally:
            await service.stop()
            await runner.cleanup()
    finally:
        await client.close()
