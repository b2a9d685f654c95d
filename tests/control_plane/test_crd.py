"""The CRD on a real API server: what it refuses and why, what it fills in, what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainingrun_api.rules import IMMUTABLE, Immutable
from trainingrun_api.run import parse

from testkit.control_plane.plane import ControlPlane, KubectlError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
INVALID = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))
MINIMAL: dict[str, Any] = {
    "apiVersion": "trainingrun.dev/v1alpha1",
    "kind": "TrainingRun",
    "metadata": {"name": "minimal"},
    "spec": {"games": 100, "decks": [{"name": "red_aggro"}]},
}
CHANGES: dict[str, dict[str, Any]] = {
    "seed-fixed": {"seed": 2},
    "redis-url-fixed": {"redis": {"url": "redis://other.example:6379/0"}},
    "redis-secret-fixed": {"redis": {"urlSecretRef": {"name": "mine", "key": "url"}}},
    "redis-tls-fixed": {"redis": {"managed": {"tls": True}}},
    "bucket-fixed": {"checkpoint": {"storage": {"s3": {"bucket": "other"}}}},
    "prefix-fixed": {"checkpoint": {"storage": {"s3": {"bucket": "other", "prefix": "mine"}}}},
    "claim-fixed": {"checkpoint": {"storage": {"persistentVolumeClaim": {"claimName": "other"}}}},
    "directory-fixed": {"checkpoint": {"storage": {"directory": {"path": "/other"}}}},
    "algorithm-fixed": {
        "decks": None,
        "environment": {"builtIn": {"name": "connect_four"}},
        "algorithm": {"alphaZero": {}},
    },
    "replay-alpha-fixed": {"leagueRef": {"name": "league"}, "replay": {"alpha": 0.9}},
    "replay-segments-fixed": {"leagueRef": {"name": "league"}, "replay": {"segments": 512}},
    "environment-fixed": {"decks": None, "environment": {"builtIn": {"name": "connect_four"}}},
    "network-fixed": {"learner": {"network": {"width": 256}}},
}
Kubectl = Callable[..., str]


def name_of(file: Path) -> str:
    """The file's name, as the test's name."""
    return file.stem


@pytest.fixture(scope="module", autouse=True)
def crd(control_plane: ControlPlane) -> None:
    """The CRD is there and served."""
    control_plane.kubectl("apply", "-f", str(ROOT / "crds"))
    control_plane.wait_for_definition("trainingruns.trainingrun.dev")


def applied(kubectl: Kubectl, document: dict[str, Any]) -> dict[str, Any]:
    """Apply a document and read back what the API server made of it."""
    kubectl("apply", "-f", "-", stdin=json.dumps(document))
    stored: dict[str, Any] = json.loads(
        kubectl("get", "trainingrun", document["metadata"]["name"], "-o", "json")
    )
    return stored


@pytest.mark.parametrize("file", INVALID, ids=name_of)
def test_an_invalid_document_is_refused_with_its_own_message(file: Path, kubectl: Kubectl) -> None:
    """The message in the file's first line is what `kubectl apply` prints."""
    expected = file.read_text().splitlines()[0].removeprefix("# expect: ")
    with pytest.raises(KubectlError) as refusal:
        kubectl("apply", "-f", str(file))
    assert expected in str(refusal.value)


@pytest.mark.parametrize("file", EXAMPLES, ids=name_of)
def test_the_examples_are_accepted(file: Path, kubectl: Kubectl) -> None:
    """Each example is applied under strict validation."""
    kubectl("apply", "--validate=strict", "-f", str(file))


@pytest.mark.parametrize("file", EXAMPLES, ids=name_of)
def test_both_readers_fill_in_the_same_defaults(file: Path, kubectl: Kubectl) -> None:
    """A spec read from the file equals the spec that the API server stored."""
    document = yaml.safe_load(file.read_text())
    assert parse(applied(kubectl, document)).spec == parse(document).spec


