"""Actors, evaluators and daemons as real processes around a real Redis, with published weights.

Belongs here: starting and ending them, and reading what they left in Redis. Not here: expectations.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from trainingrun_contracts import reports, run_config, slots
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.segment import Segment, decode
from trainingrun_contracts.stream.accounts import Accounts, Fate, Totals
from trainingrun_contracts.stream.keys import PAYLOAD_FIELD, Keys
from trainingrun_contracts.stream.read import next_epoch
from trainingrun_contracts.weights import WeightsPublisher
from trainingrun_environments.magic.spec import SPEC

from testkit.roles.board_weights import random_board_weights, random_policy_weights
from testkit.servers.redis_server import RedisServer, live_leases
from testkit.tree import DECKS
from testkit.waiting import until

_USERS = {"play": "actor", "selfplay": "selfplay", "evaluate": "evaluator"}
"""Whose URL a role gets."""


@dataclass
class Process:
    """A started role."""

    popen: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """kill -9."""
        self.popen.kill()
        self.popen.wait()

    def terminate(self, *, seconds: float) -> int:
        """SIGTERM; gives the exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(timeout=seconds)

    @property
    def text(self) -> str:
        """What it has written to stderr."""
        return self.log.read_text()


@dataclass
class Bed:
    """One run's surroundings."""

    folder: Path
    server: RedisServer
    keys: Keys = field(default_factory=lambda: Keys("run-1"))
    _processes: list[Process] = field(default_factory=list)

    @property
    def redis(self) -> redis.Redis:
        """A fresh client: the server may have been killed since the last."""
        return self.server.client()

    def start_daemon(
        self, *, slots_served: int = 8, environment: str = "magic"
    ) -> tuple[Process, str]:
        """A daemon process with its endpoint; it is not published yet."""
        port_file = self.folder / f"port-{len(self._processes)}"
        daemon = self._start(
            "trainingrun_daemon",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--decks",
            str(DECKS),
            "--environment",
            environment,
            "--max-concurrent",
            str(slots_served),
            "--port-file",
            str(port_file),
        )
        until(
            lambda: port_file.exists() and port_file.read_text().strip(),
            seconds=20,
            what="a daemon listens",
        )
        return daemon, f"127.0.0.1:{port_file.read_text().strip()}"

    def publish_daemons(self, *endpoints: str, capacity: int = 8) -> None:
        """Make these the daemons that actors may use."""
        with self.redis as client:
            pipe = client.pipeline()
            found = {endpoint: slots.DaemonSlot(capacity) for endpoint in endpoints}
            slots.publish(pipe, self.keys.daemons, found)
            pipe.execute()

    def publish_weights(self, *, version: int = 0, spec: EnvironmentSpec = SPEC) -> None:
        """Publish random weights, other ones for each version."""
        self.publish(random_policy_weights(spec, version=version), version=version)

    def publish_board(
        self, network: Network, spec: EnvironmentSpec, *, version: int = 0, scale: float = 1.0
    ) -> None:
        """Publish random weights of AlphaZero's network; ``scale`` multiplies all of them."""
        blob = random_board_weights(network, spec, version=version, scale=scale)
        self.publish(blob, version=version)

    def publish(self, blob: bytes, *, version: int) -> None:
        """Publish weights, and keep them as a past opponent."""
        with self.redis as client:
            publisher = WeightsPublisher(client, self.keys, epoch=next_epoch(client, self.keys))
            publisher.publish(blob, version=version, publish=version, at=time.time(), snapshot=True)

    def start_role(
        self, role: str, config: run_config.RunConfig, *, url: str = "", metrics_port: int = 0
    ) -> Process:
        """``trainingrun-actor ROLE`` as a process; it serves metrics where a port is given."""
        document = self.folder / f"config-{len(self._processes)}.json"
        document.write_bytes(run_config.encode(config))
        environment = {
            run_config.CONFIG_VARIABLE: str(document),
            run_config.REDIS_URL_VARIABLE: url or self.server.url_of(_USERS[role]),
            run_config.HEALTH_FILE_VARIABLE: str(self.folder / "health"),
            run_config.METRICS_PORT_VARIABLE: str(metrics_port),
        }
        return self._start("trainingrun_actor", role, environment=environment)

    def _start(
        self, module: str, *arguments: str, environment: dict[str, str] | None = None
    ) -> Process:
        log = self.folder / f"{module}-{len(self._processes)}.log"
        with log.open("wb") as stderr:
            popen = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                env={**os.environ, **(environment or {})},
            )
        process = Process(popen, log)
        self._processes.append(process)
        return process

    def end(self) -> None:
        """Kill what still runs."""
        for process in self._processes:
            process.kill()

    # --- what is in Redis -------------------------------------------------------------------------

    def games(self, name: str = "played") -> int:
        """A counter of games; 0 while Redis is away."""
        try:
            with self.redis as client:
                found: Any = client.hget(self.keys.games, name)
        except redis.RedisError:
            return 0
        return int(found or 0)

    def busy(self, endpoint: str) -> int:
        """How many slots of a daemon are leased."""
        with self.redis as client:
            return live_leases(client, self.keys, endpoint)

    def set_intent(self, intent: reports.Intent) -> None:
        """Say what the run should do."""
        with self.redis as client:
            client.set(self.keys.intent, intent.value)

    def report(self, of: type[reports.Report]) -> Any:
        """The fresh report of this kind; None before the first."""
        with self.redis as client:
            reply: Any = client.hgetall(self.keys.reports)
        found = reports.reports_from(reply, now=time.time())
        return next((report for report in found if isinstance(report, of)), None)

    def segments(self) -> list[Segment]:
        """All segments in the queue, decoded."""
        with self.redis as client:
            entries: Any = client.xrange(self.keys.rollouts)
        return [decode(fields[PAYLOAD_FIELD]) for _, fields in entries]

    def check_ledger(self) -> Totals:
        """The learner's accounts of everything in the queue; asserts that they add up."""
        accounts, actors = Accounts(Totals(), {}), set()
        for segment in self.segments():
            actors.add(segment.header.actor)
            accounts.record(segment.header, segment.transitions, Fate.TRAINED)
        with self.redis as client:
            produced: Any = client.hgetall(self.keys.produced)
            depth: Any = client.get(self.keys.depth)
        totals = accounts.totals
        assert {actor.decode() for actor in produced} == actors
        assert sum(int(count) for count in produced.values()) == (
            totals.trained + totals.spool + totals.lost
        )
        assert int(depth) == totals.trained + totals.duplicate
        return totals


def config(**changes: Any) -> run_config.RunConfig:
    """A small run of the two aggro decks."""
    values: dict[str, Any] = {
        "run": "test",
        "run_id": "run-1",
        "seed": 1,
        "games": 1_000_000,
        "decks": ("red_aggro", "white_weenie"),
        "checkpoint": run_config.CheckpointConfig(storage="file:///nowhere"),
        "actor": run_config.ActorConfig(games_per_actor=4),
        "learner": run_config.LearnerConfig(batch_transitions=1_000_000),
    }
    return run_config.RunConfig(**{**values, **changes})


@contextmanager
def actor_bed(folder: Path, server: RedisServer) -> Iterator[Bed]:
    """A harness whose processes are killed at the end."""
    bed = Bed(folder, server)
    try:
        yield bed
    finally:
        bed.end()


def has_traceback(text: str) -> bool:
    """Whether a log holds a Python traceback."""
    return re.search(r"^Traceback", text, re.MULTILINE) is not None
