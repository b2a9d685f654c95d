"""Fixtures of the tests that run real processes: a real Redis server and its client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from trainingrun_contracts.run_config import RunConfig

from testkit.roles.actor_bed import Bed, actor_bed
from testkit.roles.bandit_run import bandit_config
from testkit.roles.learner_process import Bandit
from testkit.servers.redis_server import RedisServer, start_redis
from testkit.servers.s3_server import S3Server
from testkit.servers.ssh_server import KIND


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A fresh Redis server without a password, with its append-only file in a temporary folder."""
    directory = tmp_path / "redis"
    directory.mkdir()
    with start_redis(directory) as server:
        yield server


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the test's Redis server; replies are bytes."""
    with redis_server.client() as client:
        yield client


@pytest.fixture
def bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bed]:
    """What actors need: one published daemon and weights of version 0."""
    with actor_bed(tmp_path, redis_server) as made:
        _, endpoint = made.start_daemon()
        made.publish_daemons(endpoint)
        made.publish_weights()
        yield made


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    """A run of the bandit, with its checkpoints in a temporary folder."""
    return bandit_config((tmp_path / "checkpoints").as_uri())


@pytest.fixture
def bandit(redis_client: redis.Redis, config: RunConfig) -> Bandit:
    """The producer of that run's rollouts."""
    return Bandit(redis_client, config.run_id)


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    """A running S3 server."""
    with S3Server(tmp_path / "s3") as server:
        yield server


def pytest_report_header() -> str:
    """Say which SSH server the tests of daemons over SSH use."""
    return f"SSH server of tests/local: {KIND}"
