"""Asks a game daemon for its STATUS over TCP, within bounds of time and size.

The lines are read by ``protocol``; here are the socket and the sentence for people when
it fails. Nothing else of the protocol is spoken by the operator.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Final

from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import Status
from trainingrun_protocol.errors import ProtocolError
from trainingrun_protocol.lines import StatusReply

from trainingrun_reconciler.controller.reach import ANYWHERE, Reach

STATUS_SECONDS: Final = 5.0
_LINE_BYTES: Final = 4096
_CHUNK: Final = 16 * 1024


class NoStatus(Exception):
    """There is no answer; the message says why.

    ``is_passing``: it may be busy, not gone. ``is_silent``: it took the connection, and was silent.
    """

    def __init__(self, message: str, *, is_passing: bool = False, is_silent: bool = False) -> None:
        super().__init__(message)
        self.is_passing = is_passing
        self.is_silent = is_silent


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Host (an IPv6 one without its brackets) and port of ``host:port``.

    Raises:
        ValueError: it is none.
    """
    host, colon, port = endpoint.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"{endpoint!r} is no host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


async def ask_status(
    endpoint: str, *, seconds: float = STATUS_SECONDS, reach: Reach = ANYWHERE
) -> StatusReply:
    """What the daemon at ``host:port`` says of itself.

    Raises:
        NoStatus: there is no answer, or not a daemon's.
    """
    host, port = split_endpoint(endpoint)
    is_connected = False
    try:
        async with asyncio.timeout(seconds):
            await reach.check(host, port)
            reader, writer = await asyncio.open_connection(host, port)
            is_connected = True
            try:
                reply = await _exchange(reader, writer)
            finally:
                writer.close()
    except TimeoutError as error:
        message = f"no answer to STATUS within {seconds:g} s"
        raise NoStatus(message, is_passing=True, is_silent=is_connected) from error
    except socket.gaierror as error:
        raise NoStatus(
            f"the name {host} is not known ({error.strerror})", is_passing=True
        ) from error
    except OSError as error:
        raise NoStatus(f"it cannot be reached ({describe_error(error)})") from error
    except ProtocolError as error:
        raise NoStatus(str(error)) from error
    if reply.max_concurrent < 1:
        raise NoStatus(f"it serves no games (Max concurrent: {reply.max_concurrent})")
    return reply


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> StatusReply:
    protocol = ClientConnection(max_line_bytes=_LINE_BYTES)
    writer.write(protocol.start(Status()))
    while data := await reader.read(_CHUNK):
        for line in protocol.receive(data):
            if isinstance(line, StatusReply):
                return line
    raise ProtocolError("it closed the connection without an answer to STATUS")


def describe_error(error: OSError) -> str:
    """The system's words; asyncio's own message would repeat the address."""
    return os.strerror(error.errno) if error.errno else str(error)
