"""A run goes where its spec says, step by step, and then nothing is left to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trainingrun_api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_contracts.reports import Intent
from trainingrun_reconciler.desired.actions import Apply, Remove, SetIntent
from trainingrun_reconciler.desired.decide import decide
from trainingrun_reconciler.desired.errands import is_recorder
from trainingrun_reconciler.desired.observed import Finished, Observed, Problem
from trainingrun_reconciler.desired.stage import Stage
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.simulated_run import (
    UID,
    SimulatedRun,
    completed,
    holds,
    running,
    training_run,
)


def _condition(world: SimulatedRun, kind: ConditionType) -> tuple[ConditionStatus, str]:
    found = world.run.status.condition(kind)
    assert found is not None, f"no condition {kind}"
    return found.status, found.reason


def test_a_new_run_starts_redis_first_and_then_all_roles() -> None:
    """Learner and actors wait for Redis; then every role serves and games are played."""
    world = SimulatedRun(training_run())
    first = {each.workload.role for each in world.step().actions if isinstance(each, Apply)}
    assert first == {Role.REDIS, Role.DAEMON}
    for _ in range(8):
        world.step()
    assert set(world.backend.roles(UID)) == {each.role for each in world.roles}
    assert world.played > 0
    assert _condition(world, ConditionType.READY)[0] is ConditionStatus.TRUE
    assert world.run.status.summary == "Training"


def test_a_running_run_needs_no_action() -> None:
    """When all is as it should be, a reconcile does nothing."""
    world = running()
    assert world.look().actions == ()


def test_a_role_that_is_not_whole_is_applied_again_and_nothing_else_is_done() -> None:
    """Something beside its members is missing or was changed: the role is applied as it stands."""
    for role in running().backend.roles(UID):
        world = running()
        roles = dict(world.backend.roles(UID))
        roles[role] = replace(roles[role], intact=False)
        observed = Observed(roles, world.observed().signals)
        decision = decide(world.run, observed, world.settings, world.memory, now=world.now)
        (action,) = decision.actions
        assert isinstance(action, Apply)
        assert action.workload.role is role
        assert action.workload.replicas == roles[role].replicas
        assert action.workload.template_hash == roles[role].template_hash
        assert decision.events == ()


def test_the_end_of_a_role_is_asked_once() -> None:
    """While its members end, later reconciles wait; the run is not suspended before they are
    gone."""
    world = running()
    world.change(suspend=True)
    world.until(lambda world: any(isinstance(each, Remove) for each in world.look().actions))
    removed = [each.role for each in world.look().actions if isinstance(each, Remove)]
    roles = dict(world.backend.roles(UID))
    for role in removed:
        roles[role] = replace(roles[role], removing=True)
    observed = Observed(roles, world.observed().signals)
    decision = decide(world.run, observed, world.settings, world.memory, now=world.now)
    assert set(removed) >= {Role.ACTOR, Role.DAEMON}
    assert not any(isinstance(each, Remove) for each in decision.actions)
    suspended = decision.status.condition(ConditionType.SUSPENDED)
    assert suspended is not None
    assert suspended.status is ConditionStatus.UNKNOWN


def test_suspend_drains_flushes_and_then_removes_members() -> None:
    """Nothing is queued and no game is lost when a run is suspended; Redis stays."""
    world = running()
    world.change(suspend=True)
    world.settle()
    assert world.queued == 0
    assert not any(world.games.values())
    roles = world.backend.roles(UID)
    assert set(roles) == {Role.REDIS, Role.LEARNER}
    assert roles[Role.LEARNER].finished == Finished(succeeded=True)
    assert _condition(world, ConditionType.SUSPENDED)[0] is ConditionStatus.TRUE
    assert world.run.status.summary == "Suspended"
    intents = [each.intent for each in world.actions if isinstance(each, SetIntent)]
    assert intents == [Intent.DRAIN, Intent.FLUSH]


def test_a_suspended_run_stays_suspended_when_its_ended_learner_is_tidied_up() -> None:
    """Someone removes the ended learner; the run does not start one to flush nothing."""
    world = running()
    world.change(suspend=True)
    world.settle()
    world.backend.act(UID, Remove(Role.LEARNER))
    assert world.look().lifecycle.stage is Stage.SUSPENDED
    assert world.look().actions == ()


def test_resume_goes_on_with_a_new_learner() -> None:
    """After suspend becomes false, games rise again and the ended learner is replaced."""
    world = running()
    world.change(suspend=True)
    world.settle()
    before = world.played
    world.change(suspend=False)
    for _ in range(12):
        world.step()
    assert world.played > before
    assert world.ready(Role.LEARNER) == 1
    assert _condition(world, ConditionType.SUSPENDED)[0] is ConditionStatus.FALSE
    assert "Resumed" in [event.reason for event in world.events]


def test_a_run_that_is_created_suspended_makes_nothing() -> None:
    """Not even Redis is started before suspend becomes false."""
    world = SimulatedRun(training_run(suspend=True))
    world.settle()
    assert world.backend.roles(UID) == {}
    assert _condition(world, ConditionType.SUSPENDED)[0] is ConditionStatus.TRUE


def test_completion_evaluates_the_final_weights_and_succeeds() -> None:
    """At spec.games the run drains, flushes, evaluates, and ends with everything counted."""
    world = running(games=60)
    world.until(completed)
    assert _condition(world, ConditionType.COMPLETE)[0] is ConditionStatus.TRUE
    assert world.run.status.games is not None
    assert (world.run.status.games.played or 0) >= 60
    assert world.run.status.transitions is not None
    assert world.run.status.transitions.queued == 0
    assert {each.opponent for each in world.run.status.evaluation} == {"random", "aggressive"}
    assert {each.version for each in world.run.status.evaluation} == {world.version}
    assert set(world.backend.roles(UID)) == {Role.REDIS, Role.LEARNER}
    assert world.run.status.summary == f"Complete: {world.played} games"


def test_the_final_status_outlives_redis() -> None:
    """Counts of a finished run stay when its Redis is gone, and Complete never changes back."""
    world = running(games=60)
    world.until(completed)
    world.settle()
    final = world.run.status
    world.backend.act(UID, Remove(Role.REDIS))
    world.settle()
    assert world.run.status == final


def recording(world: SimulatedRun) -> bool:
    """Whether only the last evaluations are to be written down yet."""
    return world.look().lifecycle.stage is Stage.RECORDING


def test_the_last_evaluations_are_recorded_in_the_learners_place() -> None:
    """After the evaluator: daemons and evaluator go, and the recorder comes and ends; the run is
    complete only then."""
    world = running(games=60)
    world.until(recording)
    world.recorder = None
    world.settle()
    roles = world.backend.roles(UID)
    assert set(roles) == {Role.REDIS, Role.LEARNER}
    assert is_recorder(world.run, world.settings, roles[Role.LEARNER])
    assert _condition(world, ConditionType.COMPLETE)[0] is ConditionStatus.FALSE
    world.recorder = Finished(succeeded=True)
    world.until(completed)
    ended = world.backend.roles(UID)[Role.LEARNER]
    assert ended.finished == Finished(succeeded=True)
    applied = [each.workload.role for each in world.actions if isinstance(each, Apply)]
    assert applied.count(Role.LEARNER) == 2


def ended_as(how: Finished, world: SimulatedRun) -> bool:
    """Whether the task in the learner's place has ended like this."""
    there = world.backend.roles(UID).get(Role.LEARNER)
    return there is not None and there.finished == how


