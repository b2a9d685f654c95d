"""Workers of a league as processes, and models for them to play.

with WorkerProcess(league, tmp_path / "worker"):
    publish(league, board_model(1), lineage="lab/one")
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.league.v1.model_pb2 import (
    Model,
    PublishPolicyRequest,
    PublishPolicyResponse,
)
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.policy_format import Network
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of
from trainingrun_league.server.certificates import authority

from testkit.league.league_process import KEY, NAME, LeagueProcess
from testkit.roles.board_weights import random_board_weights
from testkit.servers.server_process import BedProcess

_CHUNK: Final = 1 << 20


@dataclass
class WorkerProcess:
    """One worker of a league.

    Attributes:
        league: that it plays for.
        folder: of its token, cache and log.
        name: among the workers.
        token: other than a service's.
        arguments: further ones.
    """

    league: LeagueProcess
    folder: Path
    name: str = "w0"
    token: str | None = None
    arguments: Sequence[str] = ()
    _process: BedProcess | None = None

    @property
    def log(self) -> Path:
        """What it has said."""
        return self.folder / "worker.log"

    @property
    def process(self) -> BedProcess:
        """The running process."""
        assert self._process is not None, "the worker is not running"
        return self._process

    def start(self) -> BedProcess:
        """Start it; it works as soon as it has connected."""
        self.folder.mkdir(parents=True, exist_ok=True)
        token, pem = self.folder / "token", self.folder / "authority.pem"
        token.write_text(self.token or self.league.token(subject=f"service/{self.name}"))
        pem.write_bytes(authority(KEY.encode(), NAME))
        services = [
            f"--{name}=127.0.0.1:{self.league.ports[name]}"
            for name in ("matchmaker", "model", "game")
        ]
        command = [
            *(sys.executable, "-m", "trainingrun_actor.league_worker"),
            *("--environment", self.league.environment, "--name", self.name),
            *("--token-file", str(token), "--cache", str(self.folder / "cache")),
            *(["--ca", str(pem)] if self.league.encrypted else ["--insecure"]),
            *services,
            *self.arguments,
        ]
        self._process = BedProcess(command, self.log)
        return self._process

    def stop(self) -> int:
        """End it in order (SIGTERM); return its exit code."""
        process, self._process = self.process, None
        process.stop()
        return process.end(seconds=1)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


def board_model(version: int, *, environment: str = "connect_four", scale: float = 3.0) -> bytes:
    """Return a network of AlphaZero's with random numbers, other ones for each version."""
    spec = spec_of(BuiltIn(environment))
    return random_board_weights(Network("mlp", 64, 1), spec, version=version, scale=scale)


def publish(
    league: LeagueProcess,
    blob: bytes,
    *,
    lineage: str = "lab/one",
    version: int = 1,
    simulations: int = 0,
    algorithm: str = "alphaZero",
) -> Model:
    """Publish a model as a learner does."""
    spec: EnvironmentSpec = spec_of(config_of(league.environment))
    header = PublishPolicyRequest.Header(
        idempotency_key=f"{lineage}/{version}",
        lineage=lineage,
        version=version,
        sha256=hashlib.sha256(blob).hexdigest(),
        size_bytes=len(blob),
        schema_hash=spec.schema_hash,
        algorithm=algorithm,
        simulations=simulations,
    )

    def parts() -> Iterator[PublishPolicyRequest]:
        yield PublishPolicyRequest(header=header)
        for begin in range(0, len(blob), _CHUNK):
            yield PublishPolicyRequest(chunk=blob[begin : begin + _CHUNK])

    with league.blocking("model") as channel:
        answer: PublishPolicyResponse = ModelServiceStub(channel).PublishPolicy(parts(), timeout=30)
    return answer.model
