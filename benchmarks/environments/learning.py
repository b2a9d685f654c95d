"""What games other than Magic learn from one YAML each: the curve of every example.

Each example is one whole ``trainingrun local`` run, one after the other. A game against which a win
rate means something is held to its win rate against random play; Kuhn poker, where luck decides a
single game, to OpenSpiel's own exploitability of its checkpoints: half of what a best response to
either player wins on the average, 0 for an equilibrium.

Progress goes to stderr; the last line of stdout is one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from trainingrun.commands.eval.weights import find_weights
from trainingrun_actor.policy import Policy, load_policy
from trainingrun_contracts.environment_config import OpenSpiel
from trainingrun_contracts.environment_spec import VOCABULARY_SCALE
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.registry import spec_of

from benchmarks.measuring import Goal, parser, report, tell
from testkit.local.local_run import PROGRAM, closes
from testkit.own_engines import EXAMPLES, engine_in_go, engine_in_python, find_go

WIN_RATE: Final = 0.95
EXPLOITABILITY: Final = 0.05
KUHN: Final = OpenSpiel("kuhn_poker")
_POLL_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Point:
    """One evaluation against random play: after how many training games, and its win rate with its
    bounds."""

    games: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """What one example learned."""

    name: str
    seconds: float
    games: int
    points: tuple[Point, ...]
    is_closed: bool
    exploitability: tuple[tuple[int, float], ...] = ()
    """Games and exploitability, of each checkpoint that was kept."""


@contextmanager
def nothing(folder: Path) -> Iterator[tuple[str, ...]]:
    """Start nothing beside the run."""
    del folder
    yield ()


@contextmanager
def go_engine(folder: Path) -> Iterator[tuple[str, ...]]:
    """The engine in Go of the examples, built here."""
    go = find_go()
    if go is None:
        raise SystemExit("go is not on PATH: it builds examples/engine-in-go")
    with engine_in_go(folder, go) as port:
        yield ("--daemons", f"127.0.0.1:{port}")


@contextmanager
def python_engine(folder: Path) -> Iterator[tuple[str, ...]]:
    """The engine in plain Python of the examples."""
    with engine_in_python(folder) as port:
        yield ("--daemons", f"127.0.0.1:{port}")


Setting = Callable[[Path], AbstractContextManager[tuple[str, ...]]]
"""Starts what a run needs beside itself; gives the run's options."""

RUNS: Final[Mapping[str, tuple[Path, Setting]]] = {
    "connect-four": (EXAMPLES / "connect-four.yaml", nothing),
    "kuhn-poker": (EXAMPLES / "kuhn-poker.yaml", nothing),
    "petting-zoo-tic-tac-toe": (EXAMPLES / "petting-zoo-tic-tac-toe.yaml", nothing),
    "engine-in-go": (EXAMPLES / "engine-in-go" / "trainingrun.yaml", go_engine),
    "engine-in-python": (EXAMPLES / "engine-in-python" / "trainingrun.yaml", python_engine),
}


def learned(name: str, *changes: str) -> Curve:
    """Run an example to its end."""
    file, setting = RUNS[name]
    with tempfile.TemporaryDirectory() as scratch, setting(Path(scratch)) as options:
        folder = Path(scratch)
        command = [str(PROGRAM), "local", "-f", str(file), "--plain", *options]
        for change in changes:
            command += ["--set", change]
        _finish(command, folder)
        summary = json.loads((folder / "report" / "summary.json").read_bytes())
        exploited = tuple(exploitabilities(folder)) if name == "kuhn-poker" else ()
    points = tuple(
        Point(each["training_games"], each["rate"], each["low"], each["high"])
        for each in summary["evaluations"]
        if each["opponent"] == "random"
    )
    played = summary["games"]
    return Curve(
        name=name,
        seconds=summary["seconds"],
        games=played["played"] if isinstance(played, dict) else played,
        points=points,
        is_closed=closes(summary["ledger"]) and summary["ledger"]["lost"] == 0,
        exploitability=exploited,
    )


def _finish(command: Sequence[str], folder: Path) -> None:
    output = folder / "output.txt"
    with (
        output.open("wb") as file,
        subprocess.Popen(command, cwd=folder, stdout=file, stderr=file) as run,
    ):
        while run.poll() is None:
            try:
                run.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                tell(_last_line(output))
    if run.returncode != 0:
        raise SystemExit(f"the run ended with {run.returncode}: {_last_line(output)}")


