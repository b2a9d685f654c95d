"""One connection to a daemon: lines out, numbered lines in, and whether it closed."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct
from trainingrun_protocol.framing import LineBuffer

from trainingrun.commands.daemons.addresses import Address, connect

_CHUNK: Final = 1 << 16
RAW_CHARACTERS: Final = 200


class Line(Struct, frozen=True):
    """A line of the engine: of which conversation, the how many-th of it, and its bytes."""

    place: str
    number: int
    raw: bytes

    @property
    def shown(self) -> str:
        """For people, cut."""
        text = self.raw[: RAW_CHARACTERS + 1].decode("utf-8", "replace")
        return text if len(text) <= RAW_CHARACTERS else f"{text[:RAW_CHARACTERS]}…"


class Silent(Exception):
    """Nothing came in time."""


class Link:
    """A connection; ``place`` is what findings call the conversation that it has just now."""

    def __init__(self, connection: socket.socket, place: str) -> None:
        self.place = place
        self._connection = connection
        self._buffer = LineBuffer()
        self._lines: deque[bytes] = deque()
        self._number = 0
        self.last = Line(place, 0, b"")

    def begin(self, place: str) -> None:
        """Count lines anew, for another conversation on the same connection."""
        self.place, self._number = place, 0
        self.last = Line(place, 0, b"")

    def send(self, text: str) -> bool:
        """Send one line; false where the engine is gone."""
        return self.send_raw(text.encode() + b"\n")

    def send_raw(self, data: bytes) -> bool:
        """Send bytes; false where the engine is gone."""
        try:
            self._connection.sendall(data)
        except OSError:
            return False
        return True

    def receive(self, seconds: float) -> Line | None:
        """Return the next line; None when the engine closed the connection.

        Raises:
            Silent: none came in time.
            LineTooLong: more than a mebibyte came without a line end.
        """
        deadline = time.monotonic() + seconds
        while not self._lines:
            self._connection.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self._connection.recv(_CHUNK)
            except TimeoutError as error:
                raise Silent from error
            except OSError:
                data = b""
            if not data:
                return None
            self._lines.extend(self._buffer.feed(data))
        self._number += 1
        self.last = Line(self.place, self._number, self._lines.popleft())
        return self.last

    def close(self) -> None:
        """Leave."""
        self._connection.close()


@contextmanager
def linked(address: Address, place: str) -> Iterator[Link]:
    """A connection for a block; raises OSError where the engine takes none."""
    link = Link(connect(address), place)
    with contextlib.closing(link):
        yield link
