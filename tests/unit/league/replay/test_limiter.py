"""The limiter: one side always goes on, and the ratio is held."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_league.replay.limiter import Balance, Ratio, may_insert, may_sample, readable

RATIOS = st.builds(
    Ratio,
    samples_per_insert=st.one_of(st.none(), st.floats(0.01, 100)),
    tolerance=st.floats(0, 1e6),
    least=st.integers(1, 10_000),
)
BALANCES = st.builds(
    Balance,
    recorded=st.integers(0, 10**9),
    sampled=st.integers(0, 10**11),
    stored=st.integers(0, 10**6),
)


@given(RATIOS, BALANCES)
def test_one_side_always_goes_on(ratio: Ratio, balance: Balance) -> None:
    """Whatever has happened, writers and readers never wait for one another."""
    assert may_insert(ratio, balance) or may_sample(ratio, balance)


@given(RATIOS, BALANCES)
def test_what_is_readable_may_be_sampled(ratio: Ratio, balance: Balance) -> None:
    """One at a time, exactly so many are sampled until readers are held."""
    count = readable(ratio, balance)
    assert (count > 0) == may_sample(ratio, balance)
    if ratio.samples_per_insert is not None and count:
        last = Balance(balance.recorded, balance.sampled + count - 1, balance.stored)
        assert may_sample(ratio, last)
        beyond = Balance(balance.recorded, balance.sampled + count, balance.stored)
        assert not may_sample(ratio, beyond)


@pytest.mark.parametrize("wanted", [0.5, 1.0, 8.0])
def test_the_ratio_is_held_whoever_is_faster(wanted: float) -> None:
    """Writers and readers that try at random, one far more often: the ratio of what they did is
    within the tolerance and one batch of either side."""
    for eagerness in (0.05, 0.5, 0.95):
        random = np.random.default_rng(3)
        ratio = Ratio(wanted, tolerance=500, least=100)
        recorded = sampled = 0
        for _ in range(50_000):
            balance = Balance(recorded, sampled, min(recorded, 5000))
            if random.random() < eagerness:
                recorded += 64 * may_insert(ratio, balance)
            else:
                sampled += 256 * may_sample(ratio, balance)
        ahead = (recorded - 100) * wanted - sampled
        assert -500 - 256 <= ahead <= 500 + 64 * wanted
        assert recorded > 10_000


def test_nothing_is_sampled_below_the_least() -> None:
    """The table must have so many experiences; what was evicted does not count."""
    ratio = Ratio(1.0, tolerance=1e9, least=100)
    assert not may_sample(ratio, Balance(1000, 0, 99))
    assert may_sample(ratio, Balance(1000, 0, 100))


def test_without_a_ratio_only_the_least_holds() -> None:
    """Readers take what they like, and writers are never held."""
    ratio = Ratio(least=10)
    assert may_insert(ratio, Balance(10**12, 0, 10))
    assert may_sample(ratio, Balance(10, 10**12, 10))
    assert readable(ratio, Balance(10, 10**12, 10)) == 10


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        ({"samples_per_insert": 0.0}, "above 0"),
        ({"samples_per_insert": float("nan")}, "above 0"),
        ({"tolerance": -1.0}, "0 or more"),
        ({"least": 0}, "1 is the least"),
    ],
)
def test_a_ratio_that_makes_no_sense_is_refused(given_: dict[str, float], why: str) -> None:
    """With a sentence."""
    with pytest.raises(ValueError, match=why):
        Ratio(**given_)  # type: ignore[arg-type]
