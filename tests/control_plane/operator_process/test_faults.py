"""Whatever somebody does to an object of a run, it comes back as it was, and then there is rest.

Each fault is done to an object of every kind that the operator makes, one after the other. When all
have come back, the operator is watched for a minute through the audit log of the API server. The
faults are done side by side, each to runs of its own, since that minute is most of what they take.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, Final

import pytest

from testkit.control_plane.api_connections import ApiError
from testkit.control_plane.audit_log import lines_in, requests_of
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import SYSTEM, OperatorProcess, Trainer
from testkit.servers.redis_server import RedisServer

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
MINUTE: Final = 60.0
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


FAULTS: Final[tuple[Callable[[Trainer, Child], None], ...]] = (
    scaled,
    deleted,
    edited,
    relabelled,
    given_away,
    disowned,
)


@pytest.fixture
def pairs(
    control_plane: ControlPlane,
    operator: OperatorProcess,
    queue_server: RedisServer,
    namespace: str,
) -> Iterator[dict[str, Trainer]]:
    """For each fault, by its name, a namespace with two runs: one whose roles are played, and one
    with a Redis of its own that no one can reach."""
    made: dict[str, Trainer] = {}
    for fault in FAULTS:
        name = fault.__name__
        made[name] = Trainer(control_plane, f"{namespace}-{name.replace('_', '-')}", queue_server)
        control_plane.create_namespace(made[name].namespace)
        made[name].start("played")
        made[name].apply("kept", redis={"managed": {}})
    yield made
    for trainer in made.values():
        trainer.close()
        control_plane.delete_namespace(trainer.namespace)


def suffer(trainer: Trainer, fault: Callable[[Trainer, Child], None]) -> str:
    """Do a fault to every kind of object of a pair; returns what did not come back."""
    trainer.wait_for_members("played")
    trainer.wait_until(lambda: bool(trainer.uid("statefulset", "kept-redis")))
    try:
        restored(trainer, PLAYED, "played", fault)
        restored(trainer, KEPT, "kept", fault)
    except AssertionError as error:
        return str(error)
    return ""


def requests_in_a_minute(plane: ControlPlane) -> dict[str, Counter[str]]:
    """What the operator asks in the next minute, by namespace, and by verb and object."""
    log = plane.folder / "logs" / "audit.json"
    user, begun = f"system:serviceaccount:{SYSTEM}:trainingrun-operator", lines_in(log)
    Event().wait(MINUTE)  # what is looked for is that nothing happens
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for each in requests_of(log, user, skip=begun):
        if each.verb not in ("watch", "list"):
            found[each.namespace][f"{each.verb} {each.resource}/{each.name}"] += 1
    return found


def unrest(asked: Counter[str]) -> Counter[str]:
    """What was asked of a pair at rest and should not have been: any write to a child, and all of
    it where that is too much for two runs."""
    writes = ("create", "delete", "patch", "update")
    to_children = {
        what: times
        for what, times in asked.items()
        if what.split()[0] in writes and not what.split()[1].startswith(("trainingruns", "events"))
    }
    return asked if asked.total() > 2 * REST_REQUESTS else Counter(to_children)


def test_what_somebody_does_to_an_object_is_undone_and_then_there_is_rest(
    pairs: dict[str, Trainer], control_plane: ControlPlane
) -> None:
    """Every fault to every kind of object, each fault in a namespace of its own; in the minute
    after the last, few requests are sent for any of the runs."""
    with ThreadPoolExecutor(len(FAULTS)) as pool:
        lasting = pool.map(suffer, (pairs[each.__name__] for each in FAULTS), FAULTS)
        wrong: dict[str, Any] = {
            fault.__name__: told for fault, told in zip(FAULTS, lasting, strict=True) if told
        }
    assert wrong == {}
    asked = requests_in_a_minute(control_plane)
    for name, trainer in pairs.items():
        assert asked[trainer.namespace], "the log has none of the counters' writes"
        if unrest(asked[trainer.namespace]):
            wrong[name] = unrest(asked[trainer.namespace])
    assert wrong == {}
