"""Segments and batches for the trainer's tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from trainingrun_contracts.segment import SCHEMA_VERSION, Segment
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_environments.magic.spec import ACTION_WIDTH, SPEC, STATE_WIDTH

MakeSegment = Callable[..., Segment]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Torch computes in one thread, as the learner has it: small tensors gain nothing by more."""
    torch.set_num_threads(1)


@pytest.fixture
def make_segment() -> MakeSegment:
    """A factory of valid segments with random contents that depend on ``seq`` alone."""

    def make(
        seq: int, *, steps: int = 16, terminated: bool = True, publish: int = 1, actor: str = "a"
    ) -> Segment:
        random = np.random.default_rng(seq)
        counts = random.integers(1, 7, steps)
        offsets = np.concatenate([[0], counts.cumsum()]).astype(np.int32)
        header = SegmentHeader(
            run_id="run-1",
            schema=SCHEMA_VERSION,
            schema_hash=SPEC.schema_hash,
            epoch=1,
            actor=actor,
            seq=seq,
            produced_before=seq * steps,
            discarded_before=0,
            game_id=f"g{seq}",
            seat=1,
            seed=1,
            decks=("a", "b"),
            opponent="latest",
            weights_sha256="0",
            terminated=terminated,
            truncated=not terminated,
            created_at=0.0,
        )
        rewards = np.zeros(steps, dtype=np.float32)
        rewards[-1] = random.choice([-1.0, 1.0]) if terminated else 0.0
        return Segment(
            header=header,
            versions=np.full(steps, publish, dtype=np.int32),
            publishes=np.full(steps, publish, dtype=np.int32),
            states=random.normal(size=(steps, STATE_WIDTH)).astype(np.float16),
            actions=random.normal(size=(offsets[-1], ACTION_WIDTH)).astype(np.float16),
            offsets=offsets,
            chosen=(random.random(steps) * counts).astype(np.int32),
            log_probs=-np.log(counts).astype(np.float32),
            values=np.zeros(steps, dtype=np.float32),
            rewards=rewards,
            bootstrap_state=None
            if terminated
            else random.normal(size=STATE_WIDTH).astype(np.float16),
        )

    return make
