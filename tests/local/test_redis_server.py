"""The test bed's Redis keeps what it acknowledged through a kill, and forgets it when told to."""

from __future__ import annotations

import pytest
import redis
from redis_server import RedisServer


def test_data_survive_a_kill(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """Expect a value that was synced to disk to be there after kill -9 and a restart."""
    redis_client.set("key", "value")
    redis_client.execute_command("CONFIG", "SET", "appendfsync", "always")
    redis_client.set("other", "value")
    redis_server.kill()
    with pytest.raises(redis.ConnectionError):
        redis_client.get("key")
    redis_server.start()
    assert redis_client.get("key") == b"value"


def test_lost_data_are_gone(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """Expect an empty server after its files were removed."""
    redis_client.set("key", "value")
    redis_server.stop()
    redis_server.lose_data()
    redis_server.start()
    assert redis_client.get("key") is None
