"""The chart as helm renders it, for tests of its text and of what a cluster makes of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from testkit.tree import CHART

NAMESPACE = "system"


@dataclass(frozen=True)
class Rendered:
    """The objects of one rendering."""

    objects: tuple[dict[str, Any], ...]

    @property
    def kinds(self) -> set[str]:
        """The kinds that occur."""
        return {each["kind"] for each in self.objects}

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The objects of a kind, in the chart's order."""
        return [each for each in self.objects if each["kind"] == kind]

    def only(self, kind: str) -> dict[str, Any]:
        """The single object of a kind."""
        (found,) = self.all(kind)
        return found


Chart = Callable[..., Rendered]


def render(helm: str, *options: str, chart: Path = CHART) -> Rendered:
    """The chart as the release "trainingrun", with helm's ``options`` (``--set=…``).

    Raises:
        CalledProcessError: helm refused; its words are in ``stderr``.
    """
    command = [helm, "template", "trainingrun", str(chart), "--namespace", NAMESPACE, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Rendered(tuple(each for each in yaml.safe_load_all(done.stdout) if each))
