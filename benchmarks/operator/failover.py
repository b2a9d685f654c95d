"""How long nobody works when the leading operator is lost, told to end, or frozen.

Two operators with the chart's lease (15 s) under the chart's account, on a real API server with
real controllers; a run trains, its pods and roles are played. Each time the leader is taken away,
a change of the run is asked for; the figure is how long it takes until the cluster has been told of
it. From the audit log, where each write is signed with its term: writes that came after a later
term's first one (none may), and writes to children that nobody had asked for (none may).

    python -m benchmarks.operator.failover --times 3 --runs 5

Progress goes to stderr; the last line of stdout is one JSON object. Exit code 1 when a goal is
missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from testkit.control_plane.audit_log import lines_in, overlaps
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_pair import Pair, seconds_until_followed, two_operators
from testkit.operator.operator_process import Trainer, install_chart
from testkit.programs import programs
from testkit.servers.redis_server import start_redis

NAMESPACE = "failover"
NAME = "run-0"
FROZEN_SECONDS = 20.0
MOST_SECONDS = {"killed": 20.0, "told to end": 5.0, "frozen": 20.0}


@contextmanager
def running(runs: int, folder: Path) -> Iterator[tuple[Pair, Trainer]]:
    """Two operators with so many runs that play."""
    redis = folder / "redis"
    redis.mkdir()
    with ControlPlane() as plane, start_redis(redis) as queue:
        install_chart(plane, programs() / "helm")
        plane.create_namespace(NAMESPACE)
        trainer = Trainer(plane, NAMESPACE, queue)
        try:
            with two_operators(plane, folder, "--lease-seconds=15") as pair:
                for number in range(runs):
                    trainer.start(f"run-{number}", games=10_000_000)
                trainer.kubectl(
                    "wait", "trainingrun", "--all", "--for=condition=Ready", "--timeout=110s"
                )
                yield pair, trainer
        finally:
            trainer.close()


def kill(pair: Pair, trainer: Trainer, actors: int) -> float:
    """As a lost node would end it."""
    pair.leader.kill()
    seconds = seconds_until_followed(trainer, NAME, actors)
    pair.leader.start()
    return seconds


def ask_to_end(pair: Pair, trainer: Trainer, actors: int) -> float:
    """As a rolling update does."""
    pair.leader.ask_to_end()
    seconds = seconds_until_followed(trainer, NAME, actors)
    pair.leader.exit_code(seconds=20)
    pair.leader.start()
    return seconds


def freeze(pair: Pair, trainer: Trainer, actors: int) -> float:
    """It wakes with work at hand, and must write nothing and end."""
    begin = time.monotonic()
    pair.leader.freeze()
    seconds = seconds_until_followed(trainer, NAME, actors)
    trainer.wait_until(lambda: time.monotonic() > begin + FROZEN_SECONDS)
    pair.leader.thaw()
    if pair.leader.exit_code(seconds=20) != 1:
        raise SystemExit("a leader that was frozen ended as if all were well")
    pair.leader.start()
    return seconds


WAYS: dict[str, Callable[[Pair, Trainer, int], float]] = {
    "killed": kill,
    "told to end": ask_to_end,
    "frozen": freeze,
}


def measure(times: int, runs: int) -> dict[str, object]:
    """Take the leader away in each way so many times, in turns."""
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with (
        tempfile.TemporaryDirectory(prefix="operator-failover-") as folder,
        running(runs, Path(folder)) as (pair, trainer),
    ):
        mark, actors = lines_in(pair.log), 1
        for number in range(times):
            for way, act in WAYS.items():
                actors = 3 - actors
                seconds = act(pair.as_it_is(), trainer, actors)
                taken[way].append(seconds)
                print(f"{number + 1}: {way}: {seconds:.1f} s", file=sys.stderr, flush=True)
        children = [each for each in pair.requests(skip=mark) if each.is_write and each.is_of_child]
        unasked = {f"{each.verb} {each.name}" for each in children if each.namespace == NAMESPACE}
        return {
            "times": times,
            "runs": runs,
            "seconds": {way: [round(each, 2) for each in found] for way, found in taken.items()},
            "median": {way: round(statistics.median(found), 2) for way, found in taken.items()},
            "late_writes": len(overlaps(pair.requests())),
            "unasked_writes": sorted(unasked - {f"patch {NAME}-actor"}),
            "load": os.getloadavg()[0],
            "met": all(max(taken[way]) < most for way, most in MOST_SECONDS.items()),
        }


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=3, help="of each way (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="that train meanwhile (%(default)s)")
    given = parser.parse_args()
    figures = measure(given.times, given.runs)
    print(json.dumps(figures))
    return 0 if figures["met"] and not figures["late_writes"] else 1


if __name__ == "__main__":
    sys.exit(main())
