"""The harness' Redis keeps what it acknowledged through a kill, and forgets it when asked to."""

from __future__ import annotations

import pytest
import redis
from trainingrun.local.redis import has_read_only_keys
from trainingrun_contracts.stream.keys import Keys

from testkit.servers.redis_server import RedisServer

KEYS = Keys("run-1")


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


def test_it_is_the_redis_of_a_run(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """Expect the persistence and the memory of a managed Redis, and its users: no stranger, and
    no one in another role's place."""
    wanted = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": str(3 * 2**28),
        "maxmemory-policy": "noeviction",
    }
    # One at a time: Redis 6.2 takes no more.
    found = {name: redis_client.config_get(name)[name] for name in wanted}
    assert found == wanted
    with (
        redis.Redis.from_url(f"redis://{redis_server.address}/0") as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.get(KEYS.intent)
    with redis.Redis.from_url(redis_server.url_of("learner"), protocol=2) as learner:
        assert learner.get(KEYS.intent) is None
        with pytest.raises(redis.ResponseError, match=r"NOPERM|permission"):
            learner.set("of-somebody-else", 1)
        if has_read_only_keys(redis_server.program):  # Redis 6.2 knows keys, and not what is done
            with pytest.raises(redis.ResponseError, match=r"NOPERM|permission"):
                learner.set(KEYS.intent, "flush")
