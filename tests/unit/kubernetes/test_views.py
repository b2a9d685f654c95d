"""What is understood of pods and controllers, and the sentences about what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from trainingrun_operator.kube.observe import ObjectCache, roles_from
from trainingrun_reconciler.desired.observed import ObservedRole, Problem
from trainingrun_reconciler.kinds import (
    CLAIM,
    DEPLOYMENT,
    JOB,
    NETWORK_POLICY,
    POD,
    SERVICE,
    Kind,
)
from trainingrun_reconciler.manifests.metadata import labels
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.problems import last_line, pod_problem
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.store import ResourceKey
from trainingrun_reconciler.views import view_of

RUN = RunIdentity("space", "quick", "uid-1")
READY = [{"type": "Ready", "status": "True"}]


def document(
    name: str, *, role: str = "daemon", version: int = 1, uid: str = "", **content: Any
) -> dict[str, Any]:
    """An object of the run as the API server gives it; ``uid`` is its name unless given."""
    meta = {
        "name": name,
        "namespace": RUN.namespace,
        "uid": uid or name,
        "resourceVersion": str(version),
        "labels": labels(RUN, Role(role)),
        "ownerReferences": [owned_by("TrainingRun", RUN.name, RUN.uid)],
        "annotations": {"trainingrun.dev/roll-hash": "roll", "trainingrun.dev/applied-hash": "a"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": meta, **content}


def owned_by(kind: str, name: str, uid: str) -> dict[str, Any]:
    """The reference to what controls an object."""
    return {"kind": kind, "name": name, "uid": uid, "controller": True}


def pod(name: str, *, role: str = "daemon", **status: Any) -> dict[str, Any]:
    """A pod of the role's Job or Deployment, which is called after the run and the role."""
    found = document(name, role=role, spec={}, status={"phase": "Running", **status})
    maker = f"quick-{role}"
    owner = owned_by("ReplicaSet", f"{maker}-7f9c", "r") if role != "learner" else None
    found["metadata"]["ownerReferences"] = [owner or owned_by("Job", maker, maker)]
    return found


def waiting(reason: str, message: str) -> list[dict[str, Any]]:
    """The status of a container that waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    return [{"name": "daemon", "image": "example/daemon:1", "restartCount": 0, "state": state}]


def ended(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    """The state of a container that ended."""
    return {"terminated": {"exitCode": code, "message": message, "reason": reason}}


def observed(*told: tuple[Kind, dict[str, Any]]) -> dict[Role, ObservedRole]:
    """The roles after these objects were reported."""
    cache = ObjectCache(lambda _: None)
    for kind, each in told:
        cache.update(kind, each)
    return roles_from(cache.of(RUN))


def test_a_pull_error_reads_the_same_in_both_of_its_phases() -> None:
    """The kubelet's try and its back-off give one sentence, with the image and the cause."""
    tried = pod("p", containerStatuses=waiting("ErrImagePull", "no such host"))
    backed_off = pod(
        "p",
        containerStatuses=waiting(
            "ImagePullBackOff",
            'Back-off pulling image "example/daemon:1": ErrImagePull: no such host',
        ),
    )
    problem = pod_problem(tried)
    assert problem is not None
    assert problem == pod_problem(backed_off)
    assert problem.reason == "ImageUnavailable"
    assert "example/daemon:1" in problem.message
    assert "no such host" in problem.message


def test_a_crash_tells_its_last_words() -> None:
    """Waiting for its next try, the container's last line says why it ended."""
    status = waiting("CrashLoopBackOff", "back-off 40s restarting failed container")
    status[0]["lastState"] = ended(1, "Traceback…\nOSError: decks: no such folder\n")
    problem = pod_problem(pod("p", containerStatuses=status))
    assert problem is not None
    assert problem.reason == "Crashing"
    assert problem.message == "it ended with exit code 1: OSError: decks: no such folder"


