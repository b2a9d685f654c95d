"""What the status says: counts, rates that are not known, the bottleneck, what needs a person."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from trainingrun_api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_api.status import TrainingRunStatus
from trainingrun_contracts.reports import ActorReport, ActorState, LearnerReport, Notice, Report
from trainingrun_reconciler.desired import counts
from trainingrun_reconciler.desired.decide import Decision, Memory, decide
from trainingrun_reconciler.desired.draining import DrainPlan
from trainingrun_reconciler.desired.facts import facts_of
from trainingrun_reconciler.desired.observed import Observed, Problem, Signals
from trainingrun_reconciler.desired.rates import RateMemory, measure
from trainingrun_reconciler.desired.scale import Limit, ScaleDecision, ScaleMemory
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.simulated_run import UID, SimulatedRun, running, training_run

FIXED_DAEMONS = {"gamesPerDaemon": 4, "autoscaling": {"minReplicas": 2, "maxReplicas": 2}}


def _signals(world: SimulatedRun) -> Signals:
    signals = world.observed().signals
    assert isinstance(signals, Signals)
    return signals


def _told(world: SimulatedRun, **changed: Any) -> Any:
    """The status when the signals differ in this."""
    observed = Observed(world.backend.roles(UID), replace(_signals(world), at=world.now, **changed))
    return decide(world.run, observed, world.settings, world.memory, now=world.now).status


def _look(world: SimulatedRun) -> Decision:
    """Decide and write the status, without acting and without letting time go by."""
    decision = world.look()
    world.memory = decision.memory
    world.run = world.run.model_copy(update={"status": decision.status})
    return decision


def _is_degraded(status: TrainingRunStatus) -> bool | None:
    found = status.condition(ConditionType.DEGRADED)
    return found.is_true if found is not None else None


def test_counts_are_those_of_redis() -> None:
    """Games, the ledger, weights, members: as roles reported them."""
    world = running()
    status = world.run.status
    assert status.games is not None
    assert status.transitions is not None
    assert status.model is not None
    daemons = status.role("daemon")
    assert daemons is not None
    assert status.games.display == f"{status.games.played}/1000"
    assert status.transitions.produced == status.transitions.trained + status.transitions.queued
    assert status.model.version == world.version or status.model.version == world.version - 1
    assert daemons.ready == daemons.desired
    assert status.started_at is not None


def test_a_rate_that_is_not_known_is_absent() -> None:
    """An operator that has measured nothing yet shows no rate instead of 0."""
    world = running()
    world.memory = Memory()
    world.run = world.run.model_copy(update={"status": TrainingRunStatus()})
    status = world.look().status
    assert status.games is not None
    assert status.games.per_second is None
    assert status.games.per_second is None


def test_a_rate_that_was_told_stands_until_it_is_measured_again() -> None:
    """A new operator does not take away what the one before it reported."""
    world = running()
    before = world.run.status.games
    assert before is not None
    assert before.per_second is not None
    world.memory = Memory()
    after = world.look().status.games
    assert after is not None
    assert after.per_second == before.per_second


def test_rates_come_from_what_happened_between_looks() -> None:
    """60 games more in 30 s are 2 games/s."""
    world, memory = running(), RateMemory()
    base = _signals(world)
    for second in range(0, 31, 2):
        signals = replace(base, at=world.now + second, games={"played": 100 + 2 * second})
        rates, memory = measure(signals, memory, ready_daemons=2)
    assert rates.games == pytest.approx(2.0)


def test_counters_that_fall_start_a_new_measurement() -> None:
    """A Redis that lost its data shows no negative rate."""
    world, memory = running(), RateMemory()
    base = _signals(world)
    for second in range(0, 31, 2):
        signals = replace(base, at=world.now + second, games={"played": 100 + 2 * second})
        _, memory = measure(signals, memory, ready_daemons=2)
    fallen = replace(base, at=world.now + 32, games={"played": 3})
    rates, _ = measure(fallen, memory, ready_daemons=2)
    assert rates.games is None


@pytest.mark.parametrize(
    ("data", "waits", "expected"),
    [
        (0.0, {"queue": 0.5}, "Learner"),
        (0.9, {"engine": 0.7, "inference": 0.1}, "Engine"),
        (0.9, {"slots": 0.7, "inference": 0.1}, "Engine"),
        (0.9, {"engine": 0.1, "inference": 0.7}, "Actor"),
        (0.1, {"engine": 0.5}, "None"),
    ],
)
def test_the_bottleneck_is_whom_the_others_wait_for(
    data: float, waits: dict[str, float], expected: str
) -> None:
    """From measured fractions of waiting."""
    learner = LearnerReport("l", 0.0, "training", 1, 1, 1, 1, waits={"data": data})
    actor = ActorReport("a", 0.0, ActorState.PLAYING, 1, 1, 1, 1, 0.0, 0, 1, 1, waits=waits)
    reports: tuple[Report, ...] = (learner, actor)
    world = running()
    assert counts.bottleneck(replace(_signals(world), reports=reports)) == expected
    assert counts.bottleneck(replace(_signals(world), reports=(actor,))) is None
    untrained = (LearnerReport("l", 0.0, "training", 1, 0, 0, 0), actor)
    assert counts.bottleneck(replace(_signals(world), reports=untrained)) is None


def test_a_warning_of_a_role_degrades_the_run_for_a_while() -> None:
    """The role's own sentence stands in the summary and passes when it is old news."""
    world = running()
    notice = Notice(world.now, "learner", "learner-0", "CheckpointStorageDenied", "s3: denied")
    assert "s3: denied" in _told(world, notices=(notice,)).summary
    world.now += 300
    assert _told(world, notices=(notice,)).summary == "Training"


