"""One figure of the reference engine, measured in a process of its own.

    PYTHONPATH=… python -m benchmarks.daemon.probe prompts --seconds 5

``benchmarks/daemon/speed.py`` starts this program under the engine that it measures: the working
tree, or an older checkout for comparison. It uses only what the first version of the engine already
had, a ``GameSession`` that is resumed with answers, so that the same program measures both.

Prints one JSON object.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from trainingrun_daemon.decks import Deck, DeckRepository
from trainingrun_daemon.session import GameSession, Progress
from trainingrun_protocol.commands import NewGame

PREFIX = b"DECISION:"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Measure one thing."""
    parser = argparse.ArgumentParser(description="One figure of the reference engine.")
    parser.add_argument("figure", choices=("games", "prompts", "memory"))
    parser.add_argument("--decks", type=Path, required=True, help="folder with the decks")
    parser.add_argument("--names", required=True, help="decks, with commas between them")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--concurrent", type=int, default=8, help="games at once, for prompts")
    options = parser.parse_args()
    shelf = DeckRepository([options.decks])
    decks = [shelf.find(name) for name in options.names.split(",")]
    pairs = [(one, other) for one in decks for other in decks]
    if options.figure == "games":
        figures = measure_games(pairs, options.seconds)
    elif options.figure == "prompts":
        figures = measure_prompts(pairs, options.seconds, options.concurrent)
    else:
        figures = measure_memory(pairs)
    print(json.dumps(figures))
    return 0


def measure_games(pairs: list[tuple[Deck, Deck]], seconds: float) -> dict[str, float]:
    """Play quiet AI games one after another; gives games a second of processor time."""
    for seed, pair in enumerate(pairs):  # fills the caches of what is printed on cards
        play_quiet_game(pair, seed)
    games = turns = 0
    begin = time.process_time()
    while (spent := time.process_time() - begin) < seconds:
        for pair in pairs:
            turns += play_quiet_game(pair, 1000 + games)
            games += 1
    return {"games": games, "games_per_second": games / spent, "turns_per_game": turns / games}


def play_quiet_game(pair: tuple[Deck, Deck], seed: int) -> int:
    """Play a game between two AIs; gives its turns."""
    command = NewGame(deck1=pair[0].name, deck2=pair[1].name, quiet=True)
    session = GameSession(command, pair, seed=seed)
    while session.resume() is not Progress.OVER:
        pass
    session.take_output()
    return session.game.turn


class Table:
    """An interactive game that is answered at random."""

    def __init__(self, pair: tuple[Deck, Deck], seed: int) -> None:
        command = NewGame(deck1=pair[0].name, deck2=pair[1].name, quiet=True, interactive=True)
        self.session = GameSession(command, pair, seed=seed)
        self._random = Random(seed)
        self._answer = ""

    def step(self) -> tuple[float, bytes] | None:
        """Answer and play on; gives the seconds until the next line, and the line."""
        begin = time.perf_counter()
        progress = self.session.resume(self._answer)
        output = self.session.take_output()
        spent = time.perf_counter() - begin
        if progress is Progress.OVER:
            return None
        if progress is Progress.ASKING:
            line = output[output.index(PREFIX) :]
            self._answer = answer_at_random(json.loads(line[len(PREFIX) :]), self._random)
            return spent, line
        return self.step()


def answer_at_random(decision: dict[str, Any], random: Random) -> str:
    """Give any answer, mostly a legal one."""
    match decision["decision_type"]:
        case "choose_action":
            return str(random.randrange(-1, len(decision["actions"]) - 1))
        case "declare_attackers":
            chosen = [at for at in range(len(decision["attackers"])) if random.random() < 0.5]
            return ",".join(map(str, chosen))
        case "declare_blockers":
            attackers = len(decision["attackers"])
            pairs = [
                (by, random.randrange(-1, attackers)) for by in range(len(decision["blockers"]))
            ]
            return ",".join(f"{by}:{at}" for by, at in pairs if at >= 0)
        case "choose_cards":
            count = random.randint(decision["min"], decision["max"])
            return ",".join(map(str, random.sample(range(len(decision["cards"])), count)))
        case "choose_entity":
            return str(random.randrange(len(decision["entities"])))
        case "choose_ability":
            return str(random.randrange(len(decision["abilities"])))
        case "announce_value":
            return str(random.randint(decision["min"], decision["max"]))
        case "reveal":
            return ""
        case _:
            return random.choice("yn")


def open_tables(pairs: list[tuple[Deck, Deck]]) -> Iterator[Table]:
    """Give new games without end, through all pairs of decks."""
    seed = 0
    while True:
        for pair in pairs:
            seed += 1
            yield Table(pair, seed)


def measure_prompts(
    pairs: list[tuple[Deck, Deck]], seconds: float, concurrent: int
) -> dict[str, float]:
    """Play interactive games in turns; gives times from an answer to the next line, and sizes.

    The times are wall time: asking for processor time costs as much as a prompt on some machines.
    On a busy machine the last percent is therefore the time of other programs.
    """
    tables = open_tables(pairs)
    live = [next(tables) for _ in range(concurrent)]
    warm = time.perf_counter() + seconds / 5
    steps: list[tuple[float, int]] = []
    end = warm + seconds
    while (now := time.perf_counter()) < end:
        for place, table in enumerate(live):
            step = table.step()
            if step is None:
                live[place] = next(tables)
            elif now > warm:
                steps.append((step[0], len(step[1])))
    sizes = sorted(size for _, size in steps)
    return {
        "prompts": len(steps),
        **quantiles(sorted(spent for spent, _ in steps)),
        "bytes_p50": sizes[len(sizes) // 2],
        "bytes_max": sizes[-1],
    }


def quantiles(ordered: list[float]) -> dict[str, float]:
    """Give median, 99th percentile and maximum in milliseconds."""
    return {
        "p50_ms": 1000 * ordered[len(ordered) // 2],
        "p99_ms": 1000 * ordered[int(0.99 * len(ordered))],
        "max_ms": 1000 * ordered[-1],
    }


def measure_memory(pairs: list[tuple[Deck, Deck]], count: int = 200) -> dict[str, float]:
    """Keep many games open in their middle; gives the memory of one."""
    tables = open_tables(pairs)
    for _ in range(len(pairs)):
        play_out(next(tables))
    gc.collect()
    before = resident_bytes()
    live: list[Table] = []
    while len(live) < count:
        table = next(tables)
        if all(table.step() is not None for _ in range(60)):
            live.append(table)
    gc.collect()
    return {"live_games": count, "mb_per_game": (resident_bytes() - before) / count / 1e6}


def play_out(table: Table) -> None:
    """Play an interactive game to its end."""
    while table.step() is not None:
        pass


def resident_bytes() -> int:
    """Give the memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


if __name__ == "__main__":
    sys.exit(main())
