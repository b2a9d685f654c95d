"""A writer and a reader of the Replay service, each a process of its own for a few seconds.

    python -m benchmarks.league.replay_clients writer ADDRESS TOKEN PAYLOADS SECONDS …

Payloads are encoded before: what a writer does in this time is what an actor's sink does with them,
and what a reader does is to take batches, count their experiences and set priorities. One payload
of each batch is decoded and checked. The last line is one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count, cycle, islice
from pathlib import Path

import msgspec
import numpy as np
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.channel import ServiceAddress, given, open_blocking
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_contracts.segment import decode


@dataclass(frozen=True)
class Job:
    """What a client is to do."""

    role: str
    target: str
    token: str
    authority: str
    payloads: str
    seconds: float
    batch: int


@dataclass(frozen=True)
class Done:
    """What it did."""

    experiences: int
    seconds: float
    cpu: float
    longest_wait: float


def main() -> int:
    """Do it and print what was done."""
    job = msgspec.json.decode(sys.argv[1], type=Job)
    address = ServiceAddress(
        job.target,
        given(job.token),
        authority=job.authority.encode() or None,
        is_encrypted=bool(job.authority),
    )
    payloads = payloads_in(Path(job.payloads))
    with open_blocking(address, waits=True) as channel:
        stub = ReplayServiceStub(channel)
        stub.GetStats(pb.GetStatsRequest())
        print("ready", flush=True)
        sys.stdin.readline()
        steps = decode(payloads[0]).transitions
        done = write(stub, job, payloads, steps) if job.role == "writer" else read(stub, job)
    print(json.dumps(asdict(done)), flush=True)
    return 0


def payloads_in(path: Path) -> list[bytes]:
    """Read payloads, each behind its length: what the peer's interpreter reads, too."""
    with path.open("rb") as file:
        sizes = iter(lambda: file.read(4), b"")
        return [file.read(int.from_bytes(size, "little")) for size in sizes]


def write(stub: ReplayServiceStub, job: Job, payloads: list[bytes], steps: int) -> Done:
    """Record batches on one stream, until the time is over."""
    deadline = time.perf_counter() + job.seconds
    endless = cycle(payloads)

    def requests() -> Iterator[pb.StreamExperienceRequest]:
        for number in count(1):
            if time.perf_counter() > deadline:
                return
            items = [pb.Item(data=d, experiences=steps) for d in islice(endless, job.batch)]
            yield pb.StreamExperienceRequest(
                batch=pb.RecordExperienceRequest(
                    source=f"bench-{os.getpid()}",
                    sequence=number,
                    items=items,
                    wait=Duration(seconds=1),
                )
            )

    recorded, began, cpu = 0, time.perf_counter(), time.process_time()
    last, longest = began, 0.0
    for answer in stub.StreamExperience(requests()):
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
        if not answer.result.held:
            recorded += job.batch * steps
    took = time.perf_counter() - began
    return Done(recorded, took, time.process_time() - cpu, longest)


def read(stub: ReplayServiceStub, job: Job) -> Done:
    """Take batches from a stream and set the priorities of what came."""
    random = np.random.default_rng(1)
    request = pb.GetExperienceBatchRequest(
        size=job.batch,
        sampling=pb.SAMPLING_PRIORITISED,
        beta=0.4,
        reader="bench",
        wait=Duration(seconds=1),
    )
    sampled, began, cpu = 0, time.perf_counter(), time.process_time()
    last, longest = began, 0.0
    stream = stub.StreamExperienceBatches(pb.StreamExperienceBatchesRequest(request=request))
    for answer in stream:
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
        items = answer.items
        if items:
            steps = decode(items[0].data).transitions
            if steps != items[0].experiences:
                raise RuntimeError("a segment has other steps than its item says")
            sampled += sum(item.experiences for item in items)
            priorities = random.uniform(0.1, 10.0, len(items))
            stub.UpdatePriorities(
                pb.UpdatePrioritiesRequest(ids=[item.id for item in items], priorities=priorities)
            )
        if now - began > job.seconds:
            stream.cancel()
            break
    took = time.perf_counter() - began
    return Done(sampled, took, time.process_time() - cpu, longest)


if __name__ == "__main__":
    sys.exit(main())
