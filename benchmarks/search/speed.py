"""Search beside OpenSpiel's Python search, in one run: simulations a second of one core.

Connect Four, 50 simulations a move, a residual network of 64 channels and 4 blocks, or a table in
its place: then the tree alone is measured. Rules, tree, noise and evaluation are within the time.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from benchmarks import measuring
from benchmarks.measuring import Goal, medians, ratio, report, take_turns, tell
from benchmarks.search.sides import SIDES

LEAST_TREE = 300_000.0
LEAST_NETWORK = 2_000.0


def main() -> int:
    parser = measuring.parser(
        __doc__ or "",
        examples=(
            "python -m benchmarks.search.speed",
            "python -m benchmarks.search.speed --turns 3",
        ),
    )
    parser.add_argument("--turns", type=measuring.positive, default=5, help="[%(default)s]")
    options = parser.parse_args()
    began = time.monotonic()
    commands = {name: [sys.executable, "-m", "benchmarks.search.sides", name] for name in SIDES}
    samples, missing = take_turns(commands, repetitions=options.turns)
    figures: dict[str, Any] = {}
    for name, found in samples.items():
        middle = medians(found)
        seconds = middle["cpu_seconds"]
        figures[name] = {
            "simulations_per_second": round(middle["simulations"] / seconds),
            "simulations": middle["simulations"],
            "evaluated": middle["evaluated"],
        }
        if "moves" in middle:
            figures[name]["moves_per_second"] = round(middle["moves"] / seconds)
        tell(f"{name}: {figures[name]}")
    figures["seconds"] = round(time.monotonic() - began)

    def speed(name: str) -> float | None:
        return figures[name]["simulations_per_second"] if name in figures else None

    goals = [
        Goal("tree_simulations_per_second", speed("tree"), least=LEAST_TREE),
        Goal("network_simulations_per_second", speed("network"), least=LEAST_NETWORK),
    ]
    ratios = {
        "tree_beside_open_spiel": ratio(speed("tree"), speed("OpenSpiel, table")),
        "network_beside_open_spiel": ratio(speed("network"), speed("OpenSpiel, network")),
    }
    return report("search/speed", figures=figures, ratios=ratios, goals=goals, missing=missing)


if __name__ == "__main__":
    sys.exit(main())
