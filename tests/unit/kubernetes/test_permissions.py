"""The permissions of the kinds that are declared: enough, and nothing that is not needed."""

from __future__ import annotations

from trainingrun_operator.kube.permissions import permissions
from trainingrun_reconciler.kinds import (
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Kind,
)
from trainingrun_reconciler.resources.training_run import TRAINING_RUN


def verbs_on(kind: Kind) -> set[str]:
    """What may be done with the objects of a kind."""
    (verbs,) = (set(each.verbs) for each in permissions() if each.kind is kind)
    return verbs


def test_what_holds_data_is_never_deleted() -> None:
    """Redis with its claim, configuration and accounts go with their run alone."""
    for kind in (CLAIM, STATEFUL_SET, CONFIG_MAP, SERVICE_ACCOUNT):
        assert verbs_on(kind) == {"get", "list", "watch", "create", "patch"}, kind.name
        assert kind not in TRAINING_RUN.removed
    assert "delete" in verbs_on(DEPLOYMENT)
    assert DEPLOYMENT in TRAINING_RUN.removed


def test_pods_are_seen_and_marked_and_never_made_or_deleted() -> None:
    """Controllers make and delete them; the operator says which go first."""
    assert verbs_on(POD) == {"list", "watch", "patch"}


def test_secrets_are_neither_listed_nor_changed_nor_deleted() -> None:
    """Only those that a run names are read, and only its own is made."""
    (verbs,) = (set(each.verbs) for each in permissions() if each.kind.name == "Secret")
    assert verbs == {"get", "create"}


def test_no_permission_reaches_into_pods_or_hands_out_rights() -> None:
    """No exec, no logs, no tokens, no roles, no wildcard."""
    resources = {each.resource for each in permissions()}
    forbidden = {"pods/exec", "pods/log", "serviceaccounts/token", "roles", "rolebindings", "nodes"}
    assert not resources & forbidden
    assert not any("*" in part for each in permissions() for part in (each.resource, *each.verbs))
