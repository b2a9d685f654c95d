"""A bell that rings when objects change, so that who waits for them need not poll.

It holds no objects. A cache of them would answer late: a test that has just written something, by
whatever program, has to read its own write. Who waits is woken, and asks.
"""

from __future__ import annotations

import http.client
import threading
from contextlib import ExitStack

from testkit.control_plane.api_connections import ApiConnections, ApiError, Stream


class Changes:
    """Watches of collections, each from when somebody first waited for something in it.

    A watch that ends (the server went away) is begun anew by the next reconcile.
    """

    def __init__(self, connections: ApiConnections) -> None:
        self._connections = connections
        self._bell = threading.Condition()
        self._rung = 0
        self._open: dict[str, Stream] = {}

    @property
    def count(self) -> int:
        """How often it has rung."""
        with self._bell:
            return self._rung

    def wait(self, seen: int, seconds: float) -> None:
        """Wait until it has rung more often than when ``count`` was ``seen``, or this long."""
        with self._bell:
            self._bell.wait_for(lambda: self._rung != seen, seconds)

    def follow(self, path: str) -> None:
        """Ring from now on when an object below a path changes."""
        if path in self._open:
            return
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(self._connections.stream(f"{path}?watch=1"))
            except ApiError:  # nothing is served there now; who waits looks again anyway
                return
            self._open[path] = stream
            opened = stack.pop_all()
        threading.Thread(
            target=self._listen, args=(path, stream, opened), name=f"watch {path}", daemon=True
        ).start()

    def leave(self, below: str) -> None:
        """End the watches of all paths that have this part in them."""
        for path, stream in list(self._open.items()):
            if below in path:
                self._open.pop(path, None)
                stream.end()

    def _listen(self, path: str, stream: Stream, opened: ExitStack) -> None:
        with opened:
            try:
                while stream.answer.read1():
                    self._ring()
            except (OSError, ValueError, http.client.HTTPException):
                pass  # the server went away, or nobody listens any more
            finally:
                if self._open.get(path) is stream:
                    del self._open[path]
        self._ring()

    def _ring(self) -> None:
        with self._bell:
            self._rung += 1
            self._bell.notify_all()
