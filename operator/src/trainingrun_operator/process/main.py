"""The life of the operator process: check, start, run until asked to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import uvloop
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_reconciler.backends import BackendError

from trainingrun_operator.kube.client import Client, load_configuration
from trainingrun_operator.kube.fence import ALWAYS, Fence
from trainingrun_operator.kube.lease import LeaderElector
from trainingrun_operator.kube.preflight import check
from trainingrun_operator.kube.throttle import TokenBucket
from trainingrun_operator.process import kopf_watch, leader_election, probes
from trainingrun_operator.process.log_lines import LineFormatter
from trainingrun_operator.process.options import Options, parse
from trainingrun_operator.process.service import Service, ServiceError, retry_until_ready

_LOG: Final = logging.getLogger(__name__)
_THRESHOLDS: Final = (30_000, 4, 100)
"""New objects before the young are collected, and collections before the next older generation."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operator; returns the exit code: 0 when asked to stop, 2 when it cannot start,
    1 when a part of it has ended by itself or its lease was lost."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=options.log_level, handlers=[handler])
    if options.log_level != "DEBUG":
        # Its failures come back to us and are reported in a sentence; there each is a page long.
        logging.getLogger("kopf").setLevel(logging.CRITICAL)
    _collect_seldom()
    try:
        uvloop.run(_run(options))
    except BackendError as error:
        print(f"trainingrun-operator: {error}", file=sys.stderr)
        return ExitCode.WRONG
    except ServiceError as error:
        print(f"trainingrun-operator: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _collect_seldom() -> None:
    """Have the collector of cycles wait for more of them.

    What is known of a thousand runs stays, and a reconcile makes thousands of objects that
    reference counting takes away again. At Python's own pace the collector went through all of it
    so often that one sample in seven stood in one allocation, and the event loop was late by two
    seconds.
    """
    gc.freeze()  # what imports have made stays anyhow
    gc.set_threshold(*_THRESHOLDS)


async def _run(options: Options) -> None:
    stopping = asyncio.Event()
    leader_election.stop_on_signals(stopping)
    async with AsyncExitStack() as stack:
        fence = Fence() if options.claim is not None else Fence(ALWAYS)
        bucket = TokenBucket(options.requests_per_second, options.request_burst)
        client = await _client(stack, options, bucket, fence)
        elector = None
        if options.claim is not None:
            elector = LeaderElector(
                await _client(stack, options, TokenBucket(), Fence(ALWAYS)), options.claim, fence
            )
        place = (options.claim.namespace, options.claim.name) if options.claim else None
        service = Service(client, options, elector)
        runner = await probes.serve(
            service, health_port=options.health_port, metrics_port=options.metrics_port
        )
        stack.push_async_callback(runner.cleanup)
        _LOG.info("starting: asking the API server at %s", client.configuration.host)
        checking = retry_until_ready(lambda: check(client, options.namespaces, place))
        if not await leader_election.run_until(stopping, checking):
            _LOG.warning(
                "asked to stop before the API server at %s had answered all questions",
                client.configuration.host,
            )
            return

        watch = partial(kopf_watch.watch, client, service, options.namespaces)
        await leader_election.lead(service, elector, watch, stopping)


async def _client(
    stack: AsyncExitStack, options: Options, bucket: TokenBucket, fence: Fence
) -> Client:
    """A client that is closed at the end."""
    configuration = await load_configuration(options.kubeconfig)
    client = Client(configuration, bucket, fence=fence, identity=options.identity)
    stack.push_async_callback(client.close)
    return client
