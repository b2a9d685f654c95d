"""A learner stopped at random moments while it saves: is the newest checkpoint ever torn?

    python -m benchmarks.chaos.checkpoint_stops --stops 50

Fifty times SIGTERM, then a share of SIGTERM twice (the second asks to leave at once) and of
SIGKILL. The learner writes a checkpoint after every update. After each stop every checkpoint in the
folder is read and compared with its sums, and the next learner must go on from the newest.

Progress goes to stderr; the last line of stdout is one JSON object. Not here: a machine that loses
power, and stops during an upload (``tests/local/test_checkpoint_s3.py``).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from testkit.roles.learner_process import Bandit, read_ledger
from testkit.roles.stops import ForkedLearner, Stop, Stopped, producing, stop_once, stops_config
from testkit.servers.redis_server import start_redis


def main() -> int:
    """Stop, look, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stops", type=int, default=50, help="orderly ones")
    parser.add_argument("--hard", type=int, default=10, help="of each other way")
    parser.add_argument("--within", type=float, default=1.0, help="seconds after the first update")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    ways = [Stop.ORDERLY] * arguments.stops + [Stop.TWICE, Stop.KILL] * arguments.hard
    with TemporaryDirectory(prefix="checkpoint-stops-") as folder:
        stops = run(ways, Path(folder), within=arguments.within, seed=arguments.seed)
    figures = figures_of(stops)
    print(json.dumps(figures))
    return 0 if figures["torn"] == 0 and figures["went_back"] == 0 else 1


def run(ways: list[Stop], folder: Path, *, within: float, seed: int) -> list[Stopped]:
    """One learner after another in the same folder."""
    found: list[Stopped] = []
    redis_folder = folder / "redis"
    redis_folder.mkdir()
    config = stops_config(folder / "checkpoints")
    with start_redis(redis_folder) as server, server.client() as client:
        bandit = Bandit(client, config.run_id)
        learner = ForkedLearner(config, server.url_of("learner"), folder)
        with producing(bandit), contextlib.closing(learner):
            for number, way in enumerate(ways):
                stopped = stop_once(learner, bandit, way, within=within, seed=seed + number)
                found.append(stopped)
                print(
                    f"{number + 1}/{len(ways)} {way.value} after {stopped.after:.3f} s: code"
                    f" {stopped.code}, step {stopped.resumed} -> {stopped.newest}, torn"
                    f" {list(stopped.torn)}, remains {stopped.remains}",
                    file=sys.stderr,
                )
        ledger = read_ledger(client, bandit.keys)
        print(f"ledger: {ledger}", file=sys.stderr)
    return found


def figures_of(stops: list[Stopped]) -> dict[str, object]:
    """The figures of all stops."""
    return {
        "program": "checkpoint_stops",
        "stops": dict(Counter(each.way.value for each in stops)),
        "torn": sum(len(each.torn) for each in stops),
        "went_back": sum(each.newest < each.resumed for each in stops),
        "orderly_without_progress": sum(
            each.way is Stop.ORDERLY and each.newest == each.resumed for each in stops
        ),
        "writes_cut_off": sum(each.remains > 0 for each in stops),
        "exit_codes": {
            way.value: sorted({each.code for each in stops if each.way is way}) for way in Stop
        },
        "last_step": stops[-1].newest if stops else 0,
        "goal": {"torn": 0, "went_back": 0},
    }


if __name__ == "__main__":
    sys.exit(main())
