"""One client's connection: lines in, lines out.

Writing never fails, as with a Java PrintWriter: a client that has left is noticed by reading alone.
"""

import socket
import threading
from contextlib import suppress
from typing import Final

from testkit.forge_server.faults import ClientGoneError

_CHUNK: Final = 8192


class Connection:
    """Lines over a socket. Several threads may print; one reads."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._buffer = b""
        self._skips_newline = False
        self._is_reading = False
        self._printing = threading.Lock()

    def read_line(self) -> str | None:
        r"""Return the next line, ended by ``\n``, ``\r`` or both; None at the end of the input.

        Raises ClientGoneError when the connection broke.
        """
        while (end := self._find_end()) < 0:
            chunk = self._receive()
            if not chunk:
                return self._take(len(self._buffer)) if self._buffer else None
            self._add(chunk)
        line = self._take(end)
        self._skips_newline = self._buffer.startswith(b"\r")
        self._buffer = self._buffer[1:]
        if self._skips_newline and self._buffer:
            self._add(b"")
        return line

    def answer(self) -> str:
        """Return the client's next line without blanks; raises ClientGoneError without one."""
        line = self.read_line()
        if line is None:
            raise ClientGoneError
        return line.strip()

    def print(self, line: str) -> None:
        """Send a line."""
        data = f"{line}\n".encode(errors="replace")
        with self._printing, suppress(OSError):
            self._stream.sendall(data)

    def close(self) -> None:
        """Close the connection; a thread that waits for a line wakes up.

        What the client sent and was not read makes a reset of it, which may swallow the last lines.
        """
        if self._is_reading:
            with suppress(OSError):
                self._stream.shutdown(socket.SHUT_RD)
        self._stream.close()

    def _receive(self) -> bytes:
        self._is_reading = True
        try:
            return self._stream.recv(_CHUNK)
        except OSError as error:
            raise ClientGoneError from error
        finally:
            self._is_reading = False

    def _add(self, chunk: bytes) -> None:
        self._buffer += chunk
        if self._skips_newline and self._buffer:
            self._skips_newline = False
            self._buffer = self._buffer.removeprefix(b"\n")

    def _find_end(self) -> int:
        ends = [at for at in (self._buffer.find(b"\n"), self._buffer.find(b"\r")) if at >= 0]
        return min(ends, default=-1)

    def _take(self, end: int) -> str:
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line.decode("utf-8", errors="replace")
