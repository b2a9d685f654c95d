"""Speed of one PPO update, against sb3-contrib's MaskablePPO, torchrl's ClipPPO and RLlib's PPO.

The update is described in ``learner/problem.py``: 8,192 samples, minibatches of 1,024, 4 epochs,
two networks of two hidden layers of 256, 32 actions of which 30 % are legal. Every side goes from a
full buffer to changed weights, with one thread. Not compared: how well anything learns.
"""

from __future__ import annotations

import sys

from benchmarks import measuring
from benchmarks.measuring import PEERS_PYTHON, Goal, medians, ratio, report, take_turns

PEERS = ("sb3-contrib", "torchrl", "rllib")
PRECISIONS = ("fp32", "bf16")


def main() -> int:
    """Compare, and print one JSON object."""
    parser = measuring.parser(
        __doc__ or "",
        examples=[
            "make benchmarks-setup     # once: the peers, in an environment of their own",
            ".venv/bin/python -m benchmarks.learner.speed",
            ".venv/bin/python -m benchmarks.learner.speed --repetitions 40",
        ],
    )
    parser.add_argument("--repetitions", type=measuring.positive, default=15, metavar="N")
    repetitions = parser.parse_args().repetitions
    commands = {
        name: [sys.executable, "-m", "benchmarks.learner.ours", name] for name in PRECISIONS
    }
    for name in PEERS:
        commands[name] = [str(PEERS_PYTHON), "-m", "benchmarks.learner.peers", name]
    samples, missing = take_turns(commands, repetitions=repetitions)
    figures = {name: medians(found) for name, found in samples.items()}
    seconds = {name: found["cpu_seconds"] for name, found in figures.items()}
    walls = {name: found["wall_seconds"] for name, found in figures.items()}
    best = min((seconds[name] for name in PEERS if name in seconds), default=None)
    quickest = min((walls[name] for name in PEERS if name in walls), default=None)
    ratios = {
        f"{mine} against {name}": ratio(seconds.get(name), seconds.get(mine))
        for mine in PRECISIONS
        for name in PEERS
    }
    for mine in PRECISIONS:
        ratios[f"{mine} against the best peer"] = ratio(best, seconds.get(mine))
        ratios[f"{mine} against the best peer, wall"] = ratio(quickest, walls.get(mine))
    goals = [
        Goal("fp32 against the best peer", ratios["fp32 against the best peer"], least=1.1),
        Goal("bf16 against the best peer", ratios["bf16 against the best peer"], least=2.0),
    ]
    return report("learner", figures=figures, ratios=ratios, goals=goals, missing=missing)


if __name__ == "__main__":
    sys.exit(main())
