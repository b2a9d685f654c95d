"""A learner as a real process, and a producer of rollouts that something can be learned from.

The game is a bandit: at every step one of four legal actions carries a mark in its features, and
taking it is rewarded at the end of the segment's last step. The producer plays with the newest
published weights, as actors do, so a rise of the marked action's probability is real learning.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import redis
from safetensors.numpy import load
from trainingrun_contracts import reports, weights, weights_pointer
from trainingrun_contracts.policy_format import KEY
from trainingrun_contracts.run_config import RunConfig, encode
from trainingrun_contracts.segment import SCHEMA_VERSION, Segment
from trainingrun_contracts.segment import encode as encode_segment
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.append import EncodedSegment, append_commands, depth_after
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.ledger import Ledger, ledger_from, queue_ledger
from trainingrun_environments.magic.spec import ACTION_WIDTH, SPEC, STATE_WIDTH

from testkit.warm_program import WarmProcess, warm_programs

LEGAL_ACTIONS = 4
MARK = 7
_FUSE = 100_000
LEARNER = ("-m", "trainingrun_trainer")


def fork_learner(environment: Mapping[str, str], log: Path) -> WarmProcess:
    """A learner's process with a log that gets both outputs. It is forked from one that has
    imported torch: a start takes a fraction of the three seconds of processor of a cold one."""
    programs = warm_programs("trainingrun_trainer")
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        return programs.start(
            ["trainingrun-learner"], env=environment, stdout=output, stderr=output
        )
    finally:
        os.close(output)


@dataclass
class LearnerProcess:
    """One learner; its log is in ``directory/learner-N.log``. It is a new Python unless forked."""

    config: RunConfig
    redis_url: str
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    launcher: tuple[str, ...] = ()
    program: tuple[str, ...] = LEARNER
    is_forked: bool = False
    starts: int = 0
    _process: subprocess.Popen[bytes] | WarmProcess | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        assert not self.is_forked or self.program == LEARNER, "only the learner can be forked"
        self.starts += 1
        config_file = self.directory / "run.json"
        config_file.write_bytes(encode(self.config))
        environment = {
            **os.environ,
            "TRAININGRUN_CONFIG": str(config_file),
            "TRAININGRUN_REDIS_URL": self.redis_url,
            "TRAININGRUN_HEALTH_FILE": str(self.directory / "health"),
            **self.environment,
        }
        self._process = (
            fork_learner(environment, self.log) if self.is_forked else self._new_python(environment)
        )

    def _new_python(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, *self.launcher, *self.program],
                env=environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
                stdout=log,
            )

    @property
    def log(self) -> Path:
        """The log of the latest start."""
        return self.directory / f"learner-{self.starts}.log"

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def exit_code(self, *, seconds: float) -> int:
        """Wait for its end."""
        assert self._process is not None
        return self._process.wait(timeout=seconds)

    def kill(self) -> None:
        """kill -9, if it lives."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def learner_process(
    config: RunConfig, redis_url: str, directory: Path, **environment: str
) -> Iterator[LearnerProcess]:
    """A started learner that is forked, killed at the end."""
    learner = LearnerProcess(config, redis_url, directory, environment, is_forked=True)
    with started(learner):
        yield learner


@contextmanager
def started(learner: LearnerProcess) -> Iterator[None]:
    """Start a learner, and kill it at the end."""
    learner.start()
    try:
        yield
    finally:
        learner.kill()


