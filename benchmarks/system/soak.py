"""A small real run for half an hour under load: does any role grow?

Resident memory and open descriptors of every role every five seconds, and the memory of Redis. The
slope is that of the least squares line through what comes after the warm-up; what falls as often
as it rises has a slope near 0 with an error as wide, so the error stands beside it.

Progress goes to stderr; the last line of stdout is one JSON object. Not here: faults
(``chaos/local.py``) and the operator (``operator/memory.py``).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Final

import numpy as np

from benchmarks.chaos.bed import BATCH, RunUnderTest, run_in
from benchmarks.measuring import Goal, parser, report, tell
from testkit.waiting import until

SAMPLE_SECONDS: Final = 5.0
TELL_SAMPLES: Final = 12
START_SECONDS: Final = 180.0
MEGA: Final = 1e6
SLOPE_GOAL: Final = 10.0
"""Megabytes an hour: a role that starts with 100 doubles in ten hours at the earliest."""
REDIS_GOAL: Final = 64.0
"""Megabytes: a full queue, the weights of the last minute and all snapshots are about 30. Redis has
a bound and no slope, as it fills at first and then goes up and down."""
SHORTEST_SLOPE: Final = 20
"""Samples below which a slope says nothing."""


@dataclass(frozen=True)
class Sample:
    """One look: bytes and descriptors by role, and what Redis holds."""

    at: float
    memory: Mapping[str, int]
    descriptors: Mapping[str, int]
    redis_used: int
    queued: int


@dataclass(frozen=True)
class Line:
    """A least squares line: megabytes an hour, and the standard error of that."""

    slope: float
    error: float


def sample(run: RunUnderTest) -> Sample:
    """Look once."""
    processes = run.processes()
    with run.server.client() as client:
        info: Any = client.info("memory")
    return Sample(
        time.monotonic(),
        {name: each.memory_info().rss for name, each in processes.items()},
        {name: each.num_fds() for name, each in processes.items()},
        int(info["used_memory"]),
        run.ledger().queued,
    )


def watch(run: RunUnderTest, *, minutes: float) -> list[Sample]:
    """Look every five seconds for so long."""
    samples, began = [sample(run)], time.monotonic()
    while time.monotonic() - began < 60 * minutes:
        Event().wait(SAMPLE_SECONDS)
        samples.append(sample(run))
        if len(samples) % TELL_SAMPLES == 0:
            tell(_words(run, samples[-1], minutes=(time.monotonic() - began) / 60))
    return samples


def line_through(samples: Sequence[Sample], values: Sequence[float]) -> Line | None:
    """The least squares line of bytes over time; None where there are too few."""
    if len(samples) < SHORTEST_SLOPE:
        return None
    hours = np.array([each.at for each in samples]) / 3600
    hours -= hours.mean()
    megabytes = np.array(values) / MEGA
    spread = float((hours**2).sum())
    slope = float((hours * megabytes).sum()) / spread
    rest = megabytes - megabytes.mean() - slope * hours
    error = float(np.sqrt((rest**2).sum() / (len(samples) - 2) / spread))
    return Line(round(slope, 2), round(error, 2))


def figures_of(samples: Sequence[Sample], *, warm_up: float) -> dict[str, Any]:
    """By role: memory at the warm-up's end, at the end and at most, its slope, descriptors."""
    later = [each for each in samples if each.at - samples[0].at >= warm_up * 60]
    figures: dict[str, Any] = {"samples": len(samples), "samples_after_warm_up": len(later)}
    for role in sorted(samples[0].memory):
        line = line_through(later, [each.memory[role] for each in later])
        half = later[len(later) // 2 :]
        late = line_through(half, [each.memory[role] for each in half])
        figures[role] = {
            "megabytes_first": _mega(samples[0].memory[role]),
            "megabytes_after_warm_up": _mega(later[0].memory[role]),
            "megabytes_last": _mega(later[-1].memory[role]),
            "megabytes_most": _mega(max(each.memory[role] for each in samples)),
            "megabytes_per_hour": line.slope if line else None,
            "megabytes_per_hour_error": line.error if line else None,
            "megabytes_per_hour_second_half": late.slope if late else None,
            "descriptors_after_warm_up": later[0].descriptors[role],
            "descriptors_last": later[-1].descriptors[role],
            "descriptors_most": max(each.descriptors[role] for each in samples),
        }
    figures["redis_used_megabytes_most"] = _mega(max(each.redis_used for each in samples))
    figures["redis_used_megabytes_last"] = _mega(samples[-1].redis_used)
    figures["queued_most"] = max(each.queued for each in samples)
    return figures


def goals_of(figures: Mapping[str, Any]) -> list[Goal]:
    """Flat memory and descriptors, and a bounded queue."""
    roles = {name: value for name, value in figures.items() if isinstance(value, dict)}
    goals = [
        Goal(f"{role} MB/h", value["megabytes_per_hour"], most=SLOPE_GOAL)
        for role, value in roles.items()
        if role != "redis"
    ]
    goals.append(Goal("Redis MB used", figures["redis_used_megabytes_most"], most=REDIS_GOAL))
    goals += [
        Goal(
            f"{role} descriptors more",
            value["descriptors_last"] - value["descriptors_after_warm_up"],
            most=16,
        )
        for role, value in roles.items()
    ]
    return [*goals, Goal("transitions queued", figures["queued_most"], most=4 * BATCH)]


def main() -> int:
    """Watch, and tell."""
    arguments = _parser().parse_args()
    with run_in(arguments.folder) as run:
        until(lambda: len(run.log.updates) >= 3, seconds=START_SECONDS, what="three updates")
        tell("warm")
        samples = watch(run, minutes=arguments.minutes)
        games, updates, ledger = run.games(), len(run.log.updates), run.settle()
    figures = figures_of(samples, warm_up=min(arguments.warm_up, arguments.minutes / 2))
    figures["games"], figures["updates"] = games, updates
    figures["ledger_closes"] = ledger.closes and ledger.queued == 0
    figures["transitions"] = ledger.produced
    figures["minutes"] = arguments.minutes
    return report("soak", figures=figures, ratios={}, goals=goals_of(figures))


def _words(run: RunUnderTest, seen: Sample, *, minutes: float) -> str:
    memory = ", ".join(f"{name} {_mega(each):.1f}" for name, each in seen.memory.items())
    return (
        f"{minutes:5.1f} min: {run.games()} games, {len(run.log.updates)} updates, {seen.queued}"
        f" queued; MB: {memory}, used by Redis {_mega(seen.redis_used):.1f}"
    )


def _mega(count: int) -> float:
    return round(count / MEGA, 1)


def _parser() -> argparse.ArgumentParser:
    found = parser(
        __doc__,
        examples=(
            "python -m benchmarks.system.soak --minutes 30",
            "python -m benchmarks.system.soak --minutes 3 --warm-up 1 --folder logs",
        ),
    )
    found.add_argument("--minutes", type=float, default=30.0, help="how long to watch (30)")
    found.add_argument("--warm-up", type=float, default=5.0, help="minutes left out (5)")
    found.add_argument("--folder", type=Path, help="an empty one, where logs are to stay")
    return found


if __name__ == "__main__":
    sys.exit(main())
