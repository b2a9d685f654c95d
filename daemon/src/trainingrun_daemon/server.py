"""The daemon as a process: it listens, says that it is ready, and drains on SIGTERM."""

import asyncio
import contextlib
import logging
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from trainingrun_daemon.connection import GameConnection
from trainingrun_daemon.factory import freeze_code, make_context, make_games
from trainingrun_daemon.listening import BACKLOG, close_all, open_listeners, raise_file_limit
from trainingrun_daemon.options import ServeError, ServeOptions
from trainingrun_daemon.slots import LocalSlotAllocator, Slots
from trainingrun_daemon.supervisor import supervised

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningDaemon:
    """A daemon that listens."""

    host: str
    port: int
    drain: Callable[[], Awaitable[None]]
    """Begins no more games and waits for those that run, at most the drain time."""


@contextlib.asynccontextmanager
async def listen(options: ServeOptions) -> AsyncIterator[RunningDaemon]:
    """Serve inside the block; raises ServeError when address, decks or environment are unfit.

    At the end of the block the port is closed and games still running are aborted.
    """
    options.check()
    make_games(options)  # an unknown environment is refused here, not by one worker after another
    listeners = open_listeners(options.host, options.port)
    try:
        serve_here = _serve_alone if options.workers == 1 else _serve_with_workers
        async with serve_here(options, listeners) as drain:
            host, port = listeners[0].getsockname()[:2]
            yield RunningDaemon(host, port, drain)
    finally:
        close_all(listeners)


@contextlib.asynccontextmanager
async def _serve_alone(
    options: ServeOptions, listeners: list[socket.socket]
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Play the games in this process."""
    loop = asyncio.get_running_loop()
    slots = Slots(max_concurrent=options.max_concurrent, per_address=options.games_per_address)
    context = make_context(options, LocalSlotAllocator(slots, loop.time))

    async def drain() -> None:
        context.dismiss_all(even_playing=False)
        await context.wait_until(lambda: not slots.active, seconds=options.drain_seconds)

    servers = [
        await loop.create_server(lambda: GameConnection(context), sock=listener, backlog=BACKLOG)
        for listener in listeners
    ]
    try:
        yield drain
    finally:
        for server in servers:
            server.close()
        await context.close()
        for server in servers:
            await server.wait_closed()


@contextlib.asynccontextmanager
async def _serve_with_workers(
    options: ServeOptions, listeners: list[socket.socket]
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Hand the clients to processes that play the games."""
    async with supervised(options, listeners) as supervisor:
        yield supervisor.drain


async def serve(options: ServeOptions, *, port_file: Path | None) -> None:
    """Serve until SIGTERM or SIGINT, then finish the running games within the drain time."""
    raise_file_limit()
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if options.latency is not None:
        await _pretend_to_load(options.latency.start.seconds_at(random.random()), stopped)
    if stopped.is_set():
        return
    async with listen(options) as daemon:
        freeze_code()
        if port_file is not None:
            _write_port(port_file, daemon.port)
        sys.stdout.write(f"listening on {daemon.host}:{daemon.port}\n")
        sys.stdout.flush()
        await stopped.wait()
        await daemon.drain()


async def _pretend_to_load(seconds: float, stopped: asyncio.Event) -> None:
    """Take the time that the imitated engine needs before it listens; a signal ends it."""
    _log.info("starting takes %.1f s, as long as that of the imitated engine", seconds)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopped.wait()


def _write_port(path: Path, port: int) -> None:
    """Write the port so that a reader never sees half of it."""
    try:
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(f"{port}\n")
        fresh.replace(path)
    except OSError as error:
        raise ServeError(
            f"the port file {path} cannot be written ({error.strerror}); give another --port-file"
        ) from error
