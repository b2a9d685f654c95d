"""Evaluations are due at multiples of games, with the weights of that moment."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from trainingrun_actor.agenda import KEPT, Agenda
from trainingrun_actor.policy import Policy
from trainingrun_contracts.games import boundary


def policy(version: int) -> Policy:
    """Stands for weights; nothing here plays with them."""
    return cast("Policy", f"v{version}")


@given(games=st.integers(0, 10**6), every=st.integers(1, 5000))
def test_a_boundary_is_the_last_multiple(games: int, every: int) -> None:
    """Found the slow way."""
    slow = max(number for number in range(0, games + 1, every))
    assert boundary(games, every=every) == slow


def test_each_boundary_is_due_with_the_weights_that_it_found() -> None:
    """However late its turn comes, and whatever was published since."""
    agenda = Agenda(50)
    agenda.begin(0)
    for games, version in ((49, 0), (57, 1), (99, 2), (101, 3), (103, 4)):
        agenda.note(games, policy(version), b"")
    found = []
    while (due := agenda.next) is not None:
        found.append((due.games, due.policy))
        agenda.finish(due)
    assert found == [(50, policy(1)), (100, policy(3))]


def test_nothing_is_due_before_the_results_are_known() -> None:
    """After a restart those up to the last result are not due again, and the last missed one is."""
    agenda = Agenda(50)
    agenda.note(170, policy(1), b"")
    assert agenda.next is None
    agenda.begin(57)
    agenda.note(170, policy(1), b"")
    assert agenda.next is not None
    assert agenda.next.games == 150


def test_the_oldest_are_left_out() -> None:
    """Weights are large: a few evaluations wait, not all that a fast run passes."""
    agenda = Agenda(10)
    agenda.begin(0)
    for games in range(10, 100, 10):
        agenda.note(games, policy(games), b"")
    assert agenda.next is not None
    assert agenda.next.games == 100 - 10 * KEPT


def test_a_redis_that_lost_its_data_begins_anew() -> None:
    """The games count from 0 again, and so do the boundaries."""
    agenda = Agenda(10)
    agenda.begin(95)
    agenda.note(3, policy(1), b"")
    assert agenda.next is None
    agenda.note(12, policy(2), b"")
    assert agenda.next is not None
    assert agenda.next.games == 10


def test_weights_that_are_not_there_yet_are_waited_for() -> None:
    """The boundary is due once there are some."""
    agenda = Agenda(10)
    agenda.begin(0)
    agenda.note(12, None, b"")
    assert agenda.next is None
    agenda.note(13, policy(1), b"")
    assert agenda.next is not None
    assert agenda.next.games == 10
