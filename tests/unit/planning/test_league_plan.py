"""``trainingrun plan`` of a League: its bill beside what its profile is meant to cost."""

import json
from pathlib import Path

import pytest
from trainingrun.commands.document import read_source
from trainingrun.commands.errors import UserError
from trainingrun.commands.output import Output
from trainingrun.commands.plan.league import plan_league
from trainingrun.estimate.league import ASKED_FOR, Profile, bill

LEAGUE = """
apiVersion: trainingrun.dev/v1alpha1
kind: League
metadata: {name: ladder}
spec: {environment: {builtIn: {name: connect_four}}, profile: hobby}
"""


def written(folder: Path, text: str) -> Path:
    """Return a file with this text."""
    file = folder / "league.yaml"
    file.write_text(text)
    return file


def test_a_program_reads_the_bill_and_what_it_is_meant_to_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expect the lines to sum up, and the figures of the profile."""
    plan_league(read_source(written(tmp_path, LEAGUE)), Output.JSON)
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "trainingrun.league-plan/1"
    assert found["dollars"] == pytest.approx(bill(Profile.HOBBY).dollars, abs=0.01)
    assert sum(line["dollars"] for line in found["lines"]) == pytest.approx(
        found["dollars"], abs=0.05
    )
    assert tuple(found["asked_for"]) == ASKED_FOR[Profile.HOBBY]


def test_a_person_reads_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Expect the sum and the range in one sentence."""
    plan_league(read_source(written(tmp_path, LEAGUE)), Output.TABLE)
    said = capsys.readouterr().out
    assert "profile hobby" in said
    assert "the profile is meant for $20 to $30" in " ".join(said.split())


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("hobby", "castle", "spec.profile"),
        ("profile", "profil", "spec.profil"),
        ("kind: League", "kind: League\n---\nkind: League", "2 documents"),
    ],
)
def test_what_is_wrong_with_a_league_is_named(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    """Expect the file's name and the field."""
    file = written(tmp_path, LEAGUE.replace(before, after, 1))
    with pytest.raises(UserError, match=says):
        plan_league(read_source(file), Output.TABLE)
