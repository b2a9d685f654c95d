"""`trainingrun steer`: what it believes of roles that others start, and what it refuses.

That it leads a run to its end is seen in test_compose_services.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import redis
from trainingrun.commands.steer.daemons import addresses
from trainingrun.commands.steer.scraping import Scraped, ScrapeFile
from trainingrun.local.hosted import HostedBackend
from trainingrun_api.run import parse
from trainingrun_contracts import reports
from trainingrun_contracts.reports import (
    ActorReport,
    ActorState,
    Intent,
    LearnerReport,
    LearnerState,
)
from trainingrun_contracts.run_config import encode
from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.desired.actions import Apply, Remove
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.desired.redis_config import OPERATOR
from trainingrun_reconciler.desired.run_config import run_config
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.local.local_run import write_run
from testkit.operator.simulated_run import UID, document
from testkit.ports import free_port
from testkit.servers.redis_server import RedisServer

NOW = 1_000.0
RUN = parse(document())
KEYS = Keys(UID)
IDENTITY = RunIdentity("local", RUN.metadata.name, UID)
WORKLOADS = workloads(RUN, Settings(), scaled=1)


def learner(state: LearnerState, *, at: float = NOW) -> LearnerReport:
    """What a learner says of itself."""
    return LearnerReport("learner-0", at, state, epoch=1, version=1, publish=1, trained=1)


def actor(name: str, *, at: float) -> ActorReport:
    """What an actor says of itself."""
    return ActorReport(name, at, ActorState.PLAYING, 1, 1, 1, 1, 0.0, 0, 1, 1)


def observed(
    server: RedisServer, folder: Path, *, without: Role | None = None
) -> Mapping[Role, ObservedRole]:
    """What the backend sees once learner and actors are wanted."""

    async def read_once() -> Mapping[Role, ObservedRole]:
        backend = HostedBackend(folder / "config.json", server.url_of(OPERATOR), clock=lambda: NOW)
        shared = SharedResources(encode(run_config(RUN, Settings())), managed_redis=False)
        await backend.prepare(IDENTITY, shared)
        assert await backend.is_prepared(IDENTITY)
        for role in (Role.LEARNER, Role.ACTOR):
            await backend.perform(IDENTITY, Apply(WORKLOADS[role]))
        if without is not None:
            await backend.perform(IDENTITY, Remove(without))
        seen = await backend.observe(IDENTITY)
        await backend.close()
        return seen

    return asyncio.run(read_once())


def say(client: redis.Redis, *said: LearnerReport | ActorReport) -> None:
    """Put reports into Redis as the roles do."""
    for each in said:
        reports.queue_report(client, KEYS, each)


def test_members_are_those_that_report(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Expect fresh ones alone, none of a role that is no longer wanted, and their configuration."""
    say(redis_client, actor("a", at=NOW - 1), actor("b", at=NOW - 60), learner("training"))
    seen = observed(redis_server, tmp_path)
    assert [member.name for member in seen[Role.ACTOR].ready] == ["a"]
    assert [member.name for member in seen[Role.LEARNER].ready] == ["learner-0"]
    assert json.loads((tmp_path / "config.json").read_bytes())["run_id"] == UID
    assert Role.ACTOR not in observed(redis_server, tmp_path, without=Role.ACTOR)


@pytest.mark.parametrize(
    ("intent", "depth", "at", "finished"),
    [
        (Intent.FLUSH, 0, NOW, True),
        (Intent.FLUSH, 3, NOW, False),
        (Intent.RUN, 0, NOW, False),
        (Intent.FLUSH, 0, NOW - 20, False),
    ],
    ids=["flushed", "something is queued", "nobody asked", "saved before it was asked"],
)
def test_a_learner_has_ended_when_it_says_so_under_flush(
    redis_server: RedisServer,
    redis_client: redis.Redis,
    tmp_path: Path,
    intent: Intent,
    depth: int,
    at: float,
    finished: bool,
) -> None:
    """Expect the end only for a save that follows the request, with nothing left in the queue."""
    redis_client.mset({KEYS.intent: intent.value, KEYS.intent_since: NOW - 10, KEYS.depth: depth})
    say(redis_client, learner(LearnerState.SAVED, at=at))
    there = observed(redis_server, tmp_path)[Role.LEARNER]
    assert (there.finished is not None) is finished