def test_a_minimal_document_gets_the_same_defaults_from_both_readers(kubectl: Kubectl) -> None:
    """Nothing but games and decks is needed; all else is filled in alike."""
    assert parse(applied(kubectl, MINIMAL)).spec == parse(MINIMAL).spec


def test_null_means_not_given_for_both_readers(kubectl: Kubectl) -> None:
    """A field that is null gets its default, as if it were not there."""
    nothing = {"seed": None, "redis": None, "checkpoint": {"storage": None, "keep": None}}
    document = MINIMAL | {"spec": MINIMAL["spec"] | nothing}
    assert parse(applied(kubectl, document)).spec == parse(document).spec == parse(MINIMAL).spec


@pytest.mark.parametrize("rule", IMMUTABLE, ids=lambda rule: rule.name)
def test_a_fixed_field_cannot_change(rule: Immutable, kubectl: Kubectl) -> None:
    """The change is refused with the rule's message at the field."""
    applied(kubectl, MINIMAL)
    change = json.dumps({"spec": CHANGES[rule.name]})
    with pytest.raises(KubectlError) as refusal:
        kubectl("patch", "trainingrun", "minimal", "--type=merge", "-p", change)
    assert f"spec.{rule.field}: Invalid value" in str(refusal.value)
    assert rule.message in str(refusal.value)


def test_what_is_not_fixed_may_change(kubectl: Kubectl) -> None:
    """Games, suspend and the limits of the autoscaler are changed while the run exists."""
    applied(kubectl, MINIMAL)
    change = {"games": 200, "suspend": True, "daemon": {"autoscaling": {"maxReplicas": 3}}}
    kubectl("patch", "tr", "minimal", "--type=merge", "-p", json.dumps({"spec": change}))


def test_the_memory_of_a_managed_redis_may_change(kubectl: Kubectl) -> None:
    """A queue that has become too small for its run is given more, while the run exists."""
    applied(kubectl, MINIMAL)
    for managed in ({"memory": "2Gi"}, {"memory": "4Gi", "size": "20Gi"}):
        change = json.dumps({"spec": {"redis": {"managed": managed}}})
        kubectl("patch", "tr", "minimal", "--type=merge", "-p", change)
    stored = json.loads(kubectl("get", "trainingrun", "minimal", "-o", "json"))
    assert stored["spec"]["redis"]["managed"] == {"memory": "4Gi", "size": "20Gi", "tls": False}


def test_each_deck_has_its_own_owner(kubectl: Kubectl) -> None:
    """Who applies one deck on the server's side leaves the decks of others alone."""
    run = MINIMAL | {"metadata": {"name": "owners"}}
    for owner, deck in (("first", "red_aggro"), ("second", "white_weenie")):
        document = run | {"spec": MINIMAL["spec"] | {"decks": [{"name": deck}]}}
        apply = ("apply", "--server-side", f"--field-manager={owner}", "-f", "-")
        kubectl(*apply, stdin=json.dumps(document))
    stored = json.loads(kubectl("get", "trainingrun", "owners", "-o", "json"))
    assert [each["name"] for each in stored["spec"]["decks"]] == ["red_aggro", "white_weenie"]


def test_each_container_of_a_template_has_its_own_owner(kubectl: Kubectl) -> None:
    """Who adds a sidecar on the server's side leaves the role's own container alone; what the
    definition does not list of either is kept."""
    own = {"name": "daemon", "image": "a:1", "env": [{"name": "TRACE", "value": "1"}]}
    beside = {"name": "logs", "image": "logs:1", "args": ["--follow"]}
    run = MINIMAL | {"metadata": {"name": "containers"}}
    for owner, container in (("first", own), ("second", beside)):
        template = {"spec": {"containers": [container], "nodeSelector": {"disk": "fast"}}}
        document = run | {"spec": MINIMAL["spec"] | {"daemon": {"template": template}}}
        apply = ("apply", "--server-side", f"--field-manager={owner}", "-f", "-")
        kubectl(*apply, stdin=json.dumps(document))
    stored = json.loads(kubectl("get", "trainingrun", "containers", "-o", "json"))
    assert stored["spec"]["daemon"]["template"] == {
        "spec": {"containers": [own, beside], "nodeSelector": {"disk": "fast"}}
    }


