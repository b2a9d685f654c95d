"""A whole run of AlphaZero as processes that a test may kill: self-play workers, an inference
server, the learner and Redis, whose append-only file is the witness of all that was ever queued.

Tic-tac-toe with a small network, so that what takes time is the restarts. Started here and not by
the local runtime, whose back-off would make a hundred kills an hour. Belongs here: starting,
killing and looking. Not here: expectations.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trainingrun_contracts import run_config
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, ReplayConfig, SearchConfig
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import ActorReport, ActorState, Intent, reports_from
from trainingrun_contracts.run_config import (
    ActorConfig,
    CheckpointConfig,
    LearnerConfig,
    RunConfig,
    encode,
)
from trainingrun_contracts.segment import Segment, decode
from trainingrun_contracts.stream.keys import PAYLOAD_FIELD, Keys
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_contracts.weights_pointer import pointer_from

from testkit.roles.inference_bed import InferenceServer
from testkit.roles.learner_process import read_ledger
from testkit.roles.stops import ForkedLearner
from testkit.servers.append_only_file import commands_of, keep_all
from testkit.servers.redis_server import RedisServer, start_redis
from testkit.waiting import until
from testkit.warm_program import WarmProcess, warm_programs

WORKERS: Final = 2
BATCH: Final = 256
_SECONDS: Final = 120.0


@dataclass
class Worker:
    """A process of self-play; it is forked from one that has imported the search."""

    member: str
    folder: Path
    url: str
    starts: int = 0
    _process: WarmProcess | None = None

    def start(self) -> None:
        """Start the next one; returns at once."""
        self.starts += 1
        variables = {
            run_config.CONFIG_VARIABLE: str(self.folder / "run.json"),
            run_config.REDIS_URL_VARIABLE: self.url,
            run_config.MEMBER_VARIABLE: self.member,
        }
        with self.log.open("ab") as log:
            self._process = warm_programs("trainingrun_actor").start(
                ["trainingrun-actor", "selfplay"],
                env={**os.environ, **variables},
                stdout=log.fileno(),
                stderr=log.fileno(),
            )

    @property
    def log(self) -> Path:
        """What all starts have said."""
        return self.folder / f"{self.member}.log"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9, if it lives."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    played: int
    trained: int
    publish: int

    def is_beyond(self, other: Progress) -> bool:
        """Whether games, training and publications have all gone on since."""
        return (
            self.played > other.played
            and self.trained > other.trained
            and self.publish > other.publish
        )


@dataclass
class SearchedRun:
    """The run, and what is seen of it."""

    folder: Path
    config: RunConfig
    server: RedisServer
    learner: ForkedLearner
    inference: InferenceServer
    workers: list[Worker]

    @property
    def keys(self) -> Keys:
        """Of the run."""
        return Keys(self.config.run_id)

    def start_learner(self) -> None:
        """The next learner."""
        self.learner.start()

    def start_redis(self) -> None:
        """Redis again, on its data."""
        self.server.start()
        with self.server.client() as client:
            keep_all(client)

    def kill_learner(self) -> None:
        """kill -9, and its corpse is gone."""
        self.learner.signal(signal.SIGKILL)
        self.learner.exit_code(seconds=_SECONDS)

    def progress(self) -> Progress:
        """How far it has come."""
        with self.server.client() as client:
            trained = read_ledger(client, self.keys).trained
            played: Any = client.hget(self.keys.games, "played")
            reply: Any = client.hgetall(self.keys.weights)
        pointer = pointer_from(reply)
        return Progress(int(played or 0), trained, -1 if pointer is None else pointer.publish)

    def wait_beyond(self, before: Progress, *, what: str) -> None:
        """Wait until games, training and publications have gone on; nothing may have ended by
        itself.
        """

        def goes_on() -> bool:
            self.require_alive()
            return self.progress().is_beyond(before)

        until(goes_on, seconds=_SECONDS, what=what)

    def require_alive(self) -> None:
        """Raise AssertionError where a process has ended by itself."""
        dead = [each.member for each in self.workers if not each.is_running]
        if not self.learner.is_running:
            dead.append("learner")
        assert not dead, f"ended by themselves: {dead}; see the logs in {self.folder}"

    def settle(self) -> Ledger:
        """Let the games end and the queue be trained; gives the ledger of that quiet moment."""
        self._set_intent(Intent.DRAIN)
        until(self._is_drained, seconds=_SECONDS, what="the workers are drained")
        self._set_intent(Intent.FLUSH)
        code = self.learner.exit_code(seconds=_SECONDS)
        assert code == 0, self.learner.log.read_text()[-4000:]
        with self.server.client() as client:
            return read_ledger(client, self.keys)

    def appended(self) -> Iterator[Segment]:
        """Every segment that was ever appended, oldest first; twice, if it was twice."""
        stream = self.keys.rollouts.encode()
        for command in commands_of(self.server.directory):
            if command[:2] == [b"XADD", stream]:
                yield decode(command[command.index(PAYLOAD_FIELD) + 1])

    def incarnations(self, worker: Worker) -> set[str]:
        """The starts of a worker that have appended something."""
        with self.server.client() as client:
            names: Any = client.hkeys(self.keys.appended)
        return {name.decode() for name in names if name.startswith(worker.member.encode())}

    def _set_intent(self, intent: Intent) -> None:
        with self.server.client() as client:
            client.set(self.keys.intent, intent.value)

    def _is_drained(self) -> bool:
        with self.server.client() as client:
            reply: Any = client.hgetall(self.keys.reports)
            now: Any = client.time()
        drained = [
            report
            for report in reports_from(reply, now=float(now[0]))
            if isinstance(report, ActorReport)
            and report.state is ActorState.DRAINED
            and report.spooled == 0
        ]
        return len(drained) == len(self.workers)


def run_of(folder: Path) -> RunConfig:
    """Short games, small batches, new weights after a few games and checkpoints all the time."""
    return RunConfig(
        run="searched",
        run_id="searched-1",
        seed=1,
        games=100_000_000,
        decks=(),
        environment=BuiltIn("tic_tac_toe"),
        checkpoint=CheckpointConfig(
            storage=(folder / "checkpoints").as_uri(), interval_games=64, keep=3, keep_best=False
        ),
        actor=ActorConfig(games_per_actor=16),
        learner=LearnerConfig(
            batch_transitions=BATCH,
            max_policy_lag=1_000_000_000,
            network=Network("mlp", width=32, layers=1),
        ),
        alpha_zero=AlphaZeroConfig(
            search=SearchConfig(simulations=8),
            replay=ReplayConfig(rows=1024, most_rows=2048, least_rows=BATCH, samples_per_row=1.0),
            batch=128,
            publish_every_games=16,
            inference_servers=True,
        ),
    )


@contextmanager
def searched_run(folder: Path) -> Iterator[SearchedRun]:
    """A run that plays and trains; all its processes are gone at the end."""
    config = run_of(folder)
    (folder / "redis").mkdir()
    (folder / "run.json").write_bytes(encode(config))
    with ExitStack() as stack:
        server = stack.enter_context(start_redis(folder / "redis"))
        with server.client() as client:
            keep_all(client)
        run = SearchedRun(
            folder=folder,
            config=config,
            server=server,
            learner=ForkedLearner(config, server.url_of("learner"), folder),
            inference=_inference_server(folder, server),
            workers=[
                Worker(f"selfplay-{number}", folder, server.url_of("selfplay"))
                for number in range(WORKERS)
            ],
        )
        stack.callback(run.learner.close)
        run.learner.start()
        stack.callback(run.inference.kill)
        run.inference.start()
        for each in run.workers:
            stack.callback(each.kill)
            each.start()
        run.wait_beyond(Progress(0, 0, 0), what="the run's first updates")
        yield run


def _inference_server(folder: Path, server: RedisServer) -> InferenceServer:
    variables = {
        run_config.CONFIG_VARIABLE: str(folder / "run.json"),
        run_config.REDIS_URL_VARIABLE: server.url_of("inference"),
        run_config.MEMBER_VARIABLE: "inference-0",
        run_config.INFERENCE_ADDRESS_VARIABLE: "127.0.0.1:0",
        "TRAININGRUN_INFERENCE_THREADS": "1",
    }
    return InferenceServer("inference-0", folder, variables, ("--precision", "fp32"))
