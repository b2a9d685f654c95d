"""The operator with many runs: a thousand runs of ten pods on a real control plane.

etcd, API server, controllers and scheduler are the released programs with their client limits
raised; pods are played by kwok. The operator runs under the chart's RBAC. All of it shares this
machine. Each run has six daemons, two actors, a learner and an evaluator, and all runs share one
real Redis; so every pod belongs to the operator's work and none stands for the queue.

    python -m benchmarks.operator.scale --runs 1000       everything, the naive form beside it
    python -m benchmarks.operator.scale --quick           30 runs, a smoke test of the above
    python -m benchmarks.operator.scale --only ours --profile FILE

1. apply     from the first create request to the last child and the last first status (audit log)
2. rest      nothing moves: requests a run and minute, processor
3. shrink    every run gives three of its six daemons back, while three others hold a game each
4. restart   kill -9, and the next one is consistent: it has looked at every run; its writes
5. failover  a second operator stands by; kill -9, and the second has looked at a run
6. naive     the same runs under the naive kopf form, on a control plane of its own

Progress goes to stderr; the last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.desired.redis_config import OPERATOR
from trainingrun_reconciler.kinds import DEPLOYMENT, POD, TRAINING_RUN, Kind

from benchmarks.operator.scale_bed import (
    DAEMONS,
    NODE,
    ROOT,
    RUNS_PER_NAMESPACE,
    Submitter,
    Witness,
    name_of,
    namespace_of,
    nodes_for,
    pause,
    quantile,
    samples_of,
    tell,
    wait_for,
    wait_for_quiet,
)
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import SYSTEM, OperatorProcess, install_chart
from testkit.programs import programs
from testkit.servers.redis_server import RedisServer, start_redis
from testkit.servers.server_process import BedProcess
from testkit.usage import cpu_seconds, megabytes

PODS_PER_RUN = 10
KEPT_DAEMONS = 3
_OF_DAEMONS = "trainingrun.dev/role=daemon"
IDLE_INTERVAL = 120.0
RECONCILE = "trainingrun_operator_reconcile_seconds"
RECONCILES = 'trainingrun_operator_reconciles_total{kind="TrainingRun",result="done"}'
OPTIONS = ("--requests-per-second=2000", "--request-burst=4000")
LEASE = "--lease-seconds=15"
"""The product's own; before the failover it is longer, for a machine that starves the operator."""
KUBERAY = {"clusters": 1000, "ready_seconds": 258, "mb_per_pod": "0.10-0.15"}
"""Published by KubeRay (its own scalability page): quoted, not measured here."""
GOALS = {
    "written_seconds": 60.0,
    "cpu_seconds": 30.0,
    "reconcile_p99_seconds": 1.0,
    "rss_mb": 200.0,
    "rest_calls_per_run_minute": 1.0,
    "rest_cpu_percent": 2.0,
    "restart_seconds": 30.0,
    "restart_writes": 0.0,
    "failover_seconds": 20.0,
    "busy_killed": 0.0,
}


@dataclass
class Bed:
    """One control plane with the runs' Redis."""

    plane: ControlPlane
    submitter: Submitter
    redis: RedisServer
    folder: Path
    runs: int

    @property
    def numbers(self) -> range:
        """The runs that are measured; run 0 has shown beforehand how many children one has."""
        return range(1, self.runs + 1)

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [name_of(number) for number in self.numbers]

    def witness(self, account: str) -> Witness:
        """Of an account of the system namespace."""
        log = self.plane.folder / "logs" / "audit.json"
        return Witness(log, f"system:serviceaccount:{SYSTEM}:{account}")


