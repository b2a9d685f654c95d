"""Phases follow one another, by games or by a win rate, and never go back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_api.conditions import ConditionType, EventReason
from trainingrun_api.play import CurriculumPhase
from trainingrun_api.status import CurriculumStatus
from trainingrun_contracts.curriculum import CurrentPhase
from trainingrun_contracts.reports import Evaluation
from trainingrun_reconciler.desired.actions import Apply, SetPhase
from trainingrun_reconciler.desired.curriculum import curriculum, phase_so_far, published_phase
from trainingrun_reconciler.desired.observed import Signals
from trainingrun_reconciler.roles.workload import Role

from testkit.operator.simulated_run import SimulatedRun, holds, running, training_run

PHASES: list[dict[str, Any]] = [
    {
        "name": "basics",
        "decks": [{"name": "red_aggro"}],
        "opponents": {"scripted": 1},
        "until": {"games": 60},
    },
    {
        "name": "matchups",
        "rewardShaping": {"life": 0.01, "board": 0.02},
        "until": {"games": 500, "winRate": {"opponent": "random", "low": 0.8}},
    },
    {"name": "self-play", "opponents": {"past": 0.5, "latest": 0.5, "pfsp": "variance"}},
]
NAMES = [each["name"] for each in PHASES]


def course(world: SimulatedRun) -> CurriculumStatus:
    """The phase in the status."""
    found = world.run.status.curriculum
    assert found is not None
    return found


def told(world: SimulatedRun) -> CurrentPhase:
    """The phase that was published to the actors."""
    assert world.phase is not None
    return world.phase


def in_phase(name: str, world: SimulatedRun) -> bool:
    """Whether status and actors agree on this phase."""
    return world.phase is not None and course(world).phase == name == told(world).name


def signals(world: SimulatedRun, **changed: Any) -> Signals:
    """What Redis says, with changes, whether or not it answers the operator."""
    found = replace(world, reachable=True).observed().signals
    assert isinstance(found, Signals)
    return replace(found, **changed)


def evaluation(wins: int, *, games: int = 100, after: int, opponent: str = "random") -> Evaluation:
    """A result after this many training games."""
    return Evaluation(
        at=1e6 + after,
        version=1,
        training_games=after,
        opponent=opponent,
        games=games,
        wins=wins,
        draws=0,
        rate=wins / games,
        low=0.0,
        high=1.0,
    )


def standing(phase: str, *, number: int, since_games: int) -> CurriculumStatus:
    """A phase that holds."""
    begun = curriculum(training_run(curriculum=PHASES), signals(running()), now=1e6)
    assert begun is not None
    return begun.model_copy(update={"phase": phase, "number": number, "since_games": since_games})


def test_the_first_phase_is_told_before_actors_start() -> None:
    """Its decks and opponents, the run's discount, and the plain rewards."""
    world = SimulatedRun(training_run(curriculum=PHASES, algorithm={"ppo": {"gamma": 0.99}}))
    world.until(lambda each: each.phase is not None)
    places = [
        place
        for place, action in enumerate(world.actions)
        if isinstance(action, SetPhase)
        or (isinstance(action, Apply) and action.workload.role == Role.ACTOR)
    ]
    assert isinstance(world.actions[places[0]], SetPhase)
    setting = told(world).setting
    assert setting.decks == ("red_aggro",)
    assert (setting.opponents.latest, setting.opponents.scripted) == (0.0, 1.0)
    assert (setting.shaping, setting.gamma) == ({}, 0.99)


def test_a_phase_ends_after_its_games() -> None:
    """The next one begins, is recorded with its reason, published to the actors, and an event."""
    world = running(curriculum=PHASES)
    world.until(lambda each: course(each).phase == "matchups")
    now = course(world)
    (passed,) = now.passed
    assert (passed.name, passed.since_games, passed.why) == ("basics", 0, now.why)
    assert now.since_games >= 60
    assert f"basics had {now.since_games} games" in now.why
    assert told(world).setting.decks == ("red_aggro", "white_weenie")
    assert told(world).setting.shaping == {"board": 0.02, "life": 0.01}
    said = [each.message for each in world.events if each.reason == EventReason.PHASE_BEGAN]
    assert [text.split()[1] for text in said] == ["basics", "matchups"]


def test_a_phase_ends_at_its_win_rate() -> None:
    """As soon as the lower bound is reached; what was evaluated before the phase does not count."""
    world = running(curriculum=PHASES)
    world.until(lambda each: in_phase("matchups", each))
    begun = course(world).since_games
    world.evaluations = [evaluation(100, after=begun), evaluation(85, after=begun + 1)]
    world.step()
    assert in_phase("matchups", world)  # 0.767 is below 0.8
    world.evaluations.append(evaluation(88, games=100, after=begun + 2))
    world.step()
    assert in_phase("self-play", world)
    assert course(world).why.startswith("matchups reached 88% against random over 100 games")
    assert told(world).setting.opponents.pfsp == "variance"


def test_several_evaluations_are_counted_together() -> None:
    """The newest this many of the phase, and none before there are this many."""
    goal = {"opponent": "random", "low": 0.8, "evaluations": 2}
    phases = [{"name": "one", "until": {"winRate": goal}}, {"name": "two"}]
    run = training_run(curriculum=phases)
    run = run.model_copy(
        update={
            "status": run.status.model_copy(
                update={"curriculum": standing("one", number=1, since_games=10)}
            )
        }
    )
    world = running()

    def after(*results: Evaluation) -> str:
        found = curriculum(run, signals(world, evaluations=results), now=2e6)
        assert found is not None
        return found.phase

    assert after(evaluation(100, after=20)) == "one"
    assert after(evaluation(0, after=20), evaluation(82, after=30)) == "one"
    assert after(evaluation(84, after=20), evaluation(88, after=30)) == "two"
    assert (
        after(evaluation(0, after=20), evaluation(88, after=30), evaluation(88, after=40)) == "two"
    )
    assert after(*[evaluation(100, after=20, opponent="aggressive")] * 2) == "one"