def test_explain_reads_like_documentation(kubectl: Kubectl) -> None:
    """`kubectl explain` shows what a field does, its unit and its default."""
    text = " ".join(kubectl("explain", "trainingrun.spec.daemon").split())
    assert "The game daemons: engines that serve games over TCP." in text
    assert "Seconds after which the daemon ends a game as a draw. Default: 120." in text
    container = " ".join(kubectl("explain", "tr.spec.daemon.template.spec.containers").split())
    assert "The role's own container is called as the role; others run beside it." in container
    deep = kubectl("explain", "tr.spec.daemon.autoscaling.behavior.scaleDown", "--recursive")
    assert "stabilizationWindowSeconds" in deep


STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "AllRolesServe",
            "message": "",
            "lastTransitionTime": "2026-01-31T12:00:00Z",
            "observedGeneration": 1,
        }
    ],
    "summary": "Training",
    "games": {
        "played": 1234,
        "target": 3000,
        "perSecond": 2.4,
    },
    "transitions": {
        "produced": 70,
        "trained": 50,
        "queued": 17,
        "dropped": {"stale": 1, "duplicate": 0, "poison": 0, "spool": 2},
        "lost": 0,
    },
    "model": {"version": 42, "publishedAt": "2026-01-31T12:00:00Z"},
    "evaluation": [
        {
            "opponent": "random",
            "version": 40,
            "games": 200,
            "wins": 184,
            "draws": 0,
            "winRate": 0.92,
            "low": 0.87,
            "high": 0.95,
            "at": "2026-01-31T12:00:00Z",
        }
    ],
    "winRate": "92% (87-95)",
    "checkpoint": {
        "uri": "pvc://c/1",
        "step": 40,
        "games": 1000,
        "savedAt": "2026-01-31T12:00:00Z",
    },
    "roles": [
        {"name": "daemon", "desired": 23, "ready": 21, "busy": 8, "restarts": 0},
        {"name": "selfplay", "desired": 3, "ready": 3, "restarts": 0},
    ],
    "autoscaling": {
        "lastDecision": {
            "at": "2026-01-31T12:00:00Z",
            "from": 1,
            "to": 2,
            "reason": "the learner waits",
            "inputs": {"lagSeconds": 1.5},
        }
    },
    "bottleneck": "Engine",
    "cost": {
        "hourly": 0.5,
        "spent": 12.5,
        "projectedTotal": 30.0,
        "currency": "EUR",
        "at": "2026-01-31T12:00:00Z",
    },
}


def test_a_status_is_stored_as_written_and_shown_in_columns(kubectl: Kubectl) -> None:
    """The status subresource keeps every field, and the table shows the readable ones."""
    applied(kubectl, MINIMAL)
    change = json.dumps({"status": parse(MINIMAL | {"status": STATUS}).status.document()})
    kubectl("patch", "tr/minimal", "--subresource=status", "--type=merge", "-p", change)
    stored = json.loads(kubectl("get", "tr/minimal", "-o", "json"))
    assert stored["status"] == STATUS
    head, row = kubectl("get", "trainingruns", "-o", "wide").splitlines()
    columns = (
        "NAME STATUS GAMES TARGET GAMES/S QUEUE DAEMONS WINRATE CHECKPOINT AGE"
        " DESIRED MODEL ELO BOTTLENECK COST"
    )
    assert head.split() == columns.split()
    for shown in (
        "Training",
        "1234",
        "2.4",
        "17",
        "21",
        "23",
        "92% (87-95)",
        "42",
        "Engine",
        "12.5",
    ):
        assert shown in row


def test_the_spec_cannot_write_the_status(kubectl: Kubectl) -> None:
    """A status in an applied document is left out: only the subresource writes it."""
    stored = applied(kubectl, MINIMAL | {"status": {"summary": "made up"}})
    assert "status" not in stored
