"""One process of a league: servers for its services, from the first port to the last row.

Order: database, ports, services, then the ready file. Peers are given before their services begin;
nothing calls them before, as no server has begun. The end goes the other way round.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Histogram
from sqlalchemy.ext.asyncio import AsyncEngine
from trainingrun_contracts.league.channel import ServiceAddress
from trainingrun_contracts.league_keys import LeagueKeys

from trainingrun_league.declaration import Host
from trainingrun_league.disk_problems import problem_of
from trainingrun_league.errors import InvalidRequest, Unavailable
from trainingrun_league.process.loop_delay import loop_delays, watch_loop
from trainingrun_league.process.metrics_page import served_metrics
from trainingrun_league.process.places import artefact_place, live_state
from trainingrun_league.process.registry import declaration_of
from trainingrun_league.process.web_pages import served_pages
from trainingrun_league.server.call_metrics import SharedCallMetrics
from trainingrun_league.server.calls import Calls
from trainingrun_league.server.certificates import Certificates, names_of
from trainingrun_league.server.connected_peers import ConnectedPeers
from trainingrun_league.server.frame import Listening, ServiceServer
from trainingrun_league.server.probe import ProbeServer
from trainingrun_league.server.tokens import OwnToken, TokenKey
from trainingrun_league.settings import ServiceName, Settings
from trainingrun_league.store.engine import connect
from trainingrun_league.store.idempotency import KEPT_SECONDS, forget
from trainingrun_league.store.migrating import check, migrate

KEYS_EVERY_SECONDS: Final = 1.0
"""Between two reads of the file with the keys; a mounted Secret changes within a minute."""
FORGET_EVERY_SECONDS: Final = 3600.0
_GARBAGE: Final = (20_000, 20, 10)
"""Thresholds of the garbage collector. By Python's own it runs at every few calls, and now and then
goes through all modules and tables of the database, while every call waits."""
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """How a process begins, beside what services are given.

    Attributes:
        settings: of the services.
        certificates: None serves without TLS.
        migrates: whether it makes the tables of a database that is no file of its own.
        ready_file: written when all services serve.
    """

    settings: Settings
    certificates: Certificates | None
    migrates: bool = False
    ready_file: Path | None = None
    keys: Callable[[], LeagueKeys] | None = None


async def serve(start: Start) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        LeagueError: it cannot begin; the message says why.
        ExceptionGroup: a service's own work failed.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if not start.settings.services:
        raise InvalidRequest("there is no service to serve: this version has none yet")
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(_database(start))
        servers = await _begun(start, engine, stack)
        _spare_collector()
        _write_ready(start, servers)
        working = [asyncio.create_task(each.run()) for each in servers.running]
        working.append(asyncio.create_task(_forget(engine)))
        working.append(asyncio.create_task(_follow_keys(servers.key, start)))
        working.append(asyncio.create_task(watch_loop(servers.delays)))
        try:
            await _until_stop(stop, working)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)


def _spare_collector() -> None:
    """Let the garbage collector pass over what the start has made, and run less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


@dataclass(frozen=True)
class _Servers:
    running: tuple[ServiceServer, ...]
    delays: Histogram
    addresses: Mapping[ServiceName, str]
    metrics: int | None
    web: str | None
    health: int | None
    key: TokenKey


async def _begun(start: Start, engine: AsyncEngine, stack: AsyncExitStack) -> _Servers:
    settings, registry = start.settings, CollectorRegistry()
    key = TokenKey(settings.name, settings.token_key, time.time)
    if start.keys is not None:
        keys = start.keys()
        key.take(keys.signing, keys.accepted)
    shared = SharedCallMetrics(registry)
    servers: dict[ServiceName, ServiceServer] = {}
    ports: dict[ServiceName, int] = {}
    for name in settings.services:
        declaration = declaration_of(name)
        assert declaration is not None, "options name only those that there are"
        server = ServiceServer(declaration, Calls(declaration, key, shared.of(name.value)))
        stack.push_async_callback(server.end)
        listening = Listening(settings.host, settings.ports[name], start.certificates)
        servers[name], ports[name] = server, server.bind(listening)
    metrics = _metrics(settings, registry, stack)
    peers = ConnectedPeers(_peers(start, ports, key))
    live = live_state(settings.redis, settings.name)
    stack.push_async_callback(live.close)
    stack.push_async_callback(peers.close)
    addresses = {
        name: settings.addresses.get(name, f"{_reached(settings.host)}:{port}")
        for name, port in ports.items()
    }
    host = Host(
        settings=settings,
        engine=engine,
        artefacts=artefact_place(settings.artefacts),
        live=live,
        peers=peers,
        metrics=registry,
        addresses=addresses,
        clock=time.time,
    )
    for server in servers.values():
        await server.begin(host)
    web = None
    if settings.web_port is not None:
        web = await stack.enter_async_context(served_pages(host, key, start.certificates))
    health = await _probe(settings, tuple(servers.values()), stack)
    running = tuple(servers.values())
    return _Servers(running, loop_delays(registry), addresses, metrics, web, health, key)


