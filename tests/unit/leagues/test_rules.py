"""The rules of leagues and tournaments: each is checked here, and by the API server in
tests/control_plane."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from trainingrun_api.league import LEAGUE
from trainingrun_api.league_rules import (
    ALL,
    LEAGUE_IMMUTABLE,
    TOURNAMENT_IMMUTABLE,
)
from trainingrun_api.resource import SpecError
from trainingrun_api.rules import PLACEHOLDER, Rule
from trainingrun_api.tournament import TOURNAMENT

from testkit.operator.leagues import PRODUCTION, document

ROOT = Path(__file__).resolve().parents[3]
INVALID = ROOT / "tests" / "control_plane" / "invalid_leagues"
FILES = sorted(INVALID.glob("*.yaml"))


def refusal_of(file: Path) -> str:
    """What the reader says about an invalid document."""
    given = yaml.safe_load(file.read_text())
    definition = {"League": LEAGUE, "Tournament": TOURNAMENT}[given["kind"]]
    with pytest.raises(SpecError) as error:
        definition.read(given)
    return str(error.value)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_a_rule_says_the_same_here_and_on_the_api_server(rule: Rule) -> None:
    """The file that breaks the rule expects of the API server the sentence that is given here."""
    file = INVALID / f"{rule.name}.yaml"
    expected = file.read_text().splitlines()[0].removeprefix("# expect: ")
    place, _, sentence = expected.partition(": Invalid value: ")
    assert refusal_of(file) == f"{place}: {sentence}"
    assert set(PLACEHOLDER.findall(rule.template)) == {value.name for value in rule.values}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_the_api_server_refuses_is_refused_here(file: Path) -> None:
    """At the same field."""
    expected = file.read_text().splitlines()[0].removeprefix("# expect: ")
    assert refusal_of(file).startswith(f"{expected.split(':')[0]}: ")


def test_names_of_rules_are_unique() -> None:
    """A rule is found by its name."""
    names = [rule.name for rule in (*ALL, *LEAGUE_IMMUTABLE, *TOURNAMENT_IMMUTABLE)]
    assert len(set(names)) == len(names)


def test_nothing_of_a_tournament_changes_once_it_is_there() -> None:
    """Matches are played by its spec, all of it."""
    fields = set(TOURNAMENT.model.model_fields["spec"].annotation.model_fields)
    assert {rule.path[0] for rule in TOURNAMENT_IMMUTABLE} == fields


def test_the_three_profiles_can_be_had() -> None:
    """Hobby is what a league is that says nothing."""
    assert LEAGUE.read(document()).spec.profile == "hobby"
    assert LEAGUE.read(document(**PRODUCTION)).spec.replicas.elo == 3
    assert LEAGUE.read(document(profile="development")).spec.database is None


def test_a_template_of_workers_is_bounded() -> None:
    """As those of runs: nothing reads a document deeper than pods are."""
    deep: dict[str, object] = {}
    for _ in range(40):
        deep = {"affinity": deep}
    with pytest.raises(SpecError, match=r"spec\.workers\.template: is nested deeper"):
        LEAGUE.read(document(workers={"template": {"spec": deep}}))
