"""When weights are published."""

from __future__ import annotations

import pytest
from trainingrun_trainer.publish_policy import PublishPolicy

POLICY = PublishPolicy(8, 20.0, step=100, at=1000.0)


@pytest.mark.parametrize(
    ("updates", "seconds", "due"),
    [(0, 1000, False), (1, 5, False), (7, 19, False), (8, 0, True), (1, 20, True), (-3, 99, False)],
)
def test_publications(updates: int, seconds: float, due: bool) -> None:
    """Expect weights after 8 updates or 20 seconds, and never without an update: neither where
    nothing was trained, nor where the learner went back."""
    assert POLICY.is_due(step=100 + updates, now=1000.0 + seconds) is due


def test_a_publication_begins_the_count_anew() -> None:
    """Expect the same weights not to be due again, and the next ones after their own 20 seconds."""
    policy = POLICY.after(step=108, now=1010.0)
    assert not policy.is_due(step=108, now=9999.0)
    assert not policy.is_due(step=109, now=1029.0)
    assert policy.is_due(step=109, now=1030.0)


def test_in_step_nothing_is_published_between_updates() -> None:
    """Expect none, however many updates there are: each was published with its update."""
    policy = PublishPolicy(1, 0.0, in_step=True)
    assert not policy.is_due(step=50, now=9999.0)


@pytest.mark.parametrize(
    ("updates", "games", "due"),
    [(1, 63, False), (1, 64, True), (0, 999, False), (99, 0, False), (1, -200, True)],
)
def test_publications_by_games(updates: int, games: int, due: bool) -> None:
    """Expect weights after 64 games however many updates they are, none without an update, and some
    where a Redis that lost its data counts anew."""
    policy = PublishPolicy(1, 0.0, every_games=64, step=100, games=200)
    assert policy.is_due(step=100 + updates, now=9999.0, games=200 + games) is due
    assert policy.after(step=101, now=1.0, games=264).games == 264
