"""A small real run whose parts can be killed one by one: daemons, actors, learner and Redis.

The processes are the product's own, and are started here and not by the local runtime, whose
back-off would make a hundred kills an hour. Everything but the learner's files goes over links
that can be broken. The learners are forked from one process that has imported torch.

Not here: when something is killed, and what the figures say (``chaos/local.py``).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
import psutil
import redis
from trainingrun_contracts import slots
from trainingrun_contracts.reports import ActorReport, ActorState, Intent, reports_from
from trainingrun_contracts.run_config import (
    CONFIG_VARIABLE,
    MEMBER_VARIABLE,
    REDIS_URL_VARIABLE,
    ActorConfig,
    CheckpointConfig,
    LearnerConfig,
    RunConfig,
    encode,
)
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_trainer.checkpoint.archive import open_archive

from benchmarks.chaos.links import Link, Links, open_links
from benchmarks.chaos.witness import LossLog, StreamWitness, witness
from testkit.roles.daemon_process import DaemonProcess, daemons
from testkit.roles.learner_process import read_ledger
from testkit.roles.stops import ForkedLearner
from testkit.servers.redis_server import RedisServer, start_redis
from testkit.waiting import until

BATCH: Final = 512
GAMES_PER_ACTOR: Final = 6
DAEMON_SLOTS: Final = (7, 8)
_SETTLE_SECONDS: Final = 180.0
_AGE_OF_LOSS_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.1


@dataclass
class Actor:
    """One actor process, which may be killed and come back under the same name."""

    folder: Path
    name: str
    url: str
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        variables = {
            CONFIG_VARIABLE: str(self.folder / "run.json"),
            REDIS_URL_VARIABLE: self.url,
            MEMBER_VARIABLE: self.name,
        }
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trainingrun_actor", "play"],
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def is_dead(self) -> bool:
        """Whether it has ended."""
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass
class RunUnderTest:
    """The run; ``kill`` and ``revive`` one role, look at the ledger, settle it."""

    folder: Path
    config: RunConfig
    server: RedisServer
    learner: ForkedLearner
    actors: list[Actor]
    daemons: list[DaemonProcess]
    links: dict[str, Link]
    log: LossLog
    witness: StreamWitness
    disk: DiskHistory
    keys: Keys = field(init=False)
    deaths: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = Keys(self.config.run_id)

    # What is seen of it.

    def games(self, name: str = "played") -> int | None:
        """A counter of games; None while Redis is away."""
        try:
            with self.server.client() as client:
                found: Any = client.hget(self.keys.games, name)
        except (redis.RedisError, OSError):
            return None
        return int(found or 0)

    def ledger(self) -> Ledger:
        """The ledger as it stands."""
        with self.server.client() as client:
            return read_ledger(client, self.keys)

    def running_games(self, name: str) -> int:
        """Games that an actor said it was playing."""
        return sum(report.running for report in self._reports() if report.member == name)

    def checkpoint_transitions(self) -> int:
        """What the newest valid checkpoint was trained on."""
        found = open_archive(self.config.checkpoint, run=self.config.run).newest_valid()
        return 0 if found.checkpoint is None else found.checkpoint.manifest.progress.transitions

    def processes(self) -> dict[str, psutil.Process]:
        """The process of every role."""
        pids = {actor.name: actor.process.pid for actor in self.actors if actor.process}
        pids |= {f"daemon-{at}": d.process.pid for at, d in enumerate(self.daemons) if d.process}
        pids |= {"learner": self.learner.pid, "redis": self.server.pid}
        return {name: psutil.Process(pid) for name, pid in pids.items()}

    # What is done to it.

    def revive_dead(self) -> list[str]:
        """Start again what has ended without being told to; gives what that was."""
        dead = [actor for actor in self.actors if actor.is_dead]
        for actor in dead:
            actor.start()
        found = [actor.name for actor in dead]
        if not self.learner.is_running:
            self.start_learner()
            found.append("learner")
        self.deaths += found
        return found

    def lose_power(self) -> float:
        """kill -9 of Redis, and its disk forgets the last second; gives the seconds forgotten."""
        self.server.kill()
        return self.disk.forget(_AGE_OF_LOSS_SECONDS)

    def lose_disk(self) -> None:
        """kill -9 of Redis, and all that it had on disk is gone."""
        self.server.kill()
        self.server.lose_data()

    def start_empty_redis(self) -> None:
        """Redis without its data, told of the daemons again, as an operator does."""
        self.server.start()
        self.publish_daemons()

    def publish_daemons(self) -> None:
        """Make the daemons, behind their links, those that actors may use."""
        found = {
            self.links[f"actors-daemon-{at}"].endpoint: slots.DaemonSlot(games)
            for at, games in enumerate(DAEMON_SLOTS)
        }
        with self.server.client() as client:
            pipe = client.pipeline()
            slots.publish(pipe, self.keys.daemons, found)
            pipe.execute()

    def start_learner(self) -> None:
        """The next learner."""
        self.learner.start()

    def kill_learner(self) -> None:
        """kill -9, and its corpse is gone."""
        self.learner.signal(signal.SIGKILL)
        self.learner.exit_code(seconds=30)

    def set_intent(self, intent: Intent) -> None:
        """Say what the run should do."""
        with self.server.client() as client:
            client.set(self.keys.intent, intent.value)

    def settle(self) -> Ledger:
        """Let the games end and the queue be trained; gives the ledger of that quiet moment.

        Raises:
            AssertionError: it does not come to rest.
        """
        asked = time.time()
        self.set_intent(Intent.DRAIN)
        until(lambda: self._is_drained(asked), seconds=_SETTLE_SECONDS, what="actors are drained")
        self.set_intent(Intent.FLUSH)
        code = self.learner.exit_code(seconds=_SETTLE_SECONDS)
        assert code == 0, f"the learner ended with {code}: {self.learner.log}"
        return self.ledger()

    def resume(self) -> None:
        """Go on after :meth:`settle`."""
        self.set_intent(Intent.RUN)
        self.start_learner()

    def _is_drained(self, since: float) -> bool:
        self.revive_dead()
        drained = [
            report.member
            for report in self._reports()
            if report.at > since and report.state is ActorState.DRAINED and report.spooled == 0
        ]
        return len(drained) == len(self.actors)

    def _reports(self) -> list[ActorReport]:
        with self.server.client() as client:
            reply: Any = client.hgetall(self.keys.reports)
        found = reports_from(reply, now=time.time())
        return [report for report in found if isinstance(report, ActorReport)]


class DiskHistory:
    """How long Redis' append-only file was at each moment, to cut off what a power cut forgets.

    kill -9 alone loses nothing: what was written is with the kernel. A machine that loses power
    forgets what was not synced, which with ``appendfsync everysec`` is about a second.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: list[tuple[float, Path, int]] = []
        self._closing = threading.Event()

    def watch(self) -> None:
        """Note sizes until told to end."""
        while not self._closing.wait(_LOOK_SECONDS):
            with contextlib.suppress(OSError):
                file = self._newest()
                if file is not None:
                    self._sizes.append((time.monotonic(), file, file.stat().st_size))
            del self._sizes[:-100]

    def close(self) -> None:
        """End :meth:`watch`."""
        self._closing.set()

    def forget(self, seconds: float) -> float:
        """Cut off what was written within so many seconds; gives how many it really was."""
        now, file = time.monotonic(), self._newest()
        if file is None:
            return 0.0
        old = [(at, size) for at, path, size in self._sizes if path == file and now - at >= seconds]
        if not old:  # a new file: what came before it was synced when it was made
            return 0.0
        at, size = old[-1]
        os.truncate(file, size)
        return now - at

    def _newest(self) -> Path | None:
        found = [*self._folder.glob("appendonlydir/*.incr.aof"), *self._folder.glob("*.aof")]
        return max(found, key=lambda file: file.stat().st_mtime, default=None)


