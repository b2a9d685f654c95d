"""Mana: costs and who can pay them."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_daemon.rules.mana import ManaCost, choose_sources, parse_cost

SOURCES = st.lists(st.sampled_from(["R", "W", "U", "RW", "WU", ""]), max_size=6)
COSTS = st.builds(
    lambda generic, pips: ManaCost("", generic, tuple(pips)),
    st.integers(0, 3),
    st.lists(st.sampled_from(["R", "W", "U", "GW", "RW"]), max_size=3),
)


def test_a_cost_is_read_symbol_by_symbol() -> None:
    """Generic mana adds up, a hybrid pip has two colours, the mana value counts everything."""
    cost = parse_cost("{1}{G/W}{W}")
    assert (cost.generic, cost.pips, cost.mana_value) == (1, ("GW", "W"), 3)
    assert cost.colors == "WG"


def test_an_unknown_symbol_is_an_error() -> None:
    """A card with a cost that cannot be paid correctly is found when it is defined."""
    with pytest.raises(ValueError, match="unknown mana symbol"):
        parse_cost("{S}{R}")


def test_more_generic_mana_shows_in_the_text() -> None:
    """A taxed cost is written as it is paid."""
    assert parse_cost("{R}").plus_generic(1).text == "{1}{R}"
    assert parse_cost("{G/W}").plus_generic(2).text == "{2}{G/W}"


def test_flexible_sources_are_kept() -> None:
    """Sources come in the order in which they are missed: the first that will do pays."""
    assert choose_sources(parse_cost("{R}"), ["R", "RW"]) == [0]
    assert choose_sources(parse_cost("{1}"), ["W", "RW"]) == [0]


def test_an_earlier_pip_gives_way() -> None:
    """A pip moves to another source when a later one needs the first."""
    chosen = choose_sources(parse_cost("{R}{W}"), ["RW", "R"])
    assert chosen is not None
    assert sorted(chosen) == [0, 1]


@given(COSTS, SOURCES)
def test_payment_agrees_with_trying_everything(cost: ManaCost, sources: list[str]) -> None:
    """A cost can be paid exactly when some assignment of sources to pips exists."""
    size = len(cost.pips)
    can_pay = len(sources) >= cost.mana_value and any(
        all(set(sources[at]) & set(pip) for at, pip in zip(order, cost.pips, strict=True))
        for order in permutations(range(len(sources)), size)
    )
    chosen = choose_sources(cost, sources)
    assert (chosen is not None) is can_pay
    if chosen is not None:
        assert len(set(chosen)) == len(chosen) == cost.mana_value