def test_a_refused_game_is_an_event_while_games_go_on_elsewhere() -> None:
    """A daemon that goes away makes an actor warn: people read it, and the run is not degraded."""
    world = running(daemon=FIXED_DAEMONS)
    words = "a daemon refused a game: the daemon is stopping"
    notice = Notice(world.now + 1, "actor", "actor-0", "GameRefused", words)
    world.now += 2
    observed = Observed(world.backend.roles(UID), replace(_signals(world), notices=(notice,)))
    decision = decide(world.run, observed, world.settings, world.memory, now=world.now)
    assert decision.status.summary == "Training"
    assert _is_degraded(decision.status) is False
    assert [each.message for each in decision.events] == [f"actor-0: {words}"]


def test_a_warning_while_nothing_moves_degrades_the_run() -> None:
    """Games that are all refused are no progress: after a minute the summary has the words."""
    world = running()
    world.stuck_games = True
    for _ in range(4):
        world.step()
    world.now += 70
    notice = Notice(world.now - 1, "actor", "actor-0", "GameRefused", "no deck is called x")
    assert "no deck is called x" in _told(world, notices=(notice,)).summary


def test_a_member_that_starts_again_soon_is_an_event_and_does_not_degrade() -> None:
    """One crash is reported at once; the run is degraded when the member does not come back."""
    world = running(daemon=FIXED_DAEMONS)
    world.backend.fail(UID, Role.ACTOR, Problem("Crashing", "it ended with exit code 1"))
    world.now += 2
    first = _look(world)
    assert _is_degraded(first.status) is False
    assert [each.reason for each in first.events] == ["Problem"]
    world.now += 31
    later = _look(world)
    assert _is_degraded(later.status) is True
    assert "exit code 1" in (later.status.summary or "")
    assert later.events == ()


def test_an_image_that_cannot_be_pulled_degrades_at_once() -> None:
    """It does not pass by itself, so no one has to wait to read it."""
    world = running()
    world.backend.fail(UID, Role.ACTOR, Problem("ImageUnavailable", "image x cannot be pulled"))
    world.now += 2
    assert _is_degraded(world.look().status) is True


def test_an_environment_that_an_image_does_not_hold_is_told_at_once() -> None:
    """The role's own words, under a reason that does not pass by itself."""
    world = running()
    said = "no environment is called 'chess'"
    world.backend.fail(UID, Role.ACTOR, Problem("Configuration", said))
    world.now += 2
    status = world.look().status
    found = status.condition(ConditionType.ACTORS_AVAILABLE)
    assert found is not None
    assert (found.reason, said in found.message) == (Reason.MISCONFIGURED, True)
    assert _is_degraded(status) is True


