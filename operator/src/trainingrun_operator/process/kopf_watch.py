"""kopf: its settings, its login, the handlers that put keys into the work queue, and its restarts.

kopf ends when its watch is answered with what it takes for final: the definition is away, or the
permission. Both come back without a restart of the operator, so kopf is started again here; reading
all runs anew makes up for deletions that no watch reported.

Its tasks are spawned by kopf and ended here. ``kopf.operator`` would cancel every task that began
after it, reconciliations among them, and it may never return: when one kind's watch fails, those of
the other kinds continue, and one that still waits for the first line of its answer takes the
cancellation for a pause and begins anew (``kopf._cogs.clients.api.stream``).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import kopf
from trainingrun_contracts.backoff import Backoff
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.resources import RESOURCE_KINDS

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.preflight import check_definitions
from trainingrun_operator.process import feed
from trainingrun_operator.process.service import Service

_LOG: Final = logging.getLogger(__name__)
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, *(5.0,) * 60)
"""Within kopf, for five minutes: after an outage the first changes are seen 5 s later at most."""
_BACKOFF: Final = Backoff(first=0.75, longest=15.0, spread=2 / 3)
_RANDOM: Final = Random()
_STEADY_SECONDS: Final = 60.0
_ENDING_SECONDS: Final = 5.0
"""How long kopf's tasks have for their end before they are cancelled again."""
_ENDING_ATTEMPTS: Final = 12
_PACKAGE: Final = str(Path(kopf.__file__).parent)
_PAUSE_WAITER: Final = "pause-waiter"


class NoDifferences(kopf.DiffBaseStorage):
    """kopf copies every object that it sees, to find what has changed in it; that was half of
    its time here, and no handler of ours asks."""

    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:  # noqa: ARG002 (kopf names them)
        """Nothing of the object."""
        return cast(kopf.BodyEssence, {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002 (as above)
        """Nothing was kept."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Nothing is kept."""


def settings() -> kopf.OperatorSettings:
    """kopf as a watch engine alone."""
    chosen = kopf.OperatorSettings()
    chosen.persistence.diffbase_storage = NoDifferences()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.watching.server_timeout = 300
    chosen.watching.client_timeout = 330
    chosen.watching.chunk_size = feed.PAGE
    chosen.watching.reconnect_backoff = 1.0  # also after "too old", which may come at once again
    chosen.networking.error_backoffs = _PAUSES
    chosen.queueing.exit_timeout = 1.0
    # kopf kills the process with SIGKILL this long after it has ended by itself, and here it is
    # started again in the same process. How long an end may take is the kubelet's to decide.
    chosen.process.ultimate_exiting_timeout = None
    return chosen


def registry(client: Client, service: Service) -> kopf.OperatorRegistry:
    """The handlers, in a registry of their own and not in kopf's global one."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return feed.session(await connection(client))

    async def changed(event: kopf.RawEvent, **_: Any) -> None:
        service.on_event(feed.document_of(event["object"]), gone=event["type"] == "DELETED")

    for declared in RESOURCE_KINDS:
        kind = declared.kind
        kopf.on.event(kind.group, kind.version, kind.plural, registry=made)(changed)
    return made


async def watch(
    client: Client,
    service: Service,
    namespaces: tuple[str, ...],
    *,
    ending: asyncio.Event,
    started: Callable[[], None],
) -> None:
    """Have kopf watch our resources until ``ending`` is set, or a signal has ended it.

    ``started`` is called whenever kopf has begun: it has then taken the process' signals.
    """
    failures = 0
    while True:
        begin = time.monotonic()
        failure = await _watch_once(client, service, namespaces, ending=ending, started=started)
        if failure is None or ending.is_set():
            return
        _LOG.warning("watching our resources: %s; it is begun again", _first_line(failure))
        if time.monotonic() - begin > _STEADY_SECONDS:
            failures = 0
        while True:
            failures += 1
            await asyncio.sleep(_BACKOFF.seconds(failures, _RANDOM))
            try:
                await check_definitions(client)
                await service.resync()
                break
            except BackendError as error:
                _LOG.warning("watching our resources: %s", error)
            except Exception:  # a bug of ours: the runs that are known are worked on meanwhile
                _LOG.exception("watching our resources")
                service.metrics.observe_failure("the watch of our resources")


async def _watch_once(
    client: Client,
    service: Service,
    namespaces: tuple[str, ...],
    *,
    ending: asyncio.Event,
    started: Callable[[], None],
) -> BaseException | None:
    """Run kopf; return the exception that ended it, or None on a requested stop."""
    before = asyncio.all_tasks()
    ready = asyncio.Event()

    async def announce_start() -> None:
        await ready.wait()
        started()

    announcing = asyncio.create_task(announce_start())
    try:
        tasks = await kopf.spawn_tasks(
            registry=registry(client, service),
            settings=settings(),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=ending,
            ready_flag=ready,
        )
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return _failure_of(done)
    finally:
        announcing.cancel()
        await _end_kopf(before)


def _failure_of(done: Iterable[asyncio.Task[object]]) -> BaseException | None:
    failures = (each.exception() for each in done if not each.cancelled())
    return next((each for each in failures if each is not None), None)


async def _end_kopf(before: Collection[asyncio.Task[object]]) -> None:
    """End all tasks of kopf's that are not in ``before``.

    A watch is cancelled before the task by which it would hear of a pause, or it takes the end for
    one, and more than once, because it may be in the midst of taking one for the other.
    """
    for attempt in range(_ENDING_ATTEMPTS):
        left = {each for each in asyncio.all_tasks() - set(before) if _is_of_kopf(each)}
        if not left:
            return
        waiters = {each for each in left if each.get_name().startswith(_PAUSE_WAITER)}
        for task in left if attempt else (left - waiters or left):
            task.cancel()
        await asyncio.wait(left, timeout=_ENDING_SECONDS)
    if stuck := sorted(each.get_name() for each in left if not each.done()):
        names = ", ".join(stuck)[:500]
        _LOG.warning("watching our resources: these tasks of kopf do not end: %s", names)


def _is_of_kopf(task: asyncio.Task[object]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith(_PACKAGE)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


async def connection(client: Client) -> kopf.ConnectionInfo:
    """Our own credentials for kopf; it asks again when they are refused."""
    known = client.configuration
    token = await known.get_api_key_with_prefix("BearerToken")
    return kopf.ConnectionInfo(
        server=known.host,
        ca_path=known.ssl_ca_cert,
        ca_data=None if known.ssl_ca_cert else known.ca_cert_data,
        insecure=not known.verify_ssl,
        certificate_path=known.cert_file,
        private_key_path=known.key_file,
        scheme="Bearer" if token else None,
        token=token.split(" ", 1)[-1] if token else None,
    )
