"""How much memory a game takes that is searched beside others in lock step.

For each number of games a process of its own plays twice as many to their ends, with a table in the
network's place, and says how much of it is resident then: what grows with the number is the games'.
What a network's batches and caches take is not here (``docs/adr/0051``), nor is what a worker grows
by in an hour (``benchmarks/RESULTS.md``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from trainingrun_environments.names import config_of
from trainingrun_environments.registry import games_of
from trainingrun_search.evaluators import Table
from trainingrun_search.positions import vocabulary_size
from trainingrun_search.selfplay import SelfPlay, SelfPlaySettings
from trainingrun_search.settings import SearchSettings

from benchmarks import measuring
from benchmarks.measuring import ROOT, report, tell

GAMES = (1, 8, 64, 512)
KINDS = {
    "connect_four, 50 simulations": ("connect_four", 50),
    "connect_four, 200 simulations": ("connect_four", 200),
}


def resident(environment: str, simulations: int, slots: int) -> int:
    """Bytes of this process after games have been played in all slots."""
    games = games_of(config_of(environment))
    settings = SelfPlaySettings(
        search=SearchSettings(simulations=simulations), slots=slots, most_moves=60
    )
    play = SelfPlay(games, Table(actions=vocabulary_size(games.spec)), settings, seed=0)
    for _ in play.play(range(2 * slots)):
        pass
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def measured(environment: str, simulations: int, slots: int) -> int:
    """The same of a new process."""
    words = [environment, str(simulations), str(slots)]
    command = [sys.executable, "-m", "benchmarks.search.memory", "--one", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout))


def main() -> int:
    parser = measuring.parser(__doc__ or "", examples=("python -m benchmarks.search.memory",))
    parser.add_argument("--one", nargs=3, help="a process of this: game, simulations, games")
    options = parser.parse_args()
    if options.one is not None:
        environment, simulations, slots = options.one
        print(resident(environment, int(simulations), int(slots)))
        return 0
    figures: dict[str, Any] = {}
    for name, (environment, simulations) in KINDS.items():
        measured(environment, simulations, 1)  # compiles what the others find compiled
        found = {slots: measured(environment, simulations, slots) for slots in GAMES}
        each = (found[GAMES[-1]] - found[GAMES[0]]) / (GAMES[-1] - GAMES[0])
        figures[name] = {
            "bytes_a_game": round(each),
            **{f"{slots}_games_mb": round(size / 1e6, 1) for slots, size in found.items()},
        }
        tell(f"{name}: {figures[name]}")
    return report("search/memory", figures=figures, ratios={}, goals=[])


if __name__ == "__main__":
    sys.exit(main())
