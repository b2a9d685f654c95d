"""From a spot notice to everything saved and ended: how long, and does the run go on from there?

    python -m benchmarks.spot.exit --times 20

Two machines, each set up by ``deploy/aws/startup.sh`` with the real programs: one with daemons, one
with the run itself. While games are played the daemons' machine gets its notice and is started
again; then the run's machine gets one, and a machine takes its place: every other time a fresh one,
which has nothing but the checkpoints and what was kept beside them. Seconds are counted from the
notice in the instance metadata (not from the moment at which it was seen, up to 5 s later) to the
end of the last process. After each resume the run must have no fewer games and no older weights
than it had saved, and at the end its ledger must close.

Progress goes to stderr; the last line of stdout is one JSON object. Not here: AWS. Metadata and S3
are stand-ins on this machine, so the upload of checkpoints over a network takes no time.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measuring import Goal, parser, positive, report, tell
from testkit.local.local_run import closes, write_run
from testkit.local.machine import Machine, endpoints_in, machine
from testkit.ports import free_port
from testkit.servers.instance_metadata import InstanceMetadataServer
from testkit.waiting import until

ROOT = Path(__file__).resolve().parents[2]

LIMIT_SECONDS = 90.0
POLL_SECONDS = "5"
DAEMONS = 2


@dataclass
class Figures:
    """What was measured; seconds."""

    run_exits: list[float] = field(default_factory=list)
    daemon_exits: list[float] = field(default_factory=list)
    resumes: list[float] = field(default_factory=list)
    """From the start of the new machine to the first game that it adds."""
    wrong: list[str] = field(default_factory=list)
    killed: int = 0
    """Times that something did not end by itself within its time."""


@dataclass(frozen=True)
class Saved:
    """How far the run was when its machine was left."""

    games: int
    step: int
    checkpoint_games: int


class Fleet:
    """The two machines with their metadata, in one folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.of_daemons = stack.enter_context(InstanceMetadataServer())
        self.of_run = stack.enter_context(InstanceMetadataServer())
        self.bucket = folder / "bucket"
        saving = {"storage": {"directory": {"path": str(self.bucket)}}, "spotNotice": True}
        self._file = write_run(folder / "run.yaml", games=10_000_000, checkpoint=saving)
        self.account = folder / "account"
        self.account.mkdir()
        self.daemons = self._machine(
            "daemons",
            self.of_daemons,
            ROLE="daemon",
            DAEMON_COUNT=str(DAEMONS),
            FIRST_PORT=str(free_port() - DAEMONS),
            DECKS=str(ROOT / "decks"),
        )
        self.endpoints = endpoints_in(self.daemons.start())

    def run_machine(self, name: str) -> Machine:
        """The machine of the run; one of an earlier name has its old disk."""
        return self._machine(
            name,
            self.of_run,
            ROLE="learner",
            RUN=str(self._file),
            KEEP="s3://team/kept",
            DAEMONS=self.endpoints,
        )

    def _machine(self, name: str, metadata: InstanceMetadataServer, **settings: str) -> Machine:
        own = {"POLL_SECONDS": POLL_SECONDS, **settings}
        context = machine(self.folder / name, metadata.endpoint, self.account, **own)
        return self._stack.enter_context(context)


def main() -> int:
    """Give notices, wait, resume; tell."""
    arguments = parser(__doc__, examples=["python -m benchmarks.spot.exit --times 20"])
    arguments.add_argument("--times", type=positive, default=20, help="notices to each machine")
    arguments.add_argument("--play", type=positive, default=40, help="games between two notices")
    given = arguments.parse_args()
    with TemporaryDirectory(prefix="spot-exit-") as folder, ExitStack() as stack:
        figures = measured(Fleet(Path(folder), stack), times=given.times, play=given.play)
    return told(figures)