@pytest.mark.parametrize("reachable", [True, False])
def test_a_recorder_that_fails_costs_the_run_nothing(reachable: bool) -> None:
    """The run is complete without what it should have written; also when no one can ask Redis, at
    the moment of the failure, whether the learner had flushed."""
    world = running(games=60)
    world.until(recording)
    world.recorder = failed = Finished(False, "BackoffLimitExceeded", "no bucket")
    world.until(lambda world: ended_as(failed, world))
    world.reachable = reachable
    assert world.look().lifecycle.stage is not Stage.FAILED
    world.reachable = True
    world.until(completed)
    assert _condition(world, ConditionType.COMPLETE)[0] is ConditionStatus.TRUE


def test_a_recorder_that_failed_holds_no_run_whose_redis_lost_its_data() -> None:
    """Such a Redis says RUN, and the walk begins again: there is nothing left to flush, and no one
    else who could end in the learner's place."""
    world = running(games=60)
    world.until(recording)
    world.recorder = failed = Finished(False, "BackoffLimitExceeded", "no bucket")
    world.until(lambda world: ended_as(failed, world))
    world.intent, world.since = Intent.RUN, None
    world.change(suspend=True)
    world.until(holds(ConditionType.SUSPENDED))


def test_a_recorder_that_never_ends_does_not_hold_the_end() -> None:
    """After five minutes the run is complete, and the recorder goes."""
    world = running(games=60)
    world.until(recording)
    world.recorder = None
    world.settle()
    world.now += world.settings.recording_deadline_seconds
    world.until(completed)
    assert set(world.backend.roles(UID)) == {Role.REDIS}


