"""Where an actor's time for a decision goes: processor time of each part of its path, one by one.

The parts run over recorded games in this process, without sockets and Redis, each stage on top of
those before it, so that every part finds the caches as its predecessors left them; what is printed
is the difference. The least of many rounds counts. ``--tree DIR`` measures the actor of another
checkout in turns with this one.

Not here: the event loop, sockets and Redis. They are what ``actor/speed.py`` measures beyond
these parts.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from safetensors.numpy import save
from trainingrun_actor.inference import Inference
from trainingrun_actor.policy import Policy, Request, load_policy
from trainingrun_contracts.policy_format import Network, shapes_of
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.magic.answering import answering
from trainingrun_environments.magic.encoder import Encoder
from trainingrun_environments.magic.spec import SPEC
from trainingrun_environments.magic.view import view_of
from trainingrun_environments.observation import Observation
from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.decisions import decode_decision
from trainingrun_protocol.lines import DecisionLine

from benchmarks import measuring
from benchmarks.actor.speed import RECORDED, record
from benchmarks.measuring import ONE_THREAD, ROOT, report, tell
from testkit.roles.actor_bed import actor_bed
from testkit.servers.redis_server import start_redis

BATCHES = (1, 4, 16)


class Recorded:
    """The path of recorded decisions through an actor, as far as a stage says."""

    def __init__(self, games: Sequence[Sequence[str]]) -> None:
        self.texts = [text.encode() for game in games for text in game[:-1]]
        self.observations: list[Observation] = []

    def lines(self) -> list[bytes]:
        """Bytes to lines."""
        connection = ClientConnection()
        connection.start(NewGame(deck1="a", deck2="b", interactive=True))
        found = []
        for text in self.texts:
            for line in connection.receive(text):
                if isinstance(line, DecisionLine):
                    connection.answer("0")
                    found.append(line.raw)
        return found

    def decode(self) -> None:
        for raw in self.lines():
            decode_decision(raw)

    def sort_out(self) -> None:
        for raw in self.lines():
            view_of(decode_decision(raw))

    def ask(self) -> None:
        self._ask(None)

    def encode(self) -> None:
        self._ask(Encoder())

    def _ask(self, encoder: Encoder | None) -> None:
        random, found = Random(1), []
        for raw in self.lines():
            answer = answering(decode_decision(raw))
            while (question := answer.question) is not None:
                if encoder is not None and len(question.options) > 1:
                    found.append(encoder.encode(question))
                answer.choose(random.randrange(len(question.options)))
        self.observations = found


def policy() -> Policy:
    """Random weights."""
    random = np.random.default_rng(0)
    tensors = {
        name: (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        for name, shape in shapes_of(Network(), SPEC).items()
    }
    blob = save(tensors, {"schema_hash": SPEC.schema_hash, "version": "0"})
    return load_policy(blob, Pointer(epoch=0, version=0, publish=0, sha256="", at=0.0), SPEC)


def infer(weights: Policy, observations: Sequence[Observation], batch: int) -> None:
    """All observations through the micro-batching, so many at once."""

    async def run() -> None:
        inference = Inference()
        for start in range(0, len(observations), batch):
            group = observations[start : start + batch]
            await asyncio.gather(*(inference.choose(Request(weights, o, 0.5)) for o in group))

    asyncio.run(run())


def measure(games: Sequence[Sequence[str]], rounds: int) -> dict[str, float]:
    """Microseconds a decision of each part."""
    recorded, weights = Recorded(games), policy()
    count = len(recorded.lines())
    recorded.encode()
    seen = recorded.observations
    stages: dict[str, Callable[[], Any]] = {
        "lines": recorded.lines,
        "decode": recorded.decode,
        "view": recorded.sort_out,
        "questions": recorded.ask,
        "encode": recorded.encode,
        **{f"inference by {n}": partial(infer, weights, seen, n) for n in BATCHES},
    }
    least = dict.fromkeys(stages, float("inf"))
    for _ in range(rounds):
        for name, stage in stages.items():
            began = time.process_time()
            stage()
            least[name] = min(least[name], time.process_time() - began)
    micro = {name: value / count * 1e6 for name, value in least.items()}
    before = {
        "lines": 0.0,
        "decode": "lines",
        "view": "decode",
        "questions": "view",
        "encode": "questions",
    }
    found = {
        name: value - (micro[before[name]] if before.get(name) else 0.0)
        for name, value in micro.items()
    }
    return {name: round(value, 1) for name, value in found.items()}


def side(tree: Path | None, document: Path, rounds: int) -> dict[str, float]:
    """The parts of this checkout's actor, or of another's, in a process of its own."""
    paths = [str((tree or ROOT) / member / "src") for member in ("protocol", "contracts", "actor")]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.actor.parts",
            "--games",
            str(document),
            "--rounds",
            str(rounds),
        ],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def record_games(folder: Path) -> list[list[str]]:
    """Games of a reference daemon between random players."""
    with start_redis(folder) as server, actor_bed(folder, server) as bed:
        _, endpoint = bed.start_daemon(slots_served=1)
        return [asyncio.run(record(endpoint, seed)) for seed in range(RECORDED)]


def table(sides: dict[str, dict[str, float]]) -> list[str]:
    """Parts by rows, checkouts by columns."""
    lines = [f"| us a decision | {' | '.join(sides)} |", f"|---|{'---|' * len(sides)}"]
    for part in next(iter(sides.values())):
        lines.append(f"| {part} | {' | '.join(str(found[part]) for found in sides.values())} |")
    return lines


def main() -> int:
    """Record, measure, print a table and one JSON object."""
    parser = measuring.parser(
        __doc__ or "",
        examples=[".venv/bin/python -m benchmarks.actor.parts --tree /tmp/older-checkout"],
    )
    parser.add_argument("--tree", type=Path, metavar="DIR")
    parser.add_argument("--rounds", type=measuring.positive, default=10, metavar="N")
    parser.add_argument("--repetitions", type=measuring.positive, default=3, metavar="N")
    parser.add_argument("--games", type=Path, metavar="FILE", help="recorded; prints the parts")
    options = parser.parse_args()
    if options.games:
        print(json.dumps(measure(json.loads(options.games.read_text()), options.rounds)))
        return 0
    trees = {"this": None} if options.tree is None else {"that": options.tree, "this": None}
    sides: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="actor-parts-") as folder:
        document = Path(folder) / "games.json"
        document.write_text(json.dumps(record_games(Path(folder))))
        for _ in range(options.repetitions):
            for name, tree in trees.items():
                found = side(tree, document, options.rounds)
                known = sides.setdefault(name, found)
                sides[name] = {part: min(value, known[part]) for part, value in found.items()}
    tell("\n".join(table(sides)))
    return report("actor_parts", figures=sides, ratios={}, goals=[])


if __name__ == "__main__":
    sys.exit(main())