def test_a_trouble_that_was_told_stays_told_after_a_restart() -> None:
    """A fresh operator does not say that all is well because it has forgotten since when."""
    world = running()
    world.backend.fail(UID, Role.ACTOR, Problem("Crashing", "it ended with exit code 1"))
    for _ in range(20):
        _look(world)
        world.now += 2
    world.memory = Memory()
    assert _is_degraded(world.look().status) is True


def test_members_that_were_told_to_go_are_no_trouble() -> None:
    """Their exit codes mean nothing."""
    world = running()
    world.backend.fail(UID, Role.ACTOR, Problem("ImageUnavailable", "image x cannot be pulled"))
    roles = dict(world.backend.roles(UID))
    roles[Role.ACTOR] = replace(roles[Role.ACTOR], removing=True)
    observed = Observed(roles, _signals(world))
    decision = decide(world.run, observed, world.settings, world.memory, now=world.now + 2)
    assert _is_degraded(decision.status) is False


def test_a_role_that_is_missing_for_long_degrades_the_run() -> None:
    """Without a known problem, after five minutes; a start or a resume takes less."""
    world = running()
    world.backend.fail(UID, Role.LEARNER, Problem("x", "y"))
    world.backend.fail(UID, Role.LEARNER, None)
    assert _is_degraded(_look(world).status) is False
    world.now += 290
    assert _is_degraded(_look(world).status) is False
    world.now += 20
    status = _look(world).status
    assert _is_degraded(status) is True
    assert "learner" in (status.summary or "")


def test_a_resume_after_a_long_time_is_not_a_role_that_is_missing() -> None:
    """What was not wanted for hours is starting, and not late."""
    world = running()
    world.change(suspend=True)
    world.settle()
    world.now += 7200
    world.step()
    world.change(suspend=False)
    for _ in range(10):
        assert _is_degraded(world.step().status) is False
    assert world.run.status.summary == "Training"


@pytest.mark.parametrize("behind", [0, 3, 20, 86_400, -86_400])
def test_notices_become_events_whatever_the_clock_of_their_role_says(behind: float) -> None:
    """A list is compared with what it was before; no one's clock decides."""
    world = running()
    said: list[Notice] = []
    told = []
    for number in range(3):
        at = world.now - behind
        said.append(Notice(at, "learner", "learner-0", "CheckpointSkipped", f"torn {number}"))
        world.now += 2
        signals = replace(_signals(world), notices=tuple(said))
        observed = Observed(world.backend.roles(UID), signals)
        decision = decide(world.run, observed, world.settings, world.memory, now=world.now)
        world.memory = decision.memory
        told += [event.message for event in decision.events if "torn" in event.message]
    assert told == [f"learner-0: torn {number}" for number in range(3)]


def test_what_roles_say_cannot_steer_a_terminal() -> None:
    """Neither in an event nor in a condition."""
    world = running()
    notice = Notice(world.now, "learner", "l\x1b]0;", "CheckpointStorageDenied", "s3\x1b[2J\n\x9b")
    observed = Observed(world.backend.roles(UID), replace(_signals(world), notices=(notice,)))
    decision = decide(world.run, observed, world.settings, world.memory, now=world.now)
    texts = [each.message for each in decision.events]
    texts += [each.message for each in decision.status.conditions]
    assert any("s3" in text for text in texts)
    assert all(text.isprintable() for text in texts)


def test_notices_become_events_once() -> None:
    """Each is an event of the reconcile after it was reported, and not again."""
    world = running()
    notice = Notice(world.now + 1, "learner", "learner-0", "CheckpointSkipped", "step-9 is torn")
    told = []
    for _ in range(3):
        world.now += 2
        observed = Observed(world.backend.roles(UID), replace(_signals(world), notices=(notice,)))
        decision = decide(world.run, observed, world.settings, world.memory, now=world.now)
        world.memory = decision.memory
        told += [event.reason for event in decision.events if "torn" in event.message]
    assert told == ["CheckpointSkipped"]


