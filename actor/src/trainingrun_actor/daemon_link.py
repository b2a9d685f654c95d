"""One TCP connection to a daemon: commands out, lines in, each read with a deadline.

Failures of sockets and of the protocol are both :class:`LinkLost`: for a game they mean the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from trainingrun_contracts.protocol.client import ClientConnection
from trainingrun_contracts.protocol.commands import NewGame
from trainingrun_contracts.protocol.errors import ProtocolError
from trainingrun_contracts.protocol.lines import ServerLine, StatusReply

CONNECT_SECONDS: Final = 5.0
_CHUNK: Final = 256 * 1024


class LinkLost(Exception):
    """The daemon is gone, silent, or out of step; the link is of no further use."""


class DaemonLink:
    """A link plays one game after another as long as the daemon keeps it open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = ClientConnection()
        self._lines: deque[ServerLine | StatusReply] = deque()

    @classmethod
    async def open(cls, endpoint: str) -> DaemonLink:
        """Connect to ``host:port``.

        Raises:
            LinkLost: nobody answers there, or the endpoint is not ``host:port``.
        """
        host, _, port = endpoint.rpartition(":")
        if not host or not port.isdecimal():
            raise LinkLost(f"{endpoint!r} is not host:port")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except (OSError, TimeoutError) as error:
            raise LinkLost(f"{endpoint} cannot be reached: {error}") from error
        return cls(reader, writer)

    @property
    def is_reusable(self) -> bool:
        """Whether another game may be started on it."""
        return (
            self._protocol.is_idle
            and not self._lines
            and not self._reader.at_eof()
            and not self._writer.is_closing()
        )

    def start(self, command: NewGame) -> None:
        """Send a command."""
        self._send(self._protocol.start(command))

    def answer(self, response: str) -> None:
        """Answer the open decision."""
        self._send(self._protocol.answer(response))

    async def next_line(self, *, seconds: float) -> ServerLine | StatusReply:
        """The next line.

        Raises:
            LinkLost: the connection ended, the daemon broke the protocol, or said nothing for so
                long.
        """
        while not self._lines:
            try:
                async with asyncio.timeout(seconds):
                    data = await self._reader.read(_CHUNK)
                if not data:
                    raise LinkLost("the daemon closed the connection in the midst of a game")
                self._lines.extend(self._protocol.receive(data))
            except TimeoutError as error:
                raise LinkLost(f"the daemon said nothing for {seconds:.0f} s") from error
            except (OSError, ProtocolError) as error:
                raise LinkLost(str(error)) from error
        return self._lines.popleft()

    def close(self) -> None:
        """Hang up; the daemon aborts a game that runs."""
        self._writer.close()

    def _send(self, data: bytes) -> None:
        """Small lines into an empty buffer: no need to wait for the drain."""
        self._writer.write(data)
