"""Simple policy optimisation: a penalty in the place of PPO's clipping (Xie et al. 2024)."""

from typing import Any


def spo(steps: Any) -> tuple[Any, Any]:
    """Return what the policy and what the value of each step costs: two tensors [T]."""
    ratio = (steps.current - steps.proximal).exp()
    gain = ratio * steps.advantages
    penalty = steps.advantages.abs() / (2 * steps.clip) * (ratio - 1) ** 2
    weight = (steps.proximal - steps.behaviour).exp().clamp(max=2.0)
    return weight * (penalty - gain), 0.5 * (steps.values - steps.targets) ** 2
