"""Who of the queue plays whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_league.matchmaker.pairing import Pair, Queue, QueueFull, Ticket, Window

WINDOW = Window(start=100.0, growth=10.0, open_after=60.0)


def queue_of(*tickets: Ticket, most: int = 100) -> Queue:
    """A queue in which they wait."""
    queue = Queue(WINDOW, most)
    for ticket in tickets:
        queue.join(ticket)
    return queue


def waiting(name: str, elo: float, joined_at: float = 0.0) -> Ticket:
    """A ticket of a person."""
    return Ticket(f"t-{name}", f"person/{name}", elo, joined_at)


def test_the_window_widens_with_waiting_and_then_is_open() -> None:
    """100 Elo at first, 10 more a second, everybody after a minute."""
    assert WINDOW.width(0.0) == 100.0
    assert WINDOW.width(30.0) == 400.0
    assert WINDOW.width(60.0) == float("inf")
    assert WINDOW.width(-5.0) == 100.0  # a clock that was set back


def test_two_far_apart_play_once_one_of_them_has_waited() -> None:
    """A gap of 300 is taken after 20 s of the one who waits longer, not before."""
    queue = queue_of(waiting("ada", 0.0), waiting("bob", 300.0, 19.0))
    assert queue.pair(19.0) == []
    assert [pair.first.player for pair in queue.pair(20.0)] == ["person/ada"]
    assert len(queue) == 0


def test_the_longest_wait_chooses_the_nearest() -> None:
    """Bob and Cyd are nearer to one another, but Ada has waited longest and takes Bob."""
    ada, bob, cyd = waiting("ada", 0.0, 1.0), waiting("bob", 50.0, 2.0), waiting("cyd", 60.0, 3.0)
    assert queue_of(ada, bob, cyd).pair(4.0) == [Pair(ada, bob)]


def test_of_equal_ratings_the_first_come_is_taken() -> None:
    """Four newcomers of one rating play in the order in which they came."""
    ada, bob, cyd, dan = (waiting(name, 0.0) for name in ("ada", "bob", "cyd", "dan"))
    assert queue_of(ada, bob, cyd, dan).pair(0.0) == [Pair(ada, bob), Pair(cyd, dan)]


def test_a_player_waits_once_and_a_full_queue_refuses() -> None:
    """Neither a second ticket of a player nor one beyond the bound joins."""
    queue = queue_of(waiting("ada", 0.0), most=1)
    with pytest.raises(QueueFull):
        queue.join(waiting("bob", 0.0))
    assert queue.leave("t-ada")
    assert not queue.leave("t-ada")
    queue = queue_of(waiting("ada", 0.0))
    with pytest.raises(ValueError, match="person/ada waits already"):
        queue.join(Ticket("other", "person/ada", 5.0, 1.0))


@given(
    st.lists(
        st.tuples(st.floats(-2000, 2000, allow_nan=False), st.floats(0, 100, allow_nan=False)),
        max_size=30,
    )
)
def test_a_pass_leaves_no_two_who_fit_and_loses_no_ticket(found: list[tuple[float, float]]) -> None:
    """After a pass no two waiting ones are within the wider of their windows; each ticket waits or
    plays exactly once; every pair is within the window of the one who has waited longer."""
    joined = sorted(moment for _, moment in found)
    tickets = [
        waiting(str(number), elo, moment)
        for number, ((elo, _), moment) in enumerate(zip(found, joined, strict=True))
    ]
    queue = queue_of(*tickets)
    pairs = queue.pair(100.0)
    left = list(queue)
    for one in left:
        assert all(
            abs(one.elo - other.elo) > max(queue.width(one, 100.0), queue.width(other, 100.0))
            for other in left
            if other is not one
        )
    played = [ticket for pair in pairs for ticket in (pair.first, pair.second)]
    assert sorted(ticket.id for ticket in played + left) == sorted(ticket.id for ticket in tickets)
    for pair in pairs:
        assert pair.first.player != pair.second.player
        assert abs(pair.first.elo - pair.second.elo) <= queue.width(pair.first, 100.0)
