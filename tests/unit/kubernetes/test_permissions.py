"""The permissions are what the backend's own tables say that it asks for: no more and no less."""

from __future__ import annotations

from trainingrun_operator.kube.backend import REMOVED
from trainingrun_operator.kube.permissions import PERMISSIONS
from trainingrun_reconciler.kinds import POD, WATCHED


def test_children_are_watched_written_and_removed_as_the_list_says() -> None:
    """Pods are watched and told their cost; Redis and claims are never deleted by us. A name that
    is taken is looked up."""
    asked = {}
    for kind in WATCHED:
        verbs = {"list", "watch"}
        verbs |= {"patch"} if kind is POD else {"get", "create"}
        verbs |= {"patch"} if kind is not POD else set()
        verbs |= {"delete"} if kind in REMOVED else set()
        asked[kind.name] = verbs
    listed = {
        each.kind.name: set(each.verbs)
        for each in PERMISSIONS
        if each.kind in WATCHED and not each.subresource
    }
    assert listed == asked


def test_secrets_are_neither_listed_nor_changed_nor_deleted() -> None:
    """Only those that a run names are read, and only its own is made."""
    (verbs,) = (set(each.verbs) for each in PERMISSIONS if each.kind.name == "Secret")
    assert verbs == {"get", "create"}


def test_no_permission_reaches_into_pods_or_hands_out_rights() -> None:
    """No exec, no logs, no tokens, no roles, no wildcard."""
    resources = {each.resource for each in PERMISSIONS}
    forbidden = {"pods/exec", "pods/log", "serviceaccounts/token", "roles", "rolebindings", "nodes"}
    assert not resources & forbidden
    assert not any("*" in part for each in PERMISSIONS for part in (each.resource, *each.verbs))
