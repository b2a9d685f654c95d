"""A release of the chart on the control plane, by the real helm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from testkit.control_plane.plane import ControlPlane
from testkit.tree import CHART


class HelmError(Exception):
    """helm refused or failed; the message is what it said."""


@dataclass(frozen=True)
class Release:
    """One release in one namespace; ``folder`` holds what helm would keep in the home folder."""

    helm: Path
    plane: ControlPlane
    name: str
    namespace: str
    folder: Path

    def run(self, *arguments: str) -> str:
        """Run helm in the namespace.

        Raises:
            HelmError: it ended with another code than 0.
        """
        command = [str(self.helm), *arguments, "--namespace", self.namespace]
        done = subprocess.run(
            command,
            env={
                **os.environ,
                "KUBECONFIG": str(self.plane.kubeconfig),
                "HOME": str(self.folder),
                "HELM_CACHE_HOME": str(self.folder / "cache"),
            },
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode != 0:
            raise HelmError(f"helm {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def install(self, chart: Path = CHART, *options: str) -> str:
        """Install, and wait until the operator's pods are ready."""
        return self.run("install", self.name, str(chart), "--wait", "--timeout=90s", *options)

    def upgrade(self, chart: Path = CHART, *options: str) -> str:
        """Upgrade, and wait until the operator's pods are ready."""
        return self.run("upgrade", self.name, str(chart), "--wait", "--timeout=90s", *options)

    def rollback(self, revision: int) -> str:
        """Go back to a revision, and wait."""
        return self.run("rollback", self.name, str(revision), "--wait", "--timeout=90s")

    def uninstall(self) -> str:
        """Remove it."""
        return self.run("uninstall", self.name, "--wait", "--timeout=90s")

    def history(self) -> list[tuple[str, str]]:
        """Chart and status of each revision."""
        told = json.loads(self.run("history", self.name, "--output=json"))
        return [(each["chart"], each["status"]) for each in told]

    def made(self, *kinds: str) -> list[dict[str, Any]]:
        """The objects of some kinds as helm has sent them; at least one of each.

        Raises:
            HelmError: there is none of a kind.
        """
        sent = [each for each in yaml.safe_load_all(self.run("get", "manifest", self.name)) if each]
        found = [each for each in sent if each["kind"] in kinds]
        if {each["kind"] for each in found} != set(kinds):
            raise HelmError(f"the release {self.name} lacks one of {', '.join(kinds)}")
        return found

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """An object of the namespace, or one of none."""
        return self.plane.api.get(kind, name, self.namespace)

    def list(self, kind: str, labels: str = "") -> list[dict[str, Any]]:
        """Objects of the namespace."""
        return self.plane.api.list(kind, self.namespace, labels=labels)


def older_chart(folder: Path, *, version: str, without: str) -> Path:
    """A copy of the chart as an earlier version, whose definition lacks a field of the spec."""
    copy = folder / "trainingrun"
    shutil.copytree(CHART, copy)
    about = yaml.safe_load((copy / "Chart.yaml").read_text())
    (copy / "Chart.yaml").write_text(yaml.safe_dump({**about, "version": version}))
    file = copy / "templates" / "crd-trainingruns.yaml"
    lines = file.read_text().splitlines()
    definition = yaml.safe_load("\n".join(line for line in lines if "{{" not in line))
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"][without]
    file.write_text(yaml.safe_dump(definition))
    return copy
