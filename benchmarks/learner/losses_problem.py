"""The numbers that ``learner/losses.py`` gives to both sides, by numpy alone, in double.

Segments of a few steps that end, are cut off, or go on; ratios of the policies on both sides of
every clip that both sides have. torchrl knows no bound for bad actions beyond the clip (dual clip):
the ratios stay below it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SEGMENTS, STEPS, WIDTH, ACTIONS = 40, 16, 8, 6
GAMMA, DECAY = 31 / 32, 29 / 32  # torchrl holds them in single precision, which has these exactly
CLIP, ENTROPY, VALUE_WEIGHT = 0.2, 0.01, 0.5
Arrays = dict[str, npt.NDArray[Any]]


def make_problem(seed: int) -> Arrays:
    """Everything by name; arrays of steps are [SEGMENTS, STEPS]."""
    random = np.random.default_rng(seed)
    shape = (SEGMENTS, STEPS)
    observations = random.normal(size=(*shape, WIDTH)) / np.sqrt(WIDTH)
    masks = random.random((*shape, ACTIONS)) < 0.6
    masks[..., :2] = True
    actions = np.where(masks, random.random(masks.shape), -1.0).argmax(-1)
    proximal = random.normal(size=(ACTIONS, WIDTH))
    terminated = np.zeros(shape, dtype=bool)
    terminated[: SEGMENTS // 2, -1] = True
    return {
        "observations": observations,
        "masks": masks,
        "actions": actions,
        "proximal_weights": proximal,
        "current_weights": proximal + 0.3 * random.normal(size=proximal.shape),
        "value_weights": random.normal(size=(1, WIDTH)),
        "log_pi": np.log(random.uniform(0.05, 1.0, shape)),
        "log_mu": np.log(random.uniform(0.05, 1.0, shape)),
        "behaviour_shift": random.uniform(-0.5, 0.5, shape),
        "values": random.normal(size=shape),
        "bootstraps": random.normal(size=SEGMENTS),
        "rewards": random.normal(size=shape),
        "terminated": terminated,
        "advantages": random.normal(size=shape),
        "targets": random.uniform(-1, 1, shape),
    }


def following_values(problem: Arrays) -> npt.NDArray[np.float64]:
    """The value of the state after each step; 0 after the end of a game."""
    after = np.concatenate([problem["values"][:, 1:], problem["bootstraps"][:, None]], 1)
    return np.where(problem["terminated"], 0.0, after)
