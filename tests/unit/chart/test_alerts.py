"""The alerts: each fires when it should and not when it should not, and has a page that helps."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainingrun.commands.app import app
from trainingrun_api.conditions import ConditionType, Reason
from trainingrun_api.league_conditions import LeagueReason
from trainingrun_contracts.metrics import ALL
from typer.main import get_command

from testkit.programs import programs

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "charts" / "trainingrun" / "rules" / "trainingrun.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
ALERTS: list[dict[str, Any]] = [
    rule for group in GROUPS for rule in group["rules"] if "alert" in rule
]
TESTS = sorted((Path(__file__).parent / "alerts").glob("*.yaml"))


@pytest.fixture(scope="module")
def promtool() -> Path:
    """The real promtool."""
    return programs("promtool") / "promtool"


def called(alert: dict[str, Any]) -> str:
    """The alert's name."""
    return str(alert["alert"])


def page_of(alert: dict[str, Any]) -> Path:
    """The alert's runbook page."""
    return ROOT / str(alert["annotations"]["runbook_url"])


def test_prometheus_reads_the_rules(promtool: Path) -> None:
    """``promtool check rules`` finds nothing, lint included."""
    command = [promtool, "check", "rules", "--lint=all", "--lint-fatal", str(RULES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_and_is_silent_as_its_test_says(promtool: Path) -> None:
    """``promtool test rules`` passes for all files at once."""
    command = [promtool, "test", "rules", *map(str, TESTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_expectation_fails(promtool: Path, tmp_path: Path) -> None:
    """The test before means something: with another severity it fails."""
    text = (Path(__file__).parent / "alerts" / "no-progress.yaml").read_text()
    wrong = text.replace("critical", "warning").replace(
        "../../../../charts/trainingrun/rules/trainingrun.yaml", str(RULES)
    )
    (tmp_path / "wrong.yaml").write_text(wrong)
    command = [promtool, "test", "rules", str(tmp_path / "wrong.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "TrainingRunNoProgress" in done.stderr + done.stdout


@pytest.mark.parametrize("alert", ALERTS, ids=called)
def test_each_alert_has_a_test_of_both(alert: dict[str, Any]) -> None:
    """The file that is called like its runbook has it firing, and a series where it never does."""
    file = next(each for each in TESTS if each.stem == page_of(alert).stem)
    series = yaml.safe_load(file.read_text())["tests"]
    fires = [
        any(check["exp_alerts"] for check in each["alert_rule_test"])
        for each in series
        if all(check["alertname"] == alert["alert"] for check in each["alert_rule_test"])
    ]
    assert set(fires) == {True, False}


@pytest.mark.parametrize("alert", ALERTS, ids=called)
def test_each_alert_has_a_runbook(alert: dict[str, Any]) -> None:
    """The page has the alert's name on top, says what to check and what to do, and is in the
    list."""
    page = page_of(alert).read_text()
    assert page.startswith(f"# {alert['alert']}\n")
    assert "\n## Look\n" in page
    assert "\n## Do\n" in page
    assert f"[{alert['alert']}]({page_of(alert).name})" in (RUNBOOKS / "README.md").read_text()
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert {"summary", "description"} <= alert["annotations"].keys()


def test_no_runbook_is_without_an_alert() -> None:
    """Pages and alerts are as many."""
    pages = {each for each in RUNBOOKS.glob("*.md") if each.name != "README.md"}
    assert pages == {page_of(alert) for alert in ALERTS}


def test_rules_ask_for_what_exists() -> None:
    """Every metric of an expression is in the registry, every condition in the API."""
    text = "\n".join(rule["expr"] for group in GROUPS for rule in group["rules"])
    named = set(re.findall(r"(?<![:\w])trainingrun_\w+", text))
    assert named <= {metric.name for metric in ALL}
    assert set(re.findall(r'type="(\w+)"', text)) <= {each.value for each in ConditionType}


def test_runbooks_give_commands_that_exist() -> None:
    """Each ``trainingrun`` command is one of the program's, and so are its options."""
    text = "\n".join(page.read_text() for page in RUNBOOKS.glob("*.md"))
    lines = re.findall(r"(?:^    |`)trainingrun ([a-z][^`#\n]+)", text, re.MULTILINE)
    assert len(lines) > 8
    for line in lines:
        words = line.split()
        command: Any = get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {option for each in command.params for option in each.opts}
        assert {word for word in words if word.startswith("-")} <= known, line


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_runbooks_name_reasons_and_pages_that_exist(page: Path) -> None:
    """Reasons in tables are those of the API, and links lead to files."""
    text = page.read_text()
    tables = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    reasons = {word for cell in tables for word in re.findall(r"`(\w+)`", cell)}
    assert reasons <= {each.value for words in (Reason, LeagueReason) for each in words}
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (page.parent / target).is_file()
