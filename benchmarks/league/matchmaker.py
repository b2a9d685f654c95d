"""FindMatch calls a second, with the pairs seated: latency at an open load.

Players join by a schedule (an open load: a slow answer does not slow the next call), each waits for
its opponent, and each answer holds a seat of a game: the pair is in the database and its game made
before. The Matchmaker is its real process on SQLite; this process is the players and a Game service
that makes games and no more. Latency counts from the scheduled moment. Without TLS, which costs a
connection and not a call.

At the end comes the same load of a call that does nothing (CancelMatch of no ticket): what gRPC,
token and metrics cost in this program before the Matchmaker does anything, for each call.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import uvloop
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1.game_pb2 import CreateGameRequest, CreateGameResponse
from trainingrun_contracts.league.v1.game_pb2_grpc import (
    GameServiceServicer,
    add_GameServiceServicer_to_server,
)
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    CancelMatchRequest,
    FindMatchRequest,
    QueueMode,
)
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.measuring import Goal, parser, positive, process_seconds, report, tell
from testkit.league.league_process import LeagueProcess
from testkit.ports import free_port

CHANNELS = 4
WARM_UP_SECONDS = 3
EMPTY_SECONDS = 5


class Games(GameServiceServicer):
    """Makes games."""

    def __init__(self) -> None:
        self.made = 0

    async def CreateGame(
        self,
        request: CreateGameRequest,  # noqa: ARG002 - the protocol's
        context: Any,  # noqa: ARG002 - gRPC's
    ) -> CreateGameResponse:
        self.made += 1
        tokens = ["1" * 40, "2" * 40]
        return CreateGameResponse(game_id=f"g{self.made}", address="a:1", seat_tokens=tokens)


@dataclass
class Load:
    """What became of the calls."""

    latencies: list[float] = field(default_factory=list)
    unmatched: int = 0
    failed: int = 0
    seconds: float = 0.0
    server_cpu: float = 0.0
    client_cpu: float = 0.0
    empty_cpu: float = 0.0


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
    load = uvloop.run(measured(rate, seconds))
    calls = len(load.latencies) + load.unmatched + load.failed
    ordered = sorted(load.latencies) or [float("inf")]
    figures = {
        "asked_per_second": rate,
        "matched_per_second": round(len(load.latencies) / load.seconds, 1),
        "p50_ms": round(1000 * ordered[len(ordered) // 2], 2),
        "p99_ms": round(1000 * ordered[int(len(ordered) * 0.99)], 2),
        "max_ms": round(1000 * ordered[-1], 2),
        "calls": calls,
        "unmatched": load.unmatched,
        "failed": load.failed,
        "server_cpu_ms_per_call": round(1000 * load.server_cpu / calls, 3),
        "client_cpu_ms_per_call": round(1000 * load.client_cpu / calls, 3),
        "empty_call_cpu_ms": round(1000 * load.empty_cpu / (rate * EMPTY_SECONDS), 3),
    }
    least = 0.98 * (100 if options.quick else min(rate, 1000))
    goals = [
        Goal("matched_per_second", figures["matched_per_second"], least=least),
        Goal("p99_ms", figures["p99_ms"], most=50.0),
        Goal("failed", load.failed, most=0),
    ]
    return report("league_matchmaker", figures=figures, ratios={}, goals=goals)


async def measured(rate: int, seconds: int) -> Load:
    """Start the Matchmaker and put the load on it."""
    server = grpc.aio.server()
    add_GameServiceServicer_to_server(Games(), server)  # type: ignore[abstract]
    port = free_port()
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    with tempfile.TemporaryDirectory() as folder:
        league = LeagueProcess(
            Path(folder) / "league",
            services="matchmaker",
            arguments=[
                f"--address=game=127.0.0.1:{port}",
                f"--address=model=127.0.0.1:{free_port()}",
                f"--address=elo=127.0.0.1:{free_port()}",
            ],
            encrypted=False,
        )
        with league:
            channels = [league.channel("matchmaker") for _ in range(CHANNELS)]
            stubs = [MatchmakerServiceStub(channel) for channel in channels]
            tell("warming up …")
            await players(stubs, rate // 4 + 2, WARM_UP_SECONDS, "warm")
            before = process_seconds(league.process.pid), process_seconds(os.getpid())
            load = await players(stubs, rate, seconds, "p")
            load.server_cpu = process_seconds(league.process.pid) - before[0]
            load.client_cpu = process_seconds(os.getpid()) - before[1]
            before = process_seconds(league.process.pid), 0.0
            await empty_calls(stubs, rate, EMPTY_SECONDS)
            load.empty_cpu = process_seconds(league.process.pid) - before[0]
            for channel in channels:
                await channel.close()
    await server.stop(None)
    return load


async def players(stubs: Sequence[Any], rate: int, seconds: int, name: str) -> Load:
    """Let players join by the schedule."""
    load = Load()
    begin = time.perf_counter() + 0.1
    count = rate * seconds // 2 * 2  # an odd one would wait alone
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(_player(stubs[number % len(stubs)], f"{name}{number}", due, load))
    load.seconds = time.perf_counter() - begin
    return load


async def empty_calls(stubs: Sequence[Any], rate: int, seconds: int) -> None:
    """Call what does nothing by the same schedule."""
    begin = time.perf_counter()
    request = CancelMatchRequest(ticket="none")
    async with asyncio.TaskGroup() as tasks:
        for number in range(rate * seconds):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(_called(stubs[number % len(stubs)], request))


async def _called(stub: Any, request: CancelMatchRequest) -> None:
    await stub.CancelMatch(request)


async def _player(stub: Any, name: str, due: float, load: Load) -> None:
    request = FindMatchRequest(
        idempotency_key=name,
        player_id=f"person/{name}",
        mode=QueueMode.QUEUE_MODE_RANKED,
        wait=Duration(seconds=10),
    )
    try:
        answer = await stub.FindMatch(request)
    except grpc.aio.AioRpcError as error:
        if not load.failed:
            tell(f"{error.code()}: {error.details()}")
        load.failed += 1
        return
    if answer.HasField("match"):
        load.latencies.append(time.perf_counter() - due)
    else:
        load.unmatched += 1


if __name__ == "__main__":
    sys.exit(main())
