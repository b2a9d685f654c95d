"""A stand-in of the original daemon, decks for it, and a table at which it asks its questions."""

import json
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from trainingrun_daemon.rules.enums import Phase, Zone
from trainingrun_daemon.rules.model import Card, Game
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import cards_in

from testkit.forge_server.agent import Agent
from testkit.forge_server.cards import CARDS
from testkit.forge_server.connection import Connection
from testkit.forge_server.faults import FAITHFUL, Build, Fault, Version
from testkit.forge_server.options import Options
from testkit.forge_server.server import running_server

DECKS = Path(__file__).parents[3] / "decks"
Serve = Callable[..., int]
WriteDeck = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of decks, with the two that every client knows."""
    for name in ("test_red.dck", "test_blue.dck"):
        (tmp_path / name).write_text((DECKS / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


@pytest.fixture
def write_deck(folder: Path) -> WriteDeck:
    """Write a deck file: ``write_deck("a.dck", "Deck A", Mountain=20)``."""

    def write(file: str, name: str, cards: dict[str, int]) -> Path:
        path = folder / file
        lines = "\n".join(f"{count} {card}" for card, count in cards.items())
        path.write_text(f"[metadata]\nName={name}\n\n[Main]\n{lines}\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Start a stand-in with these faults; gives its port."""
    with ExitStack() as stack:

        def start(
            faults: frozenset[Fault] = FAITHFUL,
            *,
            version: Version = Version.NEWER,
            parallelism: int = 1,
        ) -> int:
            options = Options(
                decks=(folder, DECKS / "competitive"),
                port=0,
                build=Build(version, faults),
                parallelism=parallelism,
            )
            return stack.enter_context(running_server(options))

        yield start


class Table:
    """A game in seat 1's first main phase whose client's answers are written beforehand."""

    def __init__(self, build: Build) -> None:
        self._client, server = socket.socketpair()
        self._server = server
        self.game = Game(("Agent(1)-A", "Agent(2)-B"), seed=3)
        self.game.random = random.Random(3)
        self.game.phase = Phase.MAIN1
        self.agent = Agent(self.game, Connection(server), build)

    def put(self, name: str, zone: Zone, seat: int = 0) -> Card:
        """Put a card somewhere."""
        card = Card(self.game.new_id(), CARDS[name.casefold()], owner=seat, zone=zone)
        cards_in(self.game.players[seat], zone).append(card)
        self.game.is_stale = True
        return card

    def answer(self, *answers: str) -> None:
        """Write the client's next answers."""
        self._client.sendall("".join(f"{line}\n" for line in answers).encode())

    def run(self, steps: Steps) -> None:
        """Carry out a part of the game."""
        self.agent.run(steps)

    def lines(self) -> list[str]:
        """Return what was sent since the last call."""
        self._client.setblocking(False)
        sent = b""
        try:
            while chunk := self._client.recv(1 << 20):
                sent += chunk
        except BlockingIOError:
            self._client.setblocking(True)
        return sent.decode().splitlines()

    def decisions(self) -> list[dict[str, Any]]:
        """Return the decisions that were sent since the last call."""
        lines = [line for line in self.lines() if line.startswith("DECISION:")]
        return [json.loads(line.removeprefix("DECISION:")) for line in lines]

    def close(self) -> None:
        """Close both ends."""
        self._client.close()
        self._server.close()


@pytest.fixture
def set_table() -> Iterator[Callable[..., Table]]:
    """Return a function that makes a table for a build with these faults."""
    tables: list[Table] = []

    def make(faults: frozenset[Fault], version: Version = Version.NEWER) -> Table:
        tables.append(Table(Build(version, faults)))
        return tables[-1]

    yield make
    for table in tables:
        table.close()
