"""One seat's decisions, cut into segments.

A segment ends after 64 steps or 10 seconds, or with the game. A full one is closed by the seat's
next decision, whose state it takes as the bootstrap observation; that is why the last segment of a
game is never empty and the final reward always has a step to stand on.

The reward is the outcome for this seat: +1, -1, 0 for a draw or a game that ran out of time. Where
a phase of the curriculum shapes it, the growth of the potential is added (``shaping``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from msgspec import Struct
from trainingrun_contracts.segment import MAX_STEPS, SCHEMA_VERSION, Segment
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_environments.observation import Float16, Observation

from trainingrun_actor.policy import Choice, Policy
from trainingrun_actor.shaping import shaped_rewards

MAX_SECONDS: Final = 10.0


class GameIdentity(Struct, frozen=True):
    """What all segments of one seat in one game have in common; the hash is the environment's."""

    run_id: str
    schema_hash: str
    actor: str
    game_id: str
    seat: int
    seed: int
    decks: tuple[str, str]
    opponent: str


class Clock(Struct, frozen=True):
    """Two clocks: one that never jumps, for durations, and the time of day, for records."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]


class Recorder:
    """Collects the steps of one seat; gives each finished segment to ``emit``.

    Sequence numbers and produced counts in the header are 0: the sink assigns them.
    """

    def __init__(
        self,
        identity: GameIdentity,
        *,
        clock: Clock,
        emit: Callable[[Segment], None],
        gamma: float = 1.0,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._emit = emit
        self._policy: Policy | None = None
        self._began = 0.0
        self._observations: list[Observation] = []
        self._choices: list[Choice] = []
        self._gamma = gamma
        self._potentials: list[float] = []
        self._potential = 0.0

    @property
    def policy(self) -> Policy | None:
        """The weights of the open segment; None between segments."""
        return self._policy

    def before_step(self, state: Float16, potential: float = 0.0) -> None:
        """Close the open segment if it is full or old.

        Args:
            state: the seat's next one.
            potential: of that state, where rewards are shaped.
        """
        self._potential = potential
        if not self._choices:
            return
        is_old = self._clock.monotonic() - self._began >= MAX_SECONDS
        if is_old or len(self._choices) >= MAX_STEPS:
            self._close(reward=0.0, bootstrap=state)

    def add(self, policy: Policy, observation: Observation, choice: Choice) -> None:
        """Record a step; all steps of a segment are chosen by the same weights."""
        if not self._choices:
            self._began = self._clock.monotonic()
            self._policy = policy
        assert policy is self._policy, "a segment has one policy"
        self._observations.append(observation)
        self._choices.append(choice)
        self._potentials.append(self._potential)

    def finish(self, reward: float) -> None:
        """End with the game's outcome for this seat."""
        if self._choices:
            self._close(reward=reward, bootstrap=None)

    def abandon(self) -> None:
        """Forget the open segment: its outcome will never be known."""
        self._clear()

    def _clear(self) -> None:
        self._policy = None
        self._observations = []
        self._choices = []
        self._potentials = []

    def _close(self, *, reward: float, bootstrap: Float16 | None) -> None:
        assert self._policy is not None
        pointer, choices, seen = self._policy.pointer, self._choices, self._observations
        steps = len(choices)
        counts = [len(observation.actions) for observation in seen]
        after = 0.0 if bootstrap is None else self._potential
        rewards = shaped_rewards(self._potentials, after, outcome=reward, gamma=self._gamma)
        segment = Segment(
            header=self._header(is_terminated=bootstrap is None),
            versions=np.full(steps, pointer.version, np.int32),
            publishes=np.full(steps, pointer.publish, np.int32),
            states=np.concatenate([observation.state for observation in seen]).reshape(steps, -1),
            actions=np.concatenate([observation.actions for observation in seen]),
            offsets=np.cumsum([0, *counts], dtype=np.int32),
            chosen=np.array([choice.position for choice in choices], np.int32),
            log_probs=np.array([choice.log_prob for choice in choices], np.float32),
            values=np.array([choice.value for choice in choices], np.float32),
            rewards=rewards,
            bootstrap_state=bootstrap,
        )
        self._clear()
        self._emit(segment)

    def _header(self, *, is_terminated: bool) -> SegmentHeader:
        assert self._policy is not None
        pointer, identity = self._policy.pointer, self._identity
        return SegmentHeader(
            run_id=identity.run_id,
            schema=SCHEMA_VERSION,
            schema_hash=identity.schema_hash,
            epoch=pointer.epoch,
            actor=identity.actor,
            seq=0,
            produced_before=0,
            discarded_before=0,
            game_id=identity.game_id,
            seat=identity.seat,
            seed=identity.seed,
            decks=identity.decks,
            opponent=identity.opponent,
            weights_sha256=pointer.sha256,
            terminated=is_terminated,
            truncated=not is_terminated,
            created_at=self._clock.wall(),
        )
