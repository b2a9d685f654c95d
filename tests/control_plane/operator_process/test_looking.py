"""The command line, the plugin of the real kubectl, and the SDK, against a real API server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainingrun.sdk import ClusterPlace, Ended, NotFound, Refused, connect
from trainingrun_contracts.reports import Intent

from testkit.control_plane.plane import STAGES, ControlPlane
from testkit.operator.operator_process import Trainer
from testkit.ports import free_port
from testkit.servers.server_process import BedProcess

BIN = Path(sys.executable).parent
MINUTE = 60


class Prompt:
    """A user's shell: the kubeconfig of the control plane, kubectl and our programs on PATH."""

    def __init__(self, plane: ControlPlane, programs: Path, namespace: str) -> None:
        self.namespace = namespace
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(plane.kubeconfig),
            "PATH": f"{BIN}:{programs}:{os.environ['PATH']}",
        }

    def run(self, *words: str | Path, code: int = 0) -> str:
        """Run a program to its end; gives what it printed, the errors where one is expected."""
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * MINUTE,
            env=self.environment,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def ours(self, *words: str, code: int = 0) -> str:
        """`trainingrun … -n NAMESPACE`."""
        return self.run("trainingrun", *words, "-n", self.namespace, code=code)

    def plugin(self, *words: str, code: int = 0) -> str:
        """`kubectl trainingrun … -n NAMESPACE`."""
        return self.run("kubectl", "trainingrun", *words, "-n", self.namespace, code=code)

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """One that runs beside the test."""
        command = ["trainingrun", *words, "-n", self.namespace]
        with subprocess.Popen(
            command,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def prompt(control_plane: ControlPlane, programs_folder: Path, namespace: str) -> Prompt:
    """A user's shell in the test's namespace."""
    return Prompt(control_plane, programs_folder, namespace)


def published(trainer: Trainer, run_keys: Any, *, version: int) -> None:
    """Weights of a version, as a learner announces them."""
    pointer = {"epoch": 1, "version": version, "publish": version, "sha256": "0" * 64, "at": 1.0}
    with trainer.queue.client() as client:
        client.hset(run_keys.weights, mapping=pointer)


def test_looking_at_runs(trainer: Trainer, prompt: Prompt) -> None:
    """Expect status, top, ledger, events and the reason of the number of daemons, by our own
    command and by kubectl; a run that is not there is a mistake."""
    fleet = trainer.start("looked-at", games=100_000)
    with trainer.queue.client() as client, client.pipeline(transaction=True) as pipe:
        pipe.hset(fleet.keys.produced, "actor-0", 100)
        pipe.hset(fleet.keys.accounts, mapping={"trained": 88, "stale": 2})
        pipe.set(fleet.keys.depth, 10)
        pipe.execute()  # at once: the operator must not look between them

    def has_counted() -> bool:
        counted = trainer.run("looked-at").get("status", {}).get("transitions", {})
        return int(counted.get("produced", 0)) == 100

    trainer.wait_until(has_counted)
    trainer.wait_for_members("looked-at")
    assert "the ledger closes" in prompt.ours("ledger", "looked-at")
    found = json.loads(prompt.ours("status", "looked-at", "-o", "json"))
    assert found["metadata"]["uid"] == trainer.run("looked-at")["metadata"]["uid"]
    text = prompt.plugin("status", "looked-at")
    assert f"namespace {prompt.namespace}" in text
    assert " ready" in text
    header, row = prompt.plugin("top", "--once").splitlines()
    assert header.split()[:4] == ["NAME", "STATE", "GAMES", "GAMES/S"]
    assert row.split()[0] == "looked-at"
    assert "/100000" in row
    one = yaml.safe_load(prompt.ours("top", "looked-at", "-o", "yaml"))
    roles = {member["role"] for member in one["members"]}
    assert roles == {"daemon", "actor", "learner", "evaluator"}
    trainer.wait_for_event("looked-at", "Started")
    assert "Started" in prompt.plugin("events", "looked-at")
    told = json.loads(prompt.ours("describe", "scaling", "looked-at", "-o", "json"))
    assert told["desired"] >= told["limits"]["min_replicas"] == 1
    wanted = f"trainingrun: no TrainingRun nobody in namespace {prompt.namespace}: "
    assert prompt.plugin("ledger", "nobody", code=2).startswith(wanted)
    assert "no pod" in prompt.ours("logs", "looked-at", "--role", "redis", code=2)


def test_kubectl_finds_and_completes_the_plugin(trainer: Trainer, prompt: Prompt) -> None:
    """Expect the plugin in kubectl's list, and verbs and names in its completion."""
    trainer.apply("completed")
    assert "kubectl-trainingrun" in prompt.run("kubectl", "plugin", "list")

    def candidates(*words: str) -> list[str]:
        return prompt.run("kubectl", "__complete", "trainingrun", *words).splitlines()

    assert {"status", "suspend", ":4"} <= set(candidates("s"))
    assert "completed" in candidates("status", "-n", prompt.namespace, "")
    assert "learner" in candidates("logs", "completed", "--role", "l")


def test_suspend_and_resume_wait_for_what_they_ask(trainer: Trainer, prompt: Prompt) -> None:
    """Expect the verbs to end when the run is suspended, and when it is ready again; and to give up
    in a sentence when their time is over."""
    fleet = trainer.start("paused", games=1_000_000)
    trainer.wait_for("paused", "Ready")
    with prompt.started("suspend", "paused", "--wait", "--timeout", "2m") as suspend:
        trainer.wait_until(lambda: fleet.intent is Intent.FLUSH)
        late = prompt.ours("suspend", "paused", "--wait", "--timeout", "1s", code=124)
        assert "not within 1 s" in late
        trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "complete")
        output, _ = suspend.communicate(timeout=MINUTE)
        assert suspend.returncode == 0, output
    assert "suspended at game" in output
    assert "ready at game" in prompt.plugin("resume", "paused", "--wait", "--timeout", "2m")
    assert fleet.intent is Intent.RUN