def test_a_redis_that_is_away_shows_nobody(redis_server: RedisServer, tmp_path: Path) -> None:
    """Expect roles without members, and no error: the loop reports Redis by itself."""
    redis_server.kill()
    assert observed(redis_server, tmp_path)[Role.ACTOR].members == ()


def test_a_name_is_all_its_addresses() -> None:
    """Expect loopback for its name, an address as it is, and an unknown name to stay."""
    names = ["localhost:1", "127.0.0.1:1", "10.0.0.5:2", "no-such-host.invalid:3"]
    found = asyncio.run(addresses(names))
    assert {"127.0.0.1:1", "10.0.0.5:2", "no-such-host.invalid:3"} <= set(found)
    assert found.count("127.0.0.1:1") == 1
    assert "localhost:1" not in found


def test_prometheus_is_told_who_is_there(tmp_path: Path) -> None:
    """Expect addresses with the run and the role, and none for a name that is not known."""
    roles = (Scraped("actor", "10.0.0.5:9090"), Scraped("learner", "no-such-host.invalid:9090"))
    asyncio.run(ScrapeFile(tmp_path / "metrics.json", "small", roles).refresh())
    first, second = json.loads((tmp_path / "metrics.json").read_bytes())
    assert first["labels"] == {"run": "small", "role": "actor"}
    assert second["targets"] == []


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    """Expect exit code 2 and a sentence with the remedy for everything that can be wrong."""
    good = write_run(tmp_path / "good.yaml", games=10)
    nobody = f"redis://:secret@127.0.0.1:{free_port()}/0"
    daemons = ("--daemons", "127.0.0.1:1")
    for words, url, sentence in (
        ((good, *daemons), "", "TRAININGRUN_REDIS_URL is not set: give the address of the run's"),
        ((good, *daemons), "nonsense", "TRAININGRUN_REDIS_URL: not an address of Redis"),
        ((good, *daemons), nobody, "cannot be reached"),
        ((good, "--daemons", "daemon"), nobody, "--daemons: 'daemon' is no host:port"),
        ((good, *daemons, "--scrape", "actor"), nobody, "--scrape actor: write for example"),
        ((good, *daemons, "--metrics-port", "70000"), nobody, "--metrics-port"),
    ):
        code, said = steered(tmp_path, *words, url=url)
        assert code == 2, said
        assert sentence in said
        assert "secret" not in said
        assert "Traceback" not in said
    assert not (tmp_path / ".trainingrun").exists(), "nothing was begun"


def test_what_only_a_cluster_has_is_refused(tmp_path: Path, redis_server: RedisServer) -> None:
    """Expect a claim, and a run without daemons, to be refused with what to give."""
    on_claim = write_run(
        tmp_path / "a.yaml",
        games=9,
        checkpoint={"storage": {"persistentVolumeClaim": {"claimName": "mine"}}},
    )
    code, said = steered(
        tmp_path, on_claim, "--daemons", "127.0.0.1:1", url=redis_server.url_of(OPERATOR)
    )
    assert code == 2
    assert "persistentVolumeClaim: claim mine is one of a cluster: give s3 or directory" in said
    without = write_run(tmp_path / "b.yaml", games=9)
    code, said = steered(tmp_path, without, url=redis_server.url_of(OPERATOR))
    assert code == 2
    assert "no daemons: name them with --daemons HOST:PORT" in said


def steered(folder: Path, file: Path, *words: str, url: str) -> tuple[int, str]:
    """Exit code and output of the command, started in a folder."""
    program = Path(sys.executable).with_name("trainingrun")
    answer = subprocess.run(
        [program, "steer", "-f", file, *words],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "TRAININGRUN_REDIS_URL": url},
        timeout=60,
    )
    return answer.returncode, answer.stdout + answer.stderr
