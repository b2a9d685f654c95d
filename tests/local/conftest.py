"""Fixtures of the tests that run real processes: a real Redis server and its client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis_server import RedisServer, start_redis
from ssh_server import KIND


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


def pytest_report_header() -> str:
    """Say which SSH server the tests of daemons over SSH use."""
    return f"SSH server of tests/local: {KIND}"
