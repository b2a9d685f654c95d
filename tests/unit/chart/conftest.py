"""Fixtures of the chart's tests: ``chart("--set=replicas=1")`` gives a :class:`Rendered`."""

from __future__ import annotations

import shutil

import pytest

from testkit.control_plane.rendered_chart import Chart, Rendered, render
from testkit.programs import programs


@pytest.fixture(scope="session")
def helm() -> str:
    """helm: the one on PATH, else the harness'."""
    return shutil.which("helm") or str(programs("helm") / "helm")


@pytest.fixture(scope="session")
def chart(helm: str) -> Chart:
    """Renders the chart with helm's options."""

    def rendered(*options: str) -> Rendered:
        return render(helm, *options)

    return rendered
