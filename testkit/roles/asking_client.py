"""A client of an inference server that asks without pause and is made to be killed.

As a program: ``python asking_client.py HOST PORT`` with its hello and one request, as frames, on
standard input, each behind its length; it writes a line for each answer.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_LENGTH = struct.Struct("<I")
_HEAD_BYTES = 24
_GROUPS = 4


def start(address: str, frames: Sequence[bytes]) -> subprocess.Popen[bytes]:
    """A client that is asking: its first answers have come."""
    host, _, port = address.rpartition(":")
    process = subprocess.Popen(
        [sys.executable, "-S", str(Path(__file__)), host, port],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for frame in frames:
        process.stdin.write(_LENGTH.pack(len(frame)) + frame)
    process.stdin.flush()
    process.stdout.readline()
    return process


def main(host: str, port: int) -> None:
    """Ask until the server ends."""
    hello, request = (_exactly(sys.stdin.buffer.read, _next_length()) for _ in range(2))
    with socket.create_connection((host, port)) as own:
        own.sendall(hello)
        _answer(own)
        own.sendall(request * _GROUPS)
        while True:
            _answer(own)
            own.sendall(request)
            print("answer", flush=True)


def _next_length() -> int:
    length: int = _LENGTH.unpack(sys.stdin.buffer.read(_LENGTH.size))[0]
    return length


def _answer(own: socket.socket) -> None:
    head = _exactly(own.recv, _HEAD_BYTES)
    _exactly(own.recv, _LENGTH.unpack_from(head)[0])


def _exactly(read, size: int) -> bytes:  # type: ignore[no-untyped-def]
    data = b""
    while len(data) < size:
        part = read(size - len(data))
        if not part:
            sys.exit(1)
        data += part
    return data


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