def _last_line(file: Path) -> str:
    return (file.read_text().strip().splitlines() or [""])[-1]


def exploitabilities(folder: Path) -> Iterator[tuple[int, float]]:
    """Games and exploitability of each checkpoint of Kuhn poker in a run's folder, oldest first."""
    places = {manifest.parent for manifest in folder.rglob("checkpoints/*/manifest.json")}
    found = [find_weights(str(each), run="", storage=None, state=folder) for each in places]
    for weights in sorted(found, key=lambda each: each.games):
        yield weights.games, exploitability(_policy(weights.blob))


def _policy(blob: bytes) -> Policy:
    pointer = Pointer(epoch=0, version=0, publish=0, sha256="", at=0.0)
    return load_policy(blob, pointer, spec_of(KUHN))


def exploitability(policy: Policy) -> float:
    """OpenSpiel's exploitability of a policy of Kuhn poker, in chips a game."""
    import pyspiel  # noqa: PLC0415 - an extra, and slow to load
    from open_spiel.python.algorithms.exploitability import (  # noqa: PLC0415
        exploitability as measure,
    )
    from open_spiel.python.policy import tabular_policy_from_callable  # noqa: PLC0415

    def mixture(state: Any) -> dict[int, float]:
        legal = state.legal_actions()
        seen = np.array(state.information_state_tensor(), np.float16)[None, :]
        rows = (np.array(legal) / VOCABULARY_SCALE).astype(np.float16)[:, None]
        log_probs, _ = policy.evaluate(seen, rows, np.array([len(legal)]))
        return dict(zip(legal, np.exp(log_probs.astype(np.float64)).tolist(), strict=True))

    game = pyspiel.load_game("kuhn_poker")
    return float(measure(game, tabular_policy_from_callable(game, mixture)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the examples, and compare with the goals."""
    options = parser(
        __doc__ or "", examples=["python -m benchmarks.environments.learning kuhn-poker"]
    )
    options.add_argument("names", nargs="*", metavar="EXAMPLE", help=f"of {', '.join(RUNS)} [all]")
    options.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="of every run's spec"
    )
    given = options.parse_args(arguments)
    wrong = [name for name in given.names if name not in RUNS]
    if wrong:
        options.error(f"no such example: {', '.join(wrong)}: choose from {', '.join(RUNS)}")
    curves = []
    for name in given.names or RUNS:
        curve = learned(name, *given.set)
        curves.append(curve)
        tell(_in_words(curve))
    return report(
        "environments_learning",
        figures={curve.name: _figures(curve) for curve in curves},
        ratios={},
        goals=tuple(goal for curve in curves for goal in _goals(curve)),
    )


def _in_words(curve: Curve) -> str:
    points = "; ".join(
        f"{point.games}: {point.rate:.1%} [{point.low:.1%}, {point.high:.1%}]"
        for point in curve.points
    )
    exploited = "; ".join(f"{games}: {value:.4f}" for games, value in curve.exploitability)
    return f"{curve.name}, {curve.seconds:.0f} s: {points}" + (
        f"; exploitability {exploited}" if exploited else ""
    )


def _figures(curve: Curve) -> dict[str, Any]:
    return {
        "seconds": round(curve.seconds, 1),
        "games": curve.games,
        "against random": [
            [point.games, point.rate, point.low, point.high] for point in curve.points
        ],
        "exploitability": [list(each) for each in curve.exploitability],
        "ledger closes": curve.is_closed,
    }


def _goals(curve: Curve) -> Iterator[Goal]:
    yield Goal(f"{curve.name}: ledger closes", float(curve.is_closed), least=1)
    if curve.exploitability:
        last = curve.exploitability[-1][1]
        yield Goal(f"{curve.name}: exploitability", last, most=EXPLOITABILITY)
    elif curve.name == "connect-four":
        best = curve.points[-1].rate if curve.points else None
        yield Goal(f"{curve.name}: win rate against random", best, least=WIN_RATE)
    else:
        rose = curve.points[-1].low - curve.points[0].high if len(curve.points) > 1 else None
        yield Goal(f"{curve.name}: rise against random", rose, least=0.0)


if __name__ == "__main__":
    sys.exit(main())
