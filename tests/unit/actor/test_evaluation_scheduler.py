"""Which weights are evaluated, against whom, and in which order."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from trainingrun_actor.agenda import Due
from trainingrun_actor.evaluation_scheduler import (
    FIRST_GAMES,
    MOST_CONCURRENT,
    MOST_CONCURRENT_ALONE,
    Assignment,
    EvaluationScheduler,
    Standing,
    concurrency,
)
from trainingrun_actor.policy import Policy
from trainingrun_contracts.reports import CHAMPION, Champion, Evaluation, Intent
from trainingrun_contracts.run_config import EvaluationConfig, GateConfig
from trainingrun_contracts.weights_pointer import Pointer

BOTH = ("random", "aggressive")
CONFIG = EvaluationConfig(interval_games=50, games=400)
GATED = EvaluationConfig(interval_games=50, games=400, gate=GateConfig())


class Weights(Struct, frozen=True):
    """Stands for weights; nothing here plays with them."""

    pointer: Pointer


def due(version: int, games: int = 0) -> Due:
    """Weights of a version."""
    pointer = Pointer(epoch=1, version=version, publish=version, sha256=f"{version}", at=0.0)
    return Due(games, cast("Policy", Weights(pointer)), b"")


def result(version: int, opponent: str, *, training_games: int = 0) -> Evaluation:
    """A result of 400 games."""
    return Evaluation(
        at=0.0,
        version=version,
        training_games=training_games,
        opponent=opponent,
        games=400,
        wins=200,
        draws=0,
        rate=0.5,
        low=0.45,
        high=0.55,
    )


def results(version: int) -> tuple[Evaluation, ...]:
    """A version's results against both opponents."""
    return tuple(result(version, opponent) for opponent in BOTH)


def after(standing: Standing, assignment: Assignment) -> Standing:
    """What is known once an assignment was played: a new champion where there was none."""
    version = assignment.due.policy.pointer.version
    champion = standing.champion
    if CHAMPION in assignment.opponents and champion is None:
        champion = Champion(version, str(version), 0.0)
    played = tuple(result(version, each) for each in assignment.opponents if each != CHAMPION)
    challenged = (
        (result(version, CHAMPION),)
        if CHAMPION in assignment.opponents and standing.champion is not None
        else ()
    )
    return Standing((*standing.results, *played, *challenged), champion)


def scheduler_of(config: EvaluationConfig, standing: Standing) -> EvaluationScheduler:
    """One that has read what is known."""
    scheduler = EvaluationScheduler(config)
    scheduler.begin(standing.results)
    return scheduler


def test_the_first_evaluation_is_short() -> None:
    """Expect a hundred games with the untrained weights, and nothing more of them."""
    scheduler = scheduler_of(CONFIG, Standing())
    first = scheduler.next(due(0), Standing(), Intent.RUN)
    assert first == Assignment(due(0), BOTH, FIRST_GAMES, Intent.RUN)
    assert scheduler.next(due(7), after(Standing(), first), Intent.RUN) is None


def test_what_is_due_comes_in_its_order_with_its_weights() -> None:
    """Expect each interval once, with the weights of then, although newer ones are there."""
    standing = Standing(results(0))
    scheduler = scheduler_of(CONFIG, standing)
    for games, version in ((60, 1), (101, 2)):
        scheduler.note_games(games, due(version).policy, b"")
    found = []
    while (assignment := scheduler.next(due(9), standing, Intent.RUN)) is not None:
        found.append((assignment.due.games, assignment.due.policy.pointer.version))
        assert assignment.games == 400
        standing = after(standing, assignment)
    assert found == [(50, 1), (100, 2)]


def test_weights_that_have_results_already_are_not_due_again() -> None:
    """Expect an interval without new weights to be left out."""
    standing = Standing(results(3))
    scheduler = scheduler_of(CONFIG, standing)
    scheduler.note_games(60, due(3).policy, b"")
    assert scheduler.next(due(3), standing, Intent.RUN) is None


def test_the_end_is_evaluated_once_and_in_full() -> None:
    """Expect the newest weights with all games under EVALUATE, also where nothing ever was, and
    nothing after it."""
    for standing in (Standing(), Standing(results(0))):
        scheduler = scheduler_of(CONFIG, standing)
        last = scheduler.next(due(8, 123), standing, Intent.EVALUATE)
        assert last == Assignment(due(8, 123), BOTH, 400, Intent.EVALUATE)
        assert scheduler.next(due(8, 123), after(standing, last), Intent.EVALUATE) is None