def test_what_was_given_wrongly_is_no_crash() -> None:
    """An environment that the image does not hold, as the role says it before its first game."""
    said = "trainingrun-daemon: --environment: no environment is called 'chess'"
    status = waiting("CrashLoopBackOff", "back-off 40s restarting failed container")
    status[0]["lastState"] = ended(2, f"{said}\n")
    assert pod_problem(pod("p", containerStatuses=status)) == Problem("Configuration", said)


def test_memory_above_the_limit_is_named() -> None:
    """OOMKilled becomes what it means and what to do."""
    status = [{"name": "x", "image": "i", "state": ended(137, reason="OOMKilled")}]
    problem = pod_problem(pod("p", containerStatuses=status))
    assert problem is not None
    assert "raise the memory limit" in problem.message


@pytest.mark.parametrize(
    ("gate", "reason", "words"),
    [
        ("kueue.x-k8s.io/admission", "WaitingForQuota", "Kueue has not admitted it"),
        ("example.com/later", "Unschedulable", "held back by example.com/later"),
    ],
)
def test_a_pod_behind_a_gate_tells_who_must_open_it(gate: str, reason: str, words: str) -> None:
    """Kueue's gates are waits for quota; any other is somebody's to take away."""
    held = {**pod("p", phase="Pending"), "spec": {"schedulingGates": [{"name": gate}]}}
    problem = pod_problem(held)
    assert problem is not None
    assert problem.reason == reason
    assert words in problem.message


def test_an_unschedulable_pod_tells_the_schedulers_reason() -> None:
    """The scheduler's count of nodes stands in the sentence, its thoughts on pre-emption do not."""
    told = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes can help."
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": told,
    }
    problem = pod_problem(pod("p", phase="Pending", conditions=[condition]))
    assert problem is not None
    assert problem.reason == "Unschedulable"
    assert problem.message.endswith("3 Insufficient cpu")


def test_a_pod_that_only_starts_has_no_problem() -> None:
    """Creating a container is no problem."""
    status = waiting("ContainerCreating", "")
    assert pod_problem(pod("p", phase="Pending", containerStatuses=status)) is None


@pytest.mark.parametrize(("text", "line"), [("", ""), ("a\nb\n\n", "b"), ("  one  ", "one")])
def test_the_last_line_is_the_one_that_says_something(text: str, line: str) -> None:
    """Blank lines and blanks do not count."""
    assert last_line(text) == line


def test_a_role_has_its_pods_as_members() -> None:
    """Ready pods have an endpoint by their address; ended pods are no members."""
    roles = observed(
        (DEPLOYMENT, document("quick-daemon", spec={"replicas": 2})),
        (POD, pod("one", conditions=READY, podIP="10.0.0.1")),
        (POD, pod("two", conditions=READY, podIP="fd00::2")),
        (POD, pod("old", phase="Failed")),
    )
    daemon = roles[Role.DAEMON]
    assert (daemon.replicas, daemon.template_hash) == (2, "roll")
    assert [member.name for member in daemon.ready] == ["one", "two"]
    assert [member.endpoint for member in daemon.members] == ["10.0.0.1:17171", "[fd00::2]:17171"]


def test_a_pod_that_is_being_deleted_is_not_ready() -> None:
    """It may still run, but nothing should be sent to it any longer."""
    going = pod("one", conditions=READY, podIP="10.0.0.1")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    roles = observed((DEPLOYMENT, document("quick-daemon", spec={"replicas": 1})), (POD, going))
    assert roles[Role.DAEMON].ready == ()
    assert len(roles[Role.DAEMON].members) == 1


def test_a_role_without_its_controller_does_not_exist() -> None:
    """Pods that are left over make no role."""
    assert observed((POD, pod("one", conditions=READY))) == {}


def test_a_failed_job_says_what_its_last_pod_said() -> None:
    """The Job's condition names a policy; the pod's last words name the cause."""
    failed = {"type": "Failed", "status": "True", "reason": "PodFailurePolicy", "message": "rule 0"}
    said = [
        {"name": "learner", "image": "i", "state": ended(2, "no bucket called runs: create it")}
    ]
    roles = observed(
        (JOB, document("quick-learner", role="learner", spec={}, status={"conditions": [failed]})),
        (POD, pod("p", role="learner", phase="Failed", containerStatuses=said)),
    )
    finished = roles[Role.LEARNER].finished
    assert finished is not None
    assert not finished.succeeded
    assert "no bucket called runs: create it" in finished.message


