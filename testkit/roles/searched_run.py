"""A run of AlphaZero whose producer searches nothing: what it says was found follows a simple rule,
which the learner has to find.

The board is tic_tac_toe's with stones anywhere: one of the player's own, on the square that should
be played, and the other's at random; who has a stone of the other's in the first corner loses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, ReplayConfig
from trainingrun_contracts.board_weights import read_board_weights
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.environment_spec import VOCABULARY_SCALE
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import CheckpointConfig, LearnerConfig, RunConfig
from trainingrun_contracts.segment import SearchTargets, Segment
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.weights import verified
from trainingrun_environments.tic_tac_toe.environment import TIC_TAC_TOE

from testkit.roles.learner_process import Bandit

SPEC: Final = TIC_TAC_TOE.spec
SQUARES: Final = 9
BATCH: Final = 512
BEST_SHARE: Final = 0.9

Float32 = npt.NDArray[np.float32]


def searched_config(storage: str, *, network: Network | None = None) -> RunConfig:
    """A small run that makes eight steps after every 512 positions."""
    return RunConfig(
        run="searched",
        run_id="searched-1",
        seed=7,
        games=1000,
        decks=(),
        environment=BuiltIn("tic_tac_toe"),
        checkpoint=CheckpointConfig(storage=storage),
        learner=LearnerConfig(
            batch_transitions=BATCH,
            max_policy_lag=1_000_000,
            network=network or Network("mlp", 64, 2),
        ),
        alpha_zero=AlphaZeroConfig(
            replay=ReplayConfig(
                rows=2048, most_rows=4096, least_rows=BATCH // 2, samples_per_row=8.0
            ),
            batch=BATCH,
            learning_rate=5e-3,
            warmup_steps=4,
            publish_every_games=1,
        ),
    )


def boards(random: np.random.Generator, count: int) -> tuple[Float32, npt.NDArray[np.int64]]:
    """Observations [count, numbers], and the square that should be played on each."""
    best = random.integers(SQUARES, size=count)
    own = np.zeros((count, SQUARES), np.float32)
    own[np.arange(count), best] = 1.0
    theirs = random.integers(2, size=(count, SQUARES)).astype(np.float32)
    return np.concatenate([own, theirs], axis=1), best


def searched_segment(header: SegmentHeader, *, steps: int, publish: int = 1) -> Segment:
    """A segment whose contents depend on its number alone."""
    random = np.random.default_rng(header.seq)
    states, best = boards(random, steps)
    is_legal = random.random((steps, SQUARES)) < 0.7
    is_legal[np.arange(steps), best] = True
    is_legal[:, 0] = is_legal[:, 1] = True  # two at least
    counts = is_legal.sum(axis=1)
    is_best = np.zeros_like(is_legal)
    is_best[np.arange(steps), best] = True
    rest = (1.0 - BEST_SHARE) / (counts - 1)
    shares = np.where(is_best, BEST_SHARE, rest[:, None])[is_legal].astype(np.float32)
    offsets = np.concatenate([[0], counts.cumsum()]).astype(np.int32)
    outcomes = np.where(states[:, SQUARES] > 0, -1.0, 1.0).astype(np.float32)
    numbers = np.tile(np.arange(SQUARES), (steps, 1))[is_legal]
    return Segment(
        header=header,
        versions=np.full(steps, publish, np.int32),
        publishes=np.full(steps, publish, np.int32),
        states=states.astype(np.float16),
        actions=(numbers[:, None] / VOCABULARY_SCALE).astype(np.float16),
        offsets=offsets,
        chosen=np.zeros(steps, np.int32),
        log_probs=np.full(steps, np.log(BEST_SHARE), np.float32),
        values=np.zeros(steps, np.float32),
        rewards=np.zeros(steps, np.float32),
        bootstrap_state=None,
        targets=SearchTargets(shares, outcomes),
    )


@dataclass
class Searched(Bandit):
    """The producer of that run; games are counted as its segments are appended."""

    def header(self, epoch: int, sha256: str) -> SegmentHeader:
        """The header of the next segment."""
        return replace(super().header(epoch, sha256), schema_hash=SPEC.schema_hash, decks=("", ""))

    def segment(self, *, publish: int | None = None) -> Segment:
        """One segment; ``publish`` pretends older weights."""
        found = self.newest_weights()
        assert found is not None, "no weights are published"
        pointer = found[0]
        number = pointer.publish if publish is None else publish
        header = self.header(pointer.epoch, pointer.sha256)
        return searched_segment(header, steps=self.steps, publish=number)

    def produce(self, segments: int) -> None:
        """Append this many segments, each a game that was played."""
        for _ in range(segments):
            self.client.hincrby(self.keys.games, "played", 1)
            self.append(self.segment())

    @property
    def blob(self) -> bytes:
        """The newest published weights."""
        found = self.newest_weights()
        assert found is not None
        sha256 = found[0].sha256
        return verified(self.client.get(self.keys.blob(sha256)), sha256)


def best_share(blob: bytes) -> float:
    """How much of the policy of published weights (an ``mlp``) is on what should be played, on
    fixed fresh boards whose squares are all legal."""
    tensors = read_board_weights(blob, SPEC).tensors

    def layer(name: str, seen: Float32) -> Float32:
        found: Float32 = seen @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]
        return found

    seen, best = boards(np.random.default_rng(99), 256)
    for number in range(2):
        seen = np.maximum(layer(f"body.{number}", seen), 0)
    logits = layer("policy", seen)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return float(shares[np.arange(len(best)), best].mean())
