"""The daemon as a process: it listens, says that it is ready, and drains when told to stop."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun_daemon.connection import GameConnection, House
from trainingrun_daemon.decks import DeckShelf
from trainingrun_daemon.slots import Slots

_LAST_LINES_SECONDS: Final = 2.0
"""How long a stopping daemon waits for clients to take their last lines."""


class ServeError(Exception):
    """The daemon cannot start; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How to serve. ``port`` 0 takes a free one."""

    host: str
    port: int
    decks: tuple[Path, ...]
    max_concurrent: int = 10
    drain_seconds: float = 20.0
    idle_seconds: float = 600.0
    """How long a connection may stay without a command."""


@dataclass(frozen=True, slots=True)
class RunningDaemon:
    """A daemon that listens."""

    host: str
    port: int
    house: House


@contextlib.asynccontextmanager
async def listen(options: ServeOptions) -> AsyncIterator[RunningDaemon]:
    """Serve inside the block; raises ServeError when the address or a deck directory is unfit.

    At the end of the block the port is closed and games still running are aborted.
    """
    for directory in options.decks:
        if not directory.is_dir():
            raise ServeError(
                f"the deck directory {directory} does not exist; give one with --decks DIR"
            )
    loop = asyncio.get_running_loop()
    house = House(
        slots=Slots(max_concurrent=options.max_concurrent),
        decks=DeckShelf(options.decks),
        idle_seconds=options.idle_seconds,
        started=loop.time(),
    )
    try:
        server = await loop.create_server(
            _connection_factory(house), options.host, options.port, backlog=1024
        )
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ServeError(
            f"cannot listen on {options.host}:{options.port} ({reason}); "
            "stop what listens there or give another --port"
        ) from error
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield RunningDaemon(host, port, house)
    finally:
        server.close()
        dismiss_guests(house, even_playing=True)
        await _wait_until(lambda: not house.guests, house, seconds=_LAST_LINES_SECONDS)
        for guest in list(house.guests):
            guest.cut_off()
        await server.wait_closed()


def _connection_factory(house: House) -> Callable[[], GameConnection]:
    def make() -> GameConnection:
        return GameConnection(house)

    return make


def dismiss_guests(house: House, *, even_playing: bool) -> None:
    """Take no new games, refuse those that wait, and hang up on idle clients.

    With ``even_playing`` the running games end as well, after the queue is empty: a freed slot
    would begin the next game.
    """
    house.is_stopping = True
    for includes_playing in (False, even_playing):
        for guest in list(house.guests):
            guest.dismiss("the daemon is stopping", even_playing=includes_playing)


async def serve(options: ServeOptions, *, port_file: Path | None) -> None:
    """Serve until SIGTERM or SIGINT, then finish the running games within the drain time."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with listen(options) as daemon:
        if port_file is not None:
            _write_port(port_file, daemon.port)
        sys.stdout.write(f"listening on {daemon.host}:{daemon.port}\n")
        sys.stdout.flush()
        await stopped.wait()
        house = daemon.house
        dismiss_guests(house, even_playing=False)
        await _wait_until(lambda: not house.slots.active, house, seconds=options.drain_seconds)


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


async def _wait_until(is_done: Callable[[], bool], house: House, *, seconds: float) -> None:
    """Wait for the house to reach a state, at most so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not is_done():
                house.stirred.clear()
                await house.stirred.wait()
