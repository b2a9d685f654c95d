"""A program: one rank's part of two updates on made-up segments, as ``torchrun`` starts it.

Arguments: a folder, and how many segments there are in all. Rank r of N trains on every N-th of
them and writes ``rank-r.safetensors`` and ``rank-r.json`` (what the updates did) into the folder.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from trainingrun_contracts.run_config import LearnerConfig, PpoConfig
from trainingrun_contracts.segment import SCHEMA_VERSION, Segment
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_environments.magic.spec import ACTION_WIDTH, SPEC, STATE_WIDTH
from trainingrun_trainer.batch import pack
from trainingrun_trainer.distributed import DistributedRanks, SingleRank, is_distributed
from trainingrun_trainer.networks.build import new_policy
from trainingrun_trainer.update import PpoUpdater

CPU = torch.device("cpu")


def make_segment(number: int) -> Segment:
    """A segment whose contents and length depend on its number alone."""
    random = np.random.default_rng(number)
    steps = int(random.integers(1, 40))
    counts = random.integers(1, 6, steps)
    offsets = np.concatenate([[0], counts.cumsum()]).astype(np.int32)
    header = SegmentHeader(
        run_id="ranks",
        schema=SCHEMA_VERSION,
        schema_hash=SPEC.schema_hash,
        epoch=1,
        actor="a",
        seq=number,
        produced_before=0,
        discarded_before=0,
        game_id=f"g{number}",
        seat=1,
        seed=1,
        decks=("a", "b"),
        opponent="latest",
        weights_sha256="0",
        terminated=True,
        truncated=False,
        created_at=0.0,
    )
    rewards = np.zeros(steps, dtype=np.float32)
    rewards[-1] = random.choice([-1.0, 1.0])
    return Segment(
        header=header,
        versions=np.zeros(steps, dtype=np.int32),
        publishes=np.zeros(steps, dtype=np.int32),
        states=random.normal(size=(steps, STATE_WIDTH)).astype(np.float16),
        actions=random.normal(size=(offsets[-1], ACTION_WIDTH)).astype(np.float16),
        offsets=offsets,
        chosen=(random.random(steps) * counts).astype(np.int32),
        log_probs=-np.log(counts).astype(np.float32),
        values=np.zeros(steps, dtype=np.float32),
        rewards=rewards,
        bootstrap_state=None,
    )


def main(folder: Path, segments: int) -> None:
    """Train and write."""
    torch.set_num_threads(1)
    ranks = DistributedRanks(CPU) if is_distributed() else SingleRank()
    # The order that one rank alone has: all segments of rank 0, then all of rank 1.
    own = [number for number in range(segments) if number * ranks.size // segments == ranks.rank]
    batch = pack([make_segment(number) for number in own])
    config = LearnerConfig(gradient_accumulation=2, ppo=PpoConfig(minibatches=3, target_kl=10.0))
    updater = PpoUpdater(new_policy(1, SPEC), config, seed=1, device=CPU, ranks=ranks)
    results = [asdict(updater.update(batch)) for _ in range(2)]
    save_file(updater.policy.state_dict(), folder / f"rank-{ranks.rank}.safetensors")
    (folder / f"rank-{ranks.rank}.json").write_text(json.dumps(results))
    if isinstance(ranks, DistributedRanks):
        ranks.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
