"""The autoscaling law in a live run on this machine: the learner is slowed to half, then let go.

The loop, the local backend, Redis, actors and the learner are the product's own. Daemons replay
recorded games and think before each answer, so that more of them give more also on two cores, where
engines would only share the processor; they start as ``forge-daemon``, as a build of Forge does.
The learner is stopped and continued (SIGSTOP, SIGCONT) many times a second, most of its time from
the beginning, so that some daemons match it; in the middle part twice as much of it.

Prints one line every ten seconds. With ``--record FILE`` the measured rates are kept for
the trace ``recorded`` of ``autoscaler/compare.py``. Not here: other laws, which need virtual time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvloop
from trainingrun.local.backend import LocalBackend
from trainingrun.local.folder import RunFolder
from trainingrun.local.store import LocalStore, RecordedEvent
from trainingrun_api.run import TrainingRun, parse
from trainingrun_reconciler.controller.loop import Reconciler
from trainingrun_reconciler.desired.observed import Signals
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from benchmarks.actor.canned import Canned
from benchmarks.actor.parts import record_games
from benchmarks.actor.speed import DECKS
from benchmarks.measuring import Goal, parser, report, tell

ROOT: Final = Path(__file__).resolve().parents[2]

LOOK_SECONDS: Final = 2.0
TELL_SECONDS: Final = 10.0
DUTY_SECONDS: Final = 0.5
DAEMONS: Final = 16
SLOTS: Final = 8
BATCH: Final = 1024


@dataclass(frozen=True)
class Moment:
    """One look: seconds since the start, the part, daemons, and the measured rates."""

    at: float
    part: str
    wanted: int | None
    asked: int
    ready: int
    capacity: float | None
    produced_per_daemon: float | None
    queued: int
    paused: float | None
    busy: float | None


@dataclass
class Plan:
    """The parts of the run: name, seconds, and the share of its time that the learner may work."""

    parts: tuple[tuple[str, float, float], ...]
    began: float | None = None
    """When the learner first told how busy it is; what is before is the part ``start``."""

    @property
    def at(self) -> float:
        """Seconds since the beginning; 0 before it."""
        return 0.0 if self.began is None else time.monotonic() - self.began

    def begin(self) -> None:
        """The learner is there."""
        if self.began is None:
            self.began = time.monotonic()

    @property
    def now(self) -> tuple[str, float] | None:
        """Name and share of the part that it is time for; None when all are over."""
        if self.began is None:
            return "start", 1.0
        at = self.at
        for name, seconds, share in self.parts:
            if at < seconds:
                return name, share
            at -= seconds
        return None


class Live:
    """A run under the product's loop."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        place = RunFolder(folder / "run")
        place.make()
        self._plan = plan
        self._store = LocalStore(training_run(), place, on_event=_tell_event)
        self._backend = LocalBackend(place, decks=ROOT / "decks", on_change=lambda: None)
        settings = Settings(
            default_storage=place.checkpoints.as_uri(),
            default_claim=False,
            daemon_limit=DAEMONS,
            active_interval=LOOK_SECONDS,
        )
        self._loop = Reconciler(self._store, self._backend, settings)
        self.moments: list[Moment] = []

    async def run(self) -> list[Moment]:
        """Look until all parts are over; all processes are gone at the end."""
        braking = asyncio.create_task(self._brake())
        try:
            told = -TELL_SECONDS
            while (part := self._plan.now) is not None:
                await self._loop.reconcile(self._store.key)
                self._note(part[0])
                if self.moments and self._plan.at - told >= TELL_SECONDS:
                    told = self._plan.at
                    tell(line(self.moments[-1]))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            braking.cancel()
            self._signal(signal.SIGCONT)
            await self._loop.close()
            await self._backend.close(at_once=True)
        return self.moments

    def _note(self, part: str) -> None:
        view = self._loop.view(self._store.key)
        role = view.observed.daemons if view is not None else None
        if view is None or role is None or not isinstance(view.observed.signals, Signals):
            return
        rates = view.rates
        if rates.learner_busy is not None:
            self._plan.begin()
        self.moments.append(
            Moment(
                at=round(self._plan.at, 1),
                part=part,
                wanted=view.wanted,
                asked=role.replicas,
                ready=len(role.ready),
                capacity=rates.learner_capacity,
                produced_per_daemon=rates.produced_per_daemon,
                queued=view.observed.signals.ledger.queued,
                paused=rates.paused,
                busy=rates.learner_busy,
            )
        )

    async def _brake(self) -> None:
        while (part := self._plan.now) is not None:
            works = part[1] * DUTY_SECONDS
            self._signal(signal.SIGCONT)
            await asyncio.sleep(works)
            if part[1] < 1:
                self._signal(signal.SIGSTOP)
            await asyncio.sleep(DUTY_SECONDS - works)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._backend.pids().get(Role.LEARNER, ()):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _tell_event(told: RecordedEvent) -> None:
    tell(f"  {told.event.reason}: {told.event.message}")