def test_the_last_phase_lasts() -> None:
    """To the end of the run, whatever is won; the record stays when the run is over."""
    world = running(curriculum=[PHASES[0], PHASES[2]], games=200)
    world.until(lambda each: in_phase("self-play", each))
    world.until(holds(ConditionType.COMPLETE))
    assert (course(world).phase, course(world).number) == ("self-play", 2)


@settings(max_examples=60)
@given(
    faults=st.lists(st.tuples(st.integers(0, 5), *[st.booleans()] * 3), max_size=40),
)
def test_no_fault_takes_a_phase_back(faults: list[tuple[int, bool, bool, bool]]) -> None:
    """The operator dies after any action or forgets, Redis is away or loses the phase: what was
    begun never falls behind, and status and actors agree again."""
    world = running(curriculum=PHASES)
    most = course(world).number
    for limit, lost, won, away in faults:
        world.reachable = not away
        if lost:
            world.phase, most = None, course(world).number  # the status is all that is left
        if won:
            world.evaluations.append(evaluation(95, after=world.played + 1))
        world.step(limit=limit, forget=lost)
        so_far = phase_so_far(world.run, signals(world, phase=world.phase))
        assert so_far is not None
        assert so_far.number >= most
        most = so_far.number
        assert course(world).phase == NAMES[course(world).number - 1]
        assert [each.name for each in course(world).passed] == NAMES[: course(world).number - 1]
    world.reachable = True
    world.until(lambda each: in_phase(course(each).phase, each))
    assert course(world).number >= most


def test_an_operator_that_died_before_it_wrote_the_status_goes_on_from_the_key() -> None:
    """Even if the win rate that ended the phase has been followed by a worse one."""
    world = running(curriculum=PHASES)
    world.until(lambda each: in_phase("matchups", each))
    before = world.run.status
    world.evaluations = [evaluation(95, after=course(world).since_games + 1)]
    world.step()
    assert in_phase("self-play", world)
    since = course(world).since_games
    world.run = world.run.model_copy(update={"status": before})
    world.evaluations.append(evaluation(10, after=since + 2))
    world.step()
    assert in_phase("self-play", world)
    assert (course(world).since_games, course(world).number) == (since, 3)
    assert [each.name for each in course(world).passed] == ["basics", "matchups"]


def test_a_redis_that_lost_its_data_is_told_again() -> None:
    """The phase of the status, not the first."""
    world = running(curriculum=PHASES)
    world.until(lambda each: in_phase("matchups", each))
    before, world.phase = told(world), None
    world.step()
    assert told(world) == before


def test_a_phase_that_was_taken_out_gives_way_to_the_next() -> None:
    """The first behind those that are over; a phase that is over does not come back."""
    world = running(curriculum=PHASES)
    world.until(lambda each: in_phase("matchups", each))
    spec = world.run.spec
    world.change(curriculum=(spec.curriculum[0], spec.curriculum[2]))
    world.step()
    assert in_phase("self-play", world)
    assert course(world).why == "matchups was taken out of the curriculum"


def test_an_edit_of_the_phase_that_holds_reaches_the_actors() -> None:
    """Its number stays; only what is played with changes."""
    world = running(curriculum=PHASES)
    first: CurriculumPhase = world.run.spec.curriculum[0]
    edited = first.model_copy(update={"decks": None})
    world.change(curriculum=(edited, *world.run.spec.curriculum[1:]))
    world.step()
    assert told(world).setting.decks == ("red_aggro", "white_weenie")
    assert told(world).number == 1


def test_phases_that_change_places_are_not_repeated() -> None:
    """One that is over is passed by, even if it now stands behind."""
    world = running(curriculum=PHASES)
    world.until(lambda each: in_phase("matchups", each))
    basics, matchups, last = world.run.spec.curriculum
    world.change(curriculum=(matchups, basics, last))
    world.evaluations = [evaluation(95, after=course(world).since_games + 1)]
    world.step()
    assert in_phase("self-play", world)


def test_a_curriculum_that_was_removed_leaves_the_runs_own_setting() -> None:
    """It is published to actors once, and the status has no phase any longer."""
    world = running(curriculum=PHASES)
    world.change(curriculum=())
    world.step()
    assert told(world).name == ""
    assert told(world).setting.decks == ("red_aggro", "white_weenie")
    assert told(world).setting.opponents.past == 0.4
    world.step()
    assert world.run.status.curriculum is None
    assert not [each for each in world.look().actions if isinstance(each, SetPhase)]


def test_a_run_without_a_curriculum_tells_no_phase() -> None:
    """Neither the actors nor the status."""
    world = running()
    assert world.phase is None
    assert world.run.status.curriculum is None
    assert published_phase(world.run, None, signals(world), now=world.now) is None


def test_phases_wait_while_a_run_is_suspended() -> None:
    """Results that come late move it on when it is resumed."""
    world = running(curriculum=PHASES)
    world.change(suspend=True)
    world.until(holds(ConditionType.SUSPENDED))
    phase = course(world).phase
    world.played += 1000
    world.step()
    assert course(world).phase == phase
    world.change(suspend=False, games=100_000)
    world.until(lambda each: in_phase("matchups", each))
