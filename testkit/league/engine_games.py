"""What games of engines are tested with in one process: a journal, a clock, a game that has begun.

async with journal_in(tmp_path) as journal:
    hall = Hall(source, journal, holder="h", clock=clock.now, bounds=Bounds())
    await begun(hall, "g")
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainingrun_contracts.environment_config import Engine
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_league.game.hall import Hall
from trainingrun_league.game.journal import Creation, GameJournal
from trainingrun_league.game.table import Table
from trainingrun_league.store.engine import connect
from trainingrun_league.store.migrating import migrate

PLAYERS = ("person/ada", "person/eve")
MOVE_SECONDS = 600.0
_BEGIN = 1_000_000.0
COUNTED = Engine("counted", (1,), Vocabulary(10))
"""What ``CountingEngine`` plays."""
QUESTIONS = 3


@asynccontextmanager
async def journal_in(
    folder: Path, *, url: str = "", kind: type[GameJournal] = GameJournal
) -> AsyncIterator[Any]:
    """A journal in a database of its own: SQLite's, or the one at a URL."""
    engine = connect(url or f"sqlite+aiosqlite:///{folder / 'games.db'}")
    await migrate(engine)
    try:
        yield kind(engine)
    finally:
        await engine.dispose()


class TurnedClock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.value = _BEGIN

    def now(self) -> float:
        """Seconds."""
        return self.value


async def begun(hall: Hall, game_id: str) -> None:
    """Open a game, and seat both players."""
    table = Table(
        game_id=game_id,
        match_id="",
        purpose=0,
        players=PLAYERS,
        seed=4,
        move_seconds=MOVE_SECONDS,
        created_at=_BEGIN,
    )
    await hall.open(table, Creation(game_id, ""))
    for seat, player in enumerate(PLAYERS, 1):
        await hall.join(game_id, seat, player)


def active_games(port: int) -> int:
    """What a daemon says of itself; not all of them hang up behind it."""
    found = -1
    with socket.create_connection(("127.0.0.1", port), 60) as link, link.makefile("rw") as lines:
        lines.write("STATUS\n")
        lines.flush()
        while "Max concurrent" not in (line := lines.readline()):
            assert line, "no whole answer to STATUS"
            found = int(line.split()[-1]) if "Active games" in line else found
    return found


@dataclass
class CountingEngine:
    """Asks the seats in turn, and keeps what it hears; seat 1 wins after the last answer. It takes
    so many seconds for each question.
    """

    seconds: float = 0.0

    heard: list[int] = field(default_factory=list)
    connections: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        if (await reader.readline()).startswith(b"STATUS"):
            writer.write(b"FORGE DAEMON STATUS\nActive games: 0\nMax concurrent: 5\n")
        else:
            self.connections.append(writer)
            for number in range(QUESTIONS):
                asked = {
                    "seat": number % 2 + 1,
                    "observation": {"shape": [1], "dtype": "uint8", "data": "AA=="},
                    "actions": [{"index": index} for index in range(10)],
                    "message": f"question {number}",
                }
                await asyncio.sleep(self.seconds)
                writer.write(f"DECISION: {json.dumps(asked)}\n".encode())
                line = await reader.readline()
                if not line:
                    break
                self.heard.append(int(line))
            else:
                writer.write(b"GAME_RESULT: Agent(1)-x won in 1ms\n")
        writer.close()
