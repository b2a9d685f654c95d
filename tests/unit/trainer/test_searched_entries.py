"""What a learner of AlphaZero takes out of the queue, and what it does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec.structs import replace
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.segment import SearchTargets, Segment, encode
from trainingrun_contracts.stream.read import Entry
from trainingrun_trainer.factory import batch_transitions
from trainingrun_trainer.hyperparameters import hyperparameters
from trainingrun_trainer.prefetcher import Received, open_entry

from testkit.roles.searched_run import BATCH, SPEC, SQUARES, searched_config, searched_segment

CONFIG = searched_config("file:///nowhere")
MakeSegment = Callable[..., Segment]


def opened(segment: Segment, *, is_searched: bool = True) -> Received:
    """What becomes of a segment that comes out of the queue."""
    entry = Entry(b"1-1", encode(segment), segment.transitions)
    run_id = segment.header.run_id
    return open_entry(entry, run_id=run_id, spec=SPEC, is_searched=is_searched)


def searched(make_segment: MakeSegment) -> Segment:
    """A segment of the run's environment."""
    header = replace(make_segment(1).header, schema_hash=SPEC.schema_hash)
    return searched_segment(header, steps=16)


def test_what_was_searched_is_taken(make_segment: MakeSegment) -> None:
    """Expect the segment with its targets."""
    found = opened(searched(make_segment))
    assert found.poison == ""
    assert found.segment is not None
    assert found.segment.targets is not None


def test_what_no_search_made_is_refused(make_segment: MakeSegment) -> None:
    """Expect a sentence in a run of AlphaZero, and none in one of PPO, which needs no targets."""
    bare = replace(searched(make_segment), targets=None)
    assert "no targets of a search" in opened(bare).poison
    assert opened(bare, is_searched=False).segment is not None


def test_more_legal_actions_than_there_are_are_refused(make_segment: MakeSegment) -> None:
    """Expect a sentence: such a row would widen the window of every other one."""
    segment, crowd = searched(make_segment), SQUARES + 1
    crowded = replace(
        segment,
        **{
            name: getattr(segment, name)[:1]
            for name in ("versions", "publishes", "states", "chosen", "log_probs", "values")
        },
        rewards=segment.rewards[:1],
        actions=np.zeros((crowd, 1), np.float16),
        offsets=np.array([0, crowd], np.int32),
        targets=SearchTargets(np.full(crowd, 1 / crowd, np.float32), np.zeros(1, np.float32)),
    )
    assert "legal actions" in opened(crowded).poison


def test_an_update_takes_no_more_positions_than_a_step_draws() -> None:
    """Expect the smaller of both numbers, and the configured one in a run of PPO."""

    def collected(*, transitions: int, is_ppo: bool = False) -> int:
        learner = replace(CONFIG.learner, batch_transitions=transitions)
        config: RunConfig = replace(CONFIG, learner=learner)
        return batch_transitions(replace(config, alpha_zero=None) if is_ppo else config)

    assert collected(transitions=8192) == BATCH
    assert collected(transitions=100) == 100
    assert collected(transitions=8192, is_ppo=True) == 8192


def test_hyperparameters_are_those_of_the_algorithm() -> None:
    """Expect AlphaZero's fields with the names that other libraries give them, and none of PPO's,
    which such a run has not."""
    found = hyperparameters(CONFIG)
    assert found["learning_rate"] == 5e-3
    assert found["batch_size"] == BATCH
    assert found["replay.samples_per_row"] == 8.0
    assert found["search.simulations"] == 50
    assert "clip_range" not in found
    assert "clip_range" in hyperparameters(replace(CONFIG, alpha_zero=None))
