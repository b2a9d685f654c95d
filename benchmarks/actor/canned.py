"""A daemon without an engine: recorded games, sent as fast as they are answered.

    python -m benchmarks.actor.canned GAMES.json [PORTS [SECONDS]]

The file holds a list of games, each a list of texts: what a daemon sent until it waited for an
answer, or until the game's end. Every line that a client sends is answered by the next text,
whatever it says; so a question costs this process next to nothing. Serves so many ports, one if
nothing is said, and prints them in one line. With SECONDS it thinks so long before each answer, so
that games stay open at once, as they do with a real engine.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import uvloop


class Canned(asyncio.Protocol):
    """One connection; plays one game after another."""

    def __init__(self, games: Iterator[Sequence[bytes]], *, seconds: float) -> None:
        self._games = games
        self._seconds = seconds
        self._texts: Iterator[bytes] = iter(())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """One text for each line."""
        for _ in range(data.count(b"\n")):
            text = next(self._texts, None)
            if text is None:
                self._texts = iter(next(self._games))
                text = next(self._texts)
            if self._seconds > 0:
                asyncio.get_running_loop().call_later(self._seconds, self._send, text)
            else:
                self._transport.write(text)

    def _send(self, text: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(text)


async def serve(games: list[list[bytes]], ports: int, *, seconds: float) -> None:
    """Serve for ever."""
    endless = itertools.cycle(games)
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda: Canned(endless, seconds=seconds), "127.0.0.1", 0)
        for _ in range(ports)
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> None:
    """Serve the games of the file that the first argument names."""
    document, ports = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    games = json.loads(Path(document).read_text())
    texts = [[text.encode() for text in game] for game in games]
    uvloop.run(serve(texts, ports, seconds=seconds))


if __name__ == "__main__":
    main()
