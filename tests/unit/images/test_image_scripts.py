"""The scripts about images, with programs on PATH that only write down their words.

What the real programs do with these words is not tested here: builds need one of them.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROLES = ("daemon", "actor", "search", "trainer", "operator", "league", "cli", "redis")
NEEDED = ("bash", "git", "dirname", "mktemp", "rm", "mkdir", "sed", "env")


@dataclass
class Machine:
    """A PATH with a few programs, and what they were called with."""

    folder: Path

    def has(self, name: str, script: str = "exit 0") -> None:
        """Put a program there; it notes its words first."""
        program = self.folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.folder}/calls\n{script}\n')
        program.chmod(0o755)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script of ours there."""
        environment = {"PATH": str(self.folder), "HOME": str(self.folder), **variables}
        return subprocess.run(
            [str(ROOT / command[0]), *command[1:]],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    @property
    def calls(self) -> list[str]:
        """What was called, in order."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One with nothing but what every machine has."""
    for name in NEEDED:
        for folder in os.environ["PATH"].split(os.pathsep):
            if (Path(folder) / name).exists():
                (tmp_path / name).symlink_to(Path(folder) / name)
                break
    return Machine(tmp_path)


def test_all_are_built_with_labels(machine: Machine) -> None:
    """Expect one call for each, with the version, the commit and its date."""
    machine.has("podman")
    answer = machine.run("images.sh", "1.2.3", REGISTRY="example.com/team", PUSH="no")
    assert answer.returncode == 0, answer.stderr
    built = [call for call in machine.calls if call.startswith("podman build")]
    assert [call.split("-t ")[1].split()[0] for call in built] == [
        f"example.com/team/trainingrun-{role}:1.2.3" for role in ROLES
    ]
    assert not [call for call in machine.calls if " push " in call]
    for call in built:
        assert "--build-arg VERSION=1.2.3 --build-arg REVISION=" in call
        assert "--format docker" in call, "else health checks are dropped"
    assert [call for call in built if "VARIANT=cuda" in call] == [built[ROLES.index("trainer")]]


@pytest.mark.parametrize("builder", ["docker", "podman", "buildah"])
def test_a_registry_gets_all_images_after_the_last_was_built(
    machine: Machine, builder: str
) -> None:
    """Expect every image pushed under the name that it was built with, and none before all are."""
    machine.has(builder)
    registry = "registry.example.com:5000/team"
    answer = machine.run(
        "images.sh", "1.2.3", REGISTRY=registry, PUSH_OPTIONS="--quiet", BUILDER=builder
    )
    assert answer.returncode == 0, answer.stderr
    kinds = [call.split()[1] for call in machine.calls if call.split()[1] != "info"]
    assert kinds == ["build"] * len(ROLES) + ["push"] * len(ROLES)
    assert [call.split()[2:] for call in machine.calls if " push " in call] == [
        ["--quiet", f"{registry}/trainingrun-{role}:1.2.3"] for role in ROLES
    ]


def test_without_a_registry_nothing_is_pushed(machine: Machine) -> None:
    """Expect builds alone: localhost is no registry."""
    machine.has("podman")
    assert machine.run("images.sh").returncode == 0
    assert not [call for call in machine.calls if " push " in call]


def test_a_push_that_is_refused_is_told_with_its_remedy(machine: Machine) -> None:
    """Expect the name, and how to sign in."""
    machine.has("podman", "[ $1 != push ]")
    answer = machine.run("images.sh", REGISTRY="registry.example.com/team")
    assert answer.returncode == 2
    assert "registry.example.com/team/trainingrun-daemon:0.1.0 could not be pushed" in answer.stderr
    assert "podman login registry.example.com" in answer.stderr


def test_a_docker_without_its_daemon_is_passed_over(machine: Machine) -> None:
    """Expect the next builder to be used."""
    machine.has("docker", "exit 1")
    machine.has("buildah")
    assert machine.run("images.sh", ROLES="actor").returncode == 0
    assert [call.split()[:2] for call in machine.calls] == [
        ["docker", "info"],
        ["buildah", "build"],
    ]


@pytest.mark.parametrize(
    ("words", "variables", "sentence"),
    [
        (("images.sh",), {}, "none of docker, podman and buildah can be used: install one of them"),
        (("images.sh", "a b"), {}, "'a b' is no tag: write one such as 0.1.0"),
        (("images.sh",), {"ROLES": "actors"}, "no image is called 'actors': choose among"),
        (("images.sh",), {"VARIANT": "rocm"}, "VARIANT=rocm: choose cuda or cpu"),
        (("images.sh",), {"PUSH": "maybe"}, "PUSH=maybe: choose yes or no"),
        (("images.sh",), {"BUILDER": "img"}, "BUILDER=img cannot be used: install it"),
        (("images/load.sh",), {}, "no cluster runs here: start kind, minikube, k3s or containerd"),
        (("images/load.sh",), {"TARGET": "kind"}, "no kind runs here that this user may use"),
        (("images/load.sh",), {"TARGET": "nomad"}, "TARGET=nomad: choose kind, minikube, k3s"),
        (("images/sbom.sh",), {}, "no syft on PATH, and no Go to build it: install one of them"),
        (("images/sbom.sh",), {"SYFT": "/no"}, "SYFT=/no is no program: name one"),
    ],
)
def test_what_is_missing_is_told(
    machine: Machine, words: tuple[str, ...], variables: dict[str, str], sentence: str
) -> None:
    """Expect exit code 2 and one sentence with the remedy."""
    answer = machine.run(*words, **variables)
    assert answer.returncode == 2
    assert sentence in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_docker_that_is_silent_is_named(machine: Machine) -> None:
    """Expect the reason why it cannot be used, where there is no other."""
    machine.has("docker", "exit 1")
    answer = machine.run("images.sh")
    assert "its daemon does not answer: start it" in answer.stderr


@pytest.mark.parametrize(
    ("program", "script", "call"),
    [
        ("kind", "[ $1 = get ] && echo kind", "kind load image-archive"),
        ("minikube", "exit 0", "minikube image load"),
        ("k3s", "exit 0", "k3s ctr images import"),
        ("ctr", "exit 0", "ctr --namespace k8s.io images import"),
    ],
)
def test_images_go_to_the_cluster_that_runs(
    machine: Machine, program: str, script: str, call: str
) -> None:
    """Expect every image to be saved and given to it."""
    machine.has("podman")
    machine.has(program, f"{script}; exit 0")
    answer = machine.run("images/load.sh", "1.2.3")
    assert answer.returncode == 0, answer.stderr
    assert sum(each.startswith(call) for each in machine.calls) == len(ROLES)
    assert sum(each.startswith("podman save") for each in machine.calls) == len(ROLES)


def test_an_image_that_was_not_built_is_told(machine: Machine) -> None:
    """Expect a sentence, beside what the builder says itself."""
    machine.has("podman", "[ $1 != save ]")
    machine.has("ctr")
    answer = machine.run("images/load.sh")
    assert answer.returncode == 2
    assert "localhost/trainingrun-daemon:0.1.0 cannot be saved: build it first" in answer.stderr


def test_each_image_is_listed_without_a_network(machine: Machine) -> None:
    """Expect Syft to be given an archive of each image, and a file for each."""
    machine.has("buildah")
    machine.has("syft")
    answer = machine.run("images/sbom.sh", ROLES="actor operator")
    assert answer.returncode == 0, answer.stderr
    listed = [each for each in machine.calls if each.startswith("syft scan docker-archive:")]
    assert [each.split("--output ")[1] for each in listed] == [
        f"cyclonedx-json=build/sbom/trainingrun-{role}.cdx.json" for role in ("actor", "operator")
    ]
