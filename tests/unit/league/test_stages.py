"""Stages of models: one champion at most, whatever comes in whatever order, and however far."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_league.model.stages import (
    Event,
    Models,
    Refused,
    Stage,
    Standing,
    Step,
    after,
    evaluate,
    promote,
    publish,
    reigns_of,
    require_sound,
    roll_back,
    validate,
)

Decision = Callable[[Models], tuple[Step, ...]]
MOST = 6


def _validated(models: Models, number: int) -> Models:
    models = after(models, publish(number))
    return after(models, validate(models, number, problem=""))


def _league(count: int) -> Models:
    """Models 1 to ``count`` are usable; the first one is the champion."""
    models = Models()
    for number in range(1, count + 1):
        models = _validated(models, number)
    return models


def _stages(models: Models) -> list[Stage]:
    return [models.standings[number].stage for number in sorted(models.standings)]


def test_a_published_model_waits_for_its_validation() -> None:
    """It is pending, and no champion: nobody knows whether it can be played with."""
    models = after(Models(), publish(1))
    assert models == Models({1: Standing(Stage.PENDING_VALIDATION)})


def test_bytes_that_are_no_numbers_are_rejected_at_once() -> None:
    """The model is there, with the reason, and never becomes usable."""
    (step,) = publish(1, "tensor 'a' holds a number that is not finite")
    assert (step.after, step.reason) == (
        Stage.REJECTED,
        "tensor 'a' holds a number that is not finite",
    )
    with pytest.raises(Refused, match="failed its validation"):
        promote(after(Models(), (step,)), 1, reason="")


def test_the_first_usable_model_becomes_the_champion() -> None:
    """An empty league has nobody to test it against; the second one waits for the gate."""
    assert _stages(_league(2)) == [Stage.PROMOTED, Stage.VALIDATED]


def test_a_failed_validation_rejects_with_the_reason() -> None:
    """The report's sentence is the stage's."""
    models = after(Models(), publish(1))
    (step,) = validate(models, 1, problem="it plays illegal moves")
    assert (step.before, step.after, step.reason) == (
        Stage.PENDING_VALIDATION,
        Stage.REJECTED,
        "it plays illegal moves",
    )


def test_the_first_report_of_a_validation_decides() -> None:
    """A second worker that finds something else changes nothing."""
    models = _league(2)
    assert validate(models, 2, problem="it does not load") == ()


def test_the_gate_promotes_and_retires() -> None:
    """The old champion goes before the new one comes: the database refuses two."""
    models = _league(2)
    steps = evaluate(models, 2, against=1, promote=True, reason="52 of 100")
    assert [(each.model, each.after) for each in steps] == [
        (1, Stage.RETIRED),
        (2, Stage.PROMOTED),
    ]


def test_the_gate_keeps_the_champion() -> None:
    """The model is rejected, and may still be promoted by hand."""
    models = _league(2)
    models = after(models, evaluate(models, 2, against=1, promote=False, reason="weaker"))
    assert _stages(models) == [Stage.PROMOTED, Stage.REJECTED]
    assert after(models, promote(models, 2, reason="I know better")).champion == 2


def test_a_verdict_against_a_former_champion_is_refused() -> None:
    """Two gates that end at once cannot both promote: the second one tested against the past."""
    models = _league(3)
    models = after(models, evaluate(models, 2, against=1, promote=True, reason=""))
    with pytest.raises(Refused, match="the champion has changed"):
        evaluate(models, 3, against=1, promote=True, reason="")


def test_a_repeated_verdict_changes_nothing() -> None:
    """The Matchmaker repeats a report until it is answered."""
    models = _league(2)
    models = after(models, evaluate(models, 2, against=1, promote=True, reason=""))
    assert evaluate(models, 2, against=1, promote=True, reason="") == ()


@pytest.mark.parametrize("promoted", [True, False])
def test_the_gate_decides_about_validated_models_alone(promoted: bool) -> None:
    """A pending one may not even load."""
    models = after(_league(1), publish(2))
    with pytest.raises(Refused, match="pending-validation"):
        evaluate(models, 2, against=1, promote=promoted, reason="")


def test_a_pending_model_is_not_promoted_by_hand() -> None:
    """Whoever promotes decides about strength, not about whether it works."""
    models = after(_league(1), publish(2))
    with pytest.raises(Refused, match="not validated yet"):
        promote(models, 2, reason="")


def test_promoting_the_champion_changes_nothing() -> None:
    """It is what it should be."""
    assert promote(_league(2), 1, reason="") == ()


def test_each_rollback_goes_one_reign_further_back() -> None:
    """1, 2, 3 were champions: after two rollbacks 1 is, not 3 again."""
    models = _league(3)
    for number in (2, 3):
        models = after(models, promote(models, number, reason=""))
    for expected in (2, 1):
        models = after(models, roll_back(models, None, reason=""))
        assert models.champion == expected
    with pytest.raises(Refused, match="no champion before"):
        roll_back(models, None, reason="")


def test_a_rollback_to_a_named_model_ends_the_reigns_above() -> None:
    """What is before it stays before it."""
    models = _league(4)
    for number in (2, 3, 4):
        models = after(models, promote(models, number, reason=""))
    models = after(models, roll_back(models, 2, reason=""))
    assert models.reigns == (1, 2)


def test_a_rollback_to_what_was_no_champion_is_refused() -> None:
    """Promoting is another word."""
    with pytest.raises(Refused, match="promote it instead"):
        roll_back(_league(2), 2, reason="")


def test_an_empty_league_has_nothing_to_go_back_to() -> None:
    """And says so."""
    with pytest.raises(Refused, match="no champion yet"):
        roll_back(Models(), None, reason="")


def _decisions() -> st.SearchStrategy[Decision]:
    number = st.integers(1, MOST)
    return st.one_of(
        st.builds(lambda n, problem: lambda _: publish(n, problem), number, st.just("")),
        st.builds(
            lambda n, problem: lambda models: validate(models, n, problem=problem),
            number,
            st.sampled_from(["", "broken"]),
        ),
        st.builds(
            lambda n, against, better: (
                lambda models: evaluate(models, n, against=against, promote=better, reason="")
            ),
            number,
            number,
            st.booleans(),
        ),
        st.builds(
            lambda n: (
                lambda models: evaluate(models, n, against=models.champion, promote=True, reason="")
            ),
            number,
        ),
        st.builds(lambda n: lambda models: promote(models, n, reason=""), number),
        st.builds(lambda n: lambda models: roll_back(models, n, reason=""), st.none() | number),
    )


@given(st.lists(_decisions(), max_size=40))
def test_there_is_one_champion_whatever_happens(decisions: list[Decision]) -> None:
    """After each event there is none or one, and never none again once there was one.

    Between the steps of an event at most one model is promoted: who dies there leaves no two. An
    event is written whole or not at all, so that what comes between is never seen.
    """
    models, crownings = Models(), list[tuple[int, Event]]()
    for decide in decisions:
        had_champion = models.champion is not None
        try:
            steps = decide(models)
        except (Refused, KeyError):  # KeyError: of a model that is not published
            continue
        if any(each.before is None and each.model in models.standings for each in steps):
            continue  # a number is given once
        _require_one_at_most(models, steps)
        models = after(models, steps)
        crownings += [(each.model, each.event) for each in steps if each.after is Stage.PROMOTED]
        require_sound(models)
        assert not had_champion or models.champion is not None
        assert all(
            each.is_usable or each.stage in (Stage.PENDING_VALIDATION, Stage.REJECTED)
            for each in models.standings.values()
        )
        assert reigns_of(crownings) == models.reigns


def _require_one_at_most(models: Models, steps: tuple[Step, ...]) -> None:
    """Apply the steps one by one, as an interrupted writer would."""
    stages = {number: each.stage for number, each in models.standings.items()}
    for step in steps:
        assert stages.get(step.model) is step.before
        stages[step.model] = step.after
        assert list(stages.values()).count(Stage.PROMOTED) <= 1
