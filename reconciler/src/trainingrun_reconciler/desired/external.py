"""Daemons that exist without us: what is believed of them from what they answered.

A run with ``spec.daemon.external`` has no workload for daemons. Its endpoints are members all the
same, so that slots, counts, conditions and events are made in one way. Refused: an autoscaler that
"scales" them by leaving some out; their user decides how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.desired.observed import Member, ObservedRole, Problem

MOST_GAMES: Final = 1000
"""Slots of one daemon that are believed; as for ``gamesPerDaemon``."""
NO_ANSWER: Final = "NoAnswer"


@dataclass(frozen=True)
class Answer:
    """What is known of one endpoint. ``capacity`` is the last reported, even if it is away."""

    capacity: int | None = None
    error: str = ""
    """Why it does not serve; empty where it does."""


def endpoints(run: TrainingRun) -> tuple[str, ...]:
    """The external daemons of a run; none where it has its own."""
    external = run.spec.daemon.external
    return external.endpoints if external is not None else ()


def is_asked(run: TrainingRun) -> bool:
    """Whether the external daemons matter now: not to a run that is over or rests."""
    suspended = run.status.condition(ConditionType.SUSPENDED)
    wanted = run.spec.suspend or run.status.stop is not None
    rests = wanted and suspended is not None and suspended.is_true
    return run.status.finished_at is None and not rests


def external_role(names: Iterable[str], answers: Mapping[str, Answer]) -> ObservedRole:
    """The endpoints as members; one that was not asked yet is not ready and has no problem."""
    members = tuple(_member(name, answers.get(name)) for name in names)
    return ObservedRole(replicas=len(members), template_hash="", members=members)


def slots_of(run: TrainingRun, role: ObservedRole | None) -> int:
    """Games that all endpoints serve together, those that are away included: they come back."""
    known = {member.endpoint: member.capacity for member in role.members} if role else {}
    return sum(known.get(name) or run.spec.daemon.games_per_daemon for name in endpoints(run))


def _member(name: str, answer: Answer | None) -> Member:
    if answer is None:
        return Member(name, ready=False, endpoint=name)
    capacity = min(answer.capacity, MOST_GAMES) if answer.capacity is not None else None
    if answer.error:
        problem = Problem(
            NO_ANSWER,
            f"{answer.error}: see that it runs and can be reached, or take it out of"
            " spec.daemon.external.endpoints",
        )
        return Member(name, ready=False, endpoint=name, problem=problem, capacity=capacity)
    return Member(name, ready=bool(capacity), endpoint=name, capacity=capacity)