def test_a_recorder_of_an_older_image_counts() -> None:
    """New default images that come while it works begin no second one."""
    world = running(games=60)
    world.until(recording)
    world.recorder = None
    world.settle()
    images = replace(world.settings.images, trainer="trainer:next")
    world.settings = replace(world.settings, images=images)
    assert world.look().actions == ()
    world.recorder = Finished(succeeded=True)
    world.until(completed)


def test_nothing_is_recorded_where_nobody_can_start_the_recorder() -> None:
    """Roles that somebody else starts: the run is complete with its last evaluation."""
    world = running(games=60)
    world.settings = replace(world.settings, recording_deadline_seconds=0.0)
    world.until(completed)
    applied = [each.workload.role for each in world.actions if isinstance(each, Apply)]
    assert applied.count(Role.LEARNER) == 1


def test_suspend_while_the_last_evaluations_are_recorded_and_resume_completes() -> None:
    """The recorder goes with the others, and comes again."""
    world = running(games=60)
    world.until(recording)
    world.recorder = None
    world.settle()
    world.change(suspend=True)
    world.settle()
    assert _condition(world, ConditionType.SUSPENDED)[0] is ConditionStatus.TRUE
    assert set(world.backend.roles(UID)) == {Role.REDIS}
    world.recorder = Finished(succeeded=True)
    world.change(suspend=False)
    world.until(completed)


def test_more_games_while_the_last_evaluations_are_recorded_train_on() -> None:
    """The recorder makes room for a learner."""
    world = running(games=60)
    world.until(recording)
    world.recorder = None
    world.settle()
    world.recorder = Finished(succeeded=True)
    before = world.trained
    world.change(games=200)
    world.until(completed)
    assert world.trained > before
    assert world.played >= 200


def test_suspend_during_the_last_evaluation_and_resume_completes() -> None:
    """A run that is suspended while it completes continues with its evaluation afterwards."""
    world = running(games=60)
    while world.look().lifecycle.stage is not Stage.EVALUATING:
        world.step()
    world.step()
    world.change(suspend=True)
    world.evaluations.clear()
    world.settle()
    assert _condition(world, ConditionType.SUSPENDED)[0] is ConditionStatus.TRUE
    world.change(suspend=False)
    world.settle()
    assert _condition(world, ConditionType.COMPLETE)[0] is ConditionStatus.TRUE


def test_an_evaluation_that_never_comes_does_not_hold_the_end() -> None:
    """After ten minutes the run is complete without its last evaluation."""
    world = running(games=60)
    while world.look().lifecycle.stage is not Stage.EVALUATING:
        world.step()
    world.step()
    world.evaluations.clear()
    world.backend.fail(UID, Role.EVALUATOR, Problem("CrashLoopBackOff", "exit code 1"))
    world.step()
    world.now += world.settings.evaluation_deadline_seconds
    world.settle()
    assert _condition(world, ConditionType.COMPLETE)[0] is ConditionStatus.TRUE


def test_games_that_never_end_do_not_hold_a_suspend_for_ever() -> None:
    """After the drain deadline the flush begins, whatever the actors say."""
    world = running()
    world.stuck_games = True
    world.change(suspend=True)
    world.step()
    world.step()
    assert world.look().lifecycle.stage is Stage.DRAINING
    world.now += world.settings.drain_deadline_seconds
    world.settle()
    assert _condition(world, ConditionType.SUSPENDED)[0] is ConditionStatus.TRUE


