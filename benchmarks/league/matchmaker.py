"""FindMatch calls a second, with the pairs seated: latency at an open load.

Players join by a schedule (an open load: a slow answer does not slow the next call), each waits for
its opponent, and each answer holds a seat of a game: the pair is in the database and its game made
before. The Matchmaker is its real process on SQLite. The players, and a Game service that makes
games and no more, are one process in Go (``players/main.go``; ``go`` has to be on PATH): ones in
Python took as much of the two cores as the Matchmaker. Latency counts from the scheduled moment.
Without TLS, which costs a connection and not a call.

At the end comes the same load of a call that does nothing (CancelMatch of no ticket): what gRPC,
token and metrics cost in this program before the Matchmaker does anything, for each call.

Where others use the machine, the wall says little: look at the processor time of a call, at how
long threads of the server waited for a processor (``server_waited_ms_per_call``), and at how often
its event loop was late, which is counted in steps of milliseconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainingrun_contracts import metrics

from benchmarks.measuring import (
    Goal,
    parser,
    positive,
    process_seconds,
    report,
    tell,
    waited_seconds,
)
from testkit.league.league_process import LeagueProcess
from testkit.own_engines import find_go
from testkit.ports import free_port

SOURCE = Path(__file__).parent / "players"
CHANNELS = 4
WARM_UP_SECONDS = 3
EMPTY_SECONDS = 5


@dataclass(frozen=True)
class Phase:
    """One load, and what it did to the server.

    Attributes:
        outcome: as the players tell it.
        cpu: processor seconds of the server.
        waited: seconds that its threads waited for a processor.
        delays: of its event loop, by the bound that they were within.
    """

    outcome: Mapping[str, Any]
    cpu: float
    waited: float
    delays: Mapping[float, float]

    @property
    def calls(self) -> int:
        """That were made."""
        failed: Mapping[str, int] = self.outcome["Failed"]
        return int(self.outcome["Matched"] + self.outcome["Unmatched"] + sum(failed.values()))

    def late_more_than(self, seconds: float) -> int:
        """How often the loop was."""
        return round(self.delays[float("inf")] - self.delays[seconds])


class Players:
    """The process in Go."""

    def __init__(self, process: subprocess.Popen[str], league: LeagueProcess) -> None:
        self._process, self._league = process, league

    def play(self, name: str, *, rate: int, seconds: int, empty: bool = False) -> Phase:
        """Let them play a phase."""
        pid = self._league.process.pid
        before = process_seconds(pid), waited_seconds(pid), loop_delays(self._league)
        asked = {"Name": name, "Rate": rate, "Seconds": seconds, "Empty": empty}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        outcome = self.hear()
        after = loop_delays(self._league)
        return Phase(
            outcome,
            process_seconds(pid) - before[0],
            waited_seconds(pid) - before[1],
            {bound: after[bound] - before[2][bound] for bound in after},
        )

    def hear(self) -> dict[str, Any]:
        """Return the next line. Raises SystemExit when there is none."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the players have ended: their last words stand above")
        found: dict[str, Any] = json.loads(line)
        return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the result."""
    made = parser(__doc__ or "", examples=["python benchmarks/league/matchmaker.py --rate 1000"])
    made.add_argument("--rate", type=positive, default=1000, help="FindMatch calls a second")
    made.add_argument("--seconds", type=positive, default=30, help="of the measurement")
    made.add_argument("--quick", action="store_true", help="5 s at a tenth of the rate")
    options = made.parse_args(arguments)
    rate, seconds = options.rate, options.seconds
    if options.quick:
        rate, seconds = max(2, rate // 10), 5
    with tempfile.TemporaryDirectory() as folder:
        load, empty = measured(Path(folder), rate, seconds)
    found, failed = load.outcome, sum(load.outcome["Failed"].values())
    if found["Problem"]:
        tell(found["Problem"])
    figures = {
        "asked_per_second": rate,
        "matched_per_second": round(found["Matched"] / found["Seconds"], 1),
        "p50_ms": round(1000 * found["P50"], 2),
        "p99_ms": round(1000 * found["P99"], 2),
        "max_ms": round(1000 * found["Most"], 2),
        "calls": load.calls,
        "unmatched": found["Unmatched"],
        "failed": failed,
        "failed_by_code": found["Failed"],
        "server_cpu_ms_per_call": round(1000 * load.cpu / load.calls, 3),
        "server_waited_ms_per_call": round(1000 * load.waited / load.calls, 3),
        "players_cpu_ms_per_call": round(1000 * found["Cpu"] / load.calls, 3),
        "empty_call_cpu_ms": round(1000 * empty.cpu / empty.calls, 3),
        "empty_p99_ms": round(1000 * empty.outcome["P99"], 2),
        "loop_late_more_than_ms": {
            f"{1000 * bound:g}": load.late_more_than(bound)
            for bound in sorted(load.delays)
            if 0.005 <= bound < float("inf")
        },
    }
    least = 0.98 * (100 if options.quick else min(rate, 1000))
    goals = [
        Goal("matched_per_second", figures["matched_per_second"], least=least),
        Goal("p99_ms", figures["p99_ms"], most=50.0),
        Goal("failed", failed, most=0),
    ]
    return report("league_matchmaker", figures=figures, ratios={}, goals=goals)


def measured(folder: Path, rate: int, seconds: int) -> tuple[Phase, Phase]:
    """Start the Matchmaker and put both loads on it."""
    games = f"127.0.0.1:{free_port()}"
    league = LeagueProcess(
        folder / "league",
        services="matchmaker",
        arguments=[
            f"--address=game={games}",
            f"--address=model=127.0.0.1:{free_port()}",
            f"--address=elo=127.0.0.1:{free_port()}",
        ],
        encrypted=False,
    )
    program = built(folder / "players")
    with league, players(program, league, games) as them:
        tell("warming up …")
        them.play("warm", rate=rate // 4 + 2, seconds=WARM_UP_SECONDS)
        return (
            them.play("p", rate=rate, seconds=seconds),
            them.play("", rate=rate, seconds=EMPTY_SECONDS, empty=True),
        )


def built(program: Path) -> Path:
    """Build the players. Raises SystemExit without Go."""
    go = find_go()
    if go is None:
        raise SystemExit("the players are in Go: install it, or put it on PATH (https://go.dev/dl)")
    subprocess.run([go, "build", "-o", str(program), "."], cwd=SOURCE, check=True)
    return program


@contextmanager
def players(program: Path, league: LeagueProcess, games: str) -> Iterator[Players]:
    """Run the players."""
    command = [
        *(str(program), "-target", f"127.0.0.1:{league.ports['matchmaker']}"),
        *("-token", league.token(), "-games", games, "-channels", str(CHANNELS)),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            them = Players(process, league)
            them.hear()
            yield them
        finally:
            process.kill()


def loop_delays(league: LeagueProcess) -> dict[float, float]:
    """Return how many delays of the server's event loop were within each bound so far."""
    begin = f'{metrics.LEAGUE_LOOP_DELAY_SECONDS.name}_bucket{{le="'
    rows = (line.removeprefix(begin) for line in league.metrics().splitlines() if begin in line)
    return {
        float(bound): float(count) for bound, _, count in (row.partition('"} ') for row in rows)
    }


if __name__ == "__main__":
    sys.exit(main())
