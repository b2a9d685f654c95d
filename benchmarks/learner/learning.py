"""How long a run takes to learn: seconds until it is surely better than each yardstick.

A run is "surely better" than an opponent from the first evaluation on whose Wilson interval (95 %)
lies above the goal: 0.90 against the random player, 0.60 against the engine's own player. Each seed
is a run of its own from nothing, as plain processes on this machine, with the quickstart's decks.

A run ends with its games, or with its time. What was not reached counts as "never" and stands in
the medians as such: a median is a number only when more than half of the seeds came there.

Not here: what an update costs (``learner/speed.py``), how strong the yardsticks are
(``daemon/speed.py``).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.measuring import Goal, parser, positive, report, tell

ROOT = Path(__file__).resolve().parents[2]
GOALS = {"random": 0.90, "engine": 0.60}
NEVER = float("inf")


@dataclass(frozen=True)
class Run:
    """One seed: when each opponent was surely beaten (seconds, NEVER), and the last win rates."""

    seed: int
    games: int
    seconds: float
    reached: Mapping[str, float]
    last: Mapping[str, tuple[float, float]]
    closes: bool


def main() -> int:
    """Run each seed and tell."""
    options = parser(
        __doc__,
        examples=(
            "python -m benchmarks.learner.learning",
            "python -m benchmarks.learner.learning --seeds 1 -f my.yaml",
        ),
    )
    options.add_argument("-f", "--file", type=Path, default=ROOT / "examples/quickstart.yaml")
    options.add_argument("--seeds", type=positive, default=5)
    options.add_argument("--first-seed", type=positive, default=1)
    options.add_argument("--games", type=positive, default=20_000, help="training games a seed")
    options.add_argument("--every", type=positive, default=2500, help="games between evaluations")
    options.add_argument("--evaluation-games", type=positive, default=400)
    options.add_argument("--time-limit", default="30m", help="of each seed: 90s, 15m, 1h")
    arguments = options.parse_args()
    runs = []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        document = yaml.safe_load(arguments.file.read_text())
        document["spec"].update({"seed": seed, "games": arguments.games})
        document["spec"]["evaluation"] = {
            "intervalGames": arguments.every,
            "games": arguments.evaluation_games,
            "opponents": list(GOALS),
        }
        runs.append(learn(document, time_limit=arguments.time_limit))
        tell(f"seed {seed}: {runs[-1]}")
    return tell_all(runs)


def learn(document: dict[str, Any], *, time_limit: str) -> Run:
    """One run from nothing to its end."""
    with TemporaryDirectory(prefix="learning-") as name:
        folder = Path(name)
        file = folder / "run.yaml"
        file.write_text(yaml.safe_dump(document))
        command = [
            str(Path(sys.executable).with_name("trainingrun")),
            "local",
            "-f",
            str(file),
            "--plain",
            "--decks",
            str(ROOT / "decks"),
            "--state",
            str(folder / "state"),
            "--report",
            str(folder / "report"),
            "--time-limit",
            time_limit,
        ]
        with (folder / "log").open("w") as log:
            subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
        written = folder / "report" / "summary.json"
        if not written.exists():
            raise SystemExit(f"the run wrote no summary; it said:\n{(folder / 'log').read_text()}")
        return run_of(json.loads(written.read_text()), seed=document["spec"]["seed"])


def run_of(summary: Mapping[str, Any], *, seed: int) -> Run:
    """What a summary says of the goals.

    An evaluation measures the weights of its beginning, but it is known at its end: ``at``.
    """
    evaluations = sorted(summary["evaluations"], key=lambda each: each["at"])
    begun = max(each["at"] for each in evaluations) - summary["seconds"] if evaluations else 0.0
    reached = dict.fromkeys(GOALS, NEVER)
    last: dict[str, tuple[float, float]] = {}
    for each in evaluations:
        opponent = each["opponent"]
        if opponent not in GOALS:
            continue
        last[opponent] = (round(each["rate"], 4), round(each["low"], 4))
        if each["low"] >= GOALS[opponent]:
            reached[opponent] = min(reached[opponent], round(each["at"] - begun, 1))
    ledger = summary["ledger"] or {}
    out = sum((ledger.get("dropped") or {}).values()) + ledger.get("lost", 0)
    closes = ledger.get("produced") == ledger.get("trained", 0) + ledger.get("queued", 0) + out
    return Run(seed, summary["games"], summary["seconds"], reached, last, closes)


def tell_all(runs: Sequence[Run]) -> int:
    """Table and JSON."""
    figures: dict[str, Any] = {
        "seeds": [
            {
                "seed": run.seed,
                "games": run.games,
                "seconds": run.seconds,
                "ledger_closes": run.closes,
                "last": run.last,
                "reached_seconds": {who: _known(at) for who, at in run.reached.items()},
            }
            for run in runs
        ]
    }
    goals = []
    for opponent in GOALS:
        times = [run.reached[opponent] for run in runs]
        figures[f"{opponent}_median_seconds"] = _known(statistics.median(times))
        figures[f"{opponent}_worst_seconds"] = _known(max(times))
        rates = [run.last[opponent][0] for run in runs if opponent in run.last]
        figures[f"{opponent}_median_last_rate"] = statistics.median(rates) if rates else None
        share = sum(time < NEVER for time in times) / len(times)
        goals.append(Goal(f"share of seeds surely better than {opponent}", share, least=1.0))
    return report("learning", figures=figures, ratios={}, goals=goals)


def _known(seconds: float) -> float | None:
    return seconds if seconds < NEVER else None


if __name__ == "__main__":
    sys.exit(main())