async def _probe(
    settings: Settings, servers: tuple[ServiceServer, ...], stack: AsyncExitStack
) -> int | None:
    if settings.health_port is None:
        return None
    probe = ProbeServer(servers)
    stack.push_async_callback(probe.end)
    return await probe.begin(settings.host, settings.health_port)


@asynccontextmanager
async def _database(start: Start) -> AsyncIterator[AsyncEngine]:
    engine = connect(start.settings.database)
    try:
        if start.migrates or engine.dialect.name == "sqlite":
            await migrate(engine)
        else:
            await check(engine)
        yield engine
    finally:
        await engine.dispose()


def _metrics(settings: Settings, registry: CollectorRegistry, stack: AsyncExitStack) -> int | None:
    if settings.metrics_port is None:
        return None
    try:
        return stack.enter_context(served_metrics(settings.host, settings.metrics_port, registry))
    except OSError as error:
        raise Unavailable(
            f"the metrics' port {settings.metrics_port} cannot be had: {error.strerror}; choose"
            " another one with --metrics-port"
        ) from error


def _peers(
    start: Start, ports: Mapping[ServiceName, int], key: TokenKey
) -> dict[ServiceName, ServiceAddress]:
    """Return where the services are: those of this process on loopback."""
    settings, made = start.settings, start.certificates
    token = OwnToken(key, f"service/{'+'.join(each.value for each in settings.services)}")
    named = names_of(made.certificate) if made else []
    own_name = next((name for name in ("localhost", *named) if name in named), None)
    arguments: dict[str, Any] = {
        "token": token,
        "authority": made.authority if made else None,
        "is_encrypted": made is not None,
    }
    found = {
        name: ServiceAddress(address, **arguments) for name, address in settings.addresses.items()
    }
    for name, port in ports.items():
        target = f"{_reached(settings.host)}:{port}"
        found[name] = ServiceAddress(target, **arguments, server_name=own_name)
    return found


def _reached(host: str) -> str:
    """Return the address that this machine reaches a server at which listens on ``host``."""
    if host in {"0.0.0.0", ""}:  # noqa: S104
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


async def _until_stop(stop: asyncio.Event, working: list[asyncio.Task[None]]) -> None:
    """Wait for the signal; raise what a service's own work raises."""
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({stopping, *working}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    finally:
        stopping.cancel()


async def _follow_keys(key: TokenKey, start: Start) -> None:
    """Take over keys that are rotated, which a process reads without a restart."""
    if start.keys is None:
        await asyncio.Event().wait()
        return
    known, problem = start.keys(), ""
    while True:
        await asyncio.sleep(KEYS_EVERY_SECONDS)
        try:
            found = await asyncio.to_thread(start.keys)
        except InvalidRequest as error:
            if str(error) != problem:
                problem = str(error)
                _log.error("the keys stay as they were: %s", problem)
            continue
        problem = ""
        if found == known:
            continue
        if found.identity != known.identity:
            _log.warning("the identity is another one: it is taken over by a restart alone")
        known = found
        key.take(found.signing, found.accepted)
        _log.info("tokens are signed anew; those of %d other keys are valid", len(found.accepted))


async def _forget(engine: AsyncEngine) -> None:
    """Delete requests that nothing repeats any longer."""
    while True:
        try:
            await forget(engine, before=time.time() - KEPT_SECONDS)
        except Unavailable as error:
            _log.warning("old requests are kept for now: %s", error)
        await asyncio.sleep(FORGET_EVERY_SECONDS)


def _write_ready(start: Start, servers: _Servers) -> None:
    found = {
        "pid": os.getpid(),
        "name": start.settings.name,
        "services": {name.value: address for name, address in servers.addresses.items()},
        "encrypted": start.certificates is not None,
        "metrics": servers.metrics,
        "health": servers.health,
        "web": servers.web,
    }
    _log.info("the league %s serves %s", start.settings.name, json.dumps(found["services"]))
    if start.ready_file is not None:
        _write_whole(start.ready_file, json.dumps(found))


def _write_whole(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise Unavailable(f"the ready file {path}: {problem_of(error)}") from error
