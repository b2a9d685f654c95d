"""dm-reverb with the payloads of ``replay_service``, by an interpreter of its own.

    PYTHON benchmarks/league/replay_reverb.py PAYLOADS STEPS BATCH SECONDS

Its usual table for prioritised replay (selector, remover, ratio of samples to inserts), a writer
and a reader, each a process; the reader takes items by the client's sampler, which fetches ahead,
and sets their priorities. No disk, no TLS, no token. Imports nothing of ours: its numpy is
another. The last line is one JSON object.
"""

import json
import multiprocessing
import os
import socket
import sys
import time

import numpy as np
import reverb

TABLE = "replay"
TOLERANCE_ITEMS = 2_000


def cpu_of(pid):
    """Processor seconds of all threads of a process."""
    threads = f"/proc/{pid}/task"
    total = 0
    for thread in os.listdir(threads):
        with open(f"{threads}/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def serve(port, ready, stop, batch):
    """The server."""
    limiter = reverb.rate_limiters.SampleToInsertRatio(
        samples_per_insert=1.0, min_size_to_sample=64, error_buffer=max(TOLERANCE_ITEMS, 8 * batch)
    )
    table = reverb.Table(
        name=TABLE,
        sampler=reverb.selectors.Prioritized(0.6),
        remover=reverb.selectors.Fifo(),
        max_size=200_000 if batch > 100 else 4_000,
        rate_limiter=limiter,
    )
    server = reverb.Server([table], port=port)
    ready.set()
    stop.wait()
    server.stop()


def write(port, payloads, steps, batch, seconds, go, answers):
    """Insert items; answer when the time is over, and continue until killed: the reader would be
    held otherwise."""
    arrays = [np.frombuffer(each, np.uint8) for each in payloads]
    client = reverb.Client(f"localhost:{port}")
    go.wait()
    done, began, cpu, answered = 0, time.perf_counter(), time.process_time(), False
    with client.trajectory_writer(num_keep_alive_refs=1) as writer:
        while True:
            writer.append({"data": arrays[done % len(arrays)]})
            writer.create_item(TABLE, 1.0, {"data": writer.history["data"][-1:]})
            done += 1
            if done % 32 == 0:
                writer.flush(batch)
            took = time.perf_counter() - began
            if not answered and took > seconds:
                answers.put(("writer", done * steps, took, time.process_time() - cpu))
                answered = True


def read(port, steps, batch, seconds, go, answers):
    """Sample items and set their priorities; answer when the time is over, and continue until
    killed: the writer would be held otherwise."""
    client = reverb.Client(f"localhost:{port}")
    random = np.random.default_rng(1)
    go.wait()
    began, cpu, answered = time.perf_counter(), time.process_time(), False
    keys = []
    samples = client.sample(TABLE, num_samples=10**9, emit_timesteps=False)
    for done, sample in enumerate(samples, start=1):
        keys.append(sample.info.key)
        if len(keys) == batch:
            priorities = random.uniform(0.1, 10.0, batch)
            client.mutate_priorities(TABLE, dict(zip(keys, priorities.tolist(), strict=True)))
            keys = []
        took = time.perf_counter() - began
        if not answered and took > seconds:
            answers.put(("reader", done * steps, took, time.process_time() - cpu))
            answered = True


def main():
    """Measure."""
    path, steps, batch, seconds = (
        sys.argv[1],
        int(sys.argv[2]),
        int(sys.argv[3]),
        float(sys.argv[4]),
    )
    with open(path, "rb") as file:
        payloads = [
            file.read(int.from_bytes(size, "little")) for size in iter(lambda: file.read(4), b"")
        ]
    context = multiprocessing.get_context("spawn")
    ready, stop, go, answers = context.Event(), context.Event(), context.Barrier(3), context.Queue()
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    server = context.Process(target=serve, args=(port, ready, stop, batch), daemon=True)
    server.start()
    ready.wait()
    writer = context.Process(
        target=write,
        args=(port, payloads, steps, batch, seconds, go, answers),
        daemon=True,
    )
    reader = context.Process(
        target=read, args=(port, steps, batch, seconds, go, answers), daemon=True
    )
    writer.start()
    reader.start()
    before = cpu_of(server.pid)
    go.wait()
    found = {}
    for _ in range(2):
        role, experiences, took, cpu = answers.get(timeout=seconds + 120)
        found[role] = {
            "experiences": experiences,
            "seconds": took,
            "cpu": cpu,
            "longest_wait": 0.0,
        }
    found["server_cpu"] = cpu_of(server.pid) - before
    print(json.dumps(found), flush=True)
    for process in (writer, reader, server):
        process.kill()


if __name__ == "__main__":
    main()
