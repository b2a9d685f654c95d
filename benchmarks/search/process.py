"""A whole process of self-play beside the bare search: simulations a processor second.

Connect Four, 50 simulations a move, 32 games at once. The process takes numbers of games from a
real Redis and puts segments there; its metrics say what it did. The bare side plays the same games
with the same network in a loop.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save
from trainingrun_actor.selfplay.admission import selfplay_settings
from trainingrun_actor.selfplay.weights import around, is_costly
from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.board_network import NETWORK_METADATA, board_shapes
from trainingrun_contracts.board_weights import SCHEMA_METADATA, VERSION_METADATA
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import ActorConfig, LearnerConfig
from trainingrun_environments.registry import games_of
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_search.selfplay import SelfPlay

from benchmarks import measuring
from benchmarks.measuring import Goal, process_seconds, ratio, report, tell
from testkit.ports import free_port
from testkit.roles.actor_bed import Bed, actor_bed, config
from testkit.servers.redis_server import start_redis
from testkit.waiting import until

GAME = BuiltIn("connect_four")
SLOTS = 32
NETWORKS = {
    "resnet 64 x 4": Network("resnet", width=64, layers=4),
    "mlp 64 x 2": Network("mlp", width=64, layers=2),
}
SIMULATIONS = "trainingrun_search_simulations_total"
GAMES = "trainingrun_games_total"
_WARM_SECONDS = 3.0


def bare(network: Network, seconds: float) -> Mapping[str, float]:
    """Simulations of games that a loop plays; a few seconds before are not counted."""
    games, random = games_of(GAME), np.random.default_rng(0)
    tensors = {
        name: (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        for name, shape in board_shapes(network, games.spec).items()
    }
    metadata = {SCHEMA_METADATA: games.spec.schema_hash, VERSION_METADATA: "0"}
    blob = save(tensors, {**metadata, NETWORK_METADATA: network.kind})
    evaluator = around(
        BoardPolicy.from_bytes(blob, games.spec),
        games,
        symmetries=True,
        is_costly=is_costly(network, games.spec),
        seed=0,
    )
    settings = selfplay_settings(AlphaZeroConfig().search, slots=SLOTS)
    play, fresh = SelfPlay(games, evaluator, settings, seed=0), itertools.count()

    def play_for(length: float) -> float:
        until_then = time.monotonic() + length
        while time.monotonic() < until_then:
            while play.running < SLOTS:
                play.begin(next(fresh))
            play.step()
        return float(play.lockstep.simulated)

    before = play_for(_WARM_SECONDS)
    began = time.process_time()
    made = play_for(seconds) - before
    return {"simulations": made, "seconds": time.process_time() - began}


@contextmanager
def bed_with(network: Network) -> Iterator[Bed]:
    """A real Redis with weights."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "redis"
        directory.mkdir()
        with start_redis(directory) as server, actor_bed(Path(folder), server) as bed:
            bed.publish_board(network, games_of(GAME).spec)
            yield bed


def whole(network: Network, seconds: float) -> Mapping[str, float]:
    """Simulations of a process of the role."""
    run = config(
        environment=GAME,
        decks=("",),
        actor=ActorConfig(games_per_actor=SLOTS),
        learner=LearnerConfig(batch_transitions=100_000_000, network=network),
        alpha_zero=AlphaZeroConfig(),
    )
    with bed_with(network) as bed:
        port = free_port()
        process = bed.start_role("selfplay", run, metrics_port=port)
        until(lambda: _sum(port, SIMULATIONS) > 0, seconds=120, what="it searches")
        time.sleep(_WARM_SECONDS)
        made, games = _sum(port, SIMULATIONS), _sum(port, GAMES)
        spent = process_seconds(process.popen.pid)
        time.sleep(seconds)
        found = {
            "simulations": _sum(port, SIMULATIONS) - made,
            "games": _sum(port, GAMES) - games,
            "seconds": process_seconds(process.popen.pid) - spent,
            "megabytes": _resident(process.popen.pid),
        }
        process.terminate(seconds=60)
    return found


def _sum(port: int, name: str) -> float:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
    except (urllib.error.URLError, OSError):
        return 0.0
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{"))
    )


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def main() -> int:
    parser = measuring.parser(
        __doc__ or "",
        examples=(
            "python -m benchmarks.search.process",
            "python -m benchmarks.search.process --seconds 60",
        ),
    )
    parser.add_argument("--seconds", type=measuring.positive, default=20, help="[%(default)s]")
    seconds = float(parser.parse_args().seconds)
    figures: dict[str, Any] = {}
    for name, network in NETWORKS.items():
        for side, work in (("bare", bare), ("process", whole)):
            found = work(network, seconds)
            rate = round(found["simulations"] / found["seconds"])
            figures[f"{name}, {side}"] = {
                "simulations_per_second": rate,
                **{key: round(value) for key, value in found.items()},
            }
            tell(f"{name}, {side}: {figures[f'{name}, {side}']}")

    def speed(name: str) -> float:
        return float(figures[name]["simulations_per_second"])

    goals = [Goal("process_simulations_per_second", speed("resnet 64 x 4, process"), least=2000.0)]
    ratios = {name: ratio(speed(f"{name}, process"), speed(f"{name}, bare")) for name in NETWORKS}
    return report("search/process", figures=figures, ratios=ratios, goals=goals)


if __name__ == "__main__":
    sys.exit(main())
