"""Shaped rewards sum up to what the first decision was worth, and so change no order of play."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from trainingrun_actor.shaping import shaped_rewards
from trainingrun_contracts.environment_config import Magic
from trainingrun_environments.magic.options import PASS, Question
from trainingrun_environments.magic.view import View, view_of
from trainingrun_environments.potentials import potential_of
from trainingrun_environments.registry import environment_of
from trainingrun_protocol.decisions import (
    Card,
    Decision,
    DecisionType,
    GameState,
    Player,
)

WEIGHTS = {"life": 0.01, "board": 0.02, "cards": 0.03}
MAGIC = environment_of(Magic())
GRAIN = 2.0**-16


def potential(view: View, weights: dict[str, float]) -> float:
    """Φ of a position with these weights."""
    return potential_of(MAGIC, weights)(Question(view, (PASS,)))


def side(life: int, powers: list[int], hand: int) -> Player:
    """One player with so much life, these creatures and this many cards."""
    creatures = tuple(
        Card(id=at, types="Creature", power=power, toughness=1, is_creature=True)
        for at, power in enumerate(powers)
    )
    return Player(life=life, hand_size=hand, battlefield=creatures)


def seen_by(seat: int, *players: Player) -> View:
    """The position as a seat sees it."""
    named = tuple(structs.replace(each, name=f"player {at}") for at, each in enumerate(players))
    state = GameState(players=named)
    return view_of(Decision(DecisionType.CHOOSE_ACTION, player=f"player {seat}", game_state=state))


players = st.builds(
    side, st.integers(-50, 200), st.lists(st.integers(-2, 40), max_size=8), st.integers(0, 40)
)
weights = st.fixed_dictionaries(dict.fromkeys(WEIGHTS, st.floats(0, 1)))
potentials = st.lists(
    st.integers(-(2**16), 2**16).map(lambda grains: grains * GRAIN), min_size=1, max_size=200
)
outcomes = st.sampled_from([-1.0, 0.0, 1.0])


def in_segments(
    phi: list[float], cuts: set[int], *, outcome: float, gamma: float
) -> list[np.ndarray]:
    """The rewards of a game whose decisions are cut into segments at these places."""
    places = sorted({0, len(phi), *(cut % len(phi) for cut in cuts)})
    return [
        shaped_rewards(
            phi[begin:end],
            phi[end] if end < len(phi) else 0.0,
            outcome=outcome if end == len(phi) else 0.0,
            gamma=gamma,
        )
        for begin, end in pairwise(places)
    ]


def discounted(rewards: np.ndarray, gamma: float) -> float:
    """The return at the first decision."""
    return float(np.sum(rewards.astype(np.float64) * gamma ** np.arange(len(rewards))))


def test_a_lead_is_weighed() -> None:
    """Three lives, one power and minus two cards of lead."""
    view = seen_by(0, side(20, [2, 2], 3), side(17, [3], 5))
    assert potential(view, WEIGHTS) == pytest.approx(0.03 + 0.02 - 0.06, abs=GRAIN)


@given(mine=players, theirs=players, shaping=weights)
def test_a_potential_is_zero_sum_bounded_and_a_whole_multiple(
    mine: Player, theirs: Player, shaping: dict[str, float]
) -> None:
    """What one seat leads by, the other trails by; never more than a game is worth."""
    here = potential(seen_by(0, mine, theirs), shaping)
    there = potential(seen_by(1, mine, theirs), shaping)
    assert here == -there
    assert -1.0 <= here <= 1.0
    assert (here / GRAIN).is_integer()


@given(phi=potentials, cuts=st.sets(st.integers(0, 1000), max_size=6), outcome=outcomes)
def test_the_sum_over_a_game_telescopes_exactly(
    phi: list[float], cuts: set[int], outcome: float
) -> None:
    """However the game is cut into segments, to the last bit of float32."""
    rewards = np.concatenate(in_segments(phi, cuts, outcome=outcome, gamma=1.0))
    assert rewards.dtype == np.float32
    assert float(np.sum(rewards, dtype=np.float32)) == outcome - phi[0]


@given(phi=potentials, outcome=outcomes, gamma=st.floats(0.5, 1.0))
def test_the_discounted_return_moves_by_the_first_potential(
    phi: list[float], outcome: float, gamma: float
) -> None:
    """The same for every way to play on from there, to float32's rounding of each reward."""
    plain = shaped_rewards([0.0] * len(phi), 0.0, outcome=outcome, gamma=gamma)
    shaped = shaped_rewards(phi, 0.0, outcome=outcome, gamma=gamma)
    assert discounted(shaped, gamma) - discounted(plain, gamma) == pytest.approx(
        -phi[0], abs=1e-7 * len(phi) + 1e-9
    )


@given(start=potentials, one=potentials, other=potentials, ends=st.tuples(outcomes, outcomes))
def test_the_order_of_two_ways_to_play_on_stays(
    start: list[float], one: list[float], other: list[float], ends: tuple[float, float]
) -> None:
    """From the same decision, the better return without shaping is the better one with it."""
    returns = [
        float(np.sum(shaped_rewards([start[0], *rest], 0.0, outcome=end, gamma=1.0)))
        for rest, end in zip((one, other), ends, strict=True)
    ]
    assert np.sign(returns[0] - returns[1]) == np.sign(ends[0] - ends[1])


@given(steps=st.integers(1, 100), outcome=outcomes, gamma=st.floats(0, 1))
def test_without_shaping_the_rewards_are_the_plain_ones(
    steps: int, outcome: float, gamma: float
) -> None:
    """Bit for bit: zeros, and the outcome at the end."""
    view = seen_by(0, side(20, [5], 7), side(3, [], 0))
    phi = [potential(view, {})] * steps
    plain = np.zeros(steps, np.float32)
    plain[-1] = outcome
    assert shaped_rewards(phi, 0.0, outcome=outcome, gamma=gamma).tobytes() == plain.tobytes()
