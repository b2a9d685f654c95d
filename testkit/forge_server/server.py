"""The server: one port, ten threads that each serve a connection from its first line to its end."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from testkit.forge_server.commands import UsageError, parse_new_game
from testkit.forge_server.connection import Connection
from testkit.forge_server.decks import DeckFolders
from testkit.forge_server.faults import ClientGoneError
from testkit.forge_server.match import Shared, play_match
from testkit.forge_server.options import Options
from testkit.forge_server.threads import Workers, common_pool

MAX_CONCURRENT: Final = 10
_FINISH_SECONDS: Final = 30.0
_MEMORY_MB: Final = 2048


class StartError(Exception):
    """The server did not start."""


class Server:
    """A running stand-in. It serves until a SHUTDOWN, and then until the next connection."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._counting = threading.Lock()
        self._active = 0
        self._played = 0
        self._is_running = True
        self._listener: socket.socket | None = None
        self._shared: Shared | None = None

    def open(self) -> int:
        """Load what it needs and open the port; gives the port. Raises StartError."""
        decks = DeckFolders(self._options.decks)
        if not decks.exist:
            raise StartError("there is no such folder of decks")
        time.sleep(self._options.start_seconds)
        pool = common_pool(self._options.parallelism)
        self._shared = Shared(decks, self._options.build, pool)
        try:
            self._listener = socket.create_server(("", self._options.port), backlog=50)
        except OSError as error:
            raise StartError(str(error)) from error
        port: int = self._listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Serve connections until the end."""
        listener = self._listener
        if listener is None:
            raise StartError("the port is not open")
        workers = Workers(MAX_CONCURRENT)
        with listener:
            while self._is_running:
                try:
                    stream, _ = listener.accept()
                except OSError:
                    break
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                workers.submit(lambda stream=stream: self._handle(stream))  # type: ignore[misc]
        workers.finish(_FINISH_SECONDS)
        if self._shared is not None:
            self._shared.pool.finish(0)

    def stop(self) -> None:
        """Stop at once, as a killed process would: no part of the original."""
        self._is_running = False
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)

    def _handle(self, stream: socket.socket) -> None:
        link = Connection(stream)
        try:
            line = link.read_line()
            if line is not None:
                self._obey(line.strip(), link)
        except (ClientGoneError, ValueError):
            pass  # the original writes to its own log alone
        finally:
            link.close()

    def _obey(self, line: str, link: Connection) -> None:
        if line.startswith("NEWGAME"):
            self._play(line, link)
        elif line == "STATUS":
            self._print_status(link)
        elif line == "SHUTDOWN":
            link.print("Shutting down")
            self._is_running = False
        else:
            link.print("ERROR: Unknown command: there are NEWGAME, STATUS and SHUTDOWN")

    def _play(self, line: str, link: Connection) -> None:
        if self._shared is None:
            raise StartError("the port is not open")
        try:
            command = parse_new_game(line, self._options.build.version)
        except UsageError:
            link.print("ERROR: Usage: NEWGAME deck1.dck deck2.dck [-i] [-q] [-c N] [-s SEED] …")
            return
        with self._counting:
            self._active += 1
        try:
            play_match(self._shared, command, link)
        finally:
            with self._counting:
                self._active -= 1
                self._played += 1

    def _print_status(self, link: Connection) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        link.print("FORGE DAEMON STATUS")
        link.print(f"  Active games: {self._active}")
        link.print(f"  Total games played: {self._played}")
        link.print(f"  Memory: {used}MB / {_MEMORY_MB}MB")
        link.print(f"  Max concurrent: {MAX_CONCURRENT}")


@contextmanager
def running_server(options: Options) -> Iterator[int]:
    """Run a server in this process; gives its port (``options.port`` 0: any)."""
    server = Server(options)
    port = server.open()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        server.stop()