def measured(fleet: Fleet, *, times: int, play: int) -> Figures:
    """One notice to each machine after another."""
    figures, name = Figures(), "run-0"
    made = fleet.run_machine(name)
    made.start()
    wait_for_games(made, play)
    for number in range(1, times + 1):
        figures.daemon_exits.append(seconds_to_leave(fleet.of_daemons, fleet.daemons, figures))
        fleet.daemons.start()
        wait_for_games(made, made.played() + play)
        figures.run_exits.append(seconds_to_leave(fleet.of_run, made, figures))
        saved = saved_of(made, fleet, figures)
        if number % 2:
            shutil.rmtree(made.folder)
            name = f"run-{number}"
        made = fleet.run_machine(name)
        begun = time.monotonic()
        made.start()
        wait_for_games(made, saved.games + 1)
        figures.resumes.append(time.monotonic() - begun)
        check_resume(made, saved, figures)
        wait_for_games(made, saved.games + play)
        tell(
            f"{number}/{times}: daemons {figures.daemon_exits[-1]:.1f} s, run"
            f" {figures.run_exits[-1]:.1f} s, resumed in {figures.resumes[-1]:.1f} s at game"
            f" {saved.games}, step {saved.step}"
        )
    made.run("stop")
    check_ledger(made, figures)
    return figures


def wait_for_games(made: Machine, games: int) -> None:
    """Until the run has played so many."""
    until(
        lambda: made.played() >= games,
        seconds=180,
        every=0.1,
        what=f"{games} games\n{made.log('learner')[-2000:]}",
    )


def seconds_to_leave(metadata: InstanceMetadataServer, made: Machine, figures: Figures) -> float:
    """Give the notice and wait until nothing runs on the machine; the notice is taken back."""
    given = time.time()
    metadata.give_notice("terminate", at=datetime.now(tz=UTC) + timedelta(minutes=2))
    made.wait_until_left()
    took = float((made.state / "run" / "left").read_text()) - given
    until(lambda: not made.keepers(), seconds=20, what="the watch ends")
    if "killed, as they" in made.log("watch"):
        figures.killed += 1
    if made.programs():
        figures.wrong.append(f"still there: {made.programs()}")
    metadata.action = None
    return took


def saved_of(made: Machine, fleet: Fleet, figures: Figures) -> Saved:
    """What the status and the newest checkpoint say; every byte of the bucket is verified."""
    program = Path(sys.executable).with_name("trainingrun")
    verify = [program, "checkpoint", "verify", fleet.bucket, "-o", "json"]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        figures.wrong.append(f"a checkpoint is damaged: {done.stdout} {done.stderr}")
    manifests = sorted(fleet.bucket.glob("*/manifest.json"))
    progress: dict[str, Any] = json.loads(manifests[-1].read_bytes())["progress"]
    return Saved(made.played(), int(progress["step"]), int(progress["games"]))


def check_resume(made: Machine, saved: Saved, figures: Figures) -> None:
    """The new machine's run goes on from the checkpoint: no fewer games, no older weights."""
    status = made.run_status()
    version = int(status.get("model", {}).get("version") or 0)
    if made.played() < saved.games:
        figures.wrong.append(f"{made.played()} games after {saved.games}")
    if version < saved.step:
        figures.wrong.append(f"version {version} after a checkpoint of {saved.step}")
    if saved.checkpoint_games > saved.games:
        figures.wrong.append(f"a checkpoint of {saved.checkpoint_games} games after {saved.games}")


def check_ledger(made: Machine, figures: Figures) -> None:
    """Every transition of all machines has its fate."""
    ledger = made.summary()["ledger"]
    tell(f"ledger: {ledger}")
    if not closes(ledger):
        figures.wrong.append(f"the ledger does not close: {ledger}")
    if ledger["lost"]:
        figures.wrong.append(f"{ledger['lost']} transitions are lost")


def told(figures: Figures) -> int:
    """The JSON object; the exit code says whether anything was wrong."""
    found = {
        "times": len(figures.run_exits),
        "run": spread(figures.run_exits),
        "daemons": spread(figures.daemon_exits),
        "resume": spread(figures.resumes),
        "killed": figures.killed,
        "wrong": figures.wrong,
    }
    goals = [
        Goal("run_p95_seconds", spread(figures.run_exits)["p95"], most=LIMIT_SECONDS),
        Goal("daemons_p95_seconds", spread(figures.daemon_exits)["p95"], most=LIMIT_SECONDS),
        Goal("wrong", float(len(figures.wrong)), most=0.0),
    ]
    report("spot_exit", figures=found, ratios={}, goals=goals)
    return 1 if figures.wrong else 0


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile (the nearest rank above) and the longest, in seconds."""
    ordered = sorted(seconds)
    rank = min(len(ordered) - 1, -(-len(ordered) * 95 // 100) - 1)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[rank], 2),
        "max": round(ordered[-1], 2),
    }


if __name__ == "__main__":
    sys.exit(main())
