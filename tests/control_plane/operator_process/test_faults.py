"""Whatever somebody does to an object of a run, it comes back as it was, and then there is rest.

Each fault is done to an object of every kind that the operator makes, one after the other. When all
have come back, the operator is watched for a minute through the audit log of the API server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from testkit.control_plane.api_connections import ApiError
from testkit.control_plane.audit_log import lines_in, requests_of
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import SYSTEM, OperatorProcess, Trainer

PLAYED: Final = (
    "deployment/NAME-daemon",
    "deployment/NAME-actor",
    "deployment/NAME-evaluator",
    "job/NAME-learner",
    "service/NAME-daemon",
    "poddisruptionbudget/NAME-daemon",
    "networkpolicy/NAME-daemon",
    "networkpolicy/NAME-actor",
    "networkpolicy/NAME-learner",
    "configmap/NAME-config",
    "serviceaccount/NAME-pods",
    "serviceaccount/NAME-learner",
)
"""Of a run whose roles are played, so that all of them are there."""
KEPT: Final = ("statefulset/NAME-redis", "service/NAME-redis", "networkpolicy/NAME-redis")
"""Of a run with a Redis of its own."""
REST_REQUESTS: Final = 20
ASSIGNED: Final = (
    "clusterIP",
    "clusterIPs",
    "nodeName",
    "volumeName",
    "selector",
    "internalTrafficPolicy",
)
EDITS: Final[dict[str, dict[str, Any]]] = {
    "deployment": {"spec": {"progressDeadlineSeconds": 77}},
    "statefulset": {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}},
    "job": {"spec": {"backoffLimit": 1, "ttlSecondsAfterFinished": 5, "suspend": True}},
    "service": {"spec": {"selector": {"app": "mine"}}},
    "poddisruptionbudget": {"spec": {"maxUnavailable": "100%"}},
    "networkpolicy": {"spec": {"ingress": [{}]}},
    "configmap": {"data": {"run.json": "{}"}},
    "serviceaccount": {"automountServiceAccountToken": True},
}


class Child:
    """One object of a run, and what it was like before anybody did anything to it."""

    def __init__(self, trainer: Trainer, reference: str) -> None:
        self._trainer = trainer
        self.reference = reference
        self.kind, _, self.name = reference.partition("/")
        self.before = self.now()

    def now(self) -> dict[str, Any]:
        """It as it is: identity apart, and what the cluster fills in."""
        found = self._trainer.plane.api.get(self.kind, self.name, self._trainer.namespace)
        meta, spec = found["metadata"], dict(found.get("spec") or {})
        for assigned in ASSIGNED:
            spec.pop(assigned, None)
        if self.kind == "job":
            spec["template"]["metadata"].pop("labels")  # with the Job's UID
        return {
            "labels": {key: each for key, each in meta["labels"].items() if "/" in key},
            "owners": meta.get("ownerReferences", []),
            "is_going": "deletionTimestamp" in meta,
            "spec": spec,
            "data": found.get("data"),
            "token": found.get("automountServiceAccountToken"),
        }

    def has_come_back(self) -> bool:
        """Whether it is there, and as it was."""
        try:
            return self.now() == self.before
        except ApiError as error:
            if not error.is_not_found:
                raise
            return False

    def merge(self, patch: dict[str, Any]) -> None:
        """Patch it as somebody else would."""
        self._trainer.change(self.kind, self.name, patch, by="somebody")

    def label(self, **labels: str | None) -> None:
        """Set labels of ours by the last part of their names, or take them away (None)."""
        given = {f"trainingrun.dev/{name}": value for name, value in labels.items()}
        self.merge({"metadata": {"labels": given}})


def deleted(trainer: Trainer, child: Child) -> None:
    """Take it away."""
    before = trainer.uid(child.kind, child.name)
    trainer.ask_to_delete(child.kind, child.name)
    trainer.wait_until(lambda: trainer.uid(child.kind, child.name) not in ("", before))


def edited(_: Trainer, child: Child) -> None:
    """Change what it says."""
    child.merge(EDITS[child.kind])


def scaled(trainer: Trainer, child: Child) -> None:
    """Ask for another number of pods, as people and autoscalers do."""
    if child.kind in ("deployment", "statefulset"):
        trainer.change(child.kind, f"{child.name}/scale", {"spec": {"replicas": 3}}, by="somebody")


def relabelled(_: Trainer, child: Child) -> None:
    """Give it to a run that is not there, and to a role that no one knows."""
    has_role = "trainingrun.dev/role" in child.before["labels"]
    child.label(run="bogus", **({"role": "bogus"} if has_role else {}))


def given_away(_: Trainer, child: Child) -> None:
    """Take the label away by which it is watched."""
    child.label(uid=None)


def disowned(_: Trainer, child: Child) -> None:
    """Take its owner away, so that it would stay for ever."""
    child.merge({"metadata": {"ownerReferences": None}})


def restored(trainer: Trainer, names: tuple[str, ...], run: str, fault: Any) -> None:
    """Do a fault to each, and wait until each is as it was."""
    for name in names:
        child = Child(trainer, name.replace("NAME", run))
        fault(trainer, child)
        try:
            trainer.wait_until(child.has_come_back, seconds=60)
        except AssertionError:
            assert child.now() == child.before, child.reference  # tells the difference
            raise


def requests_in_a_minute(plane: ControlPlane, trainer: Trainer) -> dict[str, int]:
    """What the operator asks about this namespace in the next minute, by verb and object."""
    log = plane.folder / "logs" / "audit.json"
    user, begun = f"system:serviceaccount:{SYSTEM}:trainingrun-operator", lines_in(log)
    end = time.monotonic() + 60
    trainer.wait_until(lambda: time.monotonic() >= end)
    found: dict[str, int] = {}
    for each in requests_of(log, user, skip=begun):
        if each.namespace == trainer.namespace and each.verb not in ("watch", "list"):
            what = f"{each.verb} {each.resource}/{each.name}"
            found[what] = found.get(what, 0) + 1
    return found


FAULTS: Final[tuple[Callable[[Trainer, Child], None], ...]] = (
    scaled,
    deleted,
    edited,
    relabelled,
    given_away,
    disowned,
)


@pytest.fixture
def fleet_of_two(trainer: Trainer) -> Trainer:
    """A run whose roles are played, and one with a Redis of its own that no one can reach."""
    trainer.start("played")
    trainer.apply("kept", redis={"managed": {}})
    trainer.wait_for_members("played")
    trainer.wait_until(lambda: bool(trainer.uid("statefulset", "kept-redis")))
    return trainer


@pytest.mark.parametrize("fault", FAULTS)
def test_what_somebody_does_to_an_object_is_undone_and_then_there_is_rest(
    fleet_of_two: Trainer,
    control_plane: ControlPlane,
    operator: OperatorProcess,
    fault: Callable[[Trainer, Child], None],
) -> None:
    """Every kind of object; in the minute after the last, few requests are sent for either run."""
    restored(fleet_of_two, PLAYED, "played", fault)
    restored(fleet_of_two, KEPT, "kept", fault)
    asked = requests_in_a_minute(control_plane, fleet_of_two)
    assert sum(asked.values()) <= 2 * REST_REQUESTS, asked
    children = {
        what for what in asked if not what.split()[1].startswith(("trainingruns", "events"))
    }
    assert not {what for what in children if what.split()[0] in ("create", "delete", "patch")}, (
        asked
    )
