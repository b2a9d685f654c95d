"""A learner that trains from a league's Replay service, through kills of both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import LeagueConfig, LearnerReplayConfig, RunConfig

from testkit.league.league_process import LeagueProcess
from testkit.roles.bandit_run import BATCH, bandit_config, set_intent, wait_for_weights
from testkit.roles.learner_process import Bandit, learner_process, read_ledger
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

PRODUCED = 4


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LeagueProcess]:
    """A league of the Replay service alone."""
    with LeagueProcess(tmp_path / "league", environment="magic", services="replay") as process:
        yield process


def sampling_config(service: LeagueProcess, storage: Path) -> RunConfig:
    """The bandit's run, trained from the service; weights go to no model service."""
    target = service.address("replay").target
    return structs.replace(
        bandit_config(storage.as_uri()),
        league=LeagueConfig("127.0.0.1:9", "team/bandit", publish_every_games=10**9),
        replay=LearnerReplayConfig(target, samples_per_insert=2.0),
    )


def access_to(service: LeagueProcess) -> dict[str, str]:
    """What the learner's process finds in its environment."""
    authority = (service.address("replay").authority or b"").decode()
    return {"TRAININGRUN_LEAGUE_TOKEN": service.token(), "TRAININGRUN_LEAGUE_CA": authority}


def table_of(service: LeagueProcess, name: str) -> pb.GetStatsResponse:
    """The figures of a run's table."""
    with service.blocking("replay") as channel:
        return ReplayServiceStub(channel).GetStats(pb.GetStatsRequest(table=name))


def test_kills_of_learner_and_service_lose_nothing_and_double_nothing(
    redis_server: RedisServer, bandit: Bandit, tmp_path: Path, service: LeagueProcess
) -> None:
    """Expect what the ledger calls trained to be what the table has recorded, to the transition,
    and the table's own identity, after a kill of each in the midst of it."""
    config = sampling_config(service, tmp_path / "checkpoints")
    access = access_to(service)
    url = redis_server.url_of("learner")

    def produce() -> None:
        for _ in range(PRODUCED):
            bandit.produce(BATCH // bandit.steps)

    with learner_process(config, url, tmp_path, **access) as learner:
        wait_for_weights(bandit)
        produce()
        wait_for_weights(bandit, version=1)
        learner.kill()
    with learner_process(config, url, tmp_path, **access) as learner:
        produce()
        until(
            lambda: table_of(service, config.run_id).recorded > PRODUCED * BATCH,
            seconds=300,
            what="experience of the second learner",
        )
        service.kill()
        produce()
        service.start()
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=300) == 0
    ledger, table = read_ledger(bandit.client, bandit.keys), table_of(service, config.run_id)
    assert ledger.trained == table.recorded == 3 * PRODUCED * BATCH
    assert table.recorded == (
        table.first_sampled + table.stored_unsampled + table.evicted_unsampled
    )
    assert table.sampled > table.recorded
