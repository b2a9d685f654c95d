"""Thousands of watchers of one game: what each costs, and when the last one has a move.

The Game service is its real process on SQLite, without TLS. All watchers are streams of one
connection, as those of the pages are; some of them read nothing (``--silent``). A move counts from
its call: until its player has the answer, and until the last watcher that reads has the state after
it. This process has all the watchers, and takes about as long to read as the server to write.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import uvloop
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.game_pb2 import (
    CreateGameRequest,
    CreateGameResponse,
    JoinGameRequest,
    StreamGameRequest,
    SubmitActionRequest,
)
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.measuring import Goal, parser, positive, process_seconds, report, tell
from testkit.league.league_process import LeagueProcess

PLAYERS = ("person/ada", "person/eve")
STREAM = "/trainingrun.league.v1.GameService/StreamGame"
MOVES = (0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 2, 3)
"""Of connect_four, after which nobody has won."""


@dataclass
class Found:
    """What was measured; bytes and seconds."""

    each: float = 0.0
    grown: int = 0
    answered: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the result."""
    made = parser(__doc__ or "", examples=["python benchmarks/league/watchers.py --silent 1500"])
    made.add_argument("--watchers", type=positive, default=2000, help="in all")
    made.add_argument("--silent", type=int, default=0, help="of these that read nothing")
    made.add_argument("--quick", action="store_true", help="200 watchers, half of them silent")
    options = made.parse_args(arguments)
    watchers, silent = (200, 100) if options.quick else (options.watchers, options.silent)
    found = uvloop.run(measured(watchers - silent, silent))
    cpu = statistics.median(found.cpu)
    figures = {
        "watchers": watchers,
        "silent": silent,
        "kilobytes_each": round(found.each / 1000, 1),
        "grown_megabytes": round(found.grown / 1e6, 1),
        "answer_p50_ms": round(1000 * statistics.median(found.answered), 1),
        "last_watcher_p50_ms": round(1000 * statistics.median(found.shown), 1),
        "last_watcher_max_ms": round(1000 * max(found.shown), 1),
        "server_cpu_ms_per_move": round(1000 * cpu, 1),
        "server_cpu_us_per_watcher": round(1e6 * cpu / watchers, 1),
    }
    goals = [Goal("grown_megabytes", figures["grown_megabytes"], most=16.0)]
    return report("league_watchers", figures=figures, ratios={}, goals=goals)


async def measured(reading: int, silent: int) -> Found:
    """Open the streams, and play."""
    found = Found()
    with tempfile.TemporaryDirectory() as folder:
        league = LeagueProcess(Path(folder) / "league", services="game", encrypted=False)
        with league:
            async with league.channel("game") as channel, league.channel("game") as other:
                stub = GameServiceStub(other)
                game = await begun(stub)
                process = psutil.Process(league.process.pid)
                before = process.memory_info().rss
                request = StreamGameRequest(game_id=game.game_id).SerializeToString()
                streams = [channel.unary_stream(STREAM)(request) for _ in range(reading + silent)]
                await asyncio.gather(*(stream.read() for stream in streams))
                opened = process.memory_info().rss
                found.each = (opened - before) / (reading + silent)
                tell(f"{reading + silent} streams are open")
                for turn in range(len(MOVES)):
                    await move(league, stub, game, turn, streams[:reading], found)
                found.grown = process.memory_info().rss - opened
                for stream in streams:
                    stream.cancel()
    return found


async def begun(stub: Any) -> CreateGameResponse:
    """Make a game and seat both players."""
    request = CreateGameRequest(
        idempotency_key="game",
        players=PLAYERS,
        purpose=MatchPurpose.MATCH_PURPOSE_CASUAL,
        move_limit=Duration(seconds=600),
    )
    game: CreateGameResponse = await stub.CreateGame(request)
    for player, seat_token in zip(PLAYERS, game.seat_tokens, strict=True):
        await stub.JoinGame(
            JoinGameRequest(game_id=game.game_id, seat_token=seat_token, player_id=player)
        )
    return game


async def move(
    league: LeagueProcess,
    stub: Any,
    game: CreateGameResponse,
    turn: int,
    streams: Sequence[Any],
    found: Found,
) -> None:
    """Play one action, and wait until all who read have seen it."""
    reads = [asyncio.ensure_future(stream.read()) for stream in streams]
    await asyncio.sleep(0)
    spent, began = process_seconds(league.process.pid), time.perf_counter()
    await stub.SubmitAction(
        SubmitActionRequest(
            idempotency_key=f"move-{turn}",
            game_id=game.game_id,
            seat_token=game.seat_tokens[turn % 2],
            expected_turn=turn,
            action=MOVES[turn],
        )
    )
    found.answered.append(time.perf_counter() - began)
    await asyncio.gather(*reads)
    found.shown.append(time.perf_counter() - began)
    found.cpu.append(process_seconds(league.process.pid) - spent)


if __name__ == "__main__":
    sys.exit(main())