@contextmanager
def disk_history(folder: Path) -> Iterator[DiskHistory]:
    """A history that is written in a thread of its own."""
    history = DiskHistory(folder)
    thread = threading.Thread(target=history.watch, name="disk", daemon=True)
    thread.start()
    try:
        yield history
    finally:
        history.close()
        thread.join(timeout=10)


@contextmanager
def run_in(folder: Path | None) -> Iterator[RunUnderTest]:
    """A run in a folder that is kept, or in one that is not; nothing of it stays after SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with TemporaryDirectory(prefix="trainingrun-") as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        with run_under_test(place) as run:
            yield run


@contextmanager
def run_under_test(folder: Path, *, actors: int = 2) -> Iterator[RunUnderTest]:
    """A run that plays and trains; all its processes are gone at the end."""
    config = _config(folder)
    for name in ("redis", "daemons"):
        (folder / name).mkdir()
    (folder / "run.json").write_bytes(encode(config))
    with ExitStack() as stack:
        server = stack.enter_context(start_redis(folder / "redis"))
        links = stack.enter_context(open_links())
        served = stack.enter_context(daemons(folder / "daemons", *DAEMON_SLOTS))
        run = RunUnderTest(
            folder=folder,
            config=config,
            server=server,
            daemons=served,
            **_roles(folder, config, server, links, served=served, actors=actors),
            witness=stack.enter_context(witness(server.admin_url, Keys(config.run_id))),
            disk=stack.enter_context(disk_history(folder / "redis")),
        )
        run.publish_daemons()
        stack.callback(run.learner.close)
        run.start_learner()
        for actor in run.actors:
            stack.callback(actor.kill)
            actor.start()
        yield run


def _roles(
    folder: Path,
    config: RunConfig,
    server: RedisServer,
    links: Links,
    *,
    served: list[DaemonProcess],
    actors: int,
) -> dict[str, Any]:
    """Actors and learner, each with its way to the others."""
    ways = {name: links.to(server.port) for name in ("actors-redis", "learner-redis")}
    ways |= {f"actors-daemon-{at}": links.to(daemon.port) for at, daemon in enumerate(served)}
    actors_url = server.url_of("actor", address=ways["actors-redis"].endpoint)
    learner_url = server.url_of("learner", address=ways["learner-redis"].endpoint)
    return {
        "links": ways,
        "actors": [Actor(folder, f"actor-{at}", actors_url) for at in range(actors)],
        "learner": (learner := ForkedLearner(config, learner_url, folder)),
        "log": LossLog(learner.log),
    }


def _config(folder: Path) -> RunConfig:
    """Short games, small batches, weights and a checkpoint after every update."""
    storage = (folder / "checkpoints").as_uri()
    config = RunConfig(
        run="chaos",
        run_id="chaos-1",
        seed=1,
        games=100_000_000,
        decks=("red_aggro", "white_weenie"),
        checkpoint=CheckpointConfig(storage=storage, interval_games=1, keep=3, keep_best=False),
        actor=ActorConfig(games_per_actor=GAMES_PER_ACTOR),
        learner=LearnerConfig(batch_transitions=BATCH, publish_every_steps=1),
    )
    ppo = msgspec.structs.replace(config.learner.ppo, learning_rate=1e-3)
    return msgspec.structs.replace(config, learner=msgspec.structs.replace(config.learner, ppo=ppo))
