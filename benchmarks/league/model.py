"""Downloads of a policy of 100 MB from the Model service, beside a bare gRPC stream of such bytes.

Both servers are processes of their own on loopback, without TLS, and take turns: the bare one sends
the same messages out of its memory, which is what gRPC itself can do on this machine; ours reads
them from the artefacts and asks the database which model is meant. The memory of ours is read
before the first and after the last download. Then the answers to a caller that has the bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np
import psutil
from safetensors.numpy import save
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import (
    ModelServiceServicer,
    ModelServiceStub,
    add_ModelServiceServicer_to_server,
)
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.measuring import Goal, parser, positive, process_seconds, report, tell
from testkit.league.league_process import LeagueProcess
from testkit.ports import free_port

MEGABYTE = 1_000_000
CHUNK = 1024 * 1024
ENVIRONMENT = "connect_four"
AT_ONCE = 4


class Bare(ModelServiceServicer):
    """Sends chunks out of memory, and no more."""

    def __init__(self, size: int) -> None:
        self._parts = [
            pb.GetPolicyResponse(chunk=bytes(min(CHUNK, size - begin)))
            for begin in range(0, size, CHUNK)
        ]

    async def GetPolicy(
        self,
        request: pb.GetPolicyRequest,  # noqa: ARG002 - the protocol's
        context: Any,  # noqa: ARG002 - gRPC's
    ) -> Any:
        for part in self._parts:
            yield part


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the result."""
    made = parser(__doc__ or "", examples=["python benchmarks/league/model.py"])
    made.add_argument("--megabytes", type=positive, default=100, help="of the policy")
    made.add_argument("--rounds", type=positive, default=7, help="downloads from each server")
    made.add_argument("--calls", type=positive, default=1000, help="of a caller with the bytes")
    made.add_argument("--quick", action="store_true", help="20 MB, 2 rounds, 50 calls")
    made.add_argument("--bare", type=int, help="serve bare streams on this port: a side of it")
    options = made.parse_args(arguments)
    size, rounds, calls = options.megabytes * MEGABYTE, options.rounds, options.calls
    if options.quick:
        size, rounds, calls = 20 * MEGABYTE, 2, 50
    if options.bare is not None:
        return serve_bare(options.bare, size)
    figures = measured(size, rounds, calls)
    ratio = round(figures["bytes_per_second"] / figures["bare_bytes_per_second"], 3)
    goals = [
        Goal("of_bare_stream", ratio, least=0.5),
        Goal("rss_growth_mb", figures["rss_growth_mb"], most=48),
        Goal("not_modified_p50_ms", figures["not_modified_p50_ms"], most=2.0),
    ]
    return report("league_model", figures=figures, ratios={"of_bare_stream": ratio}, goals=goals)


def measured(size: int, rounds: int, calls: int) -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        league = LeagueProcess(Path(folder) / "league", services="model", encrypted=False)
        with (
            league,
            bare_server(size) as port,
            league.blocking("model") as ours,
            _channel(port) as bare,
        ):
            stubs = ModelServiceStub(ours), ModelServiceStub(bare)
            return _figures(*stubs, league, size, rounds, calls)


def _figures(
    ours: Any, bare: Any, league: LeagueProcess, size: int, rounds: int, calls: int
) -> dict[str, float]:
    schema = spec_of(config_of(ENVIRONMENT)).schema_hash
    weights = np.random.default_rng(1).standard_normal(size // 4, dtype=np.float32)
    blob = save({"a": weights}, metadata={"schema_hash": schema, "version": "1"})
    header = pb.PublishPolicyRequest.Header(lineage="bench", schema_hash=schema, algorithm="ppo")
    began = time.perf_counter()
    model = publish(ours, header, blob, seconds=300).model
    took = time.perf_counter() - began
    tell(f"published {len(blob) / MEGABYTE:.0f} MB in {took:.2f} s")
    if download(ours, model.id, check=True)[1] != model.sha256:
        raise RuntimeError("the bytes that came are not those that were published")
    download(bare, "m1")
    process = psutil.Process(league.process.pid)
    before, most = process.memory_info().rss, 0
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(rounds):
        for name, stub in (("ours", ours), ("bare", bare)):
            rates[name].append(len(blob) / download(stub, model.id)[0])
        most = max(most, process.memory_info().rss)
        fast, faster = (rates[name][-1] / MEGABYTE for name in ("ours", "bare"))
        tell(f"round {number + 1}: {fast:.0f} MB/s, bare {faster:.0f} MB/s")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: download(ours, model.id), range(2 * AT_ONCE)))
    most = max(most, process.memory_info().rss)
    request = pb.GetPolicyRequest(model_id=model.id, have_sha256=model.sha256)
    spent = process_seconds(league.process.pid), process_seconds(os.getpid())
    latencies = sorted(_seconds(lambda: list(ours.GetPolicy(request))) for _ in range(calls))
    server_cpu = process_seconds(league.process.pid) - spent[0]
    client_cpu = process_seconds(os.getpid()) - spent[1]
    return {
        "megabytes": size / MEGABYTE,
        "bytes_per_second": round(statistics.median(rates["ours"])),
        "bare_bytes_per_second": round(statistics.median(rates["bare"])),
        "published_bytes_per_second": round(len(blob) / took),
        "rss_mb": round(before / MEGABYTE, 1),
        "rss_growth_mb": round((most - before) / MEGABYTE, 1),
        "not_modified_p50_ms": round(1000 * latencies[len(latencies) // 2], 3),
        "not_modified_p99_ms": round(1000 * latencies[int(len(latencies) * 0.99)], 3),
        "not_modified_server_cpu_ms": round(1000 * server_cpu / calls, 3),
        "not_modified_client_cpu_ms": round(1000 * client_cpu / calls, 3),
    }


def download(stub: Any, model_id: str, *, check: bool = False) -> tuple[float, str]:
    """Return how long a download takes, and with ``check`` the hash of what came."""
    digest, began = hashlib.sha256(), time.perf_counter()
    for part in stub.GetPolicy(pb.GetPolicyRequest(model_id=model_id), timeout=300):
        if check and part.WhichOneof("part") == "chunk":
            digest.update(part.chunk)
    return time.perf_counter() - began, digest.hexdigest()


def _seconds(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _channel(port: int) -> grpc.Channel:
    return grpc.insecure_channel(f"127.0.0.1:{port}")


@contextmanager
def bare_server(size: int) -> Iterator[int]:
    """Yield the port of a bare server."""
    port = free_port()
    megabytes = str(size // MEGABYTE)
    command = [sys.executable, __file__, "--bare", str(port), "--megabytes", megabytes]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield port
        finally:
            process.kill()


def serve_bare(port: int, size: int) -> int:
    """Serve bare streams until killed."""

    async def serve() -> None:
        server = grpc.aio.server()
        add_ModelServiceServicer_to_server(Bare(size), server)
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        print("ready", flush=True)
        await server.wait_for_termination()

    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
