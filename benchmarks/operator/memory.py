"""Memory of the operator over time: runs that are under way, looked at for half an hour.

The operator runs as a process under the chart's RBAC, on a real API server with real controllers
and a real Redis; pods and the roles of the runs are played, so that only the operator is measured.
The counters of every run keep moving: each look finds something new and has a status to write.

    python -m benchmarks.operator.memory --minutes 30 --runs 10

Progress goes to stderr; the last line of stdout is one JSON object. The slope is that of a least
squares line through the samples after the first window (five minutes, or a third of a short run),
in which caches fill. Not measured here: many runs (thousands of pods need other figures).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import SYSTEM, OperatorProcess, Trainer, install_chart
from testkit.programs import programs
from testkit.servers.redis_server import start_redis

NAMESPACE = "memory"
GAMES = 10_000_000
SAMPLE_SECONDS = 10.0
WINDOW_MINUTES = 5.0
MOST_MEGABYTES = 120.0
MOST_SLOPE = 3.0


@dataclass(frozen=True)
class Sample:
    """Resident memory at a moment after the start of the measurement."""

    minutes: float
    megabytes: float


def window(minutes: float) -> float:
    """How much of the begin and of the end the two medians are taken over."""
    return min(WINDOW_MINUTES, minutes / 3)


def slope_per_hour(samples: Sequence[Sample]) -> float:
    """Megabytes per hour of the least squares line; 0 where two samples cannot tell."""
    if len(samples) < 2:
        return 0.0
    hours = [each.minutes / 60 for each in samples]
    return statistics.linear_regression(hours, [each.megabytes for each in samples]).slope


def figures_of(samples: Sequence[Sample], minutes: float) -> dict[str, float]:
    """What the samples say."""
    edge = window(minutes)
    first = [each.megabytes for each in samples if each.minutes <= edge]
    last = [each.megabytes for each in samples if each.minutes >= minutes - edge]
    half = [each for each in samples if each.minutes >= minutes / 2]
    return {
        "rss_first_median_mb": round(statistics.median(first), 1),
        "rss_last_median_mb": round(statistics.median(last), 1),
        "rss_max_mb": round(max(each.megabytes for each in samples), 1),
        "slope_mb_per_hour": round(
            slope_per_hour([each for each in samples if each.minutes > edge]), 2
        ),
        "slope_second_half_mb_per_hour": round(slope_per_hour(half), 2),
    }


def samples(operator: OperatorProcess, minutes: float) -> Iterator[Sample]:
    """One sample every ten seconds, for so many minutes."""
    begin, pause = time.monotonic(), threading.Event()
    while (passed := (time.monotonic() - begin) / 60) < minutes:
        yield Sample(passed, operator.resident_megabytes())
        pause.wait(SAMPLE_SECONDS)


@contextmanager
def running_operator(runs: int, folder: Path) -> Iterator[tuple[OperatorProcess, Trainer]]:
    """The operator with so many runs that play."""
    redis = folder / "redis"
    redis.mkdir()
    with ControlPlane() as plane, start_redis(redis) as queue:
        install_chart(plane, programs() / "helm")
        plane.create_namespace(NAMESPACE)
        operator = OperatorProcess(plane.kubeconfig_for(SYSTEM, "trainingrun-operator"), folder)
        trainer = Trainer(plane, NAMESPACE, queue)
        try:
            operator.start()
            for number in range(runs):
                trainer.start(f"run-{number}", games=GAMES)
            trainer.kubectl(
                "wait", "trainingrun", "--all", "--for=condition=Ready", "--timeout=180s"
            )
            yield operator, trainer
        finally:
            trainer.close()
            operator.stop()


def played(trainer: Trainer) -> list[int]:
    """Games in the status of every run."""
    found = trainer.plane.api.list("trainingruns", NAMESPACE)
    return [int(each["status"].get("games", {}).get("played", 0)) for each in found]


def measure(minutes: float, runs: int) -> dict[str, float]:
    """Run it, and say what was seen."""
    with (
        tempfile.TemporaryDirectory(prefix="operator-memory-") as folder,
        running_operator(runs, Path(folder)) as (operator, trainer),
    ):
        tell(f"{runs} runs are ready; {minutes:g} minutes of measuring begin")
        before, processor, taken = played(trainer), operator.cpu_seconds(), []
        for sample in samples(operator, minutes):
            taken.append(sample)
            if len(taken) % 6 == 1:
                tell(f"{sample.minutes:5.1f} min {sample.megabytes:6.1f} MB")
        processor = operator.cpu_seconds() - processor
        moved = [now - then for then, now in zip(before, played(trainer), strict=True)]
        return {
            "minutes": minutes,
            "runs": runs,
            "samples": len(taken),
            **figures_of(taken, minutes),
            "cpu_seconds": round(processor, 1),
            "cpu_percent": round(processor / (minutes * 60) * 100, 1),
            "least_games_seen_by_status": min(moved),
            "log_lines": operator.log().count("\n"),
        }


def tell(words: str) -> None:
    """Progress, for people."""
    print(words, file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description="Memory of the operator over time.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    figures = measure(options.minutes, options.runs)
    met = {
        "rss_max_mb": figures["rss_max_mb"] < MOST_MEGABYTES,
        "slope_mb_per_hour": figures["slope_mb_per_hour"] < MOST_SLOPE,
    }
    result = {
        "benchmark": "operator_memory",
        "figures": figures,
        "ratios": {},
        "goals": {
            "rss_max_mb": f"< {MOST_MEGABYTES:g}",
            "slope_mb_per_hour": f"< {MOST_SLOPE:g}",
        },
        "met": met,
        "machine": f"{os.cpu_count()} cores",
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
