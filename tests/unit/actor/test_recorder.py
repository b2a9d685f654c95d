"""A seat's decisions are cut into valid segments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from trainingrun_actor.policy import Choice, Policy
from trainingrun_actor.recorder import Clock, GameIdentity, Recorder
from trainingrun_contracts.segment import Segment, decode, encode
from trainingrun_environments.magic.spec import SPEC
from trainingrun_environments.observation import Observation

Observe = Callable[[int, int], Observation]


class Table:
    """A recorder with a clock that the test moves, and what it has emitted."""

    def __init__(self, policy: Policy, observe: Observe) -> None:
        self.now = 0.0
        self.segments: list[Segment] = []
        self._policy = policy
        self._observe = observe
        self._seed = 0
        identity = GameIdentity(
            "run", SPEC.schema_hash, "actor-0-1", "g1", 2, 5, ("a", "b"), "latest"
        )
        clock = Clock(lambda: self.now, lambda: 1000.0 + self.now)
        self.recorder = Recorder(identity, clock=clock, emit=self.segments.append)

    def step(self, potential: float = 0.0) -> Observation:
        """One decision among three options, in a position of this potential."""
        self._seed += 1
        seen = self._observe(self._seed, 3)
        self.recorder.before_step(seen.state, potential)
        self.recorder.add(self._policy, seen, Choice(self._seed % 3, -1.0, 0.25))
        return seen


def test_a_game_of_a_hundred_steps_is_cut_at_64(policy: Policy, observe: Observe) -> None:
    """64 steps with a bootstrap state and no reward, then 36 that end with the outcome."""
    table = Table(policy, observe)
    seen = [table.step() for _ in range(100)]
    table.recorder.finish(1.0)
    first, last = table.segments
    assert (first.transitions, first.header.truncated, first.rewards.any()) == (64, True, False)
    assert first.bootstrap_state is not None
    np.testing.assert_array_equal(first.bootstrap_state, seen[64].state)
    assert (last.transitions, last.header.terminated, last.bootstrap_state) == (36, True, None)
    assert last.rewards.tolist() == [0.0] * 35 + [1.0]


def test_an_old_segment_is_closed_by_the_next_step(policy: Policy, observe: Observe) -> None:
    """After ten seconds the next decision begins a new segment."""
    table = Table(policy, observe)
    table.step()
    table.now = 9.9
    table.step()
    table.now = 10.1
    table.step()
    assert [segment.transitions for segment in table.segments] == [2]


def test_segments_survive_the_codec(policy: Policy, observe: Observe) -> None:
    """What the recorder makes, the learner's decoder accepts, value for value."""
    table = Table(policy, observe)
    for _ in range(5):
        table.step()
    table.recorder.finish(-1.0)
    decoded = decode(encode(table.segments[0]))
    np.testing.assert_array_equal(decoded.states, table.segments[0].states)
    np.testing.assert_array_equal(decoded.actions, table.segments[0].actions)
    assert decoded.header.seat == 2
    assert decoded.chosen.tolist() == [1, 2, 0, 1, 2]


def test_an_abandoned_game_leaves_nothing(policy: Policy, observe: Observe) -> None:
    """No outcome, no segment: a dead daemon is never a reward of 0."""
    table = Table(policy, observe)
    table.step()
    table.recorder.abandon()
    table.recorder.finish(1.0)
    assert table.segments == []


def test_the_next_segment_may_use_new_weights(policy: Policy, observe: Observe) -> None:
    """Weights are held from a segment's first step to its end, not longer."""
    table = Table(policy, observe)
    assert table.recorder.policy is None
    table.step()
    assert table.recorder.policy is policy
    table.recorder.finish(0.0)
    assert table.recorder.policy is None


def test_shaped_rewards_go_on_from_one_segment_to_the_next(
    policy: Policy, observe: Observe
) -> None:
    """Each is the growth to the seat's next decision, also where that begins a new segment; the
    last one falls back to 0 and has the outcome."""
    table = Table(policy, observe)
    leads = [step / 64 for step in range(100)]
    for lead in leads:
        table.step(lead)
    table.recorder.finish(-1.0)
    rewards = np.concatenate([segment.rewards for segment in table.segments])
    assert rewards[:-1].tolist() == [1 / 64] * 99
    assert rewards[-1] == -1.0 - leads[-1]
    assert [segment.transitions for segment in table.segments] == [64, 36]


def test_a_segment_after_an_abandoned_one_has_its_own_potentials(
    policy: Policy, observe: Observe
) -> None:
    """Nothing of the forgotten steps is left."""
    table = Table(policy, observe)
    table.step(0.5)
    table.recorder.abandon()
    table.step(0.25)
    table.recorder.finish(0.0)
    assert table.segments[0].rewards.tolist() == [-0.25]
