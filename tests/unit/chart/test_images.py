"""The images that a release starts with are those that ``make images`` builds."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest
from trainingrun_operator.process.options import parse
from trainingrun_reconciler.settings import Images

from testkit.control_plane.rendered_chart import Chart
from testkit.tree import CHART

ROOT = CHART.parents[1]


def built(folder: Path, **variables: str) -> set[str]:
    """The names that images.sh builds, with a builder that only writes down its words."""
    program = folder / "podman"
    program.write_text(f'#!/bin/sh\necho "$*" >> {folder}/calls\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "BUILDER": "podman"}
    subprocess.run(
        [ROOT / "images.sh"], env=environment | variables, check=True, capture_output=True
    )
    calls = (folder / "calls").read_text().splitlines()
    return {call.split("-t ")[1].split()[0] for call in calls if call.startswith("build")}


def named(chart: Chart, *options: str) -> set[str]:
    """The images of the operator's pod, and those that it is given for the roles."""
    (container,) = chart(*options).only("Deployment")["spec"]["template"]["spec"]["containers"]
    images = parse(container["command"][1:], {}).settings.images
    return {container["image"], *dataclasses.astuple(images)}


def test_the_defaults_are_what_make_images_builds(chart: Chart, tmp_path: Path) -> None:
    """Expect no name that no one builds, and none for nothing but the command line's."""
    assert named(chart) == built(tmp_path) - {"localhost/trainingrun-cli:0.1.0"}


def test_one_registry_serves_both(chart: Chart, tmp_path: Path) -> None:
    """Expect the same prefix to build, push and install all of them."""
    registry = "registry.example.com:5000/team"
    made = built(tmp_path, REGISTRY=registry)
    assert named(chart, f"--set=images.registry={registry}") == made - {
        f"{registry}/trainingrun-cli:0.1.0"
    }


def test_an_image_of_its_own_wins(chart: Chart) -> None:
    """Expect one name to be replaced and the tag to reach the others."""
    images = named(chart, "--set=images.redis=redis:7.4", "--set=images.tag=1.2.3")
    assert "redis:7.4" in images
    assert {each.rsplit(":", 1)[1] for each in images} == {"7.4", "1.2.3"}


def test_the_pod_of_helm_test_has_the_operators_image(chart: Chart) -> None:
    """Expect it to need no other pull."""
    objects = chart("--set=images.registry=registry.example.com/team")
    pod = objects.only("Pod")["spec"]["containers"][0]["image"]
    deployment = objects.only("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert pod == deployment


def test_an_operator_without_options_uses_the_same_names(chart: Chart) -> None:
    """Expect the program's own defaults to be the chart's."""
    own = Images()
    assert {*dataclasses.astuple(own)} < named(chart)


@pytest.mark.parametrize("deck", ["jeskai_control", "mono_green_landfall"])
def test_no_deck_of_the_image_is_refused_by_default(chart: Chart, deck: str) -> None:
    """Expect the chart's defaults to let runs name every deck that the default image holds."""
    (container,) = chart().only("Deployment")["spec"]["template"]["spec"]["containers"]
    decks = parse(container["command"][1:], {}).settings.decks
    assert decks is None or deck in decks
