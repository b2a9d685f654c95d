"""The bed of ``operator/scale.py``: a control plane for thousands of pods, runs, and witnesses.

Belongs here: what makes load and what tells of it from outside the operator (the API server's audit
log, /proc, the operator's own /metrics). Does not belong here: figures and goals. The audit log is
the witness of all writes, because it costs the API server little and asks the operator nothing.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml
from trainingrun_operator.kube.client import (
    Client,
    load_configuration,
)
from trainingrun_operator.kube.throttle import TokenBucket
from trainingrun_reconciler.kinds import TRAINING_RUN, Kind

from testkit.control_plane.plane import ControlPlane, NodeSize

ROOT = Path(__file__).resolve().parents[2]

QUICKSTART = ROOT / "examples" / "quickstart.yaml"
NODE = NodeSize(cpu="4000", memory="16Ti", pods="1000")
DAEMONS = 6
RUNS_PER_NAMESPACE = 50
NAMESPACE = Kind("", "v1", "Namespace", "namespaces")
WRITES = frozenset({"create", "patch", "update", "delete"})
_NOT_CHILDREN = frozenset({"trainingruns", "events", "pods", "leases"})
_NO_STATE = frozenset({"leases", "selfsubjectaccessreviews"})
"""Not counted as writes: the lock, and questions about permissions, which store nothing."""
_AT_ONCE = 16
_PAGE = "500"


def tell(words: str) -> None:
    """Progress, for people."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def nodes_for(pods: int) -> int:
    """Played nodes that hold so many pods, with some room."""
    return pods * 12 // 10 // int(NODE.pods) + 1


def name_of(number: int) -> str:
    """The name of a run: children begin with it and a hyphen."""
    return f"r{number:04d}"


def namespace_of(number: int) -> str:
    """Runs are spread over namespaces, as those of several teams are."""
    return f"team-{number // RUNS_PER_NAMESPACE}"


def manifest(number: int, redis_url: str) -> dict[str, Any]:
    """The quickstart with six daemons: with two actors, a learner and an evaluator ten pods.

    Redis is one real server that all runs share, so that no pod stands for it.
    """
    document: dict[str, Any] = yaml.safe_load(QUICKSTART.read_text())
    document["metadata"] = {"name": name_of(number), "namespace": namespace_of(number)}
    spec = document["spec"]
    spec["redis"] = {"url": redis_url}
    spec["checkpoint"] = {"storage": {"s3": {"bucket": "bucket", "prefix": "scale"}}}
    spec["daemon"]["autoscaling"] = {"minReplicas": DAEMONS, "maxReplicas": DAEMONS}
    spec["actor"]["replicas"] = 2
    return document


class Submitter:
    """Requests of the administrator, many at once; kubectl would be the brake here."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    def submit(self, numbers: Iterable[int], redis_url: str) -> None:
        """Create the runs."""
        bodies = [manifest(number, redis_url) for number in numbers]
        path = TRAINING_RUN.path

        async def one(client: Client, body: dict[str, Any]) -> None:
            await client.create(path(body["metadata"]["namespace"]), body)

        asyncio.run(self._each(one, bodies))

    def namespaces(self, count: int) -> None:
        """Create the namespaces, restricted."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        bodies = [
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": namespace_of(index * RUNS_PER_NAMESPACE), "labels": labels},
            }
            for index in range(count)
        ]

        async def one(client: Client, body: dict[str, Any]) -> None:
            await client.create(NAMESPACE.path(None), body)

        asyncio.run(self._each(one, bodies))

    def patch(self, numbers: Iterable[int], spec: Mapping[str, Any]) -> None:
        """Change the spec of runs."""

        async def one(client: Client, number: int) -> None:
            path = TRAINING_RUN.path(namespace_of(number), name_of(number))
            await client.merge(path, {"spec": dict(spec)})

        asyncio.run(self._each(one, list(numbers)))

    def read(self, path: str, **query: str) -> dict[str, Any]:
        """One GET."""

        async def get() -> dict[str, Any]:
            client = await self._client()
            try:
                return await client.get(path, **query)
            finally:
                await client.close()

        return asyncio.run(get())

    def read_all(self, path: str, **query: str) -> list[dict[str, Any]]:
        """All objects of a list, a page at a time: thousands of pods in one answer take minutes."""

        async def pages() -> list[dict[str, Any]]:
            client, found, place = await self._client(), list[dict[str, Any]](), {"limit": _PAGE}
            try:
                while True:
                    page = await client.get(path, **query, **place)
                    found += page["items"]
                    if not page["metadata"].get("continue"):
                        return found
                    place["continue"] = page["metadata"]["continue"]
            finally:
                await client.close()

        return asyncio.run(pages())

    async def _client(self) -> Client:
        return Client(await load_configuration(self._plane.kubeconfig), TokenBucket(1e6, 1e6))

    async def _each(self, act: Callable[[Client, Any], Any], items: Sequence[Any]) -> None:
        client, waiting = await self._client(), list(reversed(items))

        async def work() -> None:
            while waiting:
                await act(client, waiting.pop())

        try:
            await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
        finally:
            await client.close()