def test_a_learner_that_failed_for_good_fails_the_run() -> None:
    """Failed is True with the learner's own words; members go, Redis stays for a reconcile."""
    world = running()
    world.backend.finish(
        UID, Role.LEARNER, Finished(False, "BackoffLimitExceeded", "no space left")
    )
    world.settle()
    assert _condition(world, ConditionType.FAILED) == (
        ConditionStatus.TRUE,
        Reason.LEARNER_FAILED,
    )
    assert "no space left" in (world.run.status.summary or "")
    assert set(world.backend.roles(UID)) == {Role.REDIS, Role.LEARNER}
    assert [event.reason for event in world.events].count("Failed") == 1


def test_a_run_past_its_deadline_fails() -> None:
    """activeDeadlineSeconds ends a run that is not complete."""
    world = running(activeDeadlineSeconds=3600)
    world.now += 3600
    world.settle()
    assert _condition(world, ConditionType.FAILED) == (
        ConditionStatus.TRUE,
        Reason.DEADLINE_EXCEEDED,
    )


def test_a_finished_run_expires_after_its_time_to_live() -> None:
    """ttlSecondsAfterFinished asks for deletion, not earlier and then always."""
    world = running(games=60, ttlSecondsAfterFinished=100)
    world.until(completed)
    assert not world.look().expired
    world.now += 100
    assert world.look().expired


def test_a_raised_target_is_told_to_the_actors_and_rolls_nothing() -> None:
    """games takes effect live: no member is replaced."""
    world = running()
    killed = list(world.backend.killed)
    world.change(games=5000)
    world.settle()
    assert world.target == 5000
    assert world.backend.killed == killed


def test_a_changed_learner_goes_and_comes_back() -> None:
    """learner.* restarts the learner alone; the daemons stay warm."""
    world = running()
    daemons = world.backend.roles(UID)[Role.DAEMON].members
    learner = world.run.spec.learner
    world.change(learner=learner.model_copy(update={"max_policy_lag": 3}))
    world.settle()
    assert world.ready(Role.LEARNER) == 1
    assert world.backend.roles(UID)[Role.DAEMON].members == daemons


def test_an_unreachable_redis_stops_no_member() -> None:
    """Without signals nothing shrinks and nothing is drained; the condition has the message."""
    world = running()
    members = {role: each.members for role, each in world.backend.roles(UID).items()}
    world.reachable = False
    world.step()
    world.step()
    assert {role: each.members for role, each in world.backend.roles(UID).items()} == members
    assert _condition(world, ConditionType.QUEUE_AVAILABLE)[0] is ConditionStatus.FALSE
    assert "Redis at r:6379" in (world.run.status.summary or "")
    world.reachable = True
    world.step()
    assert "QueueRecovered" in [event.reason for event in world.events]


def test_a_redis_that_lost_its_data_does_not_end_the_suspend() -> None:
    """Intent and counters are gone; the suspended run walks the way again and stays suspended."""
    world = running()
    world.change(suspend=True)
    world.settle()
    world.intent, world.since, world.slots, world.played = Intent.RUN, None, {}, 0
    world.settle()
    assert world.look().lifecycle.stage is Stage.SUSPENDED
    assert Role.DAEMON not in world.backend.roles(UID)


def test_an_image_that_cannot_be_pulled_is_told_with_its_name() -> None:
    """The real message stands in the condition, the summary and one event."""
    world = running()
    message = 'Back-off pulling image "nobody/daemon:9"'
    world.backend.fail(UID, Role.DAEMON, Problem("ImagePullBackOff", message))
    world.step()
    world.backend.fail(UID, Role.DAEMON, Problem("ImagePullBackOff", message))
    world.step()
    assert _condition(world, ConditionType.DAEMONS_AVAILABLE) == (
        ConditionStatus.FALSE,
        Reason.IMAGE_UNAVAILABLE,
    )
    assert message in (world.run.status.summary or "")
    told = [event for event in world.events if message in event.message]
    assert [event.reason for event in told] == ["Problem"]


def test_an_unknown_deck_is_refused_before_anything_is_made() -> None:
    """The sentence names the deck and the known ones."""
    world = SimulatedRun(training_run(decks=[{"name": "blu_skies"}]))
    world.settings = type(world.settings)(decks=frozenset({"red_aggro", "white_weenie"}))
    world.settle()
    assert world.backend.roles(UID) == {}
    assert "blu_skies" in (world.run.status.summary or "")
    assert [event.reason for event in world.events] == ["InvalidSpec"]
