"""The Elo service: how long a fit of a large pool takes, and how many results a second it keeps.

1. The fit of 1,000 players to 1,000,000 games between random pairs of them (some 430,000 pairings),
   from nothing and from the ratings before; and how far it is from the planted strengths, in
   standard errors.
2. Results over gRPC with TLS into a league's process, in batches, durable when they are answered
   (SQLite with ``synchronous=FULL``; PostgreSQL with its defaults, where Debian's is installed).

Processor seconds are given beside those of the wall: a busy machine lengthens the latter alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from trainingrun_contracts.league.v1.common_pb2 import MATCH_PURPOSE_RATING, Score
from trainingrun_contracts.league.v1.elo_pb2 import MatchResult, UpdateEloRatingsRequest
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.ratings.bradley_terry import Pairings, fit_pairings, spread_draws

from benchmarks.measuring import Goal, parser, process_seconds, report, tell, timed
from testkit.league.league_process import LeagueProcess
from testkit.servers.postgresql_server import PostgresqlServer, postgresql_programs

SPREAD_ELO = 300.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report."""
    made = parser(str(__doc__), examples=["python benchmarks/league/elo.py --quick"])
    made.add_argument("--quick", action="store_true", help="a smoke run")
    options = made.parse_args(arguments)
    fit = fits(players=100 if options.quick else 1000, games=20_000 if options.quick else 1_000_000)
    figures: dict[str, Any] = {"fit": fit}
    missing: dict[str, str] = {}
    figures["sqlite"] = accepted(options, [])
    try:
        postgresql_programs()
    except FileNotFoundError as error:
        missing["postgresql"] = str(error)
    else:
        with PostgresqlServer() as server:
            url = server.create_database("benchmark")
            figures["postgresql"] = accepted(options, ["--database", url, "--migrate"])
    goals = [
        Goal("fit of 1,000 players, processor seconds", fit["cpu_seconds"], most=2.0),
        Goal("fit of 1,000 players, seconds", fit["wall_seconds"], most=2.0),
        *(
            Goal(f"results a second, {name}", figures[name]["per_second"], least=10_000)
            for name in ("sqlite", "postgresql")
            if name in figures
        ),
    ]
    return report("elo", figures=figures, ratios={}, goals=goals, missing=missing)


def fits(*, players: int, games: int) -> dict[str, float]:
    """Seconds of both clocks, the best of three, and how good the fit is."""
    generator = np.random.default_rng(1)
    truth = generator.normal(0.0, SPREAD_ELO, players)
    truth -= truth[0]
    one = generator.integers(0, players, games)
    other = (one + generator.integers(1, players, games)) % players
    first, second = np.minimum(one, other), np.maximum(one, other)
    chance = 1.0 / (1.0 + 10.0 ** ((truth[second] - truth[first]) / 400.0))
    won = (generator.random(games) < chance).astype(np.float64)
    cell = first * players + second
    counts = np.bincount(cell, minlength=players * players)
    kept = np.flatnonzero(counts)
    scores = np.bincount(cell, won, players * players)[kept]
    pairings = Pairings(kept // players, kept % players, counts[kept].astype(np.float64), scores)

    def fit(start: Any = None) -> Any:
        draws = spread_draws(pairings, players=players)
        return fit_pairings(pairings, draws, players=players, anchor=0, start=start)

    found = fit()
    cold, warm = best(fit), best(lambda: fit(found.elo))
    off = np.abs(found.elo - truth)[1:] / found.error[1:]
    return {
        **cold,
        "warm_cpu_seconds": warm["cpu_seconds"],
        "warm_wall_seconds": warm["wall_seconds"],
        "pairings": len(kept),
        "within_two_errors": round(float((off < 2).mean()), 4),
    }


def best(work: Callable[[], object]) -> dict[str, float]:
    """The least of three on each clock."""

    def once() -> None:
        work()

    samples = [timed(once) for _ in range(3)]
    return {
        "cpu_seconds": round(min(each.cpu for each in samples), 3),
        "wall_seconds": round(min(each.wall for each in samples), 3),
    }


def accepted(options: argparse.Namespace, arguments: Sequence[str]) -> Mapping[str, float]:
    """Results a second that one client has kept, between a hundred players."""
    size, batches = (500, 4) if options.quick else (10_000, 12)
    generator = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        league = LeagueProcess(Path(folder), services="elo", arguments=arguments)
        with league, league.blocking("elo") as channel:
            stub = EloServiceStub(channel)
            stub.UpdateEloRatings(batch(generator, "warm", size))
            requests = [batch(generator, str(n), size) for n in range(batches)]
            before, began = process_seconds(league.process.pid), time.perf_counter()
            kept = sum(stub.UpdateEloRatings(each, timeout=120).accepted for each in requests)
            took = time.perf_counter() - began
            cpu = process_seconds(league.process.pid) - before
    assert kept == size * batches, "every result is new"
    tell(f"{kept} results in {took:.2f} s, {cpu:.2f} s of the processor")
    return {
        "per_second": round(kept / took),
        "per_processor_second": round(kept / cpu),
        "batch": size,
        "results": kept,
    }


def batch(generator: np.random.Generator, name: str, size: int) -> UpdateEloRatingsRequest:
    """A request with new results."""
    pairs = [generator.choice(100, 2, replace=False).tolist() for _ in range(size)]
    results = [
        MatchResult(
            match_id=f"{name}-{number}",
            first=f"model/{first}",
            second=f"model/{second}",
            score=Score(wins=1, losses=1),
            purpose=MATCH_PURPOSE_RATING,
        )
        for number, (first, second) in enumerate(pairs)
    ]
    return UpdateEloRatingsRequest(results=results)


if __name__ == "__main__":
    sys.exit(main())
