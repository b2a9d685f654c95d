"""`trainingrun daemons check` against builds of the original's dialect: what a training can rely
on, each verdict from games that were played.

The builds are stand-ins, each with one of the known faults (``testkit.forge_server``).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from trainingrun.commands.app import app
from typer.testing import CliRunner, Result

from testkit.forge_server.faults import Fault, Version
from testkit.roles.forge_process import forge_daemon

SEEN_EVERYWHERE = {
    "the engine plays a seat (-a)": "works with care",
    "STATUS counts the queue": "works with care",
}


def check(place: str, *arguments: str) -> Result:
    """Run the verb."""
    return CliRunner().invoke(app, ["daemons", "check", place, *arguments])


def document(*switches: str, games: int = 4) -> dict[str, Any]:
    """Check a build with these switches; its report for programs."""
    with forge_daemon(*switches) as place:
        return dict(json.loads(check(place, "-o", "json", "--games", str(games)).stdout))


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    """Return the laws that are not fine."""
    return {
        each["law"]: each["suitability"]
        for each in report["findings"]
        if each["suitability"] != "fine"
    }


def seen(report: dict[str, Any], law: str) -> str:
    """Return what a verdict stands on."""
    return next(str(each["seen"]) for each in report["findings"] if each["law"] == law)


def test_the_original_as_it_is_cannot_be_trained_on() -> None:
    """Free mana, lost spells and no triggers together: each is seen, and the advice says why."""
    with forge_daemon() as place:
        result = check(place)
    assert result.exit_code == 1
    for law in ("mana is paid", "spells with targets work", "triggers happen"):
        line = next(line for line in result.stdout.splitlines() if line.startswith(law))
        assert "cannot be trained on   0 of " in line
        assert f"{law}: with free mana, lost spells and no triggers" in result.stdout
    assert result.stdout.rstrip().endswith(": cannot be trained on")


def test_a_repaired_build_works_with_care() -> None:
    """What is left are extensions that the build does not have."""
    report = document("--repaired")
    assert report["result"] == "works with care"
    assert verdicts(report) == SEEN_EVERYWHERE


@pytest.mark.parametrize(
    ("fault", "law", "verdict", "example"),
    [
        (Fault.FREE_MANA, "mana is paid", "cannot be trained on", "no land was tapped"),
        (Fault.VANISHING_SPELLS, "spells with targets work", "works with care", "is in no zone"),
        (Fault.NO_TRIGGERS, "triggers happen", "works with care", "attacked, and nothing came"),
    ],
)
def test_one_fault_is_one_verdict(fault: Fault, law: str, verdict: str, example: str) -> None:
    """No other law is held to be broken by it; an example shows what was seen."""
    report = document("--fault", fault.value)
    assert verdicts(report) == {**SEEN_EVERYWHERE, law: verdict}
    assert seen(report, law).startswith("0 of ")
    assert example in seen(report, law)


def test_a_build_that_carries_nothing_out_is_seen_by_its_lands() -> None:
    """The oldest version: land plays do nothing, and the same question returns."""
    report = document("--repaired", "--version", Version.OLDEST.value, games=1)
    found = verdicts(report)
    assert found["actions are carried out"] == "cannot be trained on"
    assert found["questions do not repeat"] == "works with care"
    assert found["mana is paid"] == "not seen"


def test_strict_counts_care_as_failed() -> None:
    """A repaired build lacks extensions."""
    with forge_daemon("--repaired") as place:
        assert check(place, "--strict").exit_code == 1
        assert check(place, "--games", "1").exit_code == 0


def test_a_vector_can_be_replayed_by_its_name() -> None:
    """No games are watched then."""
    with forge_daemon() as place:
        result = check(place, "--only", "status-reply")
    assert result.stdout.endswith("1 ok, 0 failed, 0 not supported\n")