def test_a_run_in_which_nothing_moves_is_stuck() -> None:
    """After ten minutes Progressing is False and the summary says so."""
    world = running()
    world.stuck_games = True
    for _ in range(4):
        world.step()
    world.now += 601
    status = world.look().status
    progressing = status.condition(ConditionType.PROGRESSING)
    assert progressing is not None
    assert progressing.reason == Reason.PROGRESS_DEADLINE_EXCEEDED
    assert (status.summary or "").startswith("Stuck: ")


def test_a_run_that_waits_for_a_person_says_the_same_all_day() -> None:
    """Stuck and with a checkpoint that is late: hours later there is nothing to write."""
    world = running(checkpoint={"intervalSeconds": 600})
    signals = _signals(world)

    def look(hours: float) -> TrainingRunStatus:
        now = world.now + 3600 * hours
        observed = Observed(world.backend.roles(UID), replace(signals, at=now))
        decision = decide(world.run, observed, world.settings, world.memory, now=now)
        world.memory = decision.memory
        world.run = world.run.model_copy(update={"status": decision.status})
        return decision.status

    look(1)
    told = look(1.1)  # by now, what limits the daemons has stood for a while
    for kind, reason in (
        (ConditionType.PROGRESSING, Reason.PROGRESS_DEADLINE_EXCEEDED),
        (ConditionType.CHECKPOINT_CURRENT, Reason.OVERDUE),
    ):
        condition = told.condition(kind)
        assert condition is not None
        assert condition.reason == reason
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", condition.message)
    for hours in (2, 3.5, 20):
        later = look(hours)
        assert (later.conditions, later.summary) == (told.conditions, told.summary)


def test_a_standstill_and_its_end_are_told_once() -> None:
    """Events say when nothing has moved for ten minutes, not at every reconcile, and when it
    does."""
    world = running()
    world.stuck_games = True
    for _ in range(4):
        world.step()
    told: list[str] = []
    world.now += 601
    for _ in range(3):
        world.now += 2
        told += [event.reason for event in _look(world).events]
    assert told.count("Stalled") == 1
    world.stuck_games = False
    for _ in range(4):
        told += [event.reason for event in world.step().events]
    assert told.count("Progressing") == 1
    assert told.count("Stalled") == 1


def test_the_transition_time_moves_with_the_status_only() -> None:
    """A message that changes leaves lastTransitionTime alone."""
    world = running()
    before = world.run.status.condition(ConditionType.READY)
    for _ in range(5):
        world.step()
    after = world.run.status.condition(ConditionType.READY)
    assert before is not None
    assert after is not None
    assert after.last_transition_time == before.last_transition_time
    world.backend.fail(UID, Role.LEARNER, Problem("CrashLoopBackOff", "exit code 1"))
    world.now += 5
    failed = world.look().status.condition(ConditionType.READY)
    assert failed is not None
    assert failed.status is ConditionStatus.FALSE
    assert failed.last_transition_time > before.last_transition_time


def test_the_summary_says_what_a_start_waits_for() -> None:
    """The status alone says it, without the pods."""
    world = SimulatedRun(training_run())
    world.step()
    assert world.run.status.summary == "Starting: waiting for redis, daemons, learner, actors"


def test_a_checkpoint_that_is_late_is_told() -> None:
    """Half as long again as intervalSeconds, and CheckpointCurrent is False."""
    world = running(checkpoint={"intervalSeconds": 600})
    fresh = world.run.status.condition(ConditionType.CHECKPOINT_CURRENT)
    assert fresh is not None
    assert fresh.is_true
    late = replace(_signals(world), at=world.now + 901)
    decision = decide(
        world.run,
        Observed(world.backend.roles(UID), late),
        world.settings,
        world.memory,
        now=world.now + 901,
    )
    condition = decision.status.condition(ConditionType.CHECKPOINT_CURRENT)
    assert condition is not None
    assert (condition.status, condition.reason) == (ConditionStatus.FALSE, Reason.OVERDUE)