class _User(msgspec.Struct):
    username: str


class _Object(msgspec.Struct):
    resource: str = ""
    name: str = ""
    namespace: str = ""
    subresource: str = ""


class _Status(msgspec.Struct):
    code: int = 0


class _Entry(msgspec.Struct):
    verb: str
    user: _User
    stageTimestamp: str
    stage: str = ""
    objectRef: _Object = msgspec.field(default_factory=_Object)
    responseStatus: _Status = msgspec.field(default_factory=_Status)


@dataclass
class Witness:
    """What one account asked the API server for, read from the audit log as it grows."""

    log: Path
    account: str
    children: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    first_status: dict[str, float] = field(default_factory=dict)
    last_child: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    status_writes: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    _offset: int = 0

    def read(self) -> None:
        """Take in what is new."""
        decoder, needle = msgspec.json.Decoder(_Entry), self.account.encode()
        with self.log.open("rb") as stream:
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                if needle in line:
                    self._take(decoder.decode(line))

    def _take(self, entry: _Entry) -> None:
        if entry.user.username != self.account or entry.stage != "ResponseComplete":
            return
        at = datetime.fromisoformat(entry.stageTimestamp).timestamp()
        what = entry.objectRef
        self.calls[f"{entry.verb} {what.resource}"] += 1
        self.codes[entry.responseStatus.code] += 1
        if entry.verb not in WRITES or what.resource in _NO_STATE:
            return
        self.writes += 1
        run = what.name.partition("-")[0]
        is_taken = entry.responseStatus.code in {200, 201}
        if what.resource == "trainingruns":
            self.status_writes += 1
            if is_taken:
                self.first_status.setdefault(what.name, at)
        elif is_taken and what.resource not in _NOT_CHILDREN and entry.verb != "delete":
            known = self.children[run]
            if (what.resource, what.name) not in known:
                known.add((what.resource, what.name))
                self.last_child = max(self.last_child, at)

    @property
    def total(self) -> int:
        """All requests, watches not counted while they last."""
        return sum(self.calls.values())

    def complete(self, runs: Iterable[str], each: int) -> int:
        """How many of the runs have so many children and a status."""
        return sum(
            len(self.children.get(run, ())) >= each and run in self.first_status for run in runs
        )


def wait_for(holds: Callable[[], bool], what: str, *, seconds: float, pause: float = 0.5) -> bool:
    """Wait until something holds; whether it did in time."""
    deadline, tick = time.monotonic() + seconds, threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            tell(f"not within {seconds:g} s: {what}")
            return False
        tick.wait(pause)
    return True


def pause(seconds: float) -> None:
    """Let the world go on."""
    threading.Event().wait(seconds)


def wait_for_quiet(submitter: Submitter, *, seconds: float, rate: float = 20.0) -> bool:
    """Wait until the cluster writes fewer than ``rate`` objects a second (nodes beat always)."""
    last: list[tuple[float, int]] = []

    def is_quiet() -> bool:
        listed = submitter.read(NAMESPACE.path(None), limit="1")
        last.append((time.monotonic(), int(listed["metadata"]["resourceVersion"])))
        if len(last) < 3:
            return False
        (then, before), (now, after) = last[-3], last[-1]
        return (after - before) / (now - then) < rate

    return wait_for(is_quiet, "a quiet cluster", seconds=seconds, pause=5.0)


def samples_of(text: str) -> dict[str, float]:
    """The samples of a /metrics page by name with labels."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(number) for name, _, number in (line.rpartition(" ") for line in lines)}


def quantile(samples: Mapping[str, float], metric: str, part: float) -> float | None:
    """The upper bound of the bucket in which a quantile of a histogram lies."""
    head = f'{metric}_bucket{{le="'
    buckets = sorted(
        (float(name.removeprefix(head).removesuffix('"}')), count)
        for name, count in samples.items()
        if name.startswith(head)
    )
    total = buckets[-1][1] if buckets else 0
    return next((bound for bound, count in buckets if total and count >= part * total), None)
