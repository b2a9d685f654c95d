"""A run on a real cluster is broken again and again: does every transition stay accounted for?

What ``chaos/local.py`` does to processes of this machine happens here to pods. Each fault is done
so many times: every role's pod is killed at once and is deleted with its grace, the operator's
too; Redis' claim is lost with its pod; the run's pods are drained from their node, which takes
none until they are gone; the API server goes away. After each fault games and updates must go on.
Every few faults the run is suspended, so that nothing is on its way, and the ledger of its status
must close with nothing lost; with the claim of Redis goes what only its queue held, and no more.

KUBECONFIG names a throw-away cluster where the chart is installed. Clusters have no common way to
stop a container or the API server at once, so give commands for it: without ``--kill`` pods are
deleted without grace, without ``--outage`` the API server stays. In ``--kill`` the words NAMESPACE,
POD and CONTAINER (its id) are filled in. A drain needs rights over nodes.

Progress goes to stderr; the last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml
from trainingrun_contracts.stream.ledger import Ledger

from benchmarks.chaos.figures import FaultSeen, Settled, figures_of
from benchmarks.measuring import Goal, parser, positive, report, tell
from testkit.e2e.cluster import ClusterError, Namespace, run
from testkit.e2e.training import short_quickstart, status, suspend
from testkit.waiting import until

NAME: Final = "chaos"
GAMES: Final = 1_000_000
ROLES: Final = ("daemon", "actor", "learner", "evaluator", "redis")
OPERATOR: Final = "app.kubernetes.io/name=trainingrun"
EVERY_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 240.0
DRAIN_SECONDS: Final = 60
LOST_CLAIM: Final = "claim lost"


@dataclass(frozen=True)
class Progress:
    """How far a run has come, by its status."""

    games: int
    updates: int


@dataclass
class ClusterChaos:
    """The faults of one run on a cluster, and what was seen of them."""

    namespace: Namespace
    system: Namespace
    kill: str | None
    outage: str | None
    settle_every: int
    faults: list[FaultSeen] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)

    @property
    def kinds(self) -> Mapping[str, Callable[[], None]]:
        """Every fault that can be done here, by its name."""
        found: dict[str, Callable[[], None]] = {}
        for role in ROLES:
            found[f"{role}:kill"] = lambda role=role: self._kill(self.namespace, _selector(role))
            found[f"{role}:delete"] = lambda role=role: self._delete(
                self.namespace, _selector(role)
            )
        found["operator:kill"] = lambda: self._kill(self.system, OPERATOR)
        found["operator:delete"] = lambda: self._delete(self.system, OPERATOR)
        found[f"redis:{LOST_CLAIM}"] = self._lose_claim
        found["node:drain"] = self._drain
        if self.outage is not None:
            found["api server:outage"] = self._break_api_server
        return found

    def start(self, folder: Path) -> None:
        """A run that does not end by itself, once all of its roles work."""
        file = short_quickstart(folder, name=NAME, games=GAMES)
        document = yaml.safe_load(file.read_text())
        document["spec"]["evaluation"].update({"intervalGames": 300, "games": 10})
        file.write_text(yaml.safe_dump(document))
        self.namespace.kubectl("apply", "-f", str(file))
        self._go_on_after(Progress(0, 0))
        until(
            lambda: self._pods(self.namespace, _selector("evaluator")),
            seconds=PATIENCE_SECONDS,
            what="the evaluator runs",
            every=EVERY_SECONDS,
        )

    def phase(self, name: str, count: int) -> None:
        """So many faults of one kind."""
        role, _, way = name.partition(":")
        since = 0
        for number in range(count):
            queued = self.ledger().queued if way == LOST_CLAIM else 0
            seen = replace(self._break(role, way, self.kinds[name]), queued=queued)
            self.faults.append(seen)
            since += 1
            tell(f"{name} {number + 1}/{count}: {_words(seen)}")
            if since == self.settle_every or number + 1 == count:
                self.settle(role, faults=since)
                since = 0

    def settle(self, role: str, *, faults: int) -> None:
        """Suspend the run, read its ledger, and let it go on."""
        before = self.settled[-1].ledger if self.settled else _NOTHING
        began, progress = time.monotonic(), self.progress()
        suspend(self.namespace, NAME, wanted=True)
        self.namespace.wait(f"tr/{NAME}", condition="condition=Suspended", seconds=300)
        ledger = self.ledger()
        found = Settled(role, faults, ledger, before, witnessed=0, appended_twice=0)
        self.settled.append(found)
        tell(
            f"  at rest after {time.monotonic() - began:.1f} s: produced {ledger.produced}, trained"
            f" {ledger.trained}, dropped {ledger.dropped}, lost {found.lost}:"
            f" {'closes' if found.closes else 'DOES NOT CLOSE'}"
        )
        suspend(self.namespace, NAME, wanted=False)
        self._go_on_after(progress)

    def progress(self) -> Progress:
        """How far the run has come."""
        told = status(self.namespace, NAME)
        games = told.get("games", {}).get("played") or 0
        return Progress(int(games), int(told.get("model", {}).get("version") or 0))

    def ledger(self) -> Ledger:
        """The ledger of the run's status."""
        told = status(self.namespace, NAME)["transitions"]
        return Ledger(**{name: told[name] for name in Ledger.__struct_fields__})

    # The faults.

    def _kill(self, namespace: Namespace, selector: str) -> None:
        """SIGKILL to a container, which its pod starts again; or a pod that goes at once."""
        pod = self._pods(namespace, selector)[0]
        name = pod["metadata"]["name"]
        if self.kill is None:
            namespace.kubectl("delete", "pod", name, "--force", "--grace-period=0")
            return
        container = pod["status"]["containerStatuses"][0]["containerID"].partition("://")[2]
        facts = {"NAMESPACE": namespace.name, "POD": name, "CONTAINER": container}
        run(*(facts.get(word, word) for word in shlex.split(self.kill)))

    def _delete(self, namespace: Namespace, selector: str) -> None:
        """A pod ends as it would like to."""
        name = self._pods(namespace, selector)[0]["metadata"]["name"]
        namespace.kubectl("delete", "pod", name, "--timeout=200s", timeout=210)

    def _lose_claim(self) -> None:
        """Redis' claim and its pod: what nobody else holds of the queue is gone."""
        (pod,) = self._pods(self.namespace, _selector("redis"))
        (claim,) = (
            each["persistentVolumeClaim"]["claimName"]
            for each in pod["spec"]["volumes"]
            if "persistentVolumeClaim" in each
        )
        self.namespace.kubectl("delete", "pvc", claim, "--wait=false")
        self.namespace.kubectl(
            "delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0"
        )

    def _drain(self) -> None:
        """Every pod of the run leaves its node, as far as its disruption budgets let it."""
        (pod, *_) = self._pods(self.namespace, _selector("daemon"))
        node = pod["spec"]["nodeName"]
        try:
            with suppress(ClusterError):  # a budget holds the last pods back where no other node is
                run(
                    "kubectl",
                    "drain",
                    node,
                    f"--pod-selector=trainingrun.dev/run={NAME}",
                    "--ignore-daemonsets",
                    "--delete-emptydir-data",
                    f"--timeout={DRAIN_SECONDS}s",
                    timeout=DRAIN_SECONDS + 30,
                )
        finally:
            run("kubectl", "uncordon", node)

    def _break_api_server(self) -> None:
        """The API server ends; whoever runs it starts it again."""
        assert self.outage is not None
        run(*shlex.split(self.outage))

    # Around them.

    def _break(self, role: str, way: str, fault: Callable[[], None]) -> FaultSeen:
        before, broken = self.progress(), time.monotonic()
        fault()
        to: dict[str, float] = {}

        def look() -> bool:
            nonlocal before
            try:
                now, seconds = self.progress(), time.monotonic() - broken
            except ClusterError:
                return False  # the API server is away
            if not to and now.games < before.games:
                if way != LOST_CLAIM:
                    raise AssertionError(f"games fell from {before.games} to {now.games}")
                before = now  # games that nobody but this Redis had counted
            if now.games > before.games:
                to.setdefault("games", seconds)
            if now.updates > before.updates:
                to.setdefault("updates", seconds)
            return len(to) == 2

        with suppress(AssertionError):
            until(look, seconds=PATIENCE_SECONDS, what="games and updates", every=EVERY_SECONDS)
        closed = False
        with suppress(ClusterError):
            closed = self.ledger().closes
        return FaultSeen(role, way, to.get("games"), to.get("updates"), closed_at_once=closed)

    def _go_on_after(self, before: Progress) -> None:
        def holds() -> bool:
            now = self.progress()
            return now.games > before.games and now.updates > before.updates

        until(holds, seconds=PATIENCE_SECONDS, what="games and updates", every=EVERY_SECONDS)

    @staticmethod
    def _pods(namespace: Namespace, selector: str) -> list[Any]:
        """Pods that run and are not on their way out; waits for one."""
        found: list[Any] = []

        def some() -> bool:
            found[:] = [
                pod
                for pod in namespace.get("pods", "-l", selector)["items"]
                if "deletionTimestamp" not in pod["metadata"]
                and pod["status"]["phase"] == "Running"
                and all("running" in c["state"] for c in pod["status"]["containerStatuses"])
            ]
            return bool(found)

        until(some, seconds=PATIENCE_SECONDS, what=f"a pod of {selector}", every=EVERY_SECONDS)
        return found


