"""When checkpoints are saved: each cause alone, once, and never for weights that are saved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_trainer.checkpoint_policy import (
    AGAIN_AFTER_SECONDS,
    FIRST_AFTER_SECONDS,
    CheckpointPolicy,
    Situation,
)
from trainingrun_trainer.spot_notice import SpotNotice

POLICY = CheckpointPolicy(
    100, 300.0, True, step=10, games=1000, at=5000.0, request="first", best=0.5
)
QUIET = Situation(step=11, games=1001, now=5001.0, request="first", rate=0.5)
NOTICE = SpotNotice("terminate", datetime(2026, 11, 21, 12, 2, tzinfo=UTC))
OTHER = SpotNotice("stop", datetime(2026, 11, 21, 12, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("games", "seconds", "is_first", "has_failed", "due"),
    [
        (99, 299, False, False, False),
        (100, 0, False, False, True),
        (0, 300, False, False, True),
        (0, FIRST_AFTER_SECONDS, True, False, True),
        (0, FIRST_AFTER_SECONDS, False, False, False),
        (0, AGAIN_AFTER_SECONDS, False, True, True),
        (100, AGAIN_AFTER_SECONDS - 1, False, True, False),
    ],
)
def test_time(games: int, seconds: float, is_first: bool, has_failed: bool, due: bool) -> None:
    """Expect one after this many games or seconds, a run's first one after a minute, and one that
    failed again after a minute, however many games there are."""
    policy = replace(POLICY, step=0 if is_first else 10)
    situation = replace(QUIET, games=1000 + games, now=5000.0 + seconds, has_failed=has_failed)
    assert policy.is_due(situation) is due


def test_games_are_counted_in_whole_intervals() -> None:
    """Expect a checkpoint at each multiple, so that a late one does not shift those after it."""
    late = replace(POLICY, games=1090)
    assert not late.is_due(replace(QUIET, games=1099))
    assert late.is_due(replace(QUIET, games=1100))


@pytest.mark.parametrize(
    "cause",
    [
        replace(QUIET, notice=NOTICE),
        replace(QUIET, request="second"),
        replace(QUIET, rate=0.6),
    ],
    ids=["notice", "request", "best"],
)
def test_each_cause_saves_once(cause: Situation) -> None:
    """Expect a checkpoint for it, none for the same cause later, and none where its weights are
    saved already, which answers it as well."""
    assert not POLICY.is_due(QUIET)
    assert POLICY.is_due(cause)
    assert not POLICY.after(cause).is_due(replace(cause, step=12))
    saved = replace(cause, step=10)
    assert not POLICY.is_due(saved)
    assert not POLICY.after(saved).is_due(replace(cause, step=12))


def test_a_notice_saves_once_and_another_one_again() -> None:
    """Expect one checkpoint for each notice, however often it is read."""
    policy, due = POLICY, []
    for notice in (None, NOTICE, NOTICE, OTHER, OTHER, None, OTHER):
        situation = replace(QUIET, notice=notice)
        due.append(policy.is_due(situation))
        policy = policy.after(situation)
    assert due == [False, True, False, True, False, False, False]


def test_the_best_is_remembered_and_not_saved_where_it_is_not_kept() -> None:
    """Expect a win rate that is lower or equal to save nothing, the first one to be the best, and
    none of it where the run does not keep the best."""
    assert not POLICY.is_due(replace(QUIET, rate=0.4))
    assert not POLICY.is_due(replace(QUIET, rate=None))
    assert replace(POLICY, best=None).is_due(replace(QUIET, rate=0.0))
    assert POLICY.after(replace(QUIET, rate=0.4)).best == 0.5
    assert POLICY.after(replace(QUIET, rate=0.7)).best == 0.7
    assert not replace(POLICY, keep_best=False).is_due(replace(QUIET, rate=0.9))


def test_a_failed_write_is_news() -> None:
    """Expect weights that were given to a writer which failed to be saved again."""
    failed = replace(QUIET, step=10, has_failed=True, now=5000.0 + AGAIN_AFTER_SECONDS)
    assert POLICY.is_due(failed)
    assert not POLICY.is_due(replace(failed, has_failed=False))


@given(
    step=st.integers(0, 100),
    games=st.integers(0, 10_000),
    seconds=st.floats(0, 10_000),
    request=st.sampled_from(["first", "second"]),
    notice=st.sampled_from([None, NOTICE, OTHER]),
    rate=st.none() | st.floats(0, 1),
)
def test_after_a_save_nothing_is_due(
    step: int,
    games: int,
    seconds: float,
    request: str,
    notice: SpotNotice | None,
    rate: float | None,
) -> None:
    """Expect that whatever brought it about is answered by it."""
    situation = Situation(step, games, 5000.0 + seconds, False, request, notice, rate)
    saved = POLICY.after(situation).after_save(step=step, games=games, now=situation.now)
    assert not saved.is_due(situation)
    assert saved.is_due(replace(situation, step=step + 1, request="third"))