def test_a_complete_job_has_succeeded() -> None:
    """Its ended pod is no problem."""
    complete = {"type": "Complete", "status": "True"}
    roles = observed(
        (
            JOB,
            document("quick-learner", role="learner", spec={}, status={"conditions": [complete]}),
        ),
        (POD, pod("p", role="learner", phase="Succeeded")),
    )
    finished = roles[Role.LEARNER].finished
    assert finished is not None
    assert finished.succeeded
    assert roles[Role.LEARNER].members == ()


def test_a_refusal_to_make_pods_is_told() -> None:
    """A quota or a policy stands in the Deployment's condition: a member that cannot be born."""
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
    roles = observed(
        (
            DEPLOYMENT,
            document("quick-daemon", spec={"replicas": 1}, status={"conditions": [refused]}),
        )
    )
    (member,) = roles[Role.DAEMON].members
    assert member.problem is not None
    assert member.problem.reason == "CreationFailed"
    assert "exceeded quota: small" in member.problem.message


BORN = 1_767_225_600.0
"""2026-01-01T00:00:00Z, when the objects of these tests were made."""


@pytest.mark.parametrize(("age", "told"), [(10, False), (20, True)])
def test_a_job_that_makes_no_pod_is_told_of(age: int, told: bool) -> None:
    """Its refusals stand in events alone, so the sentence says what to read; not at the start."""
    cache = ObjectCache(lambda _: None)
    cache.update(JOB, document("quick-learner", role="learner", spec={"parallelism": 1}))
    learner = roles_from(cache.of(RUN), now=BORN + age)[Role.LEARNER]
    found = [member.problem.message for member in learner.members if member.problem]
    assert bool(found) is told
    assert not found or "`kubectl -n space describe job quick-learner` says why" in found[0]


def suspended(**labels: str) -> dict[str, Any]:
    """A Job that somebody holds back."""
    found = document("quick-learner", role="learner", spec={"parallelism": 1, "suspend": True})
    found["metadata"]["labels"] |= {key.replace("_", "/"): value for key, value in labels.items()}
    return found


def test_a_suspended_job_is_held_by_its_queue() -> None:
    """Since when and by which queue; no pod is missed meanwhile."""
    job = suspended(**{"kueue.x-k8s.io_queue-name": "games"})
    since = "2026-01-01T00:05:00Z"
    job["status"] = {
        "conditions": [{"type": "Suspended", "status": "True", "lastTransitionTime": since}]
    }
    cache = ObjectCache(lambda _: None)
    cache.update(JOB, job)
    learner = roles_from(cache.of(RUN), now=BORN + 600)[Role.LEARNER]
    assert learner.held is not None
    assert learner.members == ()
    assert learner.held.since == BORN + 300
    assert learner.held.problem.reason == "WaitingForQuota"
    assert "queue games has not admitted Job quick-learner" in learner.held.problem.message


def test_a_job_that_somebody_suspends_by_hand_is_told_so() -> None:
    """Without a queue no one else would let it continue."""
    held = observed((JOB, suspended()))[Role.LEARNER].held
    assert held is not None
    assert held.problem.reason == "MembersNotReady"
    assert "not by the operator" in held.problem.message


def test_only_changes_that_matter_wake_a_run() -> None:
    """A new version without a new meaning is kept quiet; a change and an end are reported."""
    woken: list[ResourceKey] = []
    cache = ObjectCache(woken.append)
    cache.update(POD, pod("one"))
    cache.update(POD, {**pod("one"), "spec": {"nodeName": "n"}})
    assert woken == [ResourceKey("space", "quick")]
    cache.update(POD, pod("one", conditions=READY))
    cache.update(POD, {"metadata": {"uid": "one", "name": "one"}}, gone=True)
    assert len(woken) == 3
    assert len(cache) == 0