_NOTHING: Final = Ledger(
    produced=0,
    trained=0,
    queued=0,
    lost=0,
    dropped={"stale": 0, "duplicate": 0, "poison": 0, "spool": 0},
)


def goals_of(chaos: ClusterChaos) -> list[Goal]:
    """What must hold."""
    lost = sum(each.lost for each in chaos.settled)
    may_be_lost = sum(each.queued for each in chaos.faults)
    return [
        Goal("not recovered", sum(each.seconds is None for each in chaos.faults), most=0),
        Goal("ledgers that do not close", sum(not each.closes for each in chaos.settled), most=0),
        Goal("transitions lost", lost, most=may_be_lost),
    ]


def main() -> int:
    """Break it, look, and report."""
    arguments = _parser().parse_args()
    namespace, why = Namespace(arguments.namespace), ""
    chaos = ClusterChaos(
        namespace,
        Namespace(arguments.system),
        arguments.kill,
        arguments.outage,
        arguments.settle_every,
    )
    kinds = arguments.faults.split(",") if arguments.faults else list(chaos.kinds)
    unknown = [kind for kind in kinds if kind not in chaos.kinds]
    if unknown:
        raise SystemExit(f"{unknown[0]!r} is no fault here: give some of {','.join(chaos.kinds)}")
    run("kubectl", "create", "namespace", namespace.name)
    try:
        with tempfile.TemporaryDirectory() as folder:
            chaos.start(Path(folder))
        chaos.settle("nobody", faults=0)
        for kind in kinds:
            chaos.phase(kind, arguments.repeat)
    except (AssertionError, ClusterError) as error:
        why = str(error)
        tell(f"cannot go on: {why}")
    finally:
        if not arguments.keep:
            run("kubectl", "delete", "namespace", namespace.name, "--wait", timeout=300)
    figures = {"faults": len(chaos.faults), "roles": figures_of(chaos.faults, chaos.settled)}
    missing = {"the rest": why} if why else {}
    return report(
        "chaos_cluster", figures=figures, ratios={}, goals=goals_of(chaos), missing=missing
    )


