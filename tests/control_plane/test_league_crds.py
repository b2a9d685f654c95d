"""The definitions of League and Tournament on a real API server: what they refuse and why, what
they fill in, what cannot change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trainingrun_api.league import LEAGUE
from trainingrun_api.league_rules import LEAGUE_IMMUTABLE, TOURNAMENT_IMMUTABLE
from trainingrun_api.rules import Immutable
from trainingrun_api.tournament import TOURNAMENT

from testkit.control_plane.plane import ControlPlane, KubectlError

ROOT = Path(__file__).resolve().parents[2]
INVALID = sorted((Path(__file__).parent / "invalid_leagues").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples" / "league").glob("*.yaml"))
HEAD = {"apiVersion": "trainingrun.dev/v1alpha1"}
DEVELOPMENT: dict[str, Any] = HEAD | {
    "kind": "League",
    "metadata": {"name": "ladder"},
    "spec": {
        "environment": {"builtIn": {"name": "connect_four"}},
        "profile": "development",
        "storage": {"s3": {"bucket": "league-bucket", "prefix": "ladder"}},
    },
}
CUP: dict[str, Any] = HEAD | {
    "kind": "Tournament",
    "metadata": {"name": "cup"},
    "spec": {"leagueRef": {"name": "ladder"}, "entrants": ["champion", "builtin/random"]},
}
LEAGUE_CHANGES: dict[str, dict[str, Any]] = {
    "league-profile-fixed": {"profile": "hobby"},
    "league-environment-fixed": {"environment": {"builtIn": {"name": "othello"}}},
    "league-database-fixed": {"database": {"secretRef": {"name": "database"}}},
    "league-bucket-fixed": {"storage": {"s3": {"bucket": "another"}}},
    "league-prefix-fixed": {"storage": {"s3": {"prefix": "another"}}},
    "league-certificate-fixed": {"access": {"tlsSecretRef": {"name": "mine"}}},
    "league-size-fixed": {"storage": {"size": "20Gi"}},
}
CUP_CHANGES: dict[str, dict[str, Any]] = {
    "tournament-league-ref-fixed": {"leagueRef": {"name": "another"}},
    "tournament-entrants-fixed": {"entrants": ["champion", "builtin/mcts-100"]},
    "tournament-format-fixed": {"format": "Swiss"},
    "tournament-pairs-per-match-fixed": {"pairsPerMatch": 3},
    "tournament-rounds-fixed": {"format": "Swiss", "rounds": 3},
    "tournament-seed-fixed": {"seed": 3},
}
Kubectl = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def definitions(control_plane: ControlPlane) -> None:
    """They are there and served."""
    control_plane.kubectl("apply", "-f", str(ROOT / "crds"))
    for each in (LEAGUE, TOURNAMENT):
        control_plane.wait_for_definition(each.name)


def applied(kubectl: Kubectl, document: dict[str, Any]) -> dict[str, Any]:
    """Apply a document and read back what the API server made of it."""
    kubectl("apply", "--validate=strict", "-f", "-", stdin=json.dumps(document))
    name = document["metadata"]["name"]
    stored: dict[str, Any] = json.loads(kubectl("get", document["kind"], name, "-o", "json"))
    return stored


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_an_invalid_document_is_refused_with_its_own_message(file: Path, kubectl: Kubectl) -> None:
    """The message in the file's first line is what `kubectl apply` prints."""
    expected = file.read_text().splitlines()[0].removeprefix("# expect: ")
    with pytest.raises(KubectlError) as refusal:
        kubectl("apply", "-f", str(file))
    assert expected in str(refusal.value)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_are_accepted(file: Path, kubectl: Kubectl) -> None:
    """Each file of a league is applied under strict validation."""
    kubectl("apply", "--validate=strict", "-f", str(file))


def test_both_readers_fill_in_the_same_defaults(kubectl: Kubectl) -> None:
    """A spec read from a file equals the spec that the API server stored."""
    stored = LEAGUE.read(applied(kubectl, DEVELOPMENT), ignore_unknown=True)
    assert stored.spec == LEAGUE.read(DEVELOPMENT).spec
    found = TOURNAMENT.read(applied(kubectl, CUP), ignore_unknown=True)
    assert found.spec == TOURNAMENT.read(CUP).spec


def refused(kubectl: Kubectl, kind: str, name: str, change: dict[str, Any]) -> str:
    """What the API server says of a change."""
    with pytest.raises(KubectlError) as refusal:
        kubectl("patch", kind, name, "--type=merge", "-p", json.dumps({"spec": change}))
    return str(refusal.value)


@pytest.mark.parametrize("rule", LEAGUE_IMMUTABLE, ids=lambda rule: rule.name)
def test_a_fixed_field_of_a_league_cannot_change(rule: Immutable, kubectl: Kubectl) -> None:
    """The change is refused with the rule's message at the field."""
    applied(kubectl, DEVELOPMENT)
    said = refused(kubectl, "league", "ladder", LEAGUE_CHANGES[rule.name])
    assert f"spec.{rule.field}: Invalid value" in said
    assert rule.message in said


@pytest.mark.parametrize("rule", TOURNAMENT_IMMUTABLE, ids=lambda rule: rule.name)
def test_nothing_of_a_tournament_can_change(rule: Immutable, kubectl: Kubectl) -> None:
    """The change is refused with the rule's message at the field."""
    applied(kubectl, CUP)
    said = refused(kubectl, "tournament", "cup", CUP_CHANGES[rule.name])
    assert f"spec.{rule.field}: Invalid value" in said
    assert rule.message in said


def test_what_is_not_fixed_may_change(kubectl: Kubectl) -> None:
    """Workers, who gets in, and where live state is shared."""
    applied(kubectl, DEVELOPMENT)
    change = {
        "workers": {"maxReplicas": 8},
        "access": {"type": "LoadBalancer", "sourceRanges": ["203.0.113.0/24"]},
        "redis": {"secretRef": {"name": "redis"}},
    }
    kubectl("patch", "lg", "ladder", "--type=merge", "-p", json.dumps({"spec": change}))
