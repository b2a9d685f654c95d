"""Bytes to lines, for both ends.

Purpose: cut a byte stream at ``\\n`` (a ``\\r`` before it is dropped), refuse lines above a
cap, so that a peer that never ends its line cannot fill our memory. What lines mean is not known
here.
"""

from typing import Final

from trainingrun_protocol.errors import LineTooLong

MAX_LINE_BYTES: Final = 1 << 20
"""Longest line either side accepts. The biggest decision seen from the real engine has 67 KB."""


class LineBuffer:
    """Collects received bytes and gives complete lines without their line end."""

    __slots__ = ("_limit", "_rest")

    def __init__(self, *, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._rest = bytearray()

    @property
    def pending(self) -> int:
        """Number of bytes received after the last line end."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes and return the lines that they complete.

        Raises LineTooLong when a line, finished or not, passes the cap. Nothing may be fed after.
        """
        if b"\n" not in data:  # only new bytes are searched: a dribbled line costs its length once
            self._rest += data
            lines = []
        else:
            first, *others = data.split(b"\n")
            head = bytes(self._rest) + first if self._rest else first
            self._rest = bytearray(others.pop())
            lines = [head, *others]
        if len(self._rest) > self._limit or any(len(line) > self._limit for line in lines):
            raise LineTooLong(f"a line is longer than {self._limit} bytes; the peer is out of step")
        return [line[:-1] if line.endswith(b"\r") else line for line in lines]
