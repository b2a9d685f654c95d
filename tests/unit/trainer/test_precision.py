"""The scale of the loss in fp16."""

from __future__ import annotations

from trainingrun_trainer.precision import LossScale


def test_scale_is_one_where_none_is_needed() -> None:
    """Expect 1 for ever, and overflows to be no one's fault but the data's."""
    scale = LossScale(is_needed=False)
    scale.back_off()
    for _ in range(5000):
        scale.grow()
    assert scale.value == 1.0
    assert not scale.can_back_off


def test_scale_sinks_and_rises() -> None:
    """Expect half of it after an overflow, down to 1; twice of it after 2,000 good steps."""
    scale = LossScale(is_needed=True)
    first = scale.value
    scale.back_off()
    assert scale.value == first / 2
    for _ in range(1999):
        scale.grow()
    assert scale.value == first / 2
    scale.grow()
    assert scale.value == first
    for _ in range(100):
        scale.back_off()
    assert scale.value == 1.0
    assert not scale.can_back_off