def test_what_was_given_up_is_made_up_for() -> None:
    """Expect only the opponent that is missing, with the newest weights all that they lack."""
    standing = Standing((*results(0), result(4, "random")))
    scheduler = scheduler_of(CONFIG, standing)
    again = scheduler.next(due(4), standing, Intent.RUN)
    assert again == Assignment(due(4), ("aggressive",), 400, Intent.RUN)
    newer = scheduler.next(due(5), standing, Intent.RUN)
    assert newer == Assignment(due(5), BOTH, 400, Intent.RUN)


@pytest.mark.parametrize("intent", [Intent.DRAIN, Intent.FLUSH])
def test_nothing_is_evaluated_while_the_run_stops(intent: Intent) -> None:
    """Expect none, also where one is due; it waits."""
    scheduler = scheduler_of(CONFIG, Standing())
    scheduler.note_games(60, due(1).policy, b"")
    assert scheduler.next(due(1), Standing(), intent) is None
    standing = Standing(results(0))
    waiting = scheduler.next(due(2), standing, Intent.RUN)
    assert waiting is not None
    assert waiting.due.policy == due(1).policy


def test_whom_no_daemon_can_seat_is_left_out() -> None:
    """Expect the others alone, and no evaluation where no one is left."""
    scheduler = scheduler_of(CONFIG, Standing())
    scheduler.note_unplayable("random")
    first = scheduler.next(due(0), Standing(), Intent.RUN)
    assert first is not None
    assert first.opponents == ("aggressive",)
    scheduler.note_unplayable("aggressive")
    assert scheduler.next(due(0), Standing(), Intent.RUN) is None
    assert scheduler.next(due(0), Standing(), Intent.EVALUATE) is None


def test_the_champion_is_challenged_last_and_never_by_itself() -> None:
    """Expect it after all others; who is the champion needs no proof against itself."""
    scheduler = scheduler_of(GATED, Standing())
    first = scheduler.next(due(0), Standing(), Intent.RUN)
    assert first is not None
    assert first.opponents == (*BOTH, CHAMPION)
    standing = after(Standing(), first)
    assert standing.champion == Champion(0, "0", 0.0)
    assert scheduler.missing(standing, 0) == ()
    assert scheduler.missing(standing, 1) == (*BOTH, CHAMPION)
    assert scheduler_of(CONFIG, standing).missing(standing, 1) == BOTH


@given(
    st.lists(
        st.tuples(
            st.integers(0, 500),
            st.integers(0, 5),
            st.sampled_from(Intent),
            st.sampled_from(["", *BOTH, CHAMPION]),
        ),
        max_size=20,
    )
)
def test_every_pass_comes_to_an_end(readings: list[tuple[int, int, Intent, str]]) -> None:
    """Expect that whatever is read, no opponent is met twice by one version, and a pass ends."""
    standing = Standing()
    scheduler = scheduler_of(GATED, standing)
    for games, version, intent, unplayable in readings:
        scheduler.note_games(games, due(version).policy, b"")
        if unplayable:
            scheduler.note_unplayable(unplayable)
        for _ in range(4):
            assignment = scheduler.next(due(version), standing, intent)
            if assignment is None:
                break
            assert assignment.opponents
            standing = after(standing, assignment)
        else:
            pytest.fail("more than two that waited and the newest")
    met = [(each.version, each.opponent) for each in standing.results]
    assert len(met) == len(set(met))


@pytest.mark.parametrize(
    ("intent", "capacity", "expected"),
    [
        (Intent.RUN, 0, 1),
        (Intent.RUN, 4, 1),
        (Intent.RUN, 11, 2),
        (Intent.RUN, 400, MOST_CONCURRENT),
        (Intent.EVALUATE, 0, 1),
        (Intent.EVALUATE, 11, 11),
        (Intent.EVALUATE, 400, MOST_CONCURRENT_ALONE),
    ],
)
def test_slots_that_an_evaluation_takes(intent: Intent, capacity: int, expected: int) -> None:
    """Expect a quarter beside training, all of them after it, within bounds."""
    assert concurrency(intent, capacity=capacity) == expected
