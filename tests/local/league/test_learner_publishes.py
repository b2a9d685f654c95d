"""A learner publishes to a league: beside the training, again and again; a refusal is a notice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from safetensors.numpy import save
from trainingrun_contracts.league.channel import given
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.reports import Intent, LearnerReport, reports_from
from trainingrun_contracts.run_config import LeagueConfig
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of
from trainingrun_trainer.league_access import LeagueWay
from trainingrun_trainer.league_publisher import LeaguePublisher
from trainingrun_trainer.league_schedule import LeagueSchedule, Offer

from testkit.league.league_process import LeagueProcess
from testkit.roles.bandit_run import bandit_config, set_intent, train, wait_for_weights
from testkit.roles.learner_process import Bandit, learner_process, notice_reasons
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

SCHEMA = spec_of(config_of("connect_four")).schema_hash


class Notices:
    """What the user is told of, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.came = threading.Event()

    def __call__(self, reason: str, message: str) -> None:
        """Keep it."""
        self.heard.append((reason, message))
        self.came.set()


@pytest.fixture
def models(tmp_path: Path) -> Iterator[LeagueProcess]:
    """A league with the Model service alone, which is not started yet."""
    process = LeagueProcess(tmp_path / "league", services="model")
    yield process
    process.kill()


def offer(version: int, number: float = 0.0, schema: str = SCHEMA) -> Offer:
    """Weights of a version."""
    blob = save({"a": np.full(8, number, np.float32)}, metadata={"schema_hash": schema})
    return Offer(blob, version, games=100 * version)


def publisher(process: LeagueProcess, notices: Notices, *, token: str = "") -> LeaguePublisher:
    """A learner's, for the process."""
    address = process.address("model")
    header = pb.PublishPolicyRequest.Header(lineage="team/run", schema_hash=SCHEMA, algorithm="ppo")
    known = replace(address, token=given(token)) if token else address
    way = LeagueWay(known.target, lambda: known)
    return LeaguePublisher(way, header, LeagueSchedule(100, 0), notices)


def listed(process: LeagueProcess) -> list[pb.Model]:
    """The models of the league, oldest first."""
    with process.blocking("model") as channel:
        found = ModelServiceStub(channel).ListModels(pb.ListModelsRequest())
        return list(found.models)[::-1]


def test_each_model_descends_from_the_one_before(models: LeagueProcess) -> None:
    """Expect the lineage in order, also over a new learner."""
    models.start()
    for version in (1, 2, 3):
        own = publisher(models, Notices())
        own.offer(offer(version, float(version)))
        own.close(seconds=60)
    found = listed(models)
    assert [(each.version, each.parent) for each in found] == [(1, ""), (2, "m1"), (3, "m2")]
    assert [each.training_games for each in found] == [100, 200, 300]


def test_a_league_that_is_down_holds_nobody(models: LeagueProcess) -> None:
    """Expect offers to return at once, and the newest weights in the league once it is there."""
    models.folder.mkdir(parents=True)
    notices = Notices()
    own = publisher(models, notices)
    began = monotonic()
    for version in range(1, 50):
        own.offer(offer(version, float(version)))
    assert monotonic() - began < 1
    models.start()
    own.close(seconds=120)
    assert [each.version for each in listed(models)][-1] == 49
    assert not notices.heard


def test_the_end_waits_no_longer_than_it_may(models: LeagueProcess) -> None:
    """Expect a league that does not answer to cost the end of a run its time, and no more."""
    models.folder.mkdir(parents=True)
    own = publisher(models, Notices())
    own.offer(offer(1))
    began = monotonic()
    own.close(seconds=0.5)
    assert monotonic() - began < 30


def test_a_refusal_is_said_once(models: LeagueProcess) -> None:
    """Expect one notice with the league's reason however often it refuses, and sound weights to be
    published after it."""
    models.start()
    notices = Notices()
    own = publisher(models, notices)
    for version in (1, 2):
        own.offer(offer(version, float(version), schema="of another game"))
        until(notices.came.is_set, seconds=60, what="the notice")
    own.offer(offer(3, 3.0))
    own.close(seconds=60)
    ((reason, message),) = notices.heard
    assert reason == "LeagueRefused"
    assert "schema 'of another game'" in message
    assert [each.version for each in listed(models)] == [3]


def test_a_wrong_token_is_a_refusal(models: LeagueProcess) -> None:
    """Expect a notice that holds no token."""
    models.start()
    notices = Notices()
    own = publisher(models, notices, token="stolen.and.wrong")
    own.offer(offer(1))
    own.close(seconds=60)
    ((reason, message),) = notices.heard
    assert reason == "LeagueRefused"
    assert "stolen" not in message


def test_weights_that_the_league_rejects_are_said_to_be(models: LeagueProcess) -> None:
    """Expect the league's reason."""
    models.start()
    notices = Notices()
    own = publisher(models, notices)
    own.offer(offer(5, float("nan")))
    own.close(seconds=60)
    ((reason, message),) = notices.heard
    assert (reason, "not finite" in message) == ("LeagueRejected", True)


def said_of_the_league(bandit: Bandit) -> str:
    """What keeps the league from taking weights, by the learner's report."""
    reply: Any = bandit.client.hgetall(bandit.keys.learner_reports)
    found = [each for each in reports_from(reply, now=0) if isinstance(each, LearnerReport)]
    return " ".join(each.league.get("Model service", "") for each in found)


def test_a_learner_publishes_and_trains_on(
    redis_server: RedisServer, bandit: Bandit, tmp_path: Path
) -> None:
    """Expect the run's last weights in its league, and a run that trains before the league and
    its Secret are there, and says so."""
    process = LeagueProcess(tmp_path / "league", environment="magic", services="model")
    process.folder.mkdir(parents=True)
    address = process.address("model")
    league = LeagueConfig(address.target, "team/bandit", publish_every_games=10)
    config = structs.replace(bandit_config((tmp_path / "checkpoints").as_uri()), league=league)
    folder = tmp_path / "secret"
    access = {"TRAININGRUN_LEAGUE_FOLDER": str(folder)}
    try:
        with learner_process(config, redis_server.url_of("learner"), tmp_path, **access) as learner:
            wait_for_weights(bandit)
            train(bandit, 2)
            until(
                lambda: "Secret" in said_of_the_league(bandit),
                seconds=60,
                what="the learner's words",
            )
            process.start()
            folder.mkdir()
            (folder / "ca.crt").write_bytes(address.authority or b"")
            (folder / "services-token").write_text(process.token())
            set_intent(bandit, Intent.FLUSH)
            assert learner.exit_code(seconds=120) == 0
        (model,) = listed(process)
        assert (model.lineage, model.version, model.algorithm) == ("team/bandit", 2, "ppo")
        assert not {"LeagueRefused"} & set(notice_reasons(bandit.client, bandit.keys))
    finally:
        process.kill()
