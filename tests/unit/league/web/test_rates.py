"""How often somebody may do something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_league.web.rates import Rate, RateLimit, network_of


def test_a_burst_then_no_more_than_the_rate() -> None:
    """Three at once, then one each ten seconds."""
    limit = RateLimit(Rate(3, 30.0))
    assert [limit.take("ada", now=0.0) for _ in range(4)] == [True, True, True, False]
    assert not limit.take("ada", now=9.0)
    assert limit.take("ada", now=20.0)


def test_everybody_has_a_limit_of_their_own() -> None:
    """One who does too much stops nobody else."""
    limit = RateLimit(Rate(1, 60.0))
    assert limit.take("ada", now=0.0)
    assert limit.take("eve", now=0.0)
    assert not limit.take("ada", now=1.0)


@given(st.lists(st.floats(0.0, 30.0, allow_nan=False), max_size=60))
def test_no_window_has_more_than_the_burst_and_what_came_back(pauses: list[float]) -> None:
    """Against counting: within any time, at most the burst and what the time gave."""
    limit, now, taken = RateLimit(Rate(5, 60.0)), 0.0, list[float]()
    for pause in pauses:
        now += pause
        if limit.take("ada", now=now):
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= 5 + (taken[last] - taken[first]) * 5 / 60.0 + 1e-6


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:0db8:0001:0002"),
        (None, "unknown"),
        ("/var/run/socket", "unknown"),
    ],
)
def test_one_place_is_an_address_or_a_home_network(address: str | None, network: str) -> None:
    """A home has a /64 of IPv6: all its addresses count as one."""
    assert network_of(address) == network
