"""What the steps of the ladder know of Connect Four: agreement with the perfect player.

Each searching player chooses a move in a thousand held-out positions; a move agrees when its
result, won, drawn or lost, is the best there is. The leftmost column and a random one stand beside
them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from random import Random
from typing import Any

from trainingrun_environments.connect_four.game import ConnectFour, ConnectFourGames
from trainingrun_search.players import LADDER, mcts_player

from benchmarks import measuring
from benchmarks.measuring import Goal, report, tell
from testkit.connect_four.labelled import agreement, labelled_positions

LEAST_AGREEMENT = 0.9
"""Of the highest step: the yardstick must be one that search alone can reach."""


def players(seed: int) -> dict[str, Callable[[ConnectFour], int]]:
    """The players by name."""
    random, games = Random(seed), ConnectFourGames()
    found: dict[str, Callable[[ConnectFour], int]] = {
        "leftmost": lambda game: game.legal_actions()[0],
        "random": lambda game: random.choice(game.legal_actions()),
    }
    for simulations in LADDER:
        player = mcts_player(games, simulations=simulations, seed=seed)
        found[f"mcts-{simulations}"] = player.choose
    return found


def main() -> int:
    parser = measuring.parser(__doc__ or "", examples=("python -m benchmarks.search.ladder",))
    parser.add_argument("--seed", type=int, default=0, help="[%(default)s]")
    options = parser.parse_args()
    positions = labelled_positions()
    figures: dict[str, Any] = {"positions": len(positions)}
    for name, choose in players(options.seed).items():
        choose(positions[0].game())
        began = time.process_time()
        share = agreement(choose, positions)
        seconds = (time.process_time() - began) / len(positions)
        figures[name] = {"agreement": round(share, 3), "milliseconds": round(1000 * seconds, 2)}
        tell(f"{name}: {figures[name]}")
    highest = figures[f"mcts-{LADDER[-1]}"]["agreement"]
    goal = Goal("highest_step_agreement", highest, least=LEAST_AGREEMENT)
    return report("search/ladder", figures=figures, ratios={}, goals=[goal])


if __name__ == "__main__":
    sys.exit(main())
