"""The inference server beside its bare network, in one run: positions a second, and waits.

Connect Four, a residual network of 64 channels and 4 blocks. Clients are processes of their own
that ask over TCP in rounds of 32 positions, all of them different, without a search in between. The
bare network is computed by one thread in this process, in batches as large as the server's were in
the mean, in turns with the server, whose clients are stopped meanwhile.

Clients, server and this program share the processor, so the wall says as much of the clients as of
the server. The ratio is of processor seconds a position: those of all threads of the server's
process, sockets included, beside those of the bare network.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load
from trainingrun_actor.selfplay.remote import Client, RemoteEvaluator, Servers, Ticket
from trainingrun_contracts.inference_frames import speaker_of
from trainingrun_contracts.policy_format import Network
from trainingrun_environments.registry import games_of
from trainingrun_environments.symmetries import symmetries_of
from trainingrun_search.evaluators import Cached, Request, Symmetric
from trainingrun_search.selfplay import SelfPlay, SelfPlaySettings
from trainingrun_search.settings import SearchSettings
from trainingrun_trainer.inference.computing import KINDS
from trainingrun_trainer.inference.network import BoardNetwork

from benchmarks import measuring
from benchmarks.measuring import Goal, process_seconds, report, tell
from testkit.roles.inference_bed import (
    GAME,
    LAYOUT,
    SPEC,
    InferenceBed,
    Never,
    board_config,
    inference_bed,
    request_of,
    weights_of,
)
from testkit.servers.redis_server import start_redis
from testkit.waiting import until

NETWORK = Network("resnet", 64, 4)
ROUND = 32
LEAST_RATIO = 0.85
WARM_SECONDS = 0.5
MOST_ROWS = 256
SHAPES = (
    ("fp32", 1, 1),
    ("fp32", 4, 1),
    ("fp32", 4, 2),
    ("bf16", 1, 1),
    ("bf16", 4, 1),
    ("bf16", 4, 2),
    ("bf16", 8, 2),
)
"""Precision, clients, and groups of games of each; more of them make larger batches."""
JUDGED = ("fp32, 4 clients, 1 groups", "bf16, 4 clients, 1 groups")


def fresh_requests(seed: int, count: int = 64) -> list[Request]:
    """Rounds of a client; each is made different from all before it by :func:`stamp`."""
    return [request_of(seed * 1000 + number, ROUND) for number in range(count)]


def stamp(request: Request, number: int) -> None:
    """Make all positions of a round new, so that no cache knows them."""
    planes = request.observations.reshape(ROUND, -1)
    bits = np.unpackbits(np.array([number], ">u4").view(np.uint8))
    planes[:, : len(bits)] = bits


def ask(servers: Servers, at: int, groups: int, go: Event, ends: Event, counts: Any) -> None:
    """One client: until the end it has a round of each group on its way, and counts answers."""
    client = Client(speaker_of("board-1", SPEC, NETWORK), LAYOUT, f"client-{at}")
    evaluator = RemoteEvaluator(client, Never(), answer_seconds=60.0)
    evaluator.use(servers)
    requests, number, tickets = fresh_requests(at), at << 24, deque[Ticket]()
    assert evaluator.is_connected
    go.wait()
    while not ends.is_set():
        while len(tickets) < groups:
            request = requests[number % len(requests)]
            stamp(request, number)
            tickets.append(evaluator.submit(request))
            number += 1
        counts[at] += len(evaluator.collect(tickets.popleft()).values)
    for ticket in tickets:
        evaluator.collect(ticket)
    evaluator.close()


def play(servers: Servers, at: int, _groups: int, go: Event, ends: Event, counts: Any) -> None:
    """One worker of self-play, 32 games at a time, as the role has it: its own cache outside, then
    symmetries, then the server. It counts simulations.
    """
    client = Client(speaker_of("board-1", SPEC, NETWORK), LAYOUT, f"client-{at}")
    evaluator = RemoteEvaluator(client, Never(), answer_seconds=60.0)
    evaluator.use(servers)
    games = games_of(GAME)
    asked = Cached(Symmetric(evaluator, symmetries_of(games), seed=at))
    settings = SelfPlaySettings(slots=ROUND, search=SearchSettings(simulations=50))
    search = SelfPlay(games, asked, settings, seed=at)
    numbers = itertools.count()
    assert evaluator.is_connected
    go.wait()
    while not ends.is_set():
        while search.running < ROUND:
            search.begin(next(numbers))
        search.step()
        counts[at] = search.lockstep.simulated
    evaluator.close()


class Clients:
    """Processes that ask one server."""

    def __init__(
        self, servers: Servers, *, count: int, groups: int, work: Callable[..., None] = ask
    ) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._go, self._ends = spawn.Event(), spawn.Event()
        self._counts = spawn.Array("q", count, lock=False)
        self._processes = [
            spawn.Process(
                target=work,
                args=(servers, at, groups, self._go, self._ends, self._counts),
                daemon=True,
            )
            for at in range(count)
        ]
        for process in self._processes:
            process.start()

    def start(self) -> None:
        """Let them ask, and wait until each has an answer."""
        self._go.set()
        until(lambda: all(self._counts), seconds=120, what="answers to every client")

    @property
    def positions(self) -> int:
        """That they got answers for."""
        return sum(self._counts)

    def signal(self, number: int) -> None:
        """Send all of them a signal."""
        for process in self._processes:
            assert process.pid is not None
            os.kill(process.pid, number)

    def end(self) -> None:
        """Let them end."""
        self._ends.set()
        for process in self._processes:
            process.join(60)
            process.kill()


def seconds_alone(kind: torch.dtype, rows: int, *, seconds: float) -> float:
    """Processor seconds a position of the bare network in batches of so many rows."""
    tensors = load(weights_of(1, NETWORK))
    network = BoardNetwork(tensors, NETWORK, SPEC, device=torch.device("cpu"), kind=kind)
    seen = torch.from_numpy(request_of(0, rows).observations.reshape(rows, -1))
    samples: list[float] = []
    end = time.monotonic() + seconds
    with torch.inference_mode():
        network(seen)
        while time.monotonic() < end:
            began = time.thread_time()
            network(seen)
            samples.append(time.thread_time() - began)
    return statistics.fmean(samples) / rows


def answered(pid: int, clients: Clients, *, seconds: float) -> dict[str, float]:
    """Positions and processor seconds of the server over a while."""
    wall, cpu, positions = time.monotonic(), process_seconds(pid), clients.positions
    time.sleep(seconds)
    return {
        "positions": clients.positions - positions,
        "cpu": process_seconds(pid) - cpu,
        "wall": time.monotonic() - wall,
    }


def measure(
    bed: InferenceBed, precision: str, *, clients: int, groups: int, turns: int, seconds: float
) -> dict[str, Any]:
    """One server, asked by so many clients; the bare network in turns with it."""
    member = f"inference-{precision}-{clients}-{groups}"
    server = bed.start_server(member, "--precision", precision, "--cache-megabytes", "0")
    asking = Clients(bed.wait_for(), count=clients, groups=groups)
    served: list[dict[str, float]] = []
    alone: list[float] = []
    try:
        asking.start()
        for _ in range(turns):
            time.sleep(WARM_SECONDS)
            served.append(answered(server.pid, asking, seconds=seconds))
            with stopped(asking):
                (own,) = bed.reports()
                rows = max(1, round((own.fill or 0) * MOST_ROWS))
                alone.append(seconds_alone(KINDS[precision], rows, seconds=seconds / 3))
    finally:
        asking.end()
        server.terminate()
        server.exit_code()
    cpu = statistics.median(each["cpu"] / each["positions"] for each in served)
    bare = statistics.median(alone)
    wall = statistics.median(each["positions"] / each["wall"] for each in served)
    found = {
        "positions_per_second": round(wall),
        "server_positions_per_processor_second": round(1 / cpu),
        "bare_positions_per_processor_second": round(1 / bare),
        "processor_ratio": round(bare / cpu, 3),
        "mean_batch": rows,
        "wait_ms_p50": _milliseconds(own.wait_seconds_p50),
        "wait_ms_p95": _milliseconds(own.wait_seconds_p95),
        "batch_ms": _milliseconds(own.batch_seconds),
    }
    tell(f"{precision}, {clients} clients, {groups} groups: {found}")
    return found


def measure_cache(bed: InferenceBed, megabytes: int, *, seconds: float) -> dict[str, Any]:
    """Four workers of self-play and a server with a cache of this size; weights do not change."""
    server = bed.start_server(f"cache-{megabytes}", "--cache-megabytes", str(megabytes))
    asking = Clients(bed.wait_for(), count=4, groups=1, work=play)
    try:
        asking.start()
        made = answered(server.pid, asking, seconds=seconds)
        (own,) = bed.reports()
    finally:
        asking.end()
        server.terminate()
        server.exit_code()
    found = {
        "simulations_per_second": round(made["positions"] / made["wall"]),
        "server_microseconds_per_simulation": round(1e6 * made["cpu"] / made["positions"], 1),
        "cache_hits": round(own.cache_hits or 0, 3),
        "batch_ms": _milliseconds(own.batch_seconds),
    }
    tell(f"cache of {megabytes} MB: {found}")
    return found


@contextmanager
def stopped(clients: Clients) -> Iterator[None]:
    """Within, the clients are stopped, and the server has nothing to do."""
    clients.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        clients.signal(signal.SIGCONT)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 2)


def main() -> int:
    parser = measuring.parser(
        __doc__ or "", examples=("python -m benchmarks.search.inference_server",)
    )
    parser.add_argument("--turns", type=measuring.positive, default=5, help="[%(default)s]")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn [%(default)s]")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "redis").mkdir()
        config = board_config(network=NETWORK)
        with start_redis(folder / "redis") as redis, inference_bed(folder, redis, config) as bed:
            bed.publish(1)
            for precision, clients, groups in SHAPES:
                figures[f"{precision}, {clients} clients, {groups} groups"] = measure(
                    bed,
                    precision,
                    clients=clients,
                    groups=groups,
                    turns=options.turns,
                    seconds=options.seconds,
                )
            for megabytes in (0, 64):
                figures[f"self-play, cache of {megabytes} MB"] = measure_cache(
                    bed, megabytes, seconds=5 * options.seconds
                )
    ratios = {
        name: found["processor_ratio"]
        for name, found in figures.items()
        if "processor_ratio" in found
    }
    goals = [
        Goal(f"{name}: processor_ratio", ratios[name], least=LEAST_RATIO)
        for name in ratios
        if name in JUDGED
    ]
    return report("search/inference_server", figures=figures, ratios=ratios, goals=goals)


if __name__ == "__main__":
    sys.exit(main())
