"""What a league needs now, and what to report of it.

Pure over the resource, its objects, and what the league says of itself. The order of a start is
read from what is there: the Secret, then the tables, then the services, then the workers; a
decision that is interrupted anywhere is made again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from trainingrun_api.conditions import ConditionStatus, Reason
from trainingrun_api.league import (
    League,
    LeagueStatus,
    LeagueWorkers,
    QueueStatus,
    WorkersStatus,
)
from trainingrun_api.league_conditions import (
    LeagueConditionType,
    LeagueEventReason,
    LeagueReason,
)
from trainingrun_contracts.league_report import LeagueReport

from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.desired.conditions import ConditionState
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.desired.health import reason_of
from trainingrun_reconciler.desired.observed import Finished
from trainingrun_reconciler.kinds import LEAGUE
from trainingrun_reconciler.leagues.objects import (
    Place,
    base_objects,
    migration,
    needs_migration,
    serving_objects,
    worker_objects,
)
from trainingrun_reconciler.leagues.parts import (
    MIGRATION,
    SERVICES,
    WORKER,
    object_name,
    pods_of,
)
from trainingrun_reconciler.manifests.metadata import TEMPLATE_HASH, Manifest
from trainingrun_reconciler.outcome import Outcome
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.views import ControllerView, PodView, View

READY: Final = LeagueConditionType.READY.value
DEGRADED: Final = LeagueConditionType.DEGRADED.value
STARTING_SECONDS: Final = 5.0
SERVING_SECONDS: Final = 15.0
"""Between two questions to a league that serves: its workers follow its queue."""


@dataclass(frozen=True)
class Heard:
    """What was heard of a league; neither: it was not asked yet.

    ``silence`` is why there is no report, ``refusal`` a refusal of the cluster's to make its
    Secret, ``missing`` what to do about Secrets that its user has not made.
    """

    report: LeagueReport | None = None
    silence: str = ""
    refusal: BackendError | None = None
    missing: str = ""


@dataclass(frozen=True)
class Seen:
    """What is there of a league."""

    serving: tuple[str, ...]
    """Names of its pods that serve."""
    problem: str
    """Of a pod that does not, for people."""
    migrated: bool
    migration_failure: str
    workers: int
    workers_desired: int | None


def decide(league: League, views: tuple[View, ...], heard: Heard, place: Place) -> Outcome:
    """The objects of a league, and its status.

    Services that run stay as they are while an upgrade migrates their tables, and everything does
    while something is refused: what cannot be made anew is no reason to take away what plays.
    """
    owner = Owner.of(LEAGUE, league.metadata)
    tables = migration(owner, league.spec, place) if needs_migration(league.spec) else None
    seen = see(league, views, tables)
    workers = workers_wanted(league.spec.workers, seen.workers_desired, heard.report)
    children, problem = list(base_objects(owner, league.spec, place)), heard.refusal
    if tables is not None:
        children.append(tables)
    if seen.migrated:
        children += serving_objects(owner, league.spec, place)
        try:
            children += worker_objects(owner, league.spec, place, workers)
        except BackendError as error:
            problem = problem or error
    ready = _ready(league, seen, heard)
    degraded = _degraded(heard.missing, problem)
    return Outcome(
        status=_status(league, seen, heard, workers, ready),
        children=tuple(children),
        conditions={READY: ready} | ({DEGRADED: degraded} if degraded is not None else {}),
        events=_events(league, ready, heard),
        requeue_after=SERVING_SECONDS if ready.is_true else STARTING_SECONDS,
        removes=seen.migrated and problem is None,
    )


def workers_wanted(bounds: LeagueWorkers, present: int | None, report: LeagueReport | None) -> int:
    """How many workers there should be, within the bounds.

    More at once; fewer by at most half at a time, because one that ends gives a match back that it
    has begun; none beyond the least where nothing is open. Without a report there is no change.
    """
    present = bounds.min_replicas if present is None else present
    if report is None or report.queue is None:
        return _within(bounds, present)
    queue = report.queue
    if queue.wanted_workers >= present:
        return _within(bounds, queue.wanted_workers)
    if queue.open_matches == queue.leased_matches == queue.wanted_workers == 0:
        return bounds.min_replicas
    return _within(bounds, max(queue.wanted_workers, math.ceil(present / 2)))


def _within(bounds: LeagueWorkers, number: int) -> int:
    return min(max(number, bounds.min_replicas), bounds.max_replicas)


def see(league: League, views: Iterable[View], tables: Manifest | None) -> Seen:
    """What is there of a league; ``tables`` is the Job that makes them, where one is needed."""
    owner = Owner.of(LEAGUE, league.metadata)
    known = tuple(views)
    pods = [each for each in known if isinstance(each, PodView)]
    makers = {each.identity.name: each for each in known if isinstance(each, ControllerView)}
    finished = _end_of(makers.get(object_name(owner, MIGRATION)), tables)
    worker = makers.get(object_name(owner, WORKER))
    refusals = [each.refusal for each in makers.values() if each.refusal]
    problems = [each.problem.message for each in pods if each.problem is not None]
    names = {each.name for each in pods_of(league.spec)}
    serving = {each.identity.role for each in pods if each.ready} & names
    return Seen(
        serving=tuple(sorted(serving)),
        problem=next(iter([*refusals, *problems]), ""),
        migrated=tables is None or (finished is not None and finished.succeeded),
        migration_failure=_failure_of(finished, pods),
        workers=sum(each.ready and each.identity.role == WORKER for each in pods),
        workers_desired=worker.replicas if worker is not None else None,
    )


def _end_of(view: ControllerView | None, wanted: Manifest | None) -> Finished | None:
    """How the Job that is wanted has ended; one before it, of another image, says nothing."""
    if view is None or wanted is None:
        return None
    is_wanted = view.identity.template_hash == wanted["metadata"]["annotations"][TEMPLATE_HASH]
    return view.finished if is_wanted else None


def _failure_of(finished: Finished | None, pods: Iterable[PodView]) -> str:
    """Why the tables are not there: what the Job ended with, or what its pod did."""
    if finished is not None:
        return "" if finished.succeeded else finished.message
    crashes = [
        each.problem.message
        for each in pods
        if each.identity.role == MIGRATION
        and each.problem is not None
        and reason_of(each.problem) is Reason.CRASHING
    ]
    return f"{crashes[0]}; it is tried again" if crashes else ""


def _degraded(missing: str, error: BackendError | None) -> ConditionState | None:
    """What needs a person; a Secret that is missing is why another one cannot be made."""
    if missing:
        return ConditionState(ConditionStatus.TRUE, LeagueReason.SECRET_MISSING.value, missing)
    return _refusal(error) if error is not None else None


def _refusal(error: BackendError) -> ConditionState:
    return ConditionState(ConditionStatus.TRUE, error.reason, str(error))


def _ready(league: League, seen: Seen, heard: Heard) -> ConditionState:
    """Whether all of it serves."""
    missing = sorted({each.name for each in pods_of(league.spec)} - set(seen.serving))
    if heard.missing and (missing or not seen.migrated):
        return _not_ready(LeagueReason.SECRET_MISSING, heard.missing)
    if seen.migration_failure:
        return _not_ready(LeagueReason.MIGRATION_FAILED, seen.migration_failure)
    if not seen.migrated and not seen.serving:
        why = seen.problem or "the tables of its database are being made"
        return _not_ready(LeagueReason.STARTING, why)
    if missing:
        why = seen.problem or f"waits for {', '.join(missing)}"
        is_known = league.status.condition(READY) is not None and league.status.models is not None
        return _not_ready(LeagueReason.SERVICES_MISSING if is_known else LeagueReason.STARTING, why)
    if heard.report is None:
        return _not_ready(
            LeagueReason.NO_REPORT, f"its pods serve, and it says nothing: {heard.silence}"
        )
    if heard.report.problem:
        return _not_ready(LeagueReason.SERVICES_MISSING, heard.report.problem)
    return ConditionState(
        ConditionStatus.TRUE, LeagueReason.ALL_SERVICES_SERVE.value, "all its services serve"
    )


def _not_ready(reason: LeagueReason, message: str) -> ConditionState:
    return ConditionState(ConditionStatus.FALSE, reason.value, message)


def _status(
    league: League, seen: Seen, heard: Heard, workers: int, ready: ConditionState
) -> LeagueStatus:
    """What is known; what was heard last stays until something else is."""
    serving = {
        part for pods in pods_of(league.spec) if pods.name in seen.serving for part in pods.services
    }
    status = league.status.model_copy(
        update={
            "summary": _summary(ready, heard),
            "services": len(serving & set(SERVICES)),
            "workers": WorkersStatus(
                wanted=_wanted(heard.report), desired=workers, ready=seen.workers
            ),
        }
    )
    return status if heard.report is None else _with_report(status, heard.report)


def _with_report(status: LeagueStatus, report: LeagueReport) -> LeagueStatus:
    found: dict[str, object] = {
        "models": report.models,
        "champion": report.champion,
        "games": report.games,
    }
    if report.queue is not None:
        found |= {
            "matches": report.queue.reported_matches,
            "queue": QueueStatus(players=report.queue.players, matches=report.queue.open_matches),
        }
    known = {name: value for name, value in found.items() if value is not None}
    if report.models is not None:  # a rollback may leave a league without a champion
        known["champion"] = report.champion
    return status.model_copy(update=known)


def _wanted(report: LeagueReport | None) -> int | None:
    return report.queue.wanted_workers if report is not None and report.queue is not None else None


def _summary(ready: ConditionState, heard: Heard) -> str:
    if not ready.is_true:
        return "starting" if ready.reason == LeagueReason.STARTING.value else "not ready"
    queue = heard.report.queue if heard.report is not None else None
    if queue is not None and queue.open_matches + queue.leased_matches:
        return "playing"
    return "serving"


def _events(league: League, ready: ConditionState, heard: Heard) -> tuple[RunEvent, ...]:
    """What happened, once each."""
    before = league.status.condition(READY)
    found: list[RunEvent] = []
    if ready.is_true and (before is None or not before.is_true):
        found.append(RunEvent(LeagueEventReason.LEAGUE_SERVES.value, "all its services serve"))
    found += _events_of_secrets(league, heard.missing)
    champion = heard.report.champion if heard.report is not None else None
    if champion and league.status.models is not None and champion != league.status.champion:
        found.append(RunEvent(LeagueEventReason.PROMOTED.value, f"{champion} is the champion"))
    return tuple(found)


def _events_of_secrets(league: League, missing: str) -> Iterator[RunEvent]:
    """That a Secret is missing, and that none is any longer; once each."""
    degraded = league.status.condition(DEGRADED)
    reason = LeagueReason.SECRET_MISSING.value
    before = degraded.message if degraded is not None and degraded.reason == reason else ""
    if missing and missing != before:
        yield RunEvent(LeagueEventReason.SECRET_MISSING.value, missing, warning=True)
    if before and not missing:
        said = "all Secrets that it names are there"
        yield RunEvent(LeagueEventReason.SECRET_FOUND.value, said)
