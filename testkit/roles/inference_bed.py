"""Inference servers as real processes, weights for them, and clients as searches make them.

The environment is Connect Four with a small residual network, whose weights follow from a number:
so a test can compute what each generation must answer.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from redis import Redis
from safetensors.numpy import save
from trainingrun_actor.selfplay.remote import Client, RemoteEvaluator, Servers, servers_of
from trainingrun_contracts import run_config
from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.board_network import NETWORK_METADATA, board_shapes
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.inference_frames import Layout, speaker_of
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import InferenceReport, inference_reports_from
from trainingrun_contracts.run_config import CheckpointConfig, LearnerConfig, RunConfig
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.read import next_epoch
from trainingrun_contracts.weights import WeightsPublisher
from trainingrun_environments.registry import environment_of
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_search.evaluators import Answer, Evaluator, Request

from testkit.servers.redis_server import RedisServer
from testkit.waiting import until
from testkit.warm_program import WarmProcess, warm_programs

NETWORK = Network("resnet", width=32, layers=1)
GAME = BuiltIn("connect_four")
SPEC = environment_of(GAME).spec
LAYOUT = Layout.of(SPEC)
LOCAL = 1_000_000
"""Generation of the local evaluator, which no server answers by."""
TOLERANCE = 2e-3
"""Of priors that travel as float16, and of sums in another order."""


def board_config(run_id: str = "board-1", network: Network = NETWORK) -> RunConfig:
    """A run of AlphaZero that asks servers."""
    return RunConfig(
        run="board",
        run_id=run_id,
        seed=1,
        games=1000,
        decks=(),
        checkpoint=CheckpointConfig(storage="file:///nowhere"),
        environment=GAME,
        learner=LearnerConfig(network=network),
        alpha_zero=AlphaZeroConfig(inference_servers=True),
    )


def weights_of(number: int, network: Network = NETWORK, *, schema: str = SPEC.schema_hash) -> bytes:
    """Published weights, other ones for each number."""
    random = np.random.default_rng(number)
    tensors = {
        name: (random.standard_normal(shape) / prod(shape[1:]) ** 0.5).astype(np.float32)
        for name, shape in board_shapes(network, SPEC).items()
    }
    metadata = {"schema_hash": schema, "version": str(number), NETWORK_METADATA: network.kind}
    return save(tensors, metadata)


def policy_of(number: int, network: Network = NETWORK) -> BoardPolicy:
    """What the weights of this number compute, in numpy."""
    return BoardPolicy.from_bytes(weights_of(number, network), SPEC, generation=number)


def request_of(seed: int, rows: int = 32) -> Request:
    """Random positions: planes of zeros and ones, and at least one legal action each."""
    random = np.random.default_rng(seed)
    observations = random.integers(0, 2, (rows, *SPEC.observation)).astype(np.uint8)
    legal = random.random((rows, LAYOUT.actions)) < 0.7
    legal[np.arange(rows), random.integers(0, LAYOUT.actions, rows)] = True
    nothing: Any = None
    return Request(observations, legal, np.arange(rows, dtype=np.int32), nothing)


def require_right(answer: Answer, request: Request, network: Network = NETWORK) -> None:
    """An answer must be what the weights of its generation compute in numpy.

    Raises:
        AssertionError: it is not.
    """
    expected = _policy_of(answer.generation, network).evaluate(request)
    priors = np.where(request.legal, expected.priors, 0)
    np.testing.assert_allclose(answer.values, expected.values, atol=TOLERANCE)
    np.testing.assert_allclose(answer.priors, priors, atol=TOLERANCE)


_policy_of = cache(policy_of)


class Never:
    """In the place of a local evaluator: asking it fails the test."""

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        raise AssertionError(f"{len(request.legal)} positions were valued here")


@dataclass
class InferenceServer:
    """One server process; its log is in ``folder/MEMBER-N.log``."""

    member: str
    folder: Path
    environment: dict[str, str]
    words: tuple[str, ...] = ()
    starts: int = 0
    _process: WarmProcess | None = None

    def start(self) -> None:
        """Start it; returns at once. It is forked from one that has imported torch."""
        self.starts += 1
        with self.log.open("wb") as log:
            self._process = warm_programs("trainingrun_trainer").start(
                ["trainingrun-inference", *self.words],
                env={**os.environ, **self.environment},
                stdout=log.fileno(),
                stderr=log.fileno(),
            )

    @property
    def log(self) -> Path:
        """Of the latest start."""
        return self.folder / f"{self.member}-{self.starts}.log"

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    def exit_code(self, *, seconds: float = 60) -> int:
        """Wait for its end."""
        assert self._process is not None
        return self._process.wait(timeout=seconds)

    def terminate(self) -> None:
        """SIGTERM."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, if it lives."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@dataclass