def test_a_daemon_is_drained_and_a_checkpoint_asked_for(trainer: Trainer, prompt: Prompt) -> None:
    """Expect the pod to go without its games and another to come, and the learner to be asked to
    save."""
    scaling = {"autoscaling": {"minReplicas": 2, "maxReplicas": 2}}
    fleet = trainer.start("served", games=1_000_000, daemon=scaling)
    trainer.wait_for("served", "Ready")

    with connect(ClusterPlace(prompt.namespace, kubeconfig=trainer.plane.kubeconfig)) as runs:

        def daemons() -> list[str]:
            every = runs.members("served")
            return [each.name for each in every if each.role == "daemon" and each.ready]

        trainer.wait_until(lambda: len(daemons()) == 2)
        first = daemons()[0]
        assert "is gone" in prompt.ours("drain", "served", first, "--wait", "--timeout", "90s")
        trainer.wait_until(lambda: len(daemons()) == 2 and first not in daemons())
    trainer.wait_for_event("served", "DrainRequested")
    assert f"no daemon {first}" in prompt.ours("drain", "served", first, code=2)

    assert "nothing was trained yet" in prompt.ours("checkpoint", "now", "served", code=2)
    published(trainer, fleet.keys, version=3)
    trainer.wait_until(lambda: "model" in trainer.run("served")["status"])
    asked = prompt.plugin("checkpoint", "now", "served", "--no-wait")
    assert "asked to save step 3 or later" in asked
    with trainer.queue.client() as client:
        trainer.wait_until(lambda: client.get(fleet.keys.checkpoint_request) is not None)


@pytest.fixture
def kubelet_logs(
    control_plane: ControlPlane, programs_folder: Path, tmp_path: Path
) -> Iterator[Path]:
    """A folder with a log per container, as a kubelet keeps them; kwok serves it for every node."""
    port = free_port()
    entries = [
        {
            "containers": [role],
            "logsFile": str(tmp_path / f"{role}.log"),
            "previousLogsFile": str(tmp_path / f"{role}.previous"),
            "follow": True,
        }
        for role in ("actor", "learner")
    ]
    rule = {"metadata": {"name": "all"}, "spec": {"logs": entries}, "kind": "ClusterLogs"}
    file = tmp_path / "logs.yaml"
    file.write_text(yaml.safe_dump({"apiVersion": "kwok.x-k8s.io/v1alpha1", **rule}))
    command = [
        str(programs_folder / "kwok"),
        f"--kubeconfig={control_plane.kubeconfig}",
        "--manage-single-node=nobody",
        f"--server-address=127.0.0.1:{port}",
        f"--config={file}",
        *(f"--config={path}" for path in sorted(STAGES.glob("*.yaml"))),
    ]
    server = BedProcess(command, tmp_path / "kwok.txt")
    server.wait_until(lambda: answers(port), "kwok's server", seconds=30)
    endpoint = {"daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}
    address = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}
    patch = json.dumps({"status": {**address, **endpoint}})
    for node in control_plane.api.list("nodes"):
        name = node["metadata"]["name"]
        control_plane.kubectl("patch", "node", name, "--subresource=status", "-p", patch)
    yield tmp_path
    server.stop()


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write_log(file: Path, *lines: tuple[str, str]) -> None:
    """Lines as a container runtime writes them: second of one minute, and text."""
    with file.open("a") as log:
        for second, text in lines:
            log.write(f"2026-01-01T00:00:{second}.000000000Z stdout F {text}\n")


