"""Which steps are whose among several ranks, without any process."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_trainer.distributed import Share, SingleRank, share_of


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(0, 2**31))
def test_ranks_parts_make_up_every_minibatch(owns: list[int], seed: int) -> None:
    """Expect each step of a shuffled minibatch to be exactly one rank's, in the minibatch's order,
    also where a rank has none."""
    shares = [share_of(owns, rank) for rank in range(len(owns))]
    order = torch.randperm(sum(owns), generator=torch.Generator().manual_seed(seed))
    minibatch = order[: len(order) // 2]
    found = [step + share.first for share in shares for step in share.of(minibatch).tolist()]
    assert sorted(found) == sorted(minibatch.tolist())
    for share in shares:
        own = [step for step in minibatch.tolist() if 0 <= step - share.first < share.own]
        assert (share.of(minibatch) + share.first).tolist() == own


@pytest.mark.parametrize(
    ("rank", "share"), [(0, Share(0, 3, 8)), (1, Share(3, 0, 8)), (2, Share(3, 5, 8))]
)
def test_shares_follow_one_another(rank: int, share: Share) -> None:
    """Expect the ranks' steps in the order of the ranks."""
    assert share_of([3, 0, 5], rank) == share


def test_alone_has_everything() -> None:
    """Expect one rank to have all steps, and its sums to be its own."""
    steps = torch.tensor([2, 0, 1])
    assert torch.equal(SingleRank().share(3).of(steps), steps)
    assert torch.equal(SingleRank().total(steps), steps)
