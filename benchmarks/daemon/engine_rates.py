"""What a game of each pair of decks costs the reference engine: ``estimate/engine_rates.yaml``.

The engine's own processor time from the first line to the last, with every decision asked of a
client: encoding included, the client's thinking not. Half of the games are played by two scripted
``aggressive`` agents, half by one of them against a ``random`` one; a policy in training lies
between the two. Sockets are not measured here (``daemon/pooling.py`` does, and finds a tenth more).

In-process and by processor time, so that a busy machine disturbs it little. Every pair is played
with the same seeds in both seat orders.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations_with_replacement
from pathlib import Path
from random import Random
from typing import Any

import yaml
from trainingrun.commands.plan.host import loop
from trainingrun_actor.seats import answer_by
from trainingrun_daemon.decks import Deck, parse_deck
from trainingrun_daemon.session import GameSession, Progress
from trainingrun_environments.agents import RandomAgent
from trainingrun_environments.magic.environment import MAGIC
from trainingrun_environments.magic.opponents import AggressiveAgent
from trainingrun_environments.magic.options import Question
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.decisions import decode_decision

from benchmarks.measuring import ROOT

TABLE = ROOT / "cli/src/trainingrun/estimate/engine_rates.yaml"
PREFIX = b"DECISION:"
HEAD = """\
# What one game costs the reference engine, by the decks of the two seats, for `trainingrun plan`.
# Made by `.venv/bin/python -m benchmarks.daemon.engine_rates --write`; do not edit.
#   milliseconds: of one core, the engine's own, every decision asked of a client
#   decisions: questions with a choice, of both seats together
"""


@dataclass
class Spent:
    """Of all games of one pair."""

    seconds: float = 0.0
    decisions: int = 0
    games: int = 0


def all_decks() -> dict[str, Deck]:
    """Every deck that ships and is made for training, by its file's name."""
    files = sorted((ROOT / "decks").rglob("*.dck"))
    return {
        file.stem: parse_deck(file.read_text(), name=file.stem)
        for file in files
        if not file.stem.startswith("test_")
    }


async def play(decks: tuple[Deck, Deck], seed: int, spent: Spent) -> None:
    """One game; adds what it took."""
    random = Random(seed)
    second = RandomAgent() if seed % 2 else AggressiveAgent()
    agents = (AggressiveAgent(), second)

    async def choose(question: Question) -> int:
        spent.decisions += 1
        return agents[question.view.decision.seat or 0].choose(question, random)

    began = time.process_time()
    command = NewGame(deck1="a", deck2="b", interactive=True, quiet=True, seed=seed)
    session = GameSession(command, decks, seed=seed)
    answer, progress = "", Progress.RUNNING
    while progress is not Progress.OVER:
        progress = session.resume(answer)
        output = session.take_output()
        if progress is Progress.ASKING:
            spent.seconds += time.process_time() - began
            line = next(each for each in output.splitlines() if each.startswith(PREFIX))
            answer = await answer_by(MAGIC, choose, decode_decision(line.removeprefix(PREFIX)))
            began = time.process_time()
    spent.seconds += time.process_time() - began
    spent.games += 1


async def measure(games: int) -> dict[str, dict[str, Any]]:
    """The table, by ``deck deck`` in order of the alphabet."""
    decks, table = all_decks(), {}
    await play((next(iter(decks.values())),) * 2, 0, Spent())  # warm up
    for first, second in combinations_with_replacement(decks, 2):
        spent = Spent()
        for number in range(games):
            pair = (
                (decks[first], decks[second]) if number % 4 < 2 else (decks[second], decks[first])
            )
            await play(pair, number, spent)
        table[f"{first} {second}"] = {
            "milliseconds": round(1000 * spent.seconds / spent.games, 2),
            "decisions": round(spent.decisions / spent.games, 1),
        }
        print(f"{first} - {second}: {table[f'{first} {second}']}", file=sys.stderr)
    return table


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", type=int, default=40, help="of each pair")
    parser.add_argument("--write", action="store_true", help=f"into {TABLE.name}")
    options = parser.parse_args()
    found = asyncio.run(measure(options.games))
    head = {
        "asOf": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "loopMilliseconds": round(loop(), 3),
        "games": options.games,
    }
    text = HEAD + yaml.safe_dump({**head, "pairs": found}, sort_keys=False, width=100)
    if options.write:
        Path(TABLE).write_text(text)
    else:
        print(text, end="")


def machine() -> str:
    """The processor, as people name it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
