"""Specs that are kept: equal sections are one object, and what a spec says is the same."""

from __future__ import annotations

import gc
from typing import Any

from trainingrun_api.run import parse
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_operator.kube.interning import SpecInterner

LEARNER = {"batchTransitions": 1000}


def spec(**fields: Any) -> TrainingRunSpec:
    """A spec with these fields, read anew."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "quick", "namespace": "space"},
            "spec": {"games": 100, "decks": [{"name": "red_aggro"}], **fields},
        }
    ).spec


def test_a_shared_spec_says_the_same() -> None:
    """Values, and which of them were given."""
    sections = SpecInterner()
    for each in (spec(), spec(learner=LEARNER, seed=7), spec(daemon={"gamesPerDaemon": 3})):
        shared = sections.share(each)
        assert shared == each
        assert shared.model_dump() == each.model_dump()
        assert shared.model_dump(exclude_unset=True) == each.model_dump(exclude_unset=True)


def test_equal_sections_are_one_object() -> None:
    """And others are not: a default that was given on purpose is not one that was left out."""
    sections = SpecInterner()
    first, second = (sections.share(spec(learner=LEARNER, games=games)) for games in (1, 2))
    other = sections.share(spec(learner={"batchTransitions": 2000}))
    assert first.learner is second.learner is not other.learner
    assert first.daemon is second.daemon is other.daemon
    default = spec().daemon.games_per_daemon
    given = sections.share(spec(daemon={"gamesPerDaemon": default}))
    assert given.daemon == first.daemon
    assert given.daemon is not first.daemon


def test_sections_go_with_their_runs() -> None:
    """What no run has any longer is forgotten."""
    sections = SpecInterner()
    shared = sections.share(spec(learner=LEARNER))
    assert len(sections) > 0
    del shared
    gc.collect()
    assert len(sections) == 0
