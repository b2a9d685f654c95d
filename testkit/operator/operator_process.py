"""The operator as a process on the played cluster, and runs for it to work on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from trainingrun_reconciler.desired.redis_config import OPERATOR

from testkit.control_plane.api_client import WaitError, has_condition
from testkit.control_plane.plane import ControlPlane
from testkit.operator.scripted_fleet import ScriptedFleet
from testkit.ports import free_port
from testkit.servers.redis_server import RedisServer
from testkit.servers.server_process import BedProcess
from testkit.tree import CHART, ROOT
from testkit.usage import cpu_seconds, megabytes

QUICKSTART = ROOT / "examples" / "quickstart.yaml"
SYSTEM = "trainingrun-system"
DEFINITION = "trainingruns.trainingrun.dev"
_INSTALLED = (
    "ServiceAccount",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
)
LEASE = f"--lease-namespace={SYSTEM}", "--lease-seconds=60"
"""A lease that outlives outages which tests play."""
# As in the chart: one arena, so that memory that was given back can be used by all threads.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "USER": "trainingrun"}


def chart_objects(helm: Path, *options: str) -> list[dict[str, Any]]:
    """The chart's objects as ``helm template`` renders them."""
    command = [str(helm), "template", "trainingrun", str(CHART), "--namespace", SYSTEM, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def install_chart(plane: ControlPlane, helm: Path) -> None:
    """What the chart installs, save the Deployment: its process runs beside the control plane."""
    plane.create_namespace(SYSTEM)
    plane.apply(*(each for each in chart_objects(helm) if each["kind"] in _INSTALLED))
    plane.wait_for_definition(DEFINITION)


class OperatorProcess:
    """``python -m trainingrun_operator``, started, killed and started again.

    It has one ``name`` in all its lives, as a container in its pod has: it takes its lease at once.
    """

    def __init__(
        self,
        kubeconfig: Path,
        folder: Path,
        *options: str,
        name: str = "operator",
        program: tuple[str, ...] = ("-m", "trainingrun_operator"),
    ) -> None:
        """``program``: what Python runs, for tests that put something around the operator."""
        self.folder = folder
        self.name = name
        self.port = free_port()
        self._environment = {
            **_ENVIRONMENT,
            "POD_NAME": name,
            "KUBECONFIG": str(kubeconfig),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }
        port = f"--health-port={self.port}", f"--metrics-port={self.port}"
        decks = "--decks=red_aggro,white_weenie"
        self._command = [
            sys.executable,
            *program,
            decks,
            *LEASE,
            *port,
            *options,
        ]
        self._process: BedProcess | None = None
        self._noted = 0

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self._process = BedProcess(self._command, self._log_file, environment=self._environment)
        self._process.wait_until(self.is_ready, "operator ready", seconds=60)

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it as a lost node would."""
        self._running().kill()
        self._process = None

    def freeze(self) -> None:
        """Hold it still, as a starved or paused machine would."""
        self._running().signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it continue."""
        self._running().signal(signal.SIGCONT)

    def ask_to_end(self) -> None:
        """Send SIGTERM and continue."""
        self._running().signal(signal.SIGTERM)

    def exit_code(self, *, seconds: float) -> int:
        """Wait until it has ended by itself; returns its exit code."""
        code = self._running().end(seconds=seconds)
        self._process = None
        return code

    def _running(self) -> BedProcess:
        assert self._process is not None
        return self._process

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            return self.ask("/readyz") == "ok"
        except (urllib.error.URLError, OSError):
            return False

    def ask(self, path: str) -> str:
        """What it answers over HTTP."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return str(answer.read().decode())

    def is_running(self) -> bool:
        """Whether the process that was started has not ended."""
        return self._process is not None and self._process.is_running

    def log(self) -> str:
        """All that it has logged since ``forget_log``."""
        return self._log_file.read_bytes()[self._noted :].decode()

    def forget_log(self) -> None:
        """Leave out of ``log`` what it has logged until now, for the tests before this one."""
        self._noted = self._log_file.stat().st_size if self._log_file.exists() else 0

    @property
    def _log_file(self) -> Path:
        return self.folder / f"{self.name}.log"

    def resident_megabytes(self) -> float:
        """Its resident memory."""
        return megabytes(self._running().pid)

    def peak_megabytes(self) -> float:
        """The most resident memory that it has had since its start."""
        return megabytes(self._running().pid, "VmHWM")

    def cpu_seconds(self) -> float:
        """Processor time that it has used since its start."""
        return cpu_seconds(self._running().pid)


class Trainer:
    """Runs in one namespace, and the fleets that play their roles."""

    def __init__(self, plane: ControlPlane, namespace: str, queue: RedisServer) -> None:
        self.plane = plane
        self.namespace = namespace
        self._queue = queue
        self._fleets: list[ScriptedFleet] = []

    @property
    def queue(self) -> RedisServer:
        """The Redis of its runs."""
        return self._queue

    def manifest(self, name: str, **spec: Any) -> dict[str, Any]:
        """The quickstart under another name, on the test's Redis, with fields replaced.

        It has one daemon: the fleets' learner is always hungry, and a second daemon would come in
        the midst of a test that lasts for longer than the window of the autoscaler.
        """
        document: dict[str, Any] = yaml.safe_load(QUICKSTART.read_text())
        document["metadata"] = {"name": name, "namespace": self.namespace}
        document["spec"]["redis"] = {"url": self._queue.url_of(OPERATOR)}
        document["spec"]["checkpoint"] = {"storage": {"directory": {"path": "/tmp/checkpoints"}}}
        document["spec"]["daemon"]["autoscaling"]["maxReplicas"] = 1
        document["spec"].update(spec)
        return document

    def apply(self, name: str, **spec: Any) -> dict[str, Any]:
        """Apply a run; returns it as the API server has it."""
        return self.plane.api.apply(self.manifest(name, **spec))

    def start(self, name: str, *, games: int = 100_000, **spec: Any) -> ScriptedFleet:
        """Apply a run and play its actors and learner. It lasts for hours by default: what a test
        looks at does not end before, however slow the machine is."""
        self.apply(name, games=games, **spec)
        return self.play(name)

    def play(self, name: str) -> ScriptedFleet:
        """Play the actors and the learner of a run that is there."""
        fleet = ScriptedFleet(self._queue, self.run(name)["metadata"]["uid"])
        fleet.start()
        self._fleets.append(fleet)
        return fleet

    def run(self, name: str) -> dict[str, Any]:
        """A run as it is now."""
        return self.plane.api.get("trainingrun", name, self.namespace)

    def patch(self, name: str, spec: str) -> None:
        """Change a run's spec by a merge patch (JSON)."""
        self.change("trainingrun", name, {"spec": json.loads(spec)})

    def change(self, kind: str, name: str, change: dict[str, Any], *, by: str = "test") -> None:
        """Change any object by a merge patch, as somebody (a field manager)."""
        self.plane.api.patch(kind, name, self.namespace, change=change, manager=by)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, and wait until that one is gone."""
        before = self.uid(kind, name)
        self.ask_to_delete(kind, name)
        self.wait_until(lambda: self.uid(kind, name) != before, seconds=60)

    def ask_to_delete(self, kind: str, name: str) -> None:
        """Ask for an object's deletion, and wait for nothing."""
        self.plane.api.delete(kind, name, self.namespace)

    def uid(self, kind: str, name: str) -> str:
        """The identity of an object; empty when there is none of this name."""
        found = self.plane.api.find(kind, name, self.namespace)
        return str(found["metadata"]["uid"]) if found else ""

    def kubectl(self, *arguments: str) -> str:
        """kubectl in the namespace."""
        return self.plane.kubectl("-n", self.namespace, *arguments)

    def wait_for(self, name: str, condition: str, seconds: int = 90) -> dict[str, Any]:
        """Wait for ``Type=Status`` and return the run."""
        return self.plane.api.wait_for_condition(
            "trainingrun", name, self.namespace, condition, seconds=seconds
        )

    def wait_for_members(self, name: str) -> None:
        """Wait until a run is ready and its evaluator is, too, without which it is ready before."""
        self.wait_for(name, "Ready")

        def are_available() -> bool:
            made = self.objects("deployments", name)
            return bool(made) and all(has_condition(each, "Available") for each in made)

        self.wait_until(are_available, seconds=60)

    def wait_until_gone(self, kind: str, name: str, *, seconds: float = 60) -> None:
        """Wait until there is no object of this name."""
        self.wait_until(lambda: not self.uid(kind, name), seconds=seconds)

    def wait_until(self, holds: Callable[[], bool], *, seconds: float = 120) -> None:
        """Wait until something holds.

        Raises:
            AssertionError: it did not, in time.
        """
        what = f"what {self.namespace} waits for"
        try:
            self.plane.api.wait_until(holds, what, seconds=seconds)
        except WaitError as error:
            raise AssertionError(str(error)) from None

    def objects(self, kinds: str, name: str) -> list[dict[str, Any]]:
        """The labelled children of a run."""
        return self.plane.api.list(kinds, self.namespace, labels=f"trainingrun.dev/run={name}")

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and note of a run's events."""
        field = f"regarding.name={name}"
        found = self.plane.api.list("events.events.k8s.io", self.namespace, fields=field)
        return [(each["reason"], each["note"]) for each in found]

    def wait_for_event(self, name: str, *reasons: str) -> None:
        """Wait for events of a run: they are written after the status of the same reconcile."""
        self.wait_until(lambda: {reason for reason, _ in self.events(name)}.issuperset(reasons))

    def close(self) -> None:
        """End the fleets, and look at nothing any longer."""
        self.plane.api.leave(self.namespace)
        for fleet in self._fleets:
            fleet.stop()


def condition(run: dict[str, Any], kind: str) -> dict[str, Any]:
    """One condition of a run; empty when it is not there."""
    found = run.get("status", {}).get("conditions", [])
    return next((each for each in found if each["type"] == kind), {})
