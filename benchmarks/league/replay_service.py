"""The Replay service: experiences a second recorded and sampled at the same time, durable.

The real process with TLS, tokens and its journal on the disk; a writer that streams batches of
segments, encoded by the real codec, and a reader that streams prioritised batches and sets the
priorities of each: two processes more, all on the same cores. A ratio of one sample to an insert
makes both sides equally fast.

Three kinds of items: segments of 64 steps of Connect Four and of Magic (2.1 KB a step), and items
of a single step. Wall is what was reached here; beside it stands what two cores reach that do
nothing else, from the processor seconds of all three processes: on a busy machine the first is the
machine's, the second the service's.

dm-reverb, where ``--reverb PYTHON`` names an interpreter that has it, gets the same payloads in the
same run. It is C++, keeps nothing on a disk, asks for no token and has no TLS.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from trainingrun_contracts.environment_config import BuiltIn, Magic
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.segment import SCHEMA_VERSION, Segment, encode
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_environments.registry import spec_of

from benchmarks import measuring
from benchmarks.league.replay_clients import Job
from benchmarks.measuring import ROOT, Goal, process_seconds, report, tell
from testkit.league.league_process import LeagueProcess

BAR = 50_000.0
DISTINCT = 64
"""Payloads that differ; they are sent again and again."""
TABLE_BYTES = 512 * 1024**2
TOLERANCE = 20_000


@dataclass(frozen=True)
class Kind:
    """Items of one sort."""

    name: str
    spec: EnvironmentSpec
    steps: int
    batch: int


@dataclass(frozen=True)
class Reached:
    """What one round reached; rates in experiences a second."""

    recorded: float
    sampled: float
    recorded_on_two_cores: float
    sampled_on_two_cores: float
    server_cpu: float
    clients_cpu: float
    seconds: float
    longest_wait: float


def payload(spec: EnvironmentSpec, steps: int, seed: int) -> bytes:
    """A segment of an environment, encoded."""
    random = np.random.default_rng(seed)
    options = 6
    rows = steps * options
    header = SegmentHeader(
        run_id="bench",
        schema=SCHEMA_VERSION,
        schema_hash=spec.schema_hash,
        epoch=1,
        actor="actor-0",
        seq=seed,
        produced_before=0,
        discarded_before=0,
        game_id=f"actor-0/{seed}",
        seat=1,
        seed=seed,
        decks=("", ""),
        opponent="latest",
        weights_sha256="0" * 64,
        terminated=False,
        truncated=True,
        created_at=0.0,
    )
    return encode(
        Segment(
            header=header,
            versions=np.ones(steps, np.int32),
            publishes=np.ones(steps, np.int32),
            states=random.random((steps, spec.state_width)).astype(np.float16),
            actions=random.random((rows, spec.action_width)).astype(np.float16),
            offsets=np.arange(0, rows + 1, options, dtype=np.int32),
            chosen=random.integers(0, options, steps).astype(np.int32),
            log_probs=-random.random(steps).astype(np.float32),
            values=random.uniform(-1, 1, steps).astype(np.float32),
            rewards=np.zeros(steps, np.float32),
            bootstrap_state=random.random(spec.state_width).astype(np.float16),
        )
    )


def round_of(league: LeagueProcess, kind: Kind, payloads: Path, *, seconds: float) -> Reached:
    """Write and read at the same time for some seconds."""
    address = league.address("replay")
    authority = (address.authority or b"").decode()
    clients = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.league.replay_clients"),
                msgspec.json.encode(
                    Job(
                        role,
                        address.target,
                        league.token(),
                        authority,
                        str(payloads),
                        seconds,
                        kind.batch,
                    )
                ).decode(),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for role in ("writer", "reader")
    ]
    for client in clients:
        assert client.stdout is not None
        client.stdout.readline()
    before = process_seconds(league.process.pid)
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    written, read = (json.loads(client.communicate(timeout=seconds + 120)[0]) for client in clients)
    server = process_seconds(league.process.pid) - before
    return reached(written, read, server)


def reached(written: Mapping[str, Any], read: Mapping[str, Any], server: float) -> Reached:
    """Rates by the wall, and by two cores that have nothing else to do."""
    clients = written["cpu"] + read["cpu"]
    alone = (server + clients) / 2
    return Reached(
        recorded=round(written["experiences"] / written["seconds"]),
        sampled=round(read["experiences"] / read["seconds"]),
        recorded_on_two_cores=round(written["experiences"] / alone),
        sampled_on_two_cores=round(read["experiences"] / alone),
        server_cpu=round(server, 3),
        clients_cpu=round(clients, 3),
        seconds=round(written["seconds"], 3),
        longest_wait=round(max(written["longest_wait"], read["longest_wait"]), 3),
    )


def measured(kind: Kind, options: Any, folder: Path) -> list[Reached]:
    """The rounds of one kind, each on an empty journal."""
    payloads = folder / f"{kind.steps}-{kind.spec.state_width}.payloads"
    made = [payload(kind.spec, kind.steps, seed) for seed in range(DISTINCT)]
    payloads.write_bytes(b"".join(len(each).to_bytes(4, "little") + each for each in made))
    tell(f"{kind.name}: {len(made[0])} bytes an item, {kind.batch} items a batch")
    settings = {
        "samples_per_insert": 1.0,
        "tolerance": TOLERANCE,
        "least": kind.batch * kind.steps,
        "bytes": TABLE_BYTES,
    }
    found = []
    for number in range(options.rounds):
        with LeagueProcess(
            folder / f"league-{kind.steps}-{kind.spec.state_width}-{number}",
            services="replay",
            arguments=[f"--set=replay.{name}={value}" for name, value in settings.items()],
            encrypted=not options.insecure,
        ) as league:
            found.append(round_of(league, kind, payloads, seconds=options.seconds))
        tell(f"  {found[-1]}")
    return found


def median(rounds: list[Reached]) -> dict[str, float]:
    """The median of each figure."""
    rows = [asdict(each) for each in rounds]
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def against_reverb(python: str, kind: Kind, folder: Path, *, seconds: float) -> dict[str, float]:
    """The same payloads through dm-reverb, by its own interpreter."""
    payloads = folder / f"{kind.steps}-{kind.spec.state_width}.payloads"
    command = [python, str(ROOT / "benchmarks/league/replay_reverb.py"), str(payloads)]
    command += [str(kind.steps), str(kind.batch), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return asdict(reached(found["writer"], found["reader"], found["server_cpu"]))


def main() -> int:
    """Measure, and print one JSON object."""
    parser = measuring.parser(
        __doc__ or "",
        examples=[
            ".venv/bin/python -m benchmarks.league.replay_service",
            ".venv/bin/python -m benchmarks.league.replay_service --quick",
            ".venv/bin/python -m benchmarks.league.replay_service --reverb venv/bin/python",
        ],
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=measuring.positive, default=3)
    parser.add_argument("--quick", action="store_true", help="one short round of each kind")
    parser.add_argument("--insecure", action="store_true", help="without TLS")
    parser.add_argument("--reverb", metavar="PYTHON", help="interpreter with dm-reverb")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 2.0, 1
    connect_four = spec_of(BuiltIn("connect_four"))
    kinds = [
        Kind("connect_four, 64 steps", connect_four, 64, 32),
        Kind("magic, 64 steps", spec_of(Magic()), 64, 16),
        Kind("connect_four, 1 step", connect_four, 1, 1024),
    ]
    figures: dict[str, Any] = {"unit": "experiences a second"}
    missing: dict[str, str] = {}
    goals: list[Goal] = []
    with tempfile.TemporaryDirectory(prefix="replay-") as name:
        folder = Path(name)
        for kind in kinds:
            found = figures[kind.name] = median(measured(kind, options, folder))
            for side in ("recorded", "sampled"):
                goals.append(Goal(f"{kind.name}: {side}", found[side], least=BAR))
                on_two = found[f"{side}_on_two_cores"]
                goals.append(Goal(f"{kind.name}: {side}, on two idle cores", on_two, least=BAR))
            if options.reverb:
                try:
                    reverb = against_reverb(options.reverb, kind, folder, seconds=options.seconds)
                    figures[f"dm-reverb, {kind.name}"] = reverb
                except (RuntimeError, subprocess.SubprocessError, OSError, IndexError) as error:
                    missing[f"dm-reverb, {kind.name}"] = str(error)
            elif not missing:
                missing["dm-reverb"] = "no interpreter was named with --reverb"
    ratios = {
        f"{kind.name}: ours against dm-reverb, {side}, on two idle cores": (
            round(figures[kind.name][key] / figures[peer][key], 3) if peer in figures else None
        )
        for kind in kinds
        for peer in [f"dm-reverb, {kind.name}"]
        for side in ("recorded", "sampled")
        for key in [f"{side}_on_two_cores"]
    }
    return report("league_replay", figures=figures, ratios=ratios, goals=goals, missing=missing)


if __name__ == "__main__":
    sys.exit(main())
