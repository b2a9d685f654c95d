"""The update that ``learner/speed.py`` compares: the same arrays for every side, by numpy alone.

8,192 steps in 128 segments of 64, each ending with an outcome of -1 or 1; observations of 256
numbers; 32 actions, of which 30 % are legal; and the settings of PPO. The behaviour policy was
uniform over the legal actions, which is what all freshly made policies are close to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SEGMENTS, STEPS = 128, 64
SAMPLES = SEGMENTS * STEPS
OBSERVATION, ACTIONS, HIDDEN = 256, 32, 256
LEGAL = 0.3
EPOCHS, MINIBATCH = 4, 1024
RATE, CLIP, ENTROPY, VALUE_WEIGHT, GRADIENT_NORM = 3e-4, 0.2, 0.01, 0.5, 0.5
GAMMA, DECAY = 1.0, 0.95


@dataclass(frozen=True)
class Rollouts:
    """Arrays of [SEGMENTS, STEPS, ...]."""

    observations: npt.NDArray[np.float32]
    masks: npt.NDArray[np.bool_]
    actions: npt.NDArray[np.int64]
    log_probs: npt.NDArray[np.float32]
    rewards: npt.NDArray[np.float32]


def make_rollouts(seed: int = 0) -> Rollouts:
    """The rollouts of a seed; every step has a legal action."""
    random = np.random.default_rng(seed)
    shape = (SEGMENTS, STEPS)
    observations = random.standard_normal((*shape, OBSERVATION)).astype(np.float16)
    masks = random.random((*shape, ACTIONS)) < LEGAL
    masks[..., 0] |= ~masks.any(-1)
    actions = np.where(masks, random.random(masks.shape), -1.0).argmax(-1)
    rewards = np.zeros(shape, np.float32)
    rewards[:, -1] = random.choice(np.array([-1.0, 1.0], np.float32), SEGMENTS)
    return Rollouts(
        observations=observations.astype(np.float32),
        masks=masks,
        actions=actions.astype(np.int64),
        log_probs=-np.log(masks.sum(-1)).astype(np.float32),
        rewards=rewards,
    )
