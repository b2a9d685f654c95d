"""The user of a managed Redis: a whole run needs nothing more, and it can do nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from local_run import LocalRun, closes, local_run, write_run
from redis_server import RedisServer, start_redis
from trainingrun_operator.desired.redis_access import COMMANDS, USER, access_rules
from waiting import until

PASSWORD = "one-two-three"
ANY_RUN = "*"


@contextmanager
def guarded(server: RedisServer, run_id: str, *, more: str = "") -> Iterator[str]:
    """The server with the rules in force, as they stand in its file; yields the user's URL."""
    _, user = access_rules(run_id, PASSWORD).splitlines()
    with server.client() as admin:
        assert admin.execute_command(*f"ACL SETUSER {user.removeprefix('user ')} {more}".split())
        yield f"redis://{USER}:{PASSWORD}@127.0.0.1:{server.port}/0"


def refusals(server: RedisServer) -> set[str]:
    """Commands and keys that the user was refused; redis-py tells its own name and does without."""
    with server.client() as admin:
        found = {each["object"] for each in admin.acl_log()}
    names = {name.decode() if isinstance(name, bytes) else name for name in found}
    return names - {"client", "client|setinfo"}


def is_over(run: LocalRun) -> bool:
    """Whether the command has ended."""
    return run.process is not None and run.process.poll() is not None


def test_a_whole_run_needs_nothing_more(tmp_path: Path) -> None:
    """Expect a run of all roles, with an evaluation and several ends, to be refused nothing."""
    folder = tmp_path / "redis"
    folder.mkdir()
    # `trainingrun local` asks for the version of a Redis that is not its own.
    with start_redis(folder) as server, guarded(server, ANY_RUN, more="+info") as url:
        file = write_run(tmp_path / "run.yaml", games=60, redis={"url": url})
        with local_run(tmp_path, file) as run:
            until(lambda: is_over(run) or refusals(server), seconds=240, what="its end")
            assert refusals(server) == set(), run.said()
            assert run.finish() == 0, run.said()
            assert run.version() > 0
            assert closes(run.summary()["ledger"])


def test_the_file_is_what_a_server_starts_with(tmp_path: Path) -> None:
    """Expect a server with this file to let in the user alone, and not without the password; and
    to come back with its data."""
    config = tmp_path / "redis.conf"
    config.write_text(access_rules("mine", PASSWORD))
    server = RedisServer(directory=tmp_path, password=PASSWORD, user=USER, config=config)
    server.start()
    try:
        with server.client() as client:
            assert client.set("tr:mine:intent", "run")
        server.stop()
        server.start()
        with server.client() as client:
            assert client.get("tr:mine:intent") == b"run"
        for who in (f"{USER}:guess@", f":{PASSWORD}@", ""):
            wrong = redis.Redis.from_url(f"redis://{who}127.0.0.1:{server.port}/0", protocol=2)
            with wrong, pytest.raises(redis.RedisError):
                wrong.get("tr:mine:intent")
    finally:
        server.kill()


@pytest.mark.parametrize(
    "command",
    [
        "CONFIG GET requirepass", "FLUSHALL", "KEYS *", "SHUTDOWN", "ACL LIST", "SAVE",
        "CLIENT LIST", "MONITOR", "REPLICAOF 10.0.0.1 6379", "MODULE LIST", "SCRIPT FLUSH",
        "GET tr:yours:intent", "XLEN roll:yours", "SET tr:minesweeper x", "PUBLISH any thing",
        "EVAL return(redis.call('GET','tr:yours:intent')) 0",
    ],
)  # fmt: skip
def test_it_can_do_nothing_else(redis_server: RedisServer, command: str) -> None:
    """Expect commands that rule the server, and the keys of other runs, to be refused."""
    with guarded(redis_server, "mine") as url, redis.Redis.from_url(url, protocol=2) as client:
        assert client.get("tr:mine:intent") is None
        with pytest.raises(redis.ResponseError, match=r"NOPERM|permission|can't access"):
            client.execute_command(*command.split())


def test_each_command_is_one_that_redis_knows(redis_server: RedisServer) -> None:
    """Expect no misspelt command in the list: a file with one keeps a server from starting."""
    with redis_server.client() as admin:
        known = {name.lower() for name in admin.command()}
    assert {command.partition("|")[0] for command in COMMANDS} <= known
