"""V-trace: value targets and advantages from trajectories of a somewhat older policy.

Source: Espeholt et al. 2018 (IMPALA), section 4.1, with the trace decay of its remark 2. The
advantages are those of generalised advantage estimation with V-trace's cuts: on data of the current
policy they are exactly GAE(decay). The importance weight of the first action is left out of them,
because the decoupled PPO loss applies it.

All segments are scanned at once, from their ends: column 0 is a segment's last step.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Trajectories(NamedTuple):
    """Time-ordered segments, one after the other.

    Attributes:
        values: float32 [T], V of each step's state.
        rewards: float32 [T].
        ratios: float32 [T], current policy's probability of the action over the behaviour's.
        lengths: int64 [B], steps of each segment.
        bootstraps: float32 [B], V of the state after the last step; 0 where the game ended.
    """

    values: Tensor
    rewards: Tensor
    ratios: Tensor
    lengths: Tensor
    bootstraps: Tensor


class Targets(NamedTuple):
    """Value targets and advantages: float32 [T] each."""

    values: Tensor
    advantages: Tensor


def vtrace(
    trajectories: Trajectories, *, gamma: float, decay: float, rho_cap: float, trace_cap: float
) -> Targets:
    """Targets of all steps."""
    values, rewards, ratios, lengths, bootstraps = trajectories
    if not len(lengths):
        return Targets(values, values)
    index, inside = _from_the_ends(lengths)
    value, reward = values[index], rewards[index]
    rho = ratios[index].clamp(max=rho_cap)
    trace = decay * ratios[index].clamp(max=trace_cap)
    next_value = torch.cat([bootstraps[:, None], value[:, :-1]], dim=1)
    delta = reward + gamma * next_value - value

    ahead = torch.zeros_like(bootstraps)  # target minus value, one step later
    corrections, advantages = torch.empty_like(value), torch.empty_like(value)
    for column in range(value.shape[1]):
        advantages[:, column] = delta[:, column] + gamma * decay * ahead
        ahead = rho[:, column] * delta[:, column] + gamma * trace[:, column] * ahead
        corrections[:, column] = ahead
    result = torch.empty((2, len(values)), dtype=values.dtype, device=values.device)
    result[0, index[inside]] = (value + corrections)[inside]
    result[1, index[inside]] = advantages[inside]
    return Targets(result[0], result[1])


def _from_the_ends(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Step index [B, longest], each segment backwards, and which cells are steps.

    Cells behind a segment's first step point at that step; they are scanned last and not used.
    """
    ends = torch.cumsum(lengths, 0)
    longest = int(lengths.max())
    back = torch.arange(longest, device=lengths.device)[None, :]
    inside = back < lengths[:, None]
    index = torch.where(inside, ends[:, None] - 1 - back, (ends - lengths)[:, None])
    return index, inside