class InferenceBed:
    """A run's Redis, and what asks and answers in it."""

    folder: Path
    server: RedisServer
    client: Redis
    config: RunConfig
    servers: list[InferenceServer] = field(default_factory=list)
    evaluators: list[RemoteEvaluator] = field(default_factory=list)

    @property
    def keys(self) -> Keys:
        """Of the run."""
        return Keys(self.config.run_id)

    def publish(self, number: int, blob: bytes | None = None) -> None:
        """Publish weights under a number."""
        epoch: Any = self.client.get(self.keys.epoch)
        taken = int(epoch) if epoch else next_epoch(self.client, self.keys)
        blob = weights_of(number, self.config.learner.network) if blob is None else blob
        WeightsPublisher(self.client, self.keys, epoch=taken).publish(
            blob, version=number, publish=number, at=time.time(), snapshot=False
        )

    def start_server(
        self, member: str = "inference-0", *words: str, address: str = "127.0.0.1:0", **more: str
    ) -> InferenceServer:
        """A server process that is starting. It answers in fp32, which numpy does too, unless the
        words name another precision."""
        document = self.folder / "run.json"
        document.write_bytes(run_config.encode(self.config))
        environment = {
            run_config.CONFIG_VARIABLE: str(document),
            run_config.REDIS_URL_VARIABLE: self.server.url_of("inference"),
            run_config.MEMBER_VARIABLE: member,
            run_config.HEALTH_FILE_VARIABLE: str(self.folder / f"{member}.health"),
            run_config.INFERENCE_ADDRESS_VARIABLE: address,
            "TRAININGRUN_INFERENCE_THREADS": "1",
            **more,
        }
        server = InferenceServer(member, self.folder, environment, ("--precision", "fp32", *words))
        self.servers.append(server)
        server.start()
        return server

    def reports(self) -> tuple[InferenceReport, ...]:
        """What servers say of themselves."""
        reply: Any = self.client.hgetall(self.keys.inference_reports)
        return inference_reports_from(reply, now=time.time())

    def known(self) -> Servers:
        """The servers as a client finds them."""
        token: Any = self.client.get(self.keys.inference_token)
        return servers_of(self.reports(), token)

    def wait_for(self, servers: int = 1, *, publish: int = 0, seconds: float = 120) -> Servers:
        """Wait until so many servers answer with weights of at least this publication."""

        def is_there() -> bool:
            return sum(report.publish >= publish for report in self.reports()) >= servers

        until(is_there, seconds=seconds, what=f"{servers} servers with publication {publish}")
        return self.known()

    def evaluator(
        self, local: Evaluator | None = None, *, member: str = "selfplay-0", **options: Any
    ) -> RemoteEvaluator:
        """A client that knows the servers of now."""
        speaker = speaker_of(self.config.run_id, SPEC, self.config.learner.network)
        found = RemoteEvaluator(Client(speaker, LAYOUT, member), local or Never(), **options)
        found.use(self.known())
        self.evaluators.append(found)
        return found


@contextmanager
def inference_bed(
    folder: Path, server: RedisServer, config: RunConfig | None = None
) -> Iterator[InferenceBed]:
    """A bed whose processes are killed at the end."""
    with server.client() as client:
        bed = InferenceBed(folder, server, client, config or board_config())
        try:
            yield bed
        finally:
            for evaluator in bed.evaluators:
                evaluator.close()
            for process in bed.servers:
                process.kill()


class Here:
    """A local evaluator whose generation no server has."""

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        rows = len(request.legal)
        return Answer(request.legal.astype(np.float32), np.zeros(rows, np.float32), LOCAL)


def generations(evaluator: RemoteEvaluator, rounds: int, *, first: int = 0) -> list[int]:
    """Ask so many rounds; each answer of a server must be the right one of its generation."""
    found = []
    for number in range(first, first + rounds):
        request = request_of(number % 7)
        answer = evaluator.evaluate(request)
        found.append(answer.generation)
        if answer.generation != LOCAL:
            require_right(answer, request)
    return found


@contextmanager
def load_of(bed: InferenceBed, clients: int) -> Iterator[list[list[int]]]:
    """Clients that ask without pause, each in a thread; the generations that each has seen."""
    ends, seen = threading.Event(), [list[int]() for _ in range(clients)]
    failures: list[BaseException] = []

    def ask(number: int) -> None:
        evaluator = bed.evaluator(Here(), member=f"selfplay-{number}")
        try:
            while not ends.is_set():
                evaluator.use(bed.known())
                seen[number] += generations(evaluator, 5, first=number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ends.set()
        for thread in threads:
            thread.join()
        assert not failures, failures
