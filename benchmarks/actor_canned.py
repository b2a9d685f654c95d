"""A daemon without an engine: recorded games, sent as fast as they are answered.

    python benchmarks/actor_canned.py GAMES.json

The file holds a list of games, each a list of texts: what a daemon sent until it waited for an
answer, or until the game's end. Every line that a client sends is answered by the next text,
whatever it says; so a question costs this process next to nothing. Prints its port.
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

    def __init__(self, games: Iterator[Sequence[bytes]]) -> None:
        self._games = games
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
            self._transport.write(text)


async def serve(games: list[list[bytes]]) -> None:
    """Serve for ever."""
    endless = itertools.cycle(games)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Canned(endless), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve the games of the file that the first argument names."""
    games = json.loads(Path(sys.argv[1]).read_text())
    uvloop.run(serve([[text.encode() for text in game] for game in games]))


if __name__ == "__main__":
    main()