def test_a_storage_that_fails_is_told_until_a_checkpoint_is_written() -> None:
    """CheckpointCurrent is False with the storage's own words, and True after the next one."""
    world = running()
    words = "checkpoint storage s3://b/run: there is no bucket b"
    notice = Notice(world.now + 1, "learner", "learner-0", "CheckpointBucketMissing", words)
    world.now += 300  # long enough for the warning itself to be old news
    before = replace_checkpoint(_signals(world).reports, saved_at=notice.at - 60)
    status = _told(world, notices=(notice,), reports=before)
    condition = status.condition(ConditionType.CHECKPOINT_CURRENT)
    assert condition is not None
    assert (condition.status, condition.reason) == (
        ConditionStatus.FALSE,
        Reason.CHECKPOINT_BUCKET_MISSING,
    )
    assert words in condition.message
    saved = replace_checkpoint(_signals(world).reports, saved_at=world.now)
    later = _told(world, notices=(notice,), reports=saved)
    assert later.condition(ConditionType.CHECKPOINT_CURRENT).is_true


def replace_checkpoint(reports: tuple[Report, ...], *, saved_at: float) -> tuple[Report, ...]:
    """The reports, with the learner's checkpoint written at another time."""
    return tuple(
        msgspec.structs.replace(
            report, checkpoint=msgspec.structs.replace(report.checkpoint, saved_at=saved_at)
        )
        if isinstance(report, LearnerReport) and report.checkpoint is not None
        else report
        for report in reports
    )


def test_a_limit_of_the_autoscaler_is_an_event_once() -> None:
    """The learner could train more than maxReplicas daemons give: reported when it has stood for a
    while, not at each reconcile, and the status has what the rates ask for."""
    world = running(daemon={**FIXED_DAEMONS, "autoscaling": {"minReplicas": 1, "maxReplicas": 2}})
    for _ in range(60):
        world.step()
    told = [each for each in world.events if each.reason == "ScalingLimited"]
    assert [each.message.partition(":")[0] for each in told] == ["AtMax"]


@pytest.mark.parametrize(("fewer", "forced"), [(1, 1), (0, None)])
def test_a_daemon_that_went_with_games_is_counted_when_it_is_taken_away(
    fewer: int, forced: int | None
) -> None:
    """Not again while its process still ends, when the number is lower already."""
    world = running()
    facts = facts_of(world.run, world.observed(), world.settings, now=world.now)
    assert facts.scaled is not None
    replicas = facts.scaled.replicas - fewer
    plan = DrainPlan(slots={}, removable=(), replicas=replicas, waiting=0, forced=1)
    found = counts.autoscaling(facts, kept(facts.scaled.replicas), plan)
    assert (found.forced if found is not None else None) == forced


def kept(replicas: int) -> ScaleDecision:
    """A decision that changes nothing."""
    return ScaleDecision(replicas, "", Limit.NONE, None, ScaleMemory())


def test_a_run_says_whether_its_league_answers_and_trains_on_without() -> None:
    """Expect a condition with the service and the words of the learner, an event for each change,
    and a run that is degraded only when the league is away for longer than it takes to start."""
    world = running(leagueRef={"name": "ladder"})
    assert _league(world) == ("Unknown", "LeagueNotAsked")
    world.league = {"Model service": "its Secret is not there yet"}
    world.step()
    assert _league(world) == ("False", "LeagueUnreachable")
    words = world.run.status.condition(ConditionType.LEAGUE_AVAILABLE)
    assert words is not None
    assert "league ladder: Model service: its Secret is not there yet" in words.message
    assert world.run.status.summary == "Training"
    world.now += 70
    world.step()
    assert (world.run.status.summary or "").startswith("Degraded: league ladder: Model service")
    world.league = {"Model service": ""}
    world.step()
    assert _league(world) == ("True", "LeagueAnswers")
    assert world.run.status.summary == "Training"
    assert running().run.status.condition(ConditionType.LEAGUE_AVAILABLE) is None


def _league(world: SimulatedRun) -> tuple[str, str]:
    found = world.run.status.condition(ConditionType.LEAGUE_AVAILABLE)
    assert found is not None
    return found.status.value, found.reason
