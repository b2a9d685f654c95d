"""Somebody who speaks to a daemon by hand."""

from __future__ import annotations

import socket


def said_to(endpoint: str, command: bytes) -> bytes:
    """The first line that a daemon at ``host:port`` says to a command."""
    host, _, port = endpoint.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(command + b"\n")
        with connection.makefile("rb") as lines:
            return lines.readline()