def test_logs_of_pods_are_merged_and_followed(
    trainer: Trainer, prompt: Prompt, kubelet_logs: Path
) -> None:
    """Expect lines of several pods in order of time, those of the life before, and new ones as they
    come, each once."""
    write_log(kubelet_logs / "actor.log", ("01", "plays"), ("03", "wins"))
    write_log(kubelet_logs / "learner.log", ("02", "trains"))
    write_log(kubelet_logs / "learner.previous", ("00", "fails"))
    trainer.start("logged", games=1_000_000)
    trainer.wait_for("logged", "Ready")

    def said(*words: str) -> list[str]:
        return [
            line.partition(" ")[2] for line in prompt.ours("logs", "logged", *words).splitlines()
        ]

    learner = said("--role", "learner", "--previous")
    assert learner == ["fails"]
    pods = json.loads(prompt.ours("top", "logged", "-o", "json"))["members"]
    actor = next(each["name"] for each in pods if each["role"] == "actor")
    assert said("--member", actor, "--tail", "1") == ["wins"]
    with prompt.started("logs", "logged", "--role", "learner", "--follow") as following:
        assert following.stdout is not None
        assert following.stdout.readline().endswith(" trains\n")
        write_log(kubelet_logs / "learner.log", ("05", "goes on"))
        assert following.stdout.readline().endswith(" goes on\n")


def test_a_cluster_checks_a_file(trainer: Trainer, prompt: Prompt, tmp_path: Path) -> None:
    """Expect a valid file to pass without being created, and a change of what cannot change to be
    refused in the API server's words."""
    trainer.apply("there", seed=1)
    file = tmp_path / "run.yaml"
    document = trainer.manifest("new")
    file.write_text(yaml.safe_dump(document))
    assert "is valid, also for cluster" in prompt.ours("validate", "-f", str(file), "--server")
    assert prompt.run("kubectl", "get", "tr", "-n", prompt.namespace, "-o", "name").split() == [
        "trainingrun.trainingrun.dev/there"
    ]
    file.write_text(yaml.safe_dump(trainer.manifest("there", seed=2)))
    refused = prompt.plugin("validate", "-f", str(file), "--server", code=2)
    assert "seed" in refused
    assert "Traceback" not in refused


def test_the_sdk_on_a_cluster(
    trainer: Trainer, control_plane: ControlPlane, namespace: str
) -> None:
    """Expect a run to be submitted, watched, changed, completed and deleted from Python."""
    place = ClusterPlace(namespace=namespace, kubeconfig=control_plane.kubeconfig)
    with connect(place) as runs:
        assert runs.list() == ()
        with pytest.raises(Refused, match=r"spec\.games"):
            runs.submit(trainer.manifest("scripted", games=-1))
        elsewhere = trainer.manifest("scripted")
        elsewhere["metadata"]["namespace"] = "elsewhere"
        with pytest.raises(Refused, match="name the same one"):
            runs.submit(elsewhere)
        made = runs.submit(trainer.manifest("scripted", games=1_000_000))
        assert made.metadata.uid
        again = runs.submit(trainer.manifest("scripted", games=2_000_000))
        assert again.metadata.generation == made.metadata.generation + 1
        fleet = trainer.play("scripted")
        assert runs.wait("scripted", "Ready", timeout=MINUTE).status.role("daemon") is not None
        assert {member.role for member in runs.members("scripted")} >= {"daemon", "learner"}
        runs.submit(trainer.manifest("scripted", games=80))  # what was looked at may end now
        trainer.wait_until(lambda: fleet.intent is Intent.FLUSH)
        trainer.plane.play(namespace, "trainingrun.dev/role=learner", "complete")
        done = runs.wait("scripted", timeout=MINUTE)
        assert done.status.games is not None
        assert (done.status.games.played or 0) >= 80
        trainer.wait_for_event("scripted", "Completed")
        assert "Completed" in [event.reason for event in runs.events("scripted")]
        following = runs.events("scripted", follow=True)
        assert next(following).reason
        with pytest.raises(Ended):
            runs.wait("scripted", "Ready", timeout=5)
        runs.delete("scripted")
        trainer.wait_until(lambda: is_gone(lambda: runs.get("scripted")))


def is_gone(look: Callable[[], object]) -> bool:
    """Whether a run is not there any longer."""
    try:
        look()
    except NotFound:
        return True
    return False
