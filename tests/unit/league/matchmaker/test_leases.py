"""Who gets a match, for how long, and whose report counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_league.matchmaker.leases import (
    APART_SECONDS,
    LONGEST_LEASE,
    MOST_LEASES,
    SHORTEST_LEASE,
    Answer,
    Durations,
    Lease,
    MatchState,
    can_be_given,
    is_forsaken,
    is_given_up,
    judge_report,
    returned,
)
from trainingrun_league.matchmaker.leases import (
    given as give,
)

OPEN = Lease(MatchState.OPEN)


def test_a_lease_that_ended_is_given_again() -> None:
    """Not before its end, and then to anybody."""
    lease = give(OPEN, "ada", 100.0)
    assert can_be_given(OPEN, 0.0)
    assert not can_be_given(lease, 99.9)
    assert can_be_given(lease, 100.0)
    assert give(lease, "bob", 200.0).holders == ("ada", "bob")


def test_a_match_that_no_worker_finishes_is_given_up() -> None:
    """After the fifth lease that ended, not while the fifth runs."""
    lease = OPEN
    for number in range(MOST_LEASES):
        assert not is_given_up(lease, number * 10.0)
        lease = give(lease, f"w{number}", (number + 1) * 10.0)
    assert not is_given_up(lease, MOST_LEASES * 10.0 - 1.0)
    assert is_given_up(lease, MOST_LEASES * 10.0)


def test_a_match_that_is_given_back_is_open_at_once() -> None:
    """A worker that ends leaves no trace, however many do; what it says of the match later does
    not count, and a second return takes nothing from who has the match then."""
    lease = OPEN
    for number in range(3 * MOST_LEASES):
        back = returned(give(lease, f"w{number}", 100.0), f"w{number}", is_problem=False, now=1.0)
        assert back is not None
        assert can_be_given(back, 1.0, f"w{number}")
        assert not is_given_up(back, 1e9)
        lease = back
    assert judge_report(lease, "w0", "x") is Answer.NOT_THEIRS
    again = give(lease, "bob", 200.0)
    assert returned(again, "w0", is_problem=False, now=1.0) is None


def test_a_match_that_cannot_be_played_is_given_up_after_five() -> None:
    """Each worker that says so uses up a lease; it waits a while for another one."""
    lease = OPEN
    for number in range(MOST_LEASES):
        assert not is_given_up(lease, 1.0)
        back = returned(give(lease, f"w{number}", 100.0), f"w{number}", is_problem=True, now=1.0)
        assert back is not None
        assert not can_be_given(back, 1.0, f"w{number}")
        assert can_be_given(back, 1.0, "another")
        assert can_be_given(back, 1.0 + APART_SECONDS, f"w{number}")
        lease = back
    assert is_given_up(lease, 1.0)


@pytest.mark.parametrize("state", [MatchState.CLOSED, MatchState.FAILED, MatchState.SEATED])
def test_what_is_over_or_ended_cannot_be_given_back(state: MatchState) -> None:
    """Nor by who never had it."""
    assert returned(Lease(state, ("ada",), 100.0), "ada", is_problem=False, now=1.0) is None
    lease = give(OPEN, "ada", 100.0)
    assert returned(lease, "eve", is_problem=True, now=1.0) is None
    assert returned(lease, "ada", is_problem=False, now=100.0) is None
    assert returned(OPEN, "", is_problem=False, now=1.0) is None


def test_a_seat_is_forsaken_after_silence() -> None:
    """Not before."""
    assert not is_forsaken(100.0, 129.9, 30.0)
    assert is_forsaken(100.0, 130.0, 30.0)


def test_a_late_report_counts_once_if_no_other_came() -> None:
    """Ada's lease ended and Bob has the match: whoever reports first is taken, the other too late;
    the same report again is known, another one of the same worker is refused."""
    lease = give(give(OPEN, "ada", 10.0), "bob", 20.0)
    assert judge_report(lease, "ada", "x") is Answer.ACCEPTED
    closed = Lease(MatchState.CLOSED, lease.holders, lease.expires_at, "x", "ada")
    assert judge_report(closed, "bob", "y") is Answer.TOO_LATE
    assert judge_report(closed, "ada", "x") is Answer.REPEATED
    assert judge_report(closed, "ada", "z") is Answer.CHANGED


def test_others_report_nothing() -> None:
    """Who never had the match is refused, open, leased or closed; of a seated match the Game
    service reports, which holds no lease."""
    lease = give(OPEN, "ada", 10.0)
    assert judge_report(OPEN, "eve", "x") is Answer.NOT_THEIRS
    assert judge_report(lease, "eve", "x") is Answer.NOT_THEIRS
    closed = Lease(MatchState.CLOSED, ("ada",), 10.0, "x", "ada")
    assert judge_report(closed, "eve", "x") is Answer.NOT_THEIRS
    assert judge_report(Lease(MatchState.SEATED), "game", "x") is Answer.ACCEPTED


@given(st.lists(st.tuples(st.floats(0, 1e5), st.integers(1, 100)), max_size=50))
def test_leases_and_workers_follow_measured_durations(
    measured: list[tuple[float, int]],
) -> None:
    """Leases stay within their bounds; the average within what was measured; more that is open
    never wants fewer workers."""
    durations = Durations()
    for seconds, pairs in measured:
        durations = durations.after(seconds, pairs)
    each = [seconds / pairs for seconds, pairs in measured] or [durations.pair_seconds]
    assert min(each) - 1e-6 <= durations.pair_seconds <= max(each) + 1e-6
    assert SHORTEST_LEASE <= durations.lease_seconds(8) <= LONGEST_LEASE
    wanted = [durations.wanted_workers(pairs, 0, matches=pairs) for pairs in (0, 1, 10, 1000)]
    assert wanted[0] == 0
    assert wanted == sorted(wanted)
    assert wanted[1] >= 1


def test_workers_for_a_minute_by_hand() -> None:
    """90 pairs of 2 s are three minutes of one worker; two seats that wait take one each."""
    durations = Durations().after(16.0, 8)
    assert durations.pair_seconds == pytest.approx(2.0)
    assert durations.wanted_workers(90, 0, matches=45) == 3
    assert durations.wanted_workers(90, 2, matches=45) == 5
    assert durations.wanted_workers(10**9, 0, matches=10**8) == 1000


def test_no_more_workers_are_wanted_than_there_are_matches() -> None:
    """Long matches are not divided: three of ten minutes want three workers, and not thirty."""
    durations = Durations().after(60.0, 1)
    assert durations.wanted_workers(30, 0, matches=3) == 3
    assert durations.wanted_workers(30, 1, matches=3) == 4
