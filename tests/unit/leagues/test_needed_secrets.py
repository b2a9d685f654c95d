"""A League that names a Secret which is not there says which, where, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.leagues.decide import Heard, decide
from trainingrun_reconciler.leagues.needed_secrets import describe_missing, needed_secrets
from trainingrun_reconciler.outcome import Outcome

from testkit.operator.leagues import PRODUCTION, PlayedLeague, league

ALL = {
    **PRODUCTION,
    "access": {"tlsSecretRef": {"name": "certificate"}},
    "daemons": {
        "address": "forge.games:17171",
        "decks": ["red"],
        "tokenSecretRef": {"name": "daemons"},
    },
    "environment": {"magic": {}},
}
ENTRIES = {
    "database": frozenset({"url"}),
    "redis": frozenset({"url"}),
    "bucket": frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}),
    "certificate": frozenset({"tls.crt", "tls.key", "ca.crt"}),
    "daemons": frozenset({"token"}),
}
MISSING = "spec.database.secretRef: Secret space/database does not exist"


def test_all_that_a_league_names_is_asked_for() -> None:
    """Each kind of Secret, by its field; none where it names none."""
    spec = league(**ALL).spec
    assert [each.name for each in needed_secrets(spec)] == [*ENTRIES]
    assert describe_missing(spec, "space", ENTRIES) == ""
    assert needed_secrets(league().spec) == ()


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_missing_is_named_with_what_to_do(name: str) -> None:
    """The whole Secret, or one entry of it."""
    spec = league(**ALL).spec
    (needed,) = [each for each in needed_secrets(spec) if each.name == name]
    gone = describe_missing(spec, "space", {**ENTRIES, name: None})
    assert f"spec.{needed.field}: Secret space/{name} does not exist: create it with" in gone
    assert all(key in gone for key in needed.keys)
    first, *others = needed.keys
    lacks = describe_missing(spec, "space", {**ENTRIES, name: frozenset(others)})
    assert f"Secret space/{name} has no entry {first}: add it ({needed.content})" in lacks


def events(outcome: Outcome) -> list[str]:
    """Reasons of what is said to have happened."""
    return [each.reason for each in outcome.events]


def test_a_secret_that_comes_late_is_said_once_and_then_forgotten() -> None:
    """The condition stays while it is missing, the event comes once; another one is another event;
    what it made wait continues."""
    missing = Heard(silence="it cannot be reached", missing=MISSING)
    played = PlayedLeague(league(**PRODUCTION), heard=missing)
    first = played.step()
    for kind in ("Ready", "Degraded"):
        condition = first.conditions[kind]
        assert (condition.reason, condition.message) == ("SecretMissing", MISSING)
    assert events(first) == ["SecretMissing"]
    assert events(played.step()) == []
    played.heard = replace(missing, missing="spec.redis.secretRef: another one")
    assert events(played.step()) == ["SecretMissing"]
    played.heard = replace(missing, missing="")
    found = played.step()
    assert events(found) == ["SecretFound"]
    assert "Degraded" not in found.conditions
    assert found.conditions["Ready"].reason == "Starting"


def test_a_league_that_serves_goes_on_serving_and_says_what_its_next_pod_waits_for() -> None:
    """A Secret that is deleted harms no pod that runs: Ready stays as it is, Degraded says it."""
    played = PlayedLeague(league(**PRODUCTION), ready=True)
    before = played.settle().conditions["Ready"]
    played.heard = replace(played.heard, missing=MISSING)
    outcome = played.decide()
    assert outcome.conditions["Ready"] == before
    assert outcome.conditions["Degraded"].message == MISSING


def test_the_missing_secret_is_told_rather_than_what_follows_from_it() -> None:
    """Without the user's certificate, the League's own Secret cannot be made either."""
    refusal = BackendError("SecretNotFound", "what followed")
    heard = Heard(refusal=refusal, missing=MISSING)
    played = PlayedLeague(league())
    outcome = decide(played.league, (), heard, played.place)
    assert outcome.conditions["Degraded"].message == MISSING
