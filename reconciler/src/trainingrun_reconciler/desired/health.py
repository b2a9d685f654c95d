"""Health of the parts of a run: one finding per part, with the real message of what is wrong.

A finding is a condition without its history: ``status`` turns findings into conditions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trainingrun_api.conditions import ConditionStatus, Reason
from trainingrun_contracts.plain_text import one_line
from trainingrun_contracts.reports import Notice

from trainingrun_reconciler.desired.conditions import ConditionState
from trainingrun_reconciler.desired.observed import (
    Observed,
    ObservedRole,
    Problem,
    Signals,
    Unreachable,
)
from trainingrun_reconciler.desired.rates import learner_report
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Availability
from trainingrun_reconciler.roles.workload import Role

_CRASHES: Final = {"CrashLoopBackOff", "Crashing", "Error", "OOMKilled"}
_IMAGES: Final = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "ImageUnavailable",
}
_STAYING: Final = {Reason.IMAGE_UNAVAILABLE, Reason.CREATION_FAILED, Reason.MISCONFIGURED}
"""Problems that do not pass by themselves; a crash or a lack of room may."""
PASSING_SECONDS: Final = 30.0
SERVING_SECONDS: Final = 60.0
"""A member that crashed must serve for this time before its problem is over: one that uses up its
memory serves between two crashes, each time."""
_MESSAGE_LIMIT: Final = 1000
_PART_LIMIT: Final = 300
_REASONS: Final = {reason.value: reason for reason in Reason}


def true(reason: str, message: str) -> ConditionState:
    """All is well."""
    return ConditionState(ConditionStatus.TRUE, reason, message)


def false(reason: str, message: str) -> ConditionState:
    """It is not."""
    return ConditionState(ConditionStatus.FALSE, reason, message[:_MESSAGE_LIMIT])


def unknown(reason: str, message: str) -> ConditionState:
    """It cannot be said now."""
    return ConditionState(ConditionStatus.UNKNOWN, reason, message)


def reason_of(problem: Problem) -> Reason:
    """The documented reason that a problem of a member belongs to."""
    if problem.reason in _IMAGES:
        return Reason.IMAGE_UNAVAILABLE
    if problem.reason in _CRASHES:
        return Reason.CRASHING
    if problem.reason == "Configuration":
        return Reason.MISCONFIGURED
    return documented(problem.reason, otherwise=Reason.MEMBERS_NOT_READY)


def documented(reason: str, *, otherwise: Reason) -> Reason:
    """The word of the API that is spelt so."""
    return _REASONS.get(reason, otherwise)


def problem_of(role: ObservedRole | None) -> Problem | None:
    """What keeps a role's members from serving: the first one's problem."""
    if role is None:
        return None
    return next(
        (
            Problem(member.problem.reason, f"{member.name}: {member.problem.message}")
            for member in role.members
            if member.problem is not None and not member.ready
        ),
        None,
    )


def describe(notice: Notice) -> str:
    """Format a notice with the name of its member, safe to print on a terminal."""
    return one_line(f"{notice.member}: {notice.message}", _MESSAGE_LIMIT)


def part_problem(name: str, problem: str) -> str:
    """Format what a report says of a part, safe to print on a terminal."""
    return one_line(f"{name}: {problem}", _PART_LIMIT)


def queue(observed: Observed, role: Role) -> ConditionState:
    """Whether Redis answers, which ``role`` keeps where it is ours."""
    match observed.signals:
        case Signals(excess=excess) if excess:
            parts = ", ".join(sorted({each.partition(":")[0] for each in excess}))
            return true(
                Reason.CONNECTED,
                f"Redis answers; entries of {parts} are too large, of a wrong type, or not the"
                " operator's to read, and are left out: see who else writes to it, and whose"
                " password it has",
            )
        case Signals():
            return true(Reason.CONNECTED, "Redis answers")
        case Unreachable(reason=reason, message=message):
            found = problem_of(observed.roles.get(role))
            if found is not None:
                return false(reason_of(found), found.message)
            return false(documented(reason, otherwise=Reason.UNREACHABLE), message)
        case None:
            found = problem_of(observed.roles.get(role))
            if found is not None:
                return false(reason_of(found), found.message)
            return unknown(Reason.STARTING, "Redis is being started")


def workers(
    observed: Observed, role: Role, availability: Availability, *, least: int | None = None
) -> ConditionState:
    """Whether enough members of a role serve: ``least``, or as many as the role declares."""
    there = observed.serving.get(role)
    is_external = there is not None and there is observed.external
    if least is None:
        least = availability.least(there.replicas) if there is not None else 1
    who = f"external {availability.who}" if is_external else availability.who
    return _members(there, least=least, who=who, do=availability.do)


def task(
    role: ObservedRole | None, signals: Signals | None, availability: Availability
) -> ConditionState:
    """Whether the learner runs and reports."""
    if role is not None and role.finished is not None:
        message = role.finished.message or "the learner has ended"
        good = role.finished.succeeded
        return false(Reason.FINISHED if good else Reason.LEARNER_FAILED, message)
    if role is not None and role.held is not None:
        problem = role.held.problem
        return false(reason_of(problem), problem.message)
    finding = _members(role, least=1, who=availability.who, do=availability.do)
    if not finding.is_true or signals is None:
        return finding
    if learner_report(signals) is None:
        return false(Reason.NO_REPORT, "the learner runs but has not reported")
    return finding


def role_problems(observed: Observed) -> Mapping[Role, Problem]:
    """The problem of each role that has one, in the order of their start; not of what goes."""
    staying = {role: there for role, there in observed.serving.items() if not there.removing}
    found = {role: problem_of(staying.get(role)) for role in ROLES.names}
    return {role: problem for role, problem in found.items() if problem is not None}


@dataclass(frozen=True)
class RoleProblem:
    """A role's problem: ``since`` when the role has had any, ``told_at`` when this kind came,
    ``seen_at`` when it was last there."""

    problem: Problem
    since: float
    began_at: float
    seen_at: float

    @property
    def lasts(self) -> bool:
        """Whether it needs a person: it stayed, came again, or is of a kind that does not pass."""
        reason = reason_of(self.problem)
        if reason is Reason.WAITING_FOR_QUOTA:
            return False
        return reason in _STAYING or self.seen_at - self.since >= PASSING_SECONDS

    def is_fresh(self, now: float) -> bool:
        """Whether a crash was so short a time ago that the next one may be near."""
        is_crash = reason_of(self.problem) in {Reason.CRASHING, Reason.MISCONFIGURED}
        return is_crash and now - self.seen_at < SERVING_SECONDS


def track_problems(
    observed: Observed, before: Mapping[Role, RoleProblem], *, now: float
) -> Mapping[Role, RoleProblem]:
    """The problems of the roles now, in the order of their start, with when they came."""
    found = {}
    problems = role_problems(observed)
    for role in ROLES.names:
        old, problem, there = before.get(role), problems.get(role), observed.serving.get(role)
        if problem is None:
            stays = there is not None and not there.removing and there.finished is None
            if old is not None and stays and old.is_fresh(now):
                found[role] = old
            continue
        same = old is not None and reason_of(old.problem) is reason_of(problem)
        found[role] = RoleProblem(
            problem,
            since=old.since if old is not None else now,
            began_at=old.began_at if old is not None and same else now,
            seen_at=now,
        )
    return found


def _members(role: ObservedRole | None, *, least: int, who: str, do: str) -> ConditionState:
    if role is None:
        return false(Reason.STARTING, f"{who} starting")
    ready = len(role.ready)
    if ready >= least:
        return true(Reason.AVAILABLE, f"{ready} of {role.replicas} {who} {do}")
    problem = problem_of(role)
    if problem is not None:
        return false(reason_of(problem), problem.message)
    needed = f", {least} needed" if least not in (1, role.replicas) else ""
    message = f"{who} starting ({ready} of {role.replicas}{needed})"
    return false(Reason.MEMBERS_NOT_READY, message)