def test_an_older_state_does_not_replace_a_newer_one() -> None:
    """The answer to our own write may come before the watch reports what was there before."""
    cache = ObjectCache(lambda _: None)
    cache.update(DEPLOYMENT, document("quick-daemon", version=8, spec={"replicas": 3}))
    cache.update(DEPLOYMENT, document("quick-daemon", version=7, spec={"replicas": 1}))
    assert roles_from(cache.of(RUN))[Role.DAEMON].replicas == 3


def written(manager: str, time: str, field: str = "f:spec", **more: str) -> dict[str, Any]:
    """What the API server notes of one manager's last write."""
    return {"manager": manager, "time": time, "fieldsV1": {field: {}}, **more}


OURS = written("trainingrun-operator", "2026-01-01T00:00:10Z", operation="Apply")


def service(*managers: dict[str, Any]) -> dict[str, Any]:
    """A Service of the run with these writers."""
    found = document("quick-daemon", uid="s")
    found["metadata"]["managedFields"] = list(managers)
    return found


@pytest.mark.parametrize(
    ("theirs", "drifted"),
    [
        (written("kubectl-edit", "2026-01-01T00:00:11Z"), True),
        (written("kubectl-edit", "2026-01-01T00:00:10Z"), True),
        (written("kubectl-edit", "2026-01-01T00:00:09Z"), False),
        (written("kubectl-edit", "2026-01-01T00:00:11Z", "f:data"), True),
        (written("kubectl-label", "2026-01-01T00:00:11Z", "f:metadata"), False),
        (written("controller", "2026-01-01T00:00:11Z", "f:status"), False),
        (written("autoscaler", "2026-01-01T00:00:11Z", subresource="scale"), True),
        (written("controller", "2026-01-01T00:00:11Z", subresource="status"), False),
    ],
)
def test_content_that_somebody_wrote_after_us_is_drift(
    theirs: dict[str, Any], drifted: bool
) -> None:
    """Labels, statuses and what came before our own last word are none."""
    cache = ObjectCache(lambda _: None)
    cache.update(SERVICE, service(OURS, theirs))
    assert cache.is_drifted(cache.of(RUN)[0]) is drifted


def test_drift_is_over_once_we_have_applied_again() -> None:
    """What others still have beside ours is no drift; their next write is."""
    cache = ObjectCache(lambda _: None)
    cache.update(SERVICE, service(OURS, written("somebody", "2026-01-01T00:00:11Z")))
    cache.mark_applied("s")
    assert not cache.is_drifted(cache.of(RUN)[0])
    cache.update(SERVICE, service(OURS, written("somebody", "2026-01-01T00:00:12Z")))
    assert cache.is_drifted(cache.of(RUN)[0])


def test_a_claim_that_controllers_fill_in_has_not_drifted() -> None:
    """The volume's name in a claim is the cluster's to write."""
    cache = ObjectCache(lambda _: None)
    cache.update(CLAIM, service(OURS, written("controller", "2026-01-01T00:00:11Z")))
    assert not cache.is_drifted(cache.of(RUN)[0])


def actor(**meta: Any) -> tuple[Kind, dict[str, Any]]:
    """The Deployment of the actors."""
    found = document("quick-actor", role="actor", spec={"replicas": 1}, status={})
    found["metadata"].update(meta)
    return DEPLOYMENT, found


POLICY = NETWORK_POLICY, document("quick-actor", role="actor", uid="policy")


def test_a_role_without_its_policy_is_not_intact() -> None:
    """What belongs to a role is seen, and so is its absence."""
    assert observed(actor(), POLICY)[Role.ACTOR].intact
    assert not observed(actor())[Role.ACTOR].intact


def test_a_role_is_removed_once_all_of_it_was_told_to_go() -> None:
    """An interrupted removal is asked again; one that only waits for pods is not."""
    going = actor(deletionTimestamp="2026-01-01T00:00:00Z")
    assert not observed(actor(), POLICY)[Role.ACTOR].removing
    assert not observed(going, POLICY)[Role.ACTOR].removing
    assert observed(going)[Role.ACTOR].removing
    assert observed(going)[Role.ACTOR].intact


