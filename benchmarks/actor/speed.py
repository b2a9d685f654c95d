"""Decisions per second and core of an actor, and what it adds to an engine's time.

The actor is the product's process, 16 games at once, both seats played by the policy and recorded,
with a real Redis. First on a canned daemon (recorded games, answered at once): decisions per second
of its own processor time. Then on the reference daemon: its processor time per decision against the
daemon's. The real engine is not here; its share is reckoned from what was published of it: 7.8 s a
game on average between its own players, 250 decisions a game, and 1.4 ms for the median prompt of a
game in which it only serves the rules. Processor time counts the whole actor: protocol, encoding,
inference, segments, Redis. The parts alone: ``actor/parts.py``.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from trainingrun_actor.seats import ScriptedSeat
from trainingrun_contracts.reports import ActorReport
from trainingrun_contracts.run_config import ActorConfig, SelfPlayConfig
from trainingrun_environments.magic.environment import MAGIC
from trainingrun_environments.magic.opponents import AGENTS
from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.decisions import decode_decision
from trainingrun_protocol.lines import DecisionLine, GameResult

from benchmarks import measuring
from benchmarks.measuring import ROOT, Goal, Sample, medians, process_seconds, report, tell
from testkit.roles.actor_bed import Bed, actor_bed, config
from testkit.servers.redis_server import start_redis

GAMES = 16
RECORDED = 8
ENGINE_GAME_SECONDS = 7.8
ENGINE_DECISIONS = 250
ENGINE_PROMPT_SECONDS = 0.0014
DECKS = ("red_aggro", "white_weenie")
PATIENCE_SECONDS = 60.0


async def record(endpoint: str, seed: int) -> list[str]:
    """What a daemon sends in a game of two random players, cut where it waits for an answer."""
    host, _, port = endpoint.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    connection, seat = ClientConnection(), ScriptedSeat(MAGIC, AGENTS["random"](), Random(seed))
    command = NewGame(
        deck1=DECKS[0],
        deck2=DECKS[1],
        interactive=True,
        quiet=True,
        limit_seconds=120,
        seed=seed,
        keep_open=True,
    )
    writer.write(connection.start(command))
    texts, heard = [], b""
    while True:
        data = await reader.read(1 << 18)
        heard += data
        for line in connection.receive(data):
            match line:
                case DecisionLine(raw):
                    texts.append(heard.decode())
                    heard = b""
                    writer.write(connection.answer(await seat.answer(decode_decision(raw))))
                case GameResult():
                    writer.close()
                    return [*texts, heard.decode()]
                case _ if not data:
                    raise RuntimeError("a game could not be recorded")


@contextmanager
def canned_daemons(
    games: list[list[str]], folder: Path, *, ports: int = 1, seconds: float = 0.0
) -> Iterator[tuple[int, list[str]]]:
    """The process and the endpoints of running canned daemons."""
    document = folder / "games.json"
    document.write_text(json.dumps(games))
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.actor.canned", str(document), str(ports), str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.pid, [f"127.0.0.1:{port}" for port in process.stdout.readline().split()]
    finally:
        process.kill()
        process.communicate()


def next_report(bed: Bed, last: float) -> ActorReport:
    """The first report after a time, of an actor that plays."""
    pause, deadline = 0.05, time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found: Any = bed.report(ActorReport)
        if found is not None and found.at > last and found.decisions > 0:
            return found  # type: ignore[no-any-return]
        time.sleep(pause)
    raise RuntimeError("the actor does not play")


def watch(bed: Bed, pids: dict[str, int], *, seconds: float, repetitions: int) -> list[Sample]:
    """So many stretches: processor seconds of the actor, and of others, for each decision."""
    samples = []
    report_ = next_report(bed, time.time())
    for _ in range(repetitions):
        before = {name: process_seconds(pid) for name, pid in pids.items()}
        later = next_report(bed, report_.at + seconds)
        spent = {name: process_seconds(pid) - before[name] for name, pid in pids.items()}
        decisions = max(1, later.decisions - report_.decisions)
        samples.append(
            Sample(
                cpu=spent.pop("actor") / decisions,
                wall=(later.at - report_.at) / decisions,
                more={name: value / decisions for name, value in spent.items()},
            )
        )
        report_ = later
    return samples


def play(folder: Path, *, seconds: float, repetitions: int) -> tuple[dict[str, Any], int]:
    """Samples with the canned and the reference daemon, and the decisions of a recorded game."""
    settings = config(
        decks=DECKS,
        actor=ActorConfig(games_per_actor=GAMES),
        self_play=SelfPlayConfig(latest=1.0, past=0.0, scripted=0.0),
    )
    with start_redis(folder) as server, actor_bed(folder, server) as bed:
        daemon, endpoint = bed.start_daemon(slots_served=GAMES)
        games = [asyncio.run(record(endpoint, seed)) for seed in range(RECORDED)]
        decisions = sum(len(game) - 1 for game in games) // len(games)
        tell(f"{RECORDED} games are recorded, {decisions} decisions each")
        with canned_daemons(games, folder) as (_, canned):
            bed.publish_daemons(*canned, capacity=GAMES)
            bed.publish_weights()
            actor = bed.start_role("play", settings)
            pids = {"actor": actor.popen.pid}
            found = {"canned": watch(bed, pids, seconds=seconds, repetitions=repetitions)}
            tell("measured on the canned daemon")
            actor.kill()
        bed.publish_daemons(endpoint, capacity=GAMES)
        actor = bed.start_role("play", settings)
        pids = {"actor": actor.popen.pid, "daemon": daemon.popen.pid}
        found["reference"] = watch(bed, pids, seconds=seconds, repetitions=repetitions)
        return found, decisions


def main() -> int:
    """Measure, and print one JSON object."""
    parser = measuring.parser(
        __doc__ or "",
        examples=[
            ".venv/bin/python -m benchmarks.actor.speed",
            ".venv/bin/python -m benchmarks.actor.speed --seconds 10 --repetitions 7",
        ],
    )
    parser.add_argument("--seconds", type=measuring.positive, default=5, metavar="S")
    parser.add_argument("--repetitions", type=measuring.positive, default=7, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="actor-") as folder:
        samples, decisions = play(
            Path(folder), seconds=options.seconds, repetitions=options.repetitions
        )
    figures = {name: medians(found) for name, found in samples.items()}
    own, real = figures["canned"]["cpu_seconds"], figures["reference"]
    per_core = round(1 / own)
    engine = round(own / (ENGINE_GAME_SECONDS / ENGINE_DECISIONS), 5)
    ratios = {
        "actor against the reference daemon": round(real["cpu_seconds"] / real["daemon"], 3),
        "actor against the real engine's games, reckoned": engine,
        "actor against the real engine's median prompt, reckoned": round(
            own / ENGINE_PROMPT_SECONDS, 3
        ),
    }
    goals = [
        Goal("decisions a second and core", per_core, least=4000),
        Goal("actor against the real engine's games, reckoned", engine, most=0.05),
    ]
    figures["decisions a second and core"] = {"canned": per_core}
    figures["decisions a game"] = {"recorded": decisions}
    return report("actor", figures=figures, ratios=ratios, goals=goals)


if __name__ == "__main__":
    sys.exit(main())
