"""Which token the daemons of a run ask for, and who is replaced when that changes."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_api.changes import REPLACED
from trainingrun_reconciler.controller.state import shared_resources
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles.workload import DaemonToken, Role
from trainingrun_reconciler.settings import Settings

from testkit.operator.pod_templates import asked_of
from testkit.operator.simulated_run import training_run

OWN = DaemonToken()
PLAYERS = {Role.ACTOR, Role.EVALUATOR}
ENDPOINTS = ["10.0.0.5:17171"]
IMAGE = {"template": asked_of("daemon", image="example/forge:1")}
FORGE = {**IMAGE, "jvm": {}}
THEIRS = {"external": {"endpoints": ENDPOINTS, "tokenSecretRef": {"name": "theirs"}}}


@pytest.mark.parametrize(
    ("daemon", "token"),
    [
        ({}, OWN),
        (IMAGE, OWN),
        ({"auth": "Token"}, OWN),
        ({"auth": "None"}, None),
        (FORGE, None),
        ({"external": {"endpoints": ENDPOINTS}}, None),
        ({**THEIRS, "auth": "None"}, DaemonToken(("theirs", "token"))),
    ],
)
def test_daemons_and_players_have_the_same_token(
    daemon: dict[str, Any], token: DaemonToken | None
) -> None:
    """And no one else: Redis and learner play no games. The backend makes one that is ours."""
    run = training_run(daemon=daemon)
    made = workloads(run, Settings(), scaled=2)
    expected = {role: token if role in {*PLAYERS, Role.DAEMON} else None for role in made}
    assert {role: each.daemon_token for role, each in made.items()} == expected
    assert shared_resources(run, Settings()).daemon_token == token


def hashes(**daemon: Any) -> dict[Role, str]:
    """What replaces each role's members."""
    made = workloads(training_run(daemon=daemon), Settings(), scaled=2)
    return {role: each.template_hash for role, each in made.items()}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"auth": "None"}, {}),
        (FORGE, IMAGE),
        ({"external": {"endpoints": ENDPOINTS}}, {}),
        ({"external": {"endpoints": ENDPOINTS}}, THEIRS),
    ],
)
def test_who_plays_is_replaced_when_daemons_begin_to_ask(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """By whichever field that comes; an actor that continues as it was would play no game more."""
    old, new = hashes(**before), hashes(**after)
    changed = {role for role in old.keys() & new.keys() if old[role] != new[role]}
    assert changed - {Role.DAEMON} == PLAYERS
    if Role.DAEMON in old.keys() & new.keys():
        assert Role.DAEMON in changed


def test_a_list_of_endpoints_replaces_nobody() -> None:
    """Whether or not they ask for a token."""
    for external in ({}, {"tokenSecretRef": {"name": "theirs"}}):
        few = hashes(external={"endpoints": ENDPOINTS, **external})
        assert few == hashes(external={"endpoints": [*ENDPOINTS, "10.0.0.6:17171"], **external})


def test_the_table_of_changes_says_so() -> None:
    """What a user reads is what happens."""
    assert set(REPLACED["daemon.auth"]) == {"daemon", "actor", "evaluator"}
    assert set(REPLACED["daemon.external.tokenSecretRef"]) == {"actor", "evaluator"}