def _selector(role: str) -> str:
    return f"trainingrun.dev/run={NAME},trainingrun.dev/role={role}"


def _words(seen: FaultSeen) -> str:
    if seen.seconds is None:
        return f"DID NOT RECOVER (games {seen.seconds_to_games}, updates {seen.seconds_to_updates})"
    return (
        f"games go on after {seen.seconds_to_games:.1f} s, updates after"
        f" {seen.seconds_to_updates:.1f} s"
    )


def _parser() -> argparse.ArgumentParser:
    found = parser(
        __doc__,
        examples=(
            "python -m benchmarks.chaos.cluster --repeat 10",
            "python -m benchmarks.chaos.cluster --repeat 2 --faults redis:kill,node:drain",
        ),
    )
    found.add_argument("--repeat", type=positive, default=10, help="faults of each kind (10)")
    found.add_argument("--faults", help="some of them, such as daemon:kill,node:drain (all)")
    found.add_argument("--kill", help="command that sends SIGKILL to a container")
    found.add_argument("--outage", help="command that ends the API server")
    found.add_argument("--settle-every", type=positive, default=5, help="faults (5)")
    found.add_argument("--namespace", default="chaos", help="a new one, deleted at the end (chaos)")
    found.add_argument("--system", default="trainingrun-system", help="where the operator runs")
    found.add_argument("--keep", action="store_true", help="leave the namespace for a look at it")
    return found


if __name__ == "__main__":
    sys.exit(main())