def test_a_pod_that_was_told_to_end_has_no_problem() -> None:
    """The exit code that a signal gives is not a crash."""
    name, state = "p", {"name": "daemon", "image": "i", "state": ended(143)}
    going = pod(name, containerStatuses=[state])
    assert view_of(POD, going).problem is not None  # type: ignore[union-attr]
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert view_of(POD, going).problem is None  # type: ignore[union-attr]


def test_what_a_list_does_not_have_is_gone_though_no_watch_told_of_it() -> None:
    """An object that we wrote, and that went before any watch saw it; what is newer than the list
    or elsewhere stays."""
    woken: list[ResourceKey] = []
    cache = ObjectCache(woken.append)
    for name, version in (("lost", 5), ("there", 5), ("newer", 9)):
        cache.update(SERVICE, document(name, version=version))
    cache.update(DEPLOYMENT, document("quick-daemon", uid="other-kind", spec={}, status={}))
    woken.clear()
    cache.listed(SERVICE, "elsewhere", [], 7)
    assert woken == []
    cache.listed(SERVICE, None, ["there"], 7)
    assert {view.identity.uid for view in cache.of(RUN)} == {"newer", "other-kind", "there"}
    assert woken == [ResourceKey(RUN.namespace, RUN.name)]


DISRUPTED = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
    "lastTransitionTime": "2026-01-01T00:00:10Z",
}


def disrupted(name: str, **status: Any) -> dict[str, Any]:
    """A pod that the cluster takes off its node."""
    return pod(name, conditions=[*READY, {**DISRUPTED, **status.pop("told", {})}], **status)


def test_a_pod_that_must_leave_takes_no_more_games() -> None:
    """It still runs and is ready, but is on its way out: in a node that shuts down, nothing but the
    condition says so."""
    deployment = document("quick-daemon", spec={"replicas": 1})
    role = observed((DEPLOYMENT, deployment), (POD, disrupted("p")))[Role.DAEMON]
    assert role.ready == ()
    spared = disrupted("p", told={"status": "False"})
    assert observed((DEPLOYMENT, deployment), (POD, spared))[Role.DAEMON].ready != ()


def test_a_disrupted_pod_is_no_crash_whatever_it_ended_with() -> None:
    """The sentence says who took it, not which exit code the signal gave."""
    containers = [{"name": "learner", "image": "i", "state": ended(143)}]
    problem = pod_problem(disrupted("p", phase="Failed", containerStatuses=containers))
    assert problem is not None
    assert problem.reason == "Evicted"
    assert "Eviction API: evicting" in problem.message


def interrupted(*told: tuple[Kind, dict[str, Any]], gone: str = "") -> list[str]:
    """The reasons of the interruptions of daemon and learner after these objects were reported."""
    cache = ObjectCache(lambda _: None)
    for kind, each in told:
        cache.update(kind, each)
    if gone:
        cache.update(POD, {"metadata": {"uid": gone}}, gone=True)
    return [each.reason for role in cache.roles(RUN).values() for each in role.interruptions]


