"""Dashboards: what they ask for exists, Prometheus understands it, and Grafana can lay it out."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainingrun_contracts.metrics import ALL, Kind, Server

from testkit.control_plane.rendered_chart import Chart
from testkit.programs import programs
from testkit.tree import CHART

BOARDS = sorted((CHART / "dashboards").glob("*.json"))
TOLD = {Server.RUN, Server.OPERATOR, Server.LEAGUES}
"""What the operator serves: all of it is shown. Of what pods serve, what is worth a look."""


def board_of(file: Path) -> dict[str, Any]:
    """The dashboard."""
    board: dict[str, Any] = json.loads(file.read_text())
    return board


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board: dict[str, Any]) -> Iterator[str]:
    """Every expression, with the page's variables chosen."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield (
                target["expr"]
                .replace("$namespace", "team")
                .replace("$run", "ppo")
                .replace("$league", "ladder")
            )


def names_in(text: str) -> set[str]:
    """Names of metrics of ours in an expression."""
    return set(re.findall(r"\btrainingrun_\w+", text))


def known_names() -> set[str]:
    """What is served; histograms by the names of their series."""
    names: set[str] = set()
    for metric in ALL:
        parts = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        names |= {metric.name + part for part in parts}
    return names


def test_there_are_four() -> None:
    """All runs, leagues, the operator, one run."""
    assert [file.stem for file in BOARDS] == ["fleet", "league", "operator", "run"]


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_a_board_asks_for_what_is_served(file: Path) -> None:
    """Every metric is in the registry; variables too."""
    board = board_of(file)
    asked = names_in(" ".join(expressions(board)))
    asked |= names_in(" ".join(str(each.get("query")) for each in board["templating"]["list"]))
    assert asked
    assert asked <= known_names()


def test_every_metric_of_runs_and_of_the_operator_is_shown() -> None:
    """A new one gets a panel of its own by ``make generate``."""
    shown = {
        name for file in BOARDS for each in expressions(board_of(file)) for name in names_in(each)
    }
    missing = {
        metric.name
        for metric in ALL
        if TOLD & set(metric.servers) and not {metric.name, f"{metric.name}_bucket"} & shown
    }
    assert not missing


def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    """Each one is a valid rule to ``promtool check rules``."""
    rules = [
        {"record": f"board:{file.stem}:{number}".replace("-", "_"), "expr": each}
        for file in BOARDS
        for number, each in enumerate(expressions(board_of(file)))
    ]
    groups = {"groups": [{"name": "boards", "rules": rules}]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(groups))
    command = [programs("promtool") / "promtool", "check", "rules", str(tmp_path / "rules.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_panels_lie_side_by_side(file: Path) -> None:
    """Within 24 columns, none over another, each with its own number, a text and a source."""
    board = board_of(file)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    for panel in panels(board):
        assert panel["description"]
        assert all(each["datasource"]["uid"] == "${datasource}" for each in panel["targets"])


def test_sidecars_find_them(chart: Chart) -> None:
    """One ConfigMap each, with the label, whose file is the dashboard as it stands here."""
    maps = chart("--set=monitoring.dashboards=always").all("ConfigMap")
    assert len(maps) == len(BOARDS)
    for each, file in zip(maps, BOARDS, strict=True):
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((name, text),) = each["data"].items()
        assert name == f"trainingrun-{file.name}"
        assert json.loads(text) == board_of(file)
