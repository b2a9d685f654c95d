"""The whole pipeline on one machine: daemons that cost nothing, actors, Redis and the learner.

160 endpoints with eight slots each are served by two processes that replay recorded games, so 1,280
games are open at once and the clients are what is busy. Measured over so many minutes, after the
learner's first update: decisions a second from end to end (actors are held back by the queue, so
this is what the learner takes in, too), policy lag, memory of every role, and at the end the
ledger. From the processor time of each role follows what the documents' 960,000 games an hour need.

Not here: faults, and what is learned. The replayed games take no heed of the answers, so the
learner trains on nonsense of the right shape and size.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from trainingrun_contracts.reports import (
    ActorReport,
    ActorState,
    Intent,
    LearnerReport,
    actor_reports_from,
    reports_from,
)
from trainingrun_contracts.run_config import (
    MEMBER_VARIABLE,
    ActorConfig,
    CheckpointConfig,
    LearnerConfig,
    RunConfig,
    SelfPlayConfig,
)
from trainingrun_contracts.stream.ledger import Ledger

from benchmarks import measuring
from benchmarks.actor.speed import DECKS, RECORDED, canned_daemons, record
from benchmarks.measuring import ONE_THREAD, Goal, process_seconds, report, tell
from testkit.roles.actor_bed import Bed, actor_bed, config
from testkit.roles.learner_process import LearnerProcess, read_ledger
from testkit.servers.redis_server import start_redis
from testkit.waiting import until

DAEMONS = 160
SLOTS = 8
CANNED_PROCESSES = 2
ACTORS = 2
SAMPLE_SECONDS = 2.0
THINKING_SECONDS = 0.2
"""Of a daemon before each answer: 1,280 games then ask for 6,400 decisions a second, more than the
clients can make; without it a game ends before the next is open."""
START_SECONDS = 240.0
SETTLE_SECONDS = 240.0
WANTED_GAMES_PER_HOUR = 960_000
DECISIONS_PER_GAME = 250
"""Of an interactive game with the real engine."""
DAEMON_CORES = DAEMONS * 4
"""Four daemons on a machine of 16 cores, as the documents have it."""
CORE_DOLLARS = 0.68 / 16
"""An hour of a core of such a machine."""
MEGABYTE = 1e6


@dataclass(frozen=True)
class Moment:
    """What was seen at one time: counters since the start, memory in megabytes."""

    at: float
    decisions: int
    transitions: int
    trained: int
    games: int
    lag_p95: float | None
    waits: dict[str, float]
    seconds: dict[str, float]
    memory: dict[str, float]


@dataclass
class Pipeline:
    """The running processes by role."""

    bed: Bed
    learner: LearnerProcess
    games: int
    """Open at once."""
    pids: dict[str, list[int]] = field(default_factory=dict)

    def reports(self) -> tuple[list[ActorReport], LearnerReport | None]:
        """The newest of every role."""
        with self.bed.redis as client:
            reply: Any = client.hgetall(self.bed.keys.reports)
            of_learner: Any = client.hgetall(self.bed.keys.learner_reports)
        fresh = reports_from(of_learner, now=time.time())
        learners = [each for each in fresh if isinstance(each, LearnerReport)]
        return list(actor_reports_from(reply)), learners[0] if learners else None

    def look(self) -> Moment:
        """What is to be seen now."""
        actors, learner = self.reports()
        return Moment(
            at=time.monotonic(),
            decisions=sum(each.decisions for each in actors),
            transitions=sum(each.transitions for each in actors),
            trained=0 if learner is None else learner.trained,
            games=sum(each.games for each in actors),
            lag_p95=None if learner is None else learner.policy_lag_p95,
            waits={} if learner is None else learner.waits,
            seconds={
                role: sum(process_seconds(pid) for pid in pids) for role, pids in self.pids.items()
            },
            memory={
                role: sum(psutil.Process(pid).memory_info().rss for pid in pids) / MEGABYTE
                for role, pids in self.pids.items()
            },
        )

    def has_begun(self) -> bool:
        """Whether every actor plays, all games are open and the learner has trained."""
        actors, learner = self.reports()
        running = sum(each.running for each in actors)
        is_trained = learner is not None and learner.trained > 0
        return len(actors) == ACTORS and running >= 0.9 * self.games and is_trained

    def settle(self) -> Ledger:
        """Let the games end and the queue be trained; gives the ledger of that quiet moment."""
        asked = time.time()
        self.bed.set_intent(Intent.DRAIN)

        def is_drained() -> bool:
            states = [each.state for each in self.reports()[0] if each.at > asked]
            return states == [ActorState.DRAINED] * ACTORS

        until(is_drained, seconds=SETTLE_SECONDS, what="the actors are drained")
        self.bed.set_intent(Intent.FLUSH)
        code = self.learner.exit_code(seconds=SETTLE_SECONDS)
        if code != 0:
            raise RuntimeError(f"the learner ended with {code}: {self.learner.log.read_text()}")
        with self.bed.redis as client:
            return read_ledger(client, self.bed.keys)


@contextmanager
def running_pipeline(folder: Path, daemons: int) -> Iterator[Pipeline]:
    """Everything, started; the recorded games come from a reference daemon, which ends first."""
    os.environ.update(ONE_THREAD)  # two cores for all: nobody gains by threads of their own
    settings = settings_of_run(folder, daemons * SLOTS)
    with ExitStack() as stack:
        server = stack.enter_context(start_redis(folder))
        bed = stack.enter_context(actor_bed(folder, server))
        games = recorded_games(bed)
        share = daemons // CANNED_PROCESSES
        canned = [
            stack.enter_context(
                canned_daemons(games, folder, ports=share, seconds=THINKING_SECONDS)
            )
            for _ in range(CANNED_PROCESSES)
        ]
        bed.publish_daemons(*(each for _, found in canned for each in found), capacity=SLOTS)
        learner = LearnerProcess(settings, server.url_of("learner"), folder)
        stack.callback(learner.kill)
        learner.start()
        actors = []
        for number in range(ACTORS):
            os.environ[MEMBER_VARIABLE] = f"actor-{number}"
            actors.append(bed.start_role("play", settings).popen.pid)
        yield Pipeline(
            bed,
            learner,
            daemons * SLOTS,
            {
                "actors": actors,
                "learner": [learner.pid],
                "Redis": [server.pid],
                "daemons": [pid for pid, _ in canned],
            },
        )


def settings_of_run(folder: Path, games: int) -> RunConfig:
    """Default settings of a run; all games between the newest weights."""
    found: RunConfig = config(
        decks=DECKS,
        games=1_000_000_000,
        actor=ActorConfig(games_per_actor=games // ACTORS),
        self_play=SelfPlayConfig(latest=1.0, past=0.0, scripted=0.0),
        learner=LearnerConfig(),
        checkpoint=CheckpointConfig(
            storage=f"file://{folder / 'checkpoints'}", interval_games=100_000
        ),
    )
    return found


def recorded_games(bed: Bed) -> list[list[str]]:
    """Games of a reference daemon between random players."""
    daemon, endpoint = bed.start_daemon(slots_served=1)
    games = [asyncio.run(record(endpoint, seed)) for seed in range(RECORDED)]
    daemon.kill()
    return games


def watch(pipeline: Pipeline, seconds: float) -> list[Moment]:
    """Moments over that time, the first at once."""
    moments = [pipeline.look()]
    began = moments[0].at
    while moments[-1].at - began < seconds:
        time.sleep(SAMPLE_SECONDS)
        moments.append(pipeline.look())
        if len(moments) % 10 == 0:
            first, last = moments[-10], moments[-1]
            rate = (last.decisions - first.decisions) / (last.at - first.at)
            tell(f"{last.at - began:4.0f} s  {rate:5.0f} decisions/s  lag p95 {last.lag_p95}")
    return moments


def growth(moments: Sequence[Moment], role: str) -> float:
    """Megabytes a minute between the medians of the third and the last quarter: the buffers are
    full by then, and the queue, which fills and empties, does not count."""
    quarter = len(moments) // 4
    third, last = moments[2 * quarter : 3 * quarter], moments[3 * quarter :]
    if not third:
        return 0.0
    middles = [statistics.median(each.memory[role] for each in part) for part in (third, last)]
    minutes = (statistics.mean(e.at for e in last) - statistics.mean(e.at for e in third)) / 60
    return round((middles[1] - middles[0]) / minutes, 2)


def figures_of(moments: Sequence[Moment]) -> dict[str, Any]:
    """Rates, processor seconds and memory."""
    first, last = moments[0], moments[-1]
    wall, decisions = last.at - first.at, max(1, last.decisions - first.decisions)
    lags = [each.lag_p95 for each in moments if each.lag_p95 is not None]
    return {
        "seconds": round(wall, 1),
        "decisions_per_second": round(decisions / wall),
        "trained_per_second": round((last.trained - first.trained) / wall),
        "games_per_second": round((last.games - first.games) / wall, 1),
        "policy_lag_p95_most": max(lags, default=None),
        "policy_lag_p95_median": round(statistics.median(lags), 2) if lags else None,
        "learner_waits": last.waits,
        "cores": {
            role: round((last.seconds[role] - first.seconds[role]) / wall, 3)
            for role in last.seconds
        },
        "microseconds_per_decision": {
            role: round((last.seconds[role] - first.seconds[role]) / decisions * 1e6, 1)
            for role in last.seconds
        },
        "megabytes": {role: round(value, 1) for role, value in last.memory.items()},
        "megabytes_per_minute": {role: growth(moments, role) for role in last.memory},
    }


def needs(figures: dict[str, Any]) -> tuple[list[str], float]:
    """A table of what 960,000 games an hour need, and their share of what the daemons cost."""
    decisions = WANTED_GAMES_PER_HOUR / 3600 * DECISIONS_PER_GAME
    lines = [
        f"{WANTED_GAMES_PER_HOUR} games an hour of {DECISIONS_PER_GAME} decisions:"
        f" {decisions:.0f} decisions/s from {DAEMONS} daemons on {DAEMON_CORES} cores",
        "| role | us a decision | cores | dollars an hour | of the daemons |",
        "|---|---|---|---|---|",
    ]
    total = 0.0
    for role in ("actors", "learner", "Redis"):
        each = figures["microseconds_per_decision"][role]
        cores = each * decisions / 1e6
        total += cores
        lines.append(
            f"| {role} | {each:.0f} | {cores:.1f} | {cores * CORE_DOLLARS:.2f} "
            f"| {cores / DAEMON_CORES:.1%} |"
        )
    lines.append(
        f"| all | | {total:.1f} | {total * CORE_DOLLARS:.2f} | {total / DAEMON_CORES:.1%} |"
    )
    return lines, round(total / DAEMON_CORES, 4)


def main() -> int:
    """Run it, print the table, and one JSON object."""
    parser = measuring.parser(
        __doc__ or "",
        examples=[
            ".venv/bin/python -m benchmarks.system.speed",
            ".venv/bin/python -m benchmarks.system.speed --minutes 1 --daemons 16",
        ],
    )
    parser.add_argument("--minutes", type=measuring.positive, default=10, metavar="N")
    parser.add_argument(
        "--daemons",
        type=measuring.positive,
        default=DAEMONS,
        metavar="N",
        help="endpoints, an even number; fewer on a machine that has other work",
    )
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="system-") as folder,
        running_pipeline(Path(folder), options.daemons) as pipeline,
    ):
        until(pipeline.has_begun, seconds=START_SECONDS, what="all games are open, and one update")
        tell(f"{pipeline.games} games are open")
        figures = figures_of(watch(pipeline, 60.0 * options.minutes))
        tell(f"{figures}")
        ledger = pipeline.settle()
    table, share = needs(figures)
    tell("\n".join(table))
    figures["ledger"] = {
        "produced": ledger.produced,
        "trained": ledger.trained,
        "queued": ledger.queued,
        "dropped": ledger.dropped,
        "lost": ledger.lost,
    }
    grown = max(figures["megabytes_per_minute"].values())
    goals = [
        Goal("decisions a second", figures["decisions_per_second"], least=3500),
        Goal("policy lag p95", figures["policy_lag_p95_most"], most=8),
        Goal("transitions that the ledger misses", _missing(ledger), most=0),
        Goal("memory, MB a minute", grown, most=1),
        Goal("actors, learner and Redis against the daemons", share, most=0.1),
    ]
    return report("system", figures=figures, ratios={"of the daemons' cost": share}, goals=goals)


def _missing(ledger: Ledger) -> int:
    """What the ledger does not account for, and what was lost."""
    known = ledger.trained + ledger.queued + sum(ledger.dropped.values()) + ledger.lost
    return abs(ledger.produced - known) + ledger.lost


if __name__ == "__main__":
    sys.exit(main())
