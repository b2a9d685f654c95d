"""Speed of the rollout queue, against bare lists in Redis and against one JSON document per step.

Segments of 64 steps with 2.1 KB each go through a real Redis (append-only file on) and are read
again. Ours is the whole way as the product goes it: the actor's sink and spool, encoding, one
transaction a batch with depth and counts, the learner's reader, decoding with validation, the
ledger, acknowledgement and deletion. JSON is what many do: every step a document, pushed, popped
and parsed to arrays.

Bare is LPUSH and BRPOP of the same bytes, ready-made, over the same client library with the same
parser. It does not: encode and decode; look at a number (NaN, offsets, widths, identity); keep what
a learner that dies has taken; count (depth, produced, trained, by cause); find repeated deliveries
or gaps; fence a learner that was replaced; keep on the producer's side what Redis may forget.

Processor seconds are those of this process and of the Redis server together. Not measured here:
networks between machines, and what the learner does with a batch.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import redis
import uvloop
from trainingrun_actor.sink import BATCH_BYTES, Sink
from trainingrun_actor.tasks import cancel_all
from trainingrun_contracts.connection import asyncio_client, blocking_client
from trainingrun_contracts.segment import MAX_STEPS, SCHEMA_VERSION, Segment, encode
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.ledger import ledger_from, queue_ledger
from trainingrun_contracts.stream.read import RolloutReader, next_epoch
from trainingrun_environments.magic.spec import ACTION_WIDTH, SPEC, STATE_WIDTH
from trainingrun_trainer.batcher import Batcher
from trainingrun_trainer.prefetcher import open_entry

from benchmarks import measuring
from benchmarks.measuring import (
    Goal,
    Sample,
    medians,
    process_seconds,
    ratio,
    report,
    tell,
    timed,
)
from testkit.servers.redis_server import RedisServer, start_redis

RUN = "transport"
OPTIONS = 6  # legal actions a step: 320 + 6 * 120 numbers of two bytes are 2.1 KB
READ_COUNT = 16
PATIENCE_SECONDS = 60.0
JSON_SHARE = 8
"""JSON is given this many times fewer segments a turn, because it takes so long."""


def make_segment(seed: int) -> Segment:
    """A segment of full length whose game goes on."""
    random = np.random.default_rng(seed)
    rows = MAX_STEPS * OPTIONS
    header = SegmentHeader(
        run_id=RUN,
        schema=SCHEMA_VERSION,
        schema_hash=SPEC.schema_hash,
        epoch=1,
        actor="actor-0",
        seq=0,
        produced_before=0,
        discarded_before=0,
        game_id=f"actor-0/{seed}",
        seat=1,
        seed=seed,
        decks=("red_aggro", "white_weenie"),
        opponent="latest",
        weights_sha256="0" * 64,
        terminated=False,
        truncated=True,
        created_at=0.0,
    )
    return Segment(
        header=header,
        versions=np.ones(MAX_STEPS, np.int32),
        publishes=np.ones(MAX_STEPS, np.int32),
        states=random.standard_normal((MAX_STEPS, STATE_WIDTH)).astype(np.float16),
        actions=random.standard_normal((rows, ACTION_WIDTH)).astype(np.float16),
        offsets=np.arange(0, rows + 1, OPTIONS, dtype=np.int32),
        chosen=random.integers(0, OPTIONS, MAX_STEPS).astype(np.int32),
        log_probs=-random.random(MAX_STEPS).astype(np.float32),
        values=random.standard_normal(MAX_STEPS).astype(np.float32),
        rewards=np.zeros(MAX_STEPS, np.float32),
        bootstrap_state=random.standard_normal(STATE_WIDTH).astype(np.float16),
    )


class Ours:
    """Sink and reader of the product, one after the other on one thread."""

    def __init__(self, server: RedisServer, segments: list[Segment]) -> None:
        self._segments = segments
        self._keys = Keys(RUN)
        self._loop = uvloop.new_event_loop()
        self._aclient = asyncio_client(server.url_of("actor"))
        self._client = blocking_client(server.url_of("learner"))
        epoch = next_epoch(self._client, self._keys)
        self._reader = RolloutReader(self._client, self._keys, consumer="learner-0", epoch=epoch)
        self._sink = Sink(
            self._aclient,
            self._keys,
            actor="actor-0",
            batch_transitions=1_000_000,
            now=time.monotonic,
        )
        self._sending: asyncio.Task[None] | None = None
        self._intake = Batcher(
            self._reader.load_accounts(), batch_transitions=8192, max_policy_lag=8
        )

    def turn(self) -> None:
        """All segments in, all out, trained as far as the ledger can tell."""
        for segment in self._segments:
            self._sink.offer(segment)
        self._loop.run_until_complete(self._deliver())
        seen, deadline = 0, time.monotonic() + PATIENCE_SECONDS
        while seen < len(self._segments):
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {seen} segments have arrived")
            entries = self._reader.read(count=READ_COUNT, block_milliseconds=1000)
            for entry in entries:
                self._intake.add(open_entry(entry, run_id=RUN, spec=SPEC), publish=1)
            seen += len(entries)
            collected = self._intake.collect()
            self._reader.acknowledge(
                collected.entries, self._intake.accounts, set(collected.actors)
            )

    async def _deliver(self) -> None:
        if self._sending is None:
            self._sending = asyncio.create_task(self._sink.run())
        if not await self._sink.flush(PATIENCE_SECONDS):
            raise RuntimeError("the sink could not deliver")

    def check(self) -> None:
        """The ledger closes and everything was trained."""
        with self._client.pipeline(transaction=True) as pipe:
            queue_ledger(pipe, self._keys)
            ledger = ledger_from(pipe.execute())
        if not ledger.closes or ledger.trained != ledger.produced:
            raise RuntimeError(f"the ledger does not close: {ledger}")

    def close(self) -> None:
        """End both connections."""
        if self._sending is not None:
            self._loop.run_until_complete(cancel_all([self._sending]))
        self._loop.run_until_complete(self._aclient.aclose())
        self._loop.close()
        self._client.close()


def bare(client: redis.Redis, payloads: list[bytes], *, pipelined: bool) -> None:
    """LPUSH in pipelines as large as the sink's, BRPOP of each; or BRPOPs in pipelines, too."""
    share = max(1, BATCH_BYTES // len(payloads[0]))
    for start in range(0, len(payloads), share):
        with client.pipeline(transaction=False) as pipe:
            for payload in payloads[start : start + share]:
                pipe.lpush("bare", payload)
            pipe.execute()
    if not pipelined:
        for _ in payloads:
            client.brpop(["bare"])
        return
    for start in range(0, len(payloads), READ_COUNT):
        with client.pipeline(transaction=False) as pipe:
            for _ in payloads[start : start + READ_COUNT]:
                pipe.brpop(["bare"])
            pipe.execute()


def json_steps(client: redis.Redis, segments: list[Segment]) -> None:
    """Each step a document; pushes of one segment share a pipeline."""
    for segment in segments:
        with client.pipeline(transaction=False) as pipe:
            for step in range(segment.transitions):
                pipe.lpush("json", json.dumps(_document(segment, step)))
            pipe.execute()
    for _ in range(sum(segment.transitions for segment in segments)):
        reply: Any = client.brpop(["json"])
        found = json.loads(reply[1])
        np.array(found["state"], np.float16)
        np.array(found["actions"], np.float16)


def _document(segment: Segment, step: int) -> dict[str, Any]:
    rows = slice(int(segment.offsets[step]), int(segment.offsets[step + 1]))
    return {
        "state": segment.states[step].tolist(),
        "actions": segment.actions[rows].tolist(),
        "chosen": int(segment.chosen[step]),
        "log_prob": float(segment.log_probs[step]),
        "value": float(segment.values[step]),
        "reward": float(segment.rewards[step]),
        "version": int(segment.versions[step]),
    }


@dataclass(frozen=True)
class Work:
    """What a side does in a turn, and for how many transitions."""

    do: Callable[[], None]
    transitions: int


def sample(work: Work, server: RedisServer) -> Sample:
    """One turn: seconds for a million transitions, ours and the server's processor together."""
    before = process_seconds(server.pid)
    taken = timed(work.do)
    spent = process_seconds(server.pid) - before
    scale = 1e6 / work.transitions
    return replace(
        taken,
        cpu=(taken.cpu + spent) * scale,
        wall=taken.wall * scale,
        more={"server_cpu_seconds": spent * scale},
    )


def measure(segments: int, repetitions: int) -> dict[str, list[Sample]]:
    """Samples of every side, in turns, after a turn for warming up."""
    made = [make_segment(seed) for seed in range(segments)]
    payloads = [encode(segment) for segment in made]
    few = made[: max(1, segments // JSON_SHARE)]
    tell(f"{segments} segments a turn, {len(payloads[0]) / MAX_STEPS:.0f} bytes a step")
    samples: dict[str, list[Sample]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="transport-") as folder,
        start_redis(Path(folder)) as server,
        blocking_client(server.admin_url) as client,
    ):
        ours, all_steps = Ours(server, made), segments * MAX_STEPS
        sides = {
            "ours": Work(ours.turn, all_steps),
            "bare": Work(partial(bare, client, payloads, pipelined=False), all_steps),
            "bare pipelined": Work(partial(bare, client, payloads, pipelined=True), all_steps),
            "json": Work(partial(json_steps, client, few), len(few) * MAX_STEPS),
        }
        for number in range(repetitions + 1):
            for name, work in sides.items():
                found = sample(work, server)
                if number:
                    samples.setdefault(name, []).append(found)
            if number:
                tell(
                    f"{number:3d} " + "  ".join(f"{n} {s[-1].cpu:.2f}" for n, s in samples.items())
                )
        ours.check()
        ours.close()
    return samples


def main() -> int:
    """Compare, and print one JSON object."""
    parser = measuring.parser(
        __doc__ or "",
        examples=[
            ".venv/bin/python -m benchmarks.transport.speed",
            ".venv/bin/python -m benchmarks.transport.speed --segments 128 --repetitions 25",
        ],
    )
    parser.add_argument("--segments", type=measuring.positive, default=64, metavar="N")
    parser.add_argument("--repetitions", type=measuring.positive, default=15, metavar="N")
    options = parser.parse_args()
    figures = {
        name: medians(found)
        for name, found in measure(options.segments, options.repetitions).items()
    }
    ours = figures["ours"]
    ratios = {
        f"ours against {name}{suffix}": ratio(figures[name][clock], ours[clock])
        for name in ("bare", "bare pipelined", "json")
        for clock, suffix in (("cpu_seconds", ""), ("wall_seconds", ", wall"))
    }
    goals = [
        Goal("ours against bare", ratios["ours against bare"], least=0.9),
        Goal("ours against json", ratios["ours against json"], least=20.0),
    ]
    return report(
        "transport",
        figures={"unit": "seconds for a million transitions", **figures},
        ratios=ratios,
        goals=goals,
    )


if __name__ == "__main__":
    sys.exit(main())