@contextmanager
def bed(runs: int) -> Iterator[Bed]:
    """A control plane with nodes for all pods, the chart's objects and the namespaces."""
    with tempfile.TemporaryDirectory(prefix="operator-scale-") as name:
        folder = Path(name)
        (folder / "redis").mkdir()
        nodes = nodes_for((runs + 1) * PODS_PER_RUN)
        with (
            ControlPlane(nodes=nodes, size=NODE) as plane,
            start_redis(folder / "redis") as redis,
        ):
            install_chart(plane, programs() / "helm")
            submitter = Submitter(plane)
            submitter.namespaces(runs // RUNS_PER_NAMESPACE + 1)
            yield Bed(plane, submitter, redis, folder, runs)


class ProfiledOperator(OperatorProcess):
    """The operator, under cProfile where a file for it is given."""

    _file: Path | None = None

    def profile(self, file: Path) -> None:
        """Write a profile at its end."""
        self._file = file
        where = self._command.index("-m")
        self._command[where:where] = ["-m", "cProfile", "-o", str(file)]

    def stop(self) -> None:
        """End it in order; a profile takes its time."""
        if self._file is not None and self._process is not None:
            os.kill(self.pid, signal.SIGTERM)
            wait_for(self._is_written, "a profile", seconds=120)
        super().stop()

    def _is_written(self) -> bool:
        return self._file is not None and self._file.exists() and self._file.stat().st_size > 0

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid


def applied(place: Bed, witness: Witness, pid: int, *, limit: float) -> dict[str, Any]:
    """Apply all runs and wait until each has its children and a status."""
    place.submitter.submit([0], place.redis.url_of(OPERATOR))
    wait_for(lambda: _seen(witness, 1) and name_of(0) in witness.first_status, "run 0", seconds=60)
    wait_for_quiet(place.submitter, seconds=60)
    witness.read()
    each = len(witness.children[name_of(0)])
    tell(f"a run has {each} children beside its pods; {place.runs} runs are applied")
    calls, begin, used = witness.total, time.time(), cpu_seconds(pid)
    place.submitter.submit(place.numbers, place.redis.url_of(OPERATOR))
    submitted = time.time() - begin

    def is_done() -> bool:
        witness.read()
        return witness.complete(place.names, each) == place.runs

    done = wait_for(is_done, "all children and statuses", seconds=limit, pause=2.0)
    firsts = [witness.first_status[name] for name in place.names if name in witness.first_status]
    at_written = cpu_seconds(pid) - used
    tell(f"{witness.complete(place.names, each)} runs are written, {at_written:.1f} s of processor")
    quiet = wait_for_quiet(place.submitter, seconds=limit)
    witness.read()
    return {
        "children_per_run": each,
        "submitted_seconds": round(submitted, 1),
        "written_seconds": round(max(witness.last_child, *firsts) - begin, 1) if done else None,
        "children_seconds": round(witness.last_child - begin, 1),
        "first_status_seconds": round(max(firsts) - begin, 1),
        "cpu_seconds_written": round(at_written, 1),
        "cpu_seconds": round(cpu_seconds(pid) - used, 1),
        "quiet_seconds": round(time.time() - begin, 1) if quiet else None,
        "calls_per_run": round((witness.total - calls) / place.runs, 1),
        "status_writes_per_run": round(witness.status_writes / (place.runs + 1), 1),
        "pods": _count(place, POD),
        "refused": {str(code): count for code, count in witness.codes.items() if code >= 400},
    }


def at_rest(place: Bed, witness: Witness, pid: int, seconds: float) -> dict[str, Any]:
    """Requests and processor while nothing moves."""
    witness.read()
    calls, used, begin = witness.total, cpu_seconds(pid), time.monotonic()
    pause(seconds)
    witness.read()
    lasted = time.monotonic() - begin
    return {
        "idle_interval": round(lasted),
        "rest_calls_per_run_minute": round((witness.total - calls) / place.runs / (lasted / 60), 3),
        "rest_cpu_percent": round((cpu_seconds(pid) - used) / lasted * 100, 2),
    }


def shrunk(place: Bed, *, limit: float) -> dict[str, Any]:
    """Every run shrinks to three daemons while three hold a game; which of those were taken."""
    busy = _occupy(place)
    begin = time.time()
    bounds = {"minReplicas": KEPT_DAEMONS, "maxReplicas": KEPT_DAEMONS}
    place.submitter.patch(place.numbers, {"daemon": {"autoscaling": bounds}})

    def is_done() -> bool:
        made = place.submitter.read_all(DEPLOYMENT.path(None), labelSelector=_OF_DAEMONS)
        few = [
            each
            for each in made
            if each["status"].get("replicas") == each["spec"]["replicas"] == KEPT_DAEMONS
        ]
        return len(few) >= place.runs

    done = wait_for(is_done, "three daemons of each run", seconds=limit, pause=10.0)
    tell("all runs have shrunk" if done else "not all runs have shrunk")
    left: dict[str, set[str]] = {}
    for item in _daemons(place):
        run = item["metadata"]["labels"]["trainingrun.dev/run"]
        left.setdefault(run, set()).add(_endpoint(item))
    killed = sum(len(held - left.get(name, set())) for name, held in busy.items())
    return {
        "scale_downs": sum(len(left.get(name, ())) == KEPT_DAEMONS for name in place.names),
        "shrink_seconds": round(time.time() - begin, 1) if done else None,
        "daemons_taken": place.runs * DAEMONS - sum(len(left.get(n, ())) for n in place.names),
        "busy_daemons": sum(len(held) for held in busy.values()),
        "busy_killed": killed,
    }


def _occupy(place: Bed) -> dict[str, set[str]]:
    """A game on every second daemon of each run, leased for an hour; who has one."""
    uids = {
        each["metadata"]["name"]: each["metadata"]["uid"]
        for each in place.submitter.read_all(TRAINING_RUN.path(None))
    }
    found: dict[str, list[str]] = {}
    for item in _daemons(place):
        run = item["metadata"]["labels"]["trainingrun.dev/run"]
        found.setdefault(run, []).append(_endpoint(item))
    until, busy = time.time() + 3600, dict[str, set[str]]()
    with place.redis.client() as client, client.pipeline(transaction=False) as pipe:
        for run in place.names:
            busy[run] = set(sorted(found[run])[::2])
            for endpoint in busy[run]:
                pipe.zadd(Keys(uids[run]).leases + endpoint, {"a game": until})
        pipe.execute()
    return busy


def _daemons(place: Bed) -> list[dict[str, Any]]:
    """Daemons that were not told to go."""
    items = place.submitter.read_all(POD.path(None), labelSelector=_OF_DAEMONS)
    return [
        each
        for each in items
        if "deletionTimestamp" not in each["metadata"] and each["status"].get("podIP")
    ]


def _endpoint(item: dict[str, Any]) -> str:
    return f"{item['status']['podIP']}:17171"


def restarted(place: Bed, operator: ProfiledOperator, witness: Witness) -> dict[str, Any]:
    """Kill it, and start the next: when it has looked at every run, and what it wrote."""
    operator.kill()
    pause(2.0)
    witness.read()
    writes, before, begin = witness.writes, witness.calls.copy(), time.time()
    operator.start()
    ready = time.time() - begin

    def is_consistent() -> bool:
        return samples_of(operator.ask("/metrics")).get(RECONCILES, 0) >= place.runs

    done = wait_for(is_consistent, "a look at every run", seconds=120, pause=0.5)
    lasted = time.time() - begin
    used, peak = cpu_seconds(operator.pid), megabytes(operator.pid, "VmHWM")
    pause(15.0)
    witness.read()
    return {
        "restart_ready_seconds": round(ready, 1),
        "restart_seconds": round(lasted, 1) if done else None,
        "restart_cpu_seconds": round(used, 1),
        "restart_calls": dict((witness.calls - before).most_common(8)),
        "restart_writes": witness.writes - writes,
        "restart_peak_mb": round(peak, 1),
    }


def failed_over(
    place: Bed,
    leader: ProfiledOperator,
    standby: ProfiledOperator,
    witness: Witness,
    *,
    limit: float,
) -> dict[str, Any]:
    """Kill the leader beside one that stands by: when that one works, and has seen every run."""
    leader.start()
    wait_for_quiet(place.submitter, seconds=limit)
    standby.start()
    witness.read()
    writes, begin = witness.writes, time.time()
    leader.kill()

    def looks() -> float:
        return samples_of(standby.ask("/metrics")).get(RECONCILES, 0)

    works = wait_for(lambda: looks() > 0, "the second to work", seconds=120, pause=0.2)
    first = time.time() - begin
    done = wait_for(lambda: looks() >= place.runs, "a look at every run", seconds=120)
    every = time.time() - begin
    pause(10.0)
    witness.read()
    return {
        "failover_seconds": round(first, 1) if works else None,
        "failover_every_run_seconds": round(every, 1) if done else None,
        "failover_writes": witness.writes - writes,
    }


def ours(
    runs: int, *, limit: float, rest: float, profile: Path | None, log: Path | None
) -> dict[str, Any]:
    """All figures of the operator."""
    with bed(runs) as place:
        witness = place.witness("trainingrun-operator")
        kubeconfig = place.plane.kubeconfig_for(SYSTEM, "trainingrun-operator")
        operator = ProfiledOperator(kubeconfig, place.folder, *OPTIONS)
        leader, standby = (
            ProfiledOperator(kubeconfig, place.folder, *OPTIONS, LEASE, name=name)
            for name in ("leader", "standby")
        )
        if profile is not None:
            operator.profile(profile)
        try:
            operator.start()
            found: dict[str, Any] = {"rss_empty_mb": round(megabytes(operator.pid), 1)}
            found |= applied(place, witness, operator.pid, limit=limit)
            if profile is not None:
                return found
            tell(json.dumps(found))
            samples = samples_of(operator.ask("/metrics"))
            found |= _told(samples, operator)
            wait_for_quiet(place.submitter, seconds=limit)
            found |= at_rest(place, witness, operator.pid, rest)
            tell(json.dumps(found))
            found |= shrunk(place, limit=limit)
            tell(json.dumps(found))
            found["rss_mb"] = round(max(found["rss_mb"], megabytes(operator.pid)), 1)
            wait_for_quiet(place.submitter, seconds=limit)
            pause(12.0)  # counters of a status wait for ten seconds
            found |= restarted(place, operator, witness)
            tell(json.dumps(found))
            operator.stop()
            found |= failed_over(place, leader, standby, witness, limit=limit)
            found["bugs"] = operator.log().count("this is a bug")
            if log is not None:
                log.write_text(operator.log() + leader.log() + standby.log())
            return found
        finally:
            operator.stop()
            leader.stop()
            standby.stop()


def _told(samples: dict[str, float], operator: ProfiledOperator) -> dict[str, Any]:
    """What the operator says of itself, and its memory."""
    rss = megabytes(operator.pid)
    return {
        "reconcile_p50_seconds": quantile(samples, RECONCILE, 0.5),
        "reconcile_p99_seconds": quantile(samples, RECONCILE, 0.99),
        "reconciles": samples.get(f"{RECONCILE}_count"),
        "throttled_seconds": round(
            samples.get("trainingrun_operator_throttled_seconds_total", 0.0), 1
        ),
        "objects": samples.get("trainingrun_operator_objects"),
        "rss_mb": round(rss, 1),
        "rss_peak_mb": round(megabytes(operator.pid, "VmHWM"), 1),
    }


def naive(runs: int, *, limit: float, rest: float) -> dict[str, Any]:
    """The same for the naive form; only what it can do is measured."""
    with bed(runs) as place:
        plane, account = place.plane, "naive"
        plane.kubectl("create", "serviceaccount", account, "-n", SYSTEM)
        plane.kubectl(
            "create",
            "clusterrolebinding",
            account,
            "--clusterrole=cluster-admin",
            f"--serviceaccount={SYSTEM}:{account}",
        )
        config = plane.kubeconfig_for(SYSTEM, account)
        script = str(ROOT / "benchmarks" / "operator" / "scale_naive.py")
        options = [script, f"--kubeconfig={config}", f"--folder={place.folder}"]
        environment = {"USER": "trainingrun", "MALLOC_ARENA_MAX": "1"}
        process = BedProcess(
            [sys.executable, *options], place.folder / "naive.log", environment=environment
        )
        try:
            process.wait_until((place.folder / "READY").exists, "naive form ready", seconds=60)
            witness = place.witness(account)
            found = applied(place, witness, process.pid, limit=limit)
            found["rss_mb"] = round(megabytes(process.pid), 1)
            sample = place.submitter.read(TRAINING_RUN.path(namespace_of(1), name_of(1)))
            found["object_bytes"] = len(json.dumps(sample))
            found |= at_rest(place, witness, process.pid, rest)
            return found
        finally:
            process.kill()


def _seen(witness: Witness, children: int) -> bool:
    witness.read()
    return len(witness.children[name_of(0)]) >= children


def _count(place: Bed, kind: Kind) -> int:
    listed = place.submitter.read(kind.path(None), limit="1")
    return len(listed["items"]) + int(listed["metadata"].get("remainingItemCount", 0))


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _met(figures: dict[str, Any]) -> dict[str, bool]:
    """Whether each goal was met; a state that was not reached in time has no figure and is not."""
    return {
        name: figures[name] is not None and figures[name] <= bound
        for name, bound in GOALS.items()
        if name in figures
    }


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description="The operator with many runs.")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="30 runs, a short rest")
    parser.add_argument("--only", choices=("ours", "naive"))
    parser.add_argument("--limit", type=float, default=600.0, help="seconds to wait for a state")
    parser.add_argument("--rest", type=float, default=IDLE_INTERVAL, help="seconds of rest")
    parser.add_argument("--keep-log", type=Path, help="where the operator's log is copied to")
    parser.add_argument("--profile", type=Path, help="of the first operator, by cProfile")
    given = parser.parse_args()
    runs, rest = (30, 30.0) if given.quick else (given.runs, given.rest)
    figures: dict[str, Any] = {"runs": runs}
    if given.only != "naive":
        figures |= ours(
            runs, limit=given.limit, rest=rest, profile=given.profile, log=given.keep_log
        )
    beside: dict[str, Any] = {"kuberay_published": KUBERAY}
    if given.only != "ours":
        tell("the naive form")
        beside["naive"] = naive(runs, limit=given.limit, rest=rest)
    result = {
        "benchmark": "operator_scale",
        "figures": figures,
        "beside": beside,
        "goals": {name: f"<= {bound:g}" for name, bound in GOALS.items()},
        "met": _met(figures),
        "machine": f"{os.cpu_count()} cores, shared with the control plane",
        "commit": _commit(),
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