@dataclass
class Bandit:
    """The producer: one actor id, segments of ``steps`` decisions."""

    client: redis.Redis
    run_id: str
    actor: str = "bandit-a"
    steps: int = 32
    seed: int = 0
    seq: int = 0
    produced: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.keys = Keys(self.run_id)

    def newest_weights(
        self,
    ) -> tuple[weights_pointer.Pointer, dict[str, npt.NDArray[np.float32]]] | None:
        """The published policy, verified; None before the first publication."""
        reply: Any = self.client.hgetall(self.keys.weights)
        pointer = weights_pointer.pointer_from(reply)
        if pointer is None:
            return None
        blob = weights.verified(self.client.get(self.keys.blob(pointer.sha256)), pointer.sha256)
        return pointer, load(blob)

    def segment(self, *, publish: int | None = None) -> Segment:
        """One segment, played with the newest weights; ``publish`` pretends older ones."""
        found = self.newest_weights()
        assert found is not None, "no weights are published"
        pointer, tensors = found
        steps, rows = self.steps, self.steps * LEGAL_ACTIONS
        states = self.random.normal(size=(steps, STATE_WIDTH)).astype(np.float16)
        actions = (0.1 * self.random.normal(size=(rows, ACTION_WIDTH))).astype(np.float16)
        best = self.random.integers(LEGAL_ACTIONS, size=steps)
        actions[np.arange(steps) * LEGAL_ACTIONS + best, MARK] = 1.0
        log_probs = policy_log_probs(tensors, states, actions)
        cumulative = np.exp(log_probs).cumsum(axis=1)
        draws = self.random.random((steps, 1)) * cumulative[:, -1:]
        chosen = (draws > cumulative).sum(axis=1).clip(max=LEGAL_ACTIONS - 1)
        rewards = np.where(chosen == best, 0.9, -0.9) / 1.0
        return Segment(
            header=self.header(pointer.epoch, pointer.sha256),
            versions=np.full(steps, pointer.version, dtype=np.int32),
            publishes=np.full(
                steps, pointer.publish if publish is None else publish, dtype=np.int32
            ),
            states=states,
            actions=actions,
            offsets=np.arange(0, rows + 1, LEGAL_ACTIONS, dtype=np.int32),
            chosen=chosen.astype(np.int32),
            log_probs=log_probs[np.arange(steps), chosen].astype(np.float32),
            values=np.zeros(steps, dtype=np.float32),
            rewards=rewards.astype(np.float32),
            bootstrap_state=None,
        )

    def header(self, epoch: int, sha256: str) -> SegmentHeader:
        """The header of the next segment."""
        return SegmentHeader(
            run_id=self.run_id,
            schema=SCHEMA_VERSION,
            schema_hash=SPEC.schema_hash,
            epoch=epoch,
            actor=self.actor,
            seq=self.seq,
            produced_before=self.produced,
            discarded_before=0,
            game_id=f"game-{self.seq}",
            seat=1,
            seed=1,
            decks=("a", "b"),
            opponent="latest",
            weights_sha256=sha256,
            terminated=True,
            truncated=False,
            created_at=time.time(),
        )

    def append(self, segment: Segment) -> None:
        """Append a segment as an actor does, and continue to the next number."""
        pipe: Any = self.client.pipeline(transaction=True)
        parcel = EncodedSegment(segment.header, segment.transitions, encode_segment(segment))
        for command in append_commands(self.keys, [parcel], fuse=_FUSE):
            pipe.execute_command(*command)
        pipe.execute()
        self.seq = max(self.seq, segment.header.seq + 1)
        self.produced = max(self.produced, segment.header.produced_before + segment.transitions)

    def append_payload(self, payload: bytes = b"payload") -> int:
        """Append what no learner decodes under the next header; returns the depth after."""
        header = self.header(1, "sha")
        pipe: Any = self.client.pipeline(transaction=True)
        for command in append_commands(
            self.keys, [EncodedSegment(header, self.steps, payload)], fuse=_FUSE
        ):
            pipe.execute_command(*command)
        depth = depth_after(pipe.execute())
        self.seq, self.produced = self.seq + 1, self.produced + self.steps
        return depth

    def produce(self, segments: int) -> None:
        """Play and append this many segments."""
        for _ in range(segments):
            self.append(self.segment())


def policy_log_probs(
    tensors: dict[str, npt.NDArray[np.float32]],
    states: npt.NDArray[np.float16],
    actions: npt.NDArray[np.float16],
) -> npt.NDArray[np.float64]:
    """Log-probabilities [T, 4] of the pointer policy, as its format describes the forward pass."""
    t = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    hidden = states.astype(np.float64)
    for layer in ("state.0", "state.1"):
        hidden = np.maximum(hidden @ t[f"{layer}.weight"].T + t[f"{layer}.bias"], 0)
    keys = np.maximum(
        actions.astype(np.float64) @ t["action.0.weight"].T + t["action.0.bias"], 0
    ).reshape(len(states), LEGAL_ACTIONS, KEY)
    query = hidden @ t["query.weight"].T + t["query.bias"]
    logits = np.einsum("tnk,tk->tn", keys, query) / np.sqrt(KEY)
    logits -= logits.max(axis=1, keepdims=True)
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


def marked_probability(bandit: Bandit) -> float:
    """Mean probability of the marked action under the newest weights, on fixed fresh states."""
    found = bandit.newest_weights()
    assert found is not None
    random = np.random.default_rng(99)
    states = random.normal(size=(64, STATE_WIDTH)).astype(np.float16)
    actions = (0.1 * random.normal(size=(64 * LEGAL_ACTIONS, ACTION_WIDTH))).astype(np.float16)
    actions[np.arange(64) * LEGAL_ACTIONS, MARK] = 1.0
    return float(np.exp(policy_log_probs(found[1], states, actions))[:, 0].mean())


def learner_report(client: redis.Redis, keys: Keys) -> reports.LearnerReport | None:
    """The learner's latest report."""
    value: Any = client.hget(keys.learner_reports, "learner/learner-0")
    return None if value is None else msgspec.json.decode(value, type=reports.LearnerReport)


def notice_reasons(client: redis.Redis, keys: Keys) -> list[str]:
    """Reasons of all notices, oldest first."""
    reply: Any = client.lrange(keys.notices, 0, -1)
    return [notice.reason for notice in reports.notices_from(reply)]


def read_ledger(client: redis.Redis, keys: Keys) -> Ledger:
    """The run's ledger."""
    pipe: Any = client.pipeline(transaction=True)
    queue_ledger(pipe, keys)
    return ledger_from(pipe.execute())