def training_run() -> TrainingRun:
    """A run whose daemons are a build of Forge; downs are quick, to see them within minutes."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "live", "namespace": "default", "uid": "live-1", "generation": 1},
            "spec": {
                "games": 100_000_000,
                "decks": [{"name": name} for name in DECKS],
                "daemon": {
                    "gamesPerDaemon": SLOTS,
                    "image": "replayed",
                    "jvm": {"heap": "1Gi"},
                    "autoscaling": {
                        "minReplicas": 1,
                        "maxReplicas": DAEMONS,
                        "behavior": {
                            "scaleDown": {
                                "stabilizationWindowSeconds": 60,
                                "policies": [{"type": "Percent", "value": 25, "periodSeconds": 30}],
                            }
                        },
                    },
                    "drainTimeoutSeconds": 60,
                },
                "algorithm": {"ppo": {"epochs": 20, "targetKl": 10, "learningRate": 1e-6}},
                "learner": {"batchTransitions": BATCH},
                "evaluation": {"intervalGames": 100_000_000, "games": 10, "opponents": ["random"]},
            },
        }
    )


def write_daemon(folder: Path, games: list[list[str]], *, thinks: float) -> None:
    """A ``forge-daemon`` on PATH that replays games."""
    document = folder / "games.json"
    document.write_text(json.dumps(games))
    program = folder / "forge-daemon"
    program.write_text(
        f"#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m benchmarks.autoscaler.live"
        f' serve {document} {thinks} "$@"\n'
    )
    program.chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"


async def serve(arguments: argparse.Namespace) -> None:
    """One daemon: recorded games, a thought before each answer, its port in a file."""
    games = [[text.encode() for text in game] for game in json.loads(arguments.games.read_text())]
    turns = iter(lambda: games[int(time.time() * 1000) % len(games)], None)
    server = await asyncio.get_running_loop().create_server(
        lambda: Canned(turns, seconds=arguments.seconds), "127.0.0.1", arguments.port
    )
    arguments.port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def line(moment: Moment) -> str:
    """One row for people."""

    def number(value: float | None, form: str) -> str:
        return "?" if value is None else format(value, form)

    return (
        f"| {moment.at:.0f} | {moment.part} | {number(moment.capacity, '.0f')} |"
        f" {number(moment.produced_per_daemon, '.1f')} | {moment.queued} |"
        f" {number(moment.paused, '.0%')} | {number(moment.busy, '.0%')} |"
        f" {number(moment.wanted, 'd')} | {moment.asked} | {moment.ready} |"
    )


def recording(moments: Sequence[Moment]) -> dict[str, Any]:
    """Capacity and production of the looks at which both were known."""
    known = [each for each in moments if each.capacity and each.produced_per_daemon]
    return {
        "seconds": round(LOOK_SECONDS),
        "capacity": [round(each.capacity or 0.0, 1) for each in known],
        "producedPerDaemon": [round(each.produced_per_daemon or 0.0, 2) for each in known],
    }


def main() -> int:
    """Run the parts, print the timeline and one JSON object."""
    options = parser(__doc__ or "", examples=["python -m benchmarks.autoscaler.live --seconds 300"])
    options.add_argument("--seconds", type=float, default=180.0, help="of each part (180)")
    options.add_argument("--share", type=float, default=0.5, help="of its time, the learner works")
    options.add_argument("--thinks", type=float, default=0.25, help="seconds before each answer")
    options.add_argument("--record", type=Path, metavar="FILE", help="keep the measured rates")
    asked = options.parse_args()
    plan_of = (("whole", asked.share), ("half", asked.share / 2), ("whole again", asked.share))
    with TemporaryDirectory(prefix="trainingrun-") as temporary:
        folder = Path(temporary)
        (folder / "recording").mkdir()
        write_daemon(folder, record_games(folder / "recording"), thinks=asked.thinks)
        tell("| s | learner | capacity | each | queued | paused | busy | wanted | asked | ready |")
        plan = Plan(tuple((name, asked.seconds, share) for name, share in plan_of))
        moments = asyncio.run(Live(folder, plan).run())
    if asked.record is not None:
        asked.record.write_text(json.dumps(recording(moments)) + "\n")
    means = {
        name: round(statistics.mean(each.asked for each in moments if each.part == name), 1)
        for name, _ in plan_of
    }
    last = {name: [each.asked for each in moments if each.part == name][-1] for name, _ in plan_of}
    follows = last["half"] / max(1, last["whole"])
    return report(
        "autoscaler_live",
        figures={
            "daemons_mean": means,
            "daemons_last": last,
            "moments": len(moments),
            "timeline": [asdict(each) for each in moments[:: max(1, len(moments) // 60)]],
        },
        ratios={"half_over_whole": round(follows, 2)},
        goals=[Goal("daemons at half speed over those at whole", round(follows, 2), most=0.7)],
    )


def serve_main(arguments: Sequence[str]) -> None:
    """The daemon's end of this program; options of a JVM are taken and mean nothing."""
    options = argparse.ArgumentParser()
    options.add_argument("games", type=Path)
    options.add_argument("seconds", type=float)
    options.add_argument("-p", "--port", type=int, default=0)
    options.add_argument("--port-file", type=Path, required=True)
    uvloop.run(serve(options.parse_known_args(arguments)[0]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve_main(sys.argv[2:])
    else:
        sys.exit(main())