def now_disrupted(name: str, *, role: str = "daemon", **status: Any) -> dict[str, Any]:
    """A pod that is taken off its node at this moment."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = disrupted(name, told={"lastTransitionTime": at}, **status)
    found["metadata"]["labels"]["trainingrun.dev/role"] = role
    return found


def test_an_interruption_outlives_its_pod() -> None:
    """A pod on a lost node is marked and deleted in one breath; the next reconcile must still see
    it."""
    deployment = document("quick-daemon", spec={"replicas": 1})
    objects = (DEPLOYMENT, deployment), (POD, now_disrupted("p"))
    assert interrupted(*objects, gone="p") == ["EvictionByEvictionAPI"]
    assert interrupted(*objects, *objects) == ["EvictionByEvictionAPI"]


def test_an_old_interruption_is_history() -> None:
    """A failed pod may lie about for days; what has not counted it by then never will."""
    assert (
        interrupted(
            (DEPLOYMENT, document("quick-daemon", spec={"replicas": 1})), (POD, disrupted("p"))
        )
        == []
    )


def test_a_learner_that_its_machine_told_to_end_was_interrupted() -> None:
    """Exit code 75 in a pod that no one deleted; a crash is none, and neither is a deletion."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    job = document("quick-learner", role="learner", spec={"parallelism": 1})

    def learner(code: int) -> dict[str, Any]:
        state = {"terminated": {"exitCode": code, "finishedAt": now}}
        containers = [{"name": "learner", "image": "i", "state": state}]
        return pod("l", role="learner", phase="Failed", containerStatuses=containers)

    deleted = learner(75)
    deleted["metadata"]["deletionTimestamp"] = now
    assert interrupted((JOB, job), (POD, learner(75))) == ["Stopped"]
    assert interrupted((JOB, job), (POD, learner(1))) == []
    assert interrupted((JOB, job), (POD, deleted)) == []


def learner_of(cache: ObjectCache, *, now: float) -> list[str]:
    """The problems of the learner's members."""
    found = roles_from(cache.of(RUN), now=now)[Role.LEARNER].members
    return [member.problem.message for member in found if member.problem is not None]


def test_a_learner_that_has_ended_well_is_not_missed() -> None:
    """Its pod has succeeded, and the Job says so a moment later."""
    cache = ObjectCache(lambda _: None)
    cache.update(JOB, document("quick-learner", role="learner", spec={"parallelism": 1}))
    cache.update(POD, pod("l", role="learner", phase="Succeeded"))
    assert learner_of(cache, now=BORN + 1000) == []


def test_a_learner_that_somebody_deletes_is_told_and_not_missed_at_once() -> None:
    """One that goes with its Job is not reported."""
    now = [BORN + 1000]
    cache = ObjectCache(lambda _: None, clock=lambda: now[0])
    cache.update(JOB, document("quick-learner", role="learner", spec={"parallelism": 1}))
    cache.update(POD, pod("l", role="learner"))
    cache.update(POD, {"metadata": {"uid": "l"}}, gone=True)
    learner = cache.roles(RUN)[Role.LEARNER]
    assert (learner.members, learner.interruptions) == ((), ())
    now[0] += 10
    (told,) = cache.roles(RUN)[Role.LEARNER].interruptions
    assert (told.member, told.reason) == ("l", "Deleted")
    going = document("quick-learner", role="learner", version=2, spec={"parallelism": 1})
    cache.update(POD, pod("m", role="learner"))
    cache.update(POD, {"metadata": {"uid": "m"}}, gone=True)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cache.update(JOB, going)
    now[0] += 10
    assert len(cache.roles(RUN)[Role.LEARNER].interruptions) == 1


def test_what_bears_a_runs_labels_elsewhere_is_not_its_own() -> None:
    """Another namespace, another controller, no controller, or a role that no one knows."""
    elsewhere = document("quick-daemon", uid="a", spec={"replicas": 1})
    elsewhere["metadata"]["namespace"] = "neighbour"
    theirs = document("quick-daemon", uid="b", spec={"replicas": 1})
    theirs["metadata"]["ownerReferences"] = [owned_by("TrainingRun", "quick", "another")]
    nobodys = document("quick-daemon", uid="c", spec={"replicas": 1})
    del nobodys["metadata"]["ownerReferences"]
    unknown = document("quick-bogus", uid="d", spec={"replicas": 1})
    told = [(DEPLOYMENT, each) for each in (elsewhere, theirs, nobodys, unknown)]
    assert observed(*told) == {}
    stray = pod("stray", conditions=READY, podIP="10.9.9.9")
    del stray["metadata"]["ownerReferences"]
    ours = document("quick-daemon", spec={"replicas": 1})
    assert observed((DEPLOYMENT, ours), (POD, stray))[Role.DAEMON].members == ()
