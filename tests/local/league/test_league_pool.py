"""A learner keeps the models of a league that its actors meet in the run's Redis."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from safetensors.numpy import save
from trainingrun_contracts.connection import blocking_client
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.run_config import PopulationRole
from trainingrun_contracts.stream.keys import Keys
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of
from trainingrun_trainer.league_access import LeagueWay
from trainingrun_trainer.league_pool import LeaguePool

from testkit.league.league_process import LeagueProcess
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

SCHEMA = spec_of(config_of("connect_four")).schema_hash
SOUND = pb.Validation(loads=True, is_finite=True, games=4, decisions_per_second=120)
ROLES = {"main": pb.POPULATION_ROLE_MAIN, "hunter": pb.POPULATION_ROLE_LEAGUE_EXPLOITER}
MAIN, HUNTER = Keys("run-1"), Keys("run-2")


def blob(number: float) -> bytes:
    """Weights that differ by their number."""
    return save({"a": np.full(8, number, np.float32)}, metadata={"schema_hash": SCHEMA})


def hash_of(number: float, process: LeagueProcess) -> str:
    """What the league calls the bytes of the model with this number."""
    with process.blocking("model") as channel:
        found = ModelServiceStub(channel).ListModels(pb.ListModelsRequest()).models
    return next(each.sha256 for each in found if each.version == number)


def add(
    process: LeagueProcess, lineage: str, number: int, *, simulations: int = 0, usable: bool = True
) -> None:
    """Publish a model; a usable one has passed its validation."""
    with process.blocking("model") as channel:
        stub = ModelServiceStub(channel)
        header = pb.PublishPolicyRequest.Header(
            idempotency_key=f"p/{number}",
            lineage=lineage,
            version=number,
            role=ROLES[lineage],
            schema_hash=SCHEMA,
            algorithm="alphaZero" if simulations else "ppo",
            simulations=simulations,
        )
        model = publish(stub, header, blob(float(number)), seconds=30).model
        if usable:
            stub.ReportValidation(
                pb.ReportValidationRequest(
                    idempotency_key=f"v/{number}", id=model.id, validation=SOUND
                )
            )


@pytest.fixture
def models(tmp_path: Path) -> Iterator[LeagueProcess]:
    """A league with the Model service alone."""
    with LeagueProcess(tmp_path / "league", services="model") as process:
        yield process


@contextmanager
def pool(
    keys: Keys, role: PopulationRole, models: LeagueProcess, server: RedisServer
) -> Iterator[LeaguePool]:
    """What keeps the opponents of a run, as the learner's user of Redis."""
    with closing(
        LeaguePool(
            blocking_client(server.url_of("learner")),
            keys,
            LeagueWay("the league", lambda: models.address("model")),
            role=role,
            lineage="team/run",
            schema_hash=SCHEMA,
            every_seconds=0.2,
        )
    ) as kept:
        yield kept


def kept_in(client: redis.Redis, keys: Keys) -> set[str]:
    """Hashes of the models that actors may meet; the bytes of each are there."""
    reply: Any = client.zrange(keys.league_pool, 0, -1)
    names = {sha256.decode() for sha256 in reply}
    for name in names:
        found = client.get(keys.league_blob(name))
        assert isinstance(found, bytes)
        assert hashlib.sha256(found).hexdigest() == name
    return names


def test_the_opponents_follow_the_league(
    models: LeagueProcess, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Expect of a main run the usable models of all lineages (none that waits for its validation,
    none that plays by searches), of a main exploiter the newest main one; while the league is away
    they stay, and who is no longer met leaves with its bytes."""
    add(models, "main", 1)
    add(models, "hunter", 2)
    add(models, "main", 3, usable=False)
    add(models, "main", 4, simulations=50)
    first, hunter = hash_of(1, models), hash_of(2, models)

    def is_met(keys: Keys, *hashes: str) -> bool:
        return kept_in(redis_client, keys) == set(hashes)

    with (
        pool(MAIN, "Main", models, redis_server),
        pool(HUNTER, "MainExploiter", models, redis_server),
    ):
        until(lambda: is_met(MAIN, first, hunter), seconds=120, what="the main run's opponents")
        until(lambda: is_met(HUNTER, first), seconds=120, what="the exploiter's opponent")
        models.kill()
        assert is_met(MAIN, first, hunter)
        assert is_met(HUNTER, first)
        models.start()
        add(models, "main", 5)
        newest = hash_of(5, models)
        until(lambda: is_met(MAIN, first, hunter, newest), seconds=120, what="a third opponent")
        until(lambda: is_met(HUNTER, newest), seconds=120, what="the next main model")
        until(
            lambda: redis_client.ttl(HUNTER.league_blob(first)) != -1,
            seconds=120,
            what="an end of the bytes of the one before",
        )
