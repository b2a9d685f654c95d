"""A league's start, upgrade and workers, decided again after any interruption."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_contracts.league_report import LeagueReport, QueueReport
from trainingrun_reconciler.desired.observed import Problem
from trainingrun_reconciler.kinds import JOB
from trainingrun_reconciler.leagues.decide import Heard, decide, workers_wanted
from trainingrun_reconciler.views import ControllerView

from testkit.operator.leagues import PRODUCTION, PlayedLeague, by_name, league, pod_of
from testkit.soak_share import share_of

REPORT = LeagueReport(
    models=3,
    champion="m-3",
    games=120,
    queue=QueueReport(open_matches=4, wanted_workers=2, reported_matches=30),
)
INTERRUPTIONS = st.lists(st.integers(0, 9), max_size=12)


@settings(max_examples=share_of(20), deadline=None)
@given(limits=INTERRUPTIONS, is_production=st.booleans())
def test_a_start_that_is_interrupted_anywhere_comes_to_the_same_end(
    limits: list[int], is_production: bool
) -> None:
    """Whatever was made before an operator died, another one makes the rest and no more."""
    spec = PRODUCTION if is_production else {}
    straight = PlayedLeague(league(**spec), ready=True)
    straight.settle()
    broken = PlayedLeague(league(**spec), ready=True)
    for limit in limits:
        broken.step(limit=limit)
    broken.settle()
    assert broken.objects == straight.objects
    assert broken.decide().children == straight.decide().children


def test_services_wait_for_the_tables() -> None:
    """A service that found none would end; so the Job comes first, and workers last."""
    played = PlayedLeague(league(**PRODUCTION))
    outcome = played.step()
    assert [*by_name(outcome, "Job")] == ["migration"]
    assert not by_name(outcome, "Deployment")
    assert outcome.conditions["Ready"].reason == "Starting"
    played.migrate()
    assert {*by_name(played.step(), "Deployment")} > {"model", "worker"}


def test_tables_that_cannot_be_made_are_told_and_tried_again_without_a_person() -> None:
    """Expect the words of the pod in the condition, and a Job that outlives an outage of the
    database however long."""
    played = PlayedLeague(league(**PRODUCTION))
    played.step()
    (job,) = [
        each
        for each in played.views()
        if isinstance(each, ControllerView) and each.identity.kind is JOB
    ]
    words = "error: the database cannot be reached"
    pod = replace(pod_of(job), ready=False, problem=Problem("CrashLoopBackOff", words))
    outcome = decide(played.league, (*played.views(), pod), played.heard, played.place)
    ready = outcome.conditions["Ready"]
    assert (ready.reason, ready.message) == ("MigrationFailed", f"{words}; it is tried again")
    rendered = by_name(outcome, "Job")["migration"]["spec"]
    assert rendered["template"]["spec"]["restartPolicy"] == "OnFailure"
    assert "activeDeadlineSeconds" not in rendered


def test_services_stay_while_an_upgrade_migrates() -> None:
    """Another image is another Job; what serves is replaced when it has ended well."""
    played = PlayedLeague(league(**PRODUCTION), ready=True)
    played.settle()
    before = {key: each for key, each in played.objects.items() if key[0] != "Job"}
    played.place = replace(played.place, image="league:2")
    played.step()
    assert {key: each for key, each in played.objects.items() if key[0] != "Job"} == before
    played.settle()
    images = {
        each["spec"]["template"]["spec"]["containers"][0]["image"]
        for (kind, name), each in played.objects.items()
        if kind == "Deployment" and name != "ladder-worker"
    }
    assert images == {"league:2"}


def test_it_is_ready_when_its_pods_serve_and_it_says_so() -> None:
    """Ready needs both; what was known of it stays when it falls silent."""
    played = PlayedLeague(league())
    assert played.settle().conditions["Ready"].reason == "Starting"
    played.ready = True
    assert played.settle().conditions["Ready"].reason == "NoReport"
    played.heard = Heard(report=REPORT)
    outcome = played.settle()
    status = played.league.status
    assert outcome.conditions["Ready"].is_true
    assert (status.models, status.champion, status.matches, status.games) == (3, "m-3", 30, 120)
    assert (status.services, status.summary) == (5, "playing")
    played.heard, played.ready = Heard(silence="it cannot be reached"), False
    outcome = played.settle()
    assert outcome.conditions["Ready"].reason == "ServicesMissing"
    assert played.league.status.champion == "m-3"
    assert played.league.status.services == 0


def test_events_are_reported_once() -> None:
    """That it serves, and each new champion."""
    played = PlayedLeague(league(), ready=True)
    played.settle()
    played.heard = Heard(report=REPORT)
    assert [each.reason for each in played.step().events] == ["LeagueServes"]
    played.settle()
    assert played.step().events == ()
    played.heard = Heard(report=LeagueReport(models=4, champion="m-4"))
    assert [each.message for each in played.step().events] == ["m-4 is the champion"]


def workers(wanted: int, present: int | None, *, opened: int = 1, leased: int = 0) -> int:
    """Workers between 1 and 10."""
    bounds = league(workers={"minReplicas": 1, "maxReplicas": 10}).spec.workers
    queue = QueueReport(open_matches=opened, leased_matches=leased, wanted_workers=wanted)
    return workers_wanted(bounds, present, LeagueReport(queue=queue))


@pytest.mark.parametrize(
    ("wanted", "present", "expected"),
    [(5, 2, 5), (50, 2, 10), (3, None, 3), (2, 10, 5), (2, 3, 2), (0, 10, 5), (9, 10, 9)],
)
def test_workers_follow_the_queue(wanted: int, present: int | None, expected: int) -> None:
    """More at once, fewer by at most half, within the bounds."""
    assert workers(wanted, present) == expected


def test_workers_end_where_nothing_is_open() -> None:
    """Not while one of them plays."""
    assert workers(0, 10, opened=0) == 1
    assert workers(0, 10, opened=0, leased=1) == 5


def test_workers_stay_while_nothing_is_heard() -> None:
    """A league that restarts is no reason to end those who play for it."""
    bounds = league(workers={"minReplicas": 1, "maxReplicas": 10}).spec.workers
    assert workers_wanted(bounds, 7, None) == 7
    assert workers_wanted(bounds, None, None) == 1


@given(st.integers(0, 2000), st.integers(0, 1000), st.integers(0, 50), st.integers(0, 50))
def test_workers_are_within_their_bounds(
    wanted: int, present: int, opened: int, leased: int
) -> None:
    """Whatever a league says."""
    assert 1 <= workers(wanted, present, opened=opened, leased=leased) <= 10
