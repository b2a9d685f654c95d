"""How the e2e tests speak to the cluster: kubectl, helm and an image builder, as a person would."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testkit.tree import ROOT

VERSION = "0.1.0"


@dataclass(frozen=True)
class Image:
    """An image of ours: its file below the checkout, its tag, and its stage in the file."""

    dockerfile: str
    tag: str
    target: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """What a builder must be told beside file and tag."""
        return ("--target", self.target) if self.target else ()


IMAGES = {  # the one that takes longest goes first
    "trainer": Image("Dockerfile.trainer", f"localhost/trainingrun-trainer:{VERSION}"),
    "daemon": Image("Dockerfile.daemon", f"localhost/trainingrun-daemon:{VERSION}"),
    "actor": Image("Dockerfile.actor", f"localhost/trainingrun-actor:{VERSION}", "actor"),
    "search": Image("Dockerfile.actor", f"localhost/trainingrun-search:{VERSION}", "search"),
    "operator": Image("Dockerfile.operator", f"localhost/trainingrun-operator:{VERSION}"),
    "league": Image("Dockerfile.league", f"localhost/trainingrun-league:{VERSION}"),
    "redis": Image("images/Dockerfile.redis", f"localhost/trainingrun-redis:{VERSION}"),
}


class ClusterError(Exception):
    """A command against the cluster failed; the message holds its output."""


def run(*command: str, timeout: float = 120, stdin: str | None = None) -> str:
    """Run a command and return its standard output.

    Raises:
        ClusterError: it did not end with 0 in time.
    """
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{shlex.join(command)}: not done after {timeout} s") from error
    if done.returncode != 0:
        raise ClusterError(f"{shlex.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def build_image(image: Image, *, context: Path = ROOT) -> None:
    """Build one image from the checkout, or from a folder of it, and make the cluster see it."""
    command = os.environ.get("E2E_BUILD_IMAGE")
    file, tag = str(context / image.dockerfile), image.tag
    if command:
        run(*shlex.split(command), tag, str(context), file, *image.options, timeout=1500)
        return
    builder = next((name for name in ("docker", "podman", "buildah") if shutil.which(name)), None)
    load = os.environ.get("E2E_LOAD_IMAGE")
    if builder is None or load is None:
        raise ClusterError(
            "set E2E_BUILD_IMAGE, or E2E_LOAD_IMAGE and have docker, podman or buildah"
        )
    options = ("-q", "-f", file, "-t", tag, *image.options)
    run(builder, "build", *options, str(context), timeout=1500)
    run(*shlex.split(load), tag, timeout=600)


def build_images(images: Iterable[Image]) -> None:
    """Build images of the checkout, two files at a time: builds wait for downloads and disks.

    The images of one file go one after another, since the later take the stages of the earlier.
    """
    files: dict[str, list[Image]] = {}
    for image in images:
        files.setdefault(image.dockerfile, []).append(image)

    def build(of_one_file: list[Image]) -> None:
        for image in of_one_file:
            build_image(image)

    with ThreadPoolExecutor(max_workers=2) as builders:
        for done in [builders.submit(build, each) for each in files.values()]:
            done.result()


@dataclass(frozen=True)
class Namespace:
    """kubectl, bound to one namespace."""

    name: str

    def kubectl(self, *arguments: str, timeout: float = 120, stdin: str | None = None) -> str:
        """Run kubectl in this namespace."""
        return run("kubectl", "-n", self.name, *arguments, timeout=timeout, stdin=stdin)

    def get(self, *arguments: str) -> Any:
        """An object or a list as JSON."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def training_run(self, name: str) -> Any:
        """A TrainingRun."""
        return self.get("trainingrun", name)

    def wait(self, target: str, *, condition: str, seconds: int) -> None:
        """Wait for ``--for`` something."""
        self.kubectl(
            "wait", f"--for={condition}", target, f"--timeout={seconds}s", timeout=seconds + 10
        )

    def table(self) -> str:
        """What a person sees."""
        return self.kubectl("get", "trainingruns")
