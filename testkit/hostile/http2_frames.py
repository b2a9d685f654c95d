"""HTTP/2 frames by hand: what no gRPC library would send.

    with Http2Client(port) as client:
        stream = client.headers("/package.Service/Method", {"grpc-encoding": "gzip"})
        client.data(stream, grpc_message(bomb, is_compressed=True), ends=True)
        client.read_until_ended()

RFC 9113; header fields are literals without an index and without Huffman's code (RFC 7541, 6.2.2).
"""

from __future__ import annotations

import socket
import struct
import zlib
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

DATA: Final = 0
HEADERS: Final = 1
RST_STREAM: Final = 3
SETTINGS: Final = 4
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
_ACK: Final = 1
_END_STREAM: Final = 1
_END_HEADERS: Final = 4
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_BYTES: Final = 16_384
_CANCEL: Final = 8


def zeros_gzip(size: int) -> bytes:
    """Return this many zeros as gzip has them: a thousandth."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    parts = [compressor.compress(block) for _ in range(size >> 20)]
    return b"".join([*parts, compressor.flush()])


def grpc_message(content: bytes, *, is_compressed: bool = False) -> bytes:
    """Return a message with the prefix of gRPC."""
    return struct.pack(">BI", is_compressed, len(content)) + content


class Http2Client:
    """One connection, without TLS."""

    def __init__(self, port: int, token: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._token = token
        self._stream = -1
        self._window = 65_535
        self._stream_window = 65_535
        self._buffer = b""
        self.trailers = b""
        self._socket.sendall(_PREFACE)
        # A window of 2 GiB for what the server sends, so that nothing waits for this client.
        self._send(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31 - 1))
        self._send(WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**31 - 1 - 65_535))

    def headers(self, path: str, fields: Mapping[str, str] | None = None) -> int:
        """Begin a call and return its stream."""
        self._stream += 2
        given = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "localhost",
            "content-type": "application/grpc",
            "te": "trailers",
            **({"authorization": f"Bearer {self._token}"} if self._token else {}),
            **(fields or {}),
        }
        block = b"".join(
            b"\x00" + _text(name.encode()) + _text(value.encode()) for name, value in given.items()
        )
        self._send(HEADERS, _END_HEADERS, self._stream, block)
        return self._stream

    def data(self, stream: int, content: bytes, *, ends: bool) -> None:
        """Send a message, as fast as the server's windows let it."""
        for begin in range(0, len(content), _FRAME_BYTES):
            part = content[begin : begin + _FRAME_BYTES]
            while min(self._window, self._stream_window) < len(part):
                self._read_frame()
            is_last = begin + _FRAME_BYTES >= len(content)
            self._send(DATA, _END_STREAM if ends and is_last else 0, stream, part)
            self._window -= len(part)
            self._stream_window -= len(part)

    def reset(self, stream: int) -> None:
        """Cancel a call."""
        self._send(RST_STREAM, 0, stream, struct.pack(">I", _CANCEL))

    def ping(self) -> None:
        """Send a ping, and read until its answer: what was sent before has been read."""
        self._send(PING, 0, 0, b"attacked")
        while True:
            kind, flags, content = self._read_frame()
            if kind == PING and flags & _ACK and content == b"attacked":
                return

    def read_until_ended(self) -> bytes:
        """Return the header blocks up to the end of a stream, or what was got before the end of
        the connection."""
        while True:
            try:
                kind, flags, content = self._read_frame()
            except OSError:
                return self.trailers
            if kind == HEADERS:
                self.trailers += content
            if (kind in {HEADERS, DATA} and flags & _END_STREAM) or kind in {RST_STREAM, GOAWAY}:
                return self.trailers

    def _send(self, kind: int, flags: int, stream: int, content: bytes) -> None:
        head = struct.pack(">I", len(content))[1:] + bytes([kind, flags])
        self._socket.sendall(head + struct.pack(">I", stream) + content)

    def _read_frame(self) -> tuple[int, int, bytes]:
        head = self._take(9)
        content = self._take(int.from_bytes(head[:3]))
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
        if kind == WINDOW_UPDATE:
            more = int.from_bytes(content)
            if stream:
                self._stream_window += more
            else:
                self._window += more
        if kind == SETTINGS and not flags & _ACK:
            for begin in range(0, len(content), 6):
                name, value = struct.unpack(">HI", content[begin : begin + 6])
                if name == 4:
                    self._stream_window += value - 65_535
            self._send(SETTINGS, _ACK, 0, b"")
        if kind == PING and not flags & _ACK:
            self._send(PING, _ACK, 0, content)
        return kind, flags, content

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            part = self._socket.recv(1 << 16)
            if not part:
                raise ConnectionError("the server has closed the connection")
            self._buffer += part
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()


def _text(content: bytes) -> bytes:
    """A string literal; its length is an integer with a prefix of 7 bits."""
    if len(content) < 127:
        return bytes([len(content)]) + content
    rest, length = len(content) - 127, bytearray([127])
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    return bytes(length) + bytes([rest]) + content
