"""The verbs of leagues, as a person calls them: up, models that a program publishes, down."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save
from trainingrun.local.league_folder import league_folder
from trainingrun.sdk import LocalLeague, NotFound, Refused, connect_to_league
from trainingrun.sdk.league_values import Stage
from trainingrun_contracts.league.channel import ServiceAddress, given, open_blocking
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

SCHEMA = spec_of(config_of("connect_four")).schema_hash


def called(folder: Path, *words: str, code: int = 0) -> str:
    """What the command prints; with another code than 0, its sentence."""
    program = [sys.executable, "-c", "from trainingrun.commands import main; main()", *words]
    done = subprocess.run(
        program, cwd=folder, capture_output=True, text=True, check=False, timeout=400
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def answer(folder: Path, *words: str) -> Any:
    """What the command prints for programs."""
    return json.loads(called(folder, *words, "-o", "json"))


def publish_models(folder: Path, count: int) -> None:
    """Publish sound models, and report that they may be used, as a worker does."""
    league = league_folder(folder / ".trainingrun", "league")
    ready, access = league.read_ready(), league.read_access()
    assert ready is not None
    assert access is not None
    address = ServiceAddress(
        ready.services["model"], given(access.token), authority=access.authority
    )
    header = pb.PublishPolicyRequest.Header(lineage="team/a", schema_hash=SCHEMA, algorithm="ppo")
    with open_blocking(address) as channel:
        stub = ModelServiceStub(channel)
        for number in range(count):
            tensors = {"a": np.full(4, number, np.float32)}
            blob = save(tensors, metadata={"schema_hash": SCHEMA})
            model = publish(stub, header, blob, seconds=60).model
            sound = pb.Validation(loads=True, is_finite=True, games=2)
            request = pb.ReportValidationRequest(
                idempotency_key=model.id, id=model.id, validation=sound
            )
            stub.ReportValidation(request)


def test_a_league_on_this_machine(tmp_path: Path) -> None:
    """Expect a league that comes up with all services, holds models over a restart, and whose
    champion follows what people say; each mistake is a sentence."""
    up = ("league", "up", "--environment", "connect_four", "--workers", "0")
    made = answer(tmp_path, *up)
    try:
        assert set(made["services"]) == {"game", "matchmaker", "model", "elo", "replay"}
        folder = Path(made["folder"])
        assert (folder / "services-token").stat().st_mode & 0o077 == 0
        assert "is up already" in called(tmp_path, *up, code=2)
        publish_models(tmp_path, 2)
        assert [each["id"] for each in answer(tmp_path, "models", "list")] == ["m2", "m1"]
        promoted = answer(tmp_path, "models", "promote", "m2", "--reason", "I know")
        assert (promoted["id"], promoted["stage"]) == ("m2", "champion")
        assert called(tmp_path, "models", "rollback") == "m1 is the champion again\n"
        assert "no champion before" in called(tmp_path, "models", "rollback", code=2)
        old = (folder / "services-token").read_text()
        assert "rotate --finish" in called(tmp_path, "league", "rotate")
        assert (folder / "services-token").read_text() != old
        assert (folder / "league.key").stat().st_mode & 0o077 == 0
        assert answer(tmp_path, "league", "rotate", "--finish")["keysRefused"] == 1
        assert [each["id"] for each in answer(tmp_path, "models", "list")] == ["m2", "m1"]
        assert "no model m9" in called(tmp_path, "models", "describe", "m9", code=2)
        pulled = Path(called(tmp_path, "models", "pull", "champion", "--to", "w").strip())
        assert (tmp_path / pulled).read_bytes()
        pushed = answer(tmp_path, "models", "push", str(pulled), "--lineage", "home/a")
        assert (pushed["id"], pushed["stage"], pushed["lineage"]) == ("m3", "pending", "home/a")
        status = answer(tmp_path, "league", "status")
        assert all(each["serves"] for each in status["services"])
        assert status["models"]["champion"] == 1
        assert "is down" in called(tmp_path, "league", "down")
        assert "is not up" in called(tmp_path, "models", "list", code=2)
        answer(tmp_path, *up)
        _check_sdk(tmp_path)
    finally:
        called(tmp_path, "league", "down")


def _check_sdk(folder: Path) -> None:
    """The same from Python, after the restart."""
    with connect_to_league(LocalLeague(state=folder / ".trainingrun")) as league:
        assert league.champion().id == "m1"
        history = league.model("m2")
        assert [each.after for each in history.changes] == [
            Stage.PENDING,
            Stage.VALIDATED,
            Stage.CHAMPION,
            Stage.RETIRED,
        ]
        assert history.changes[2].reason == "I know"
        model, path = league.pull("m2", folder / "w")
        began = path.stat().st_mtime_ns
        assert league.pull("m2", folder / "w")[1].stat().st_mtime_ns == began
        assert path.stat().st_size == model.size
        again = league.push(folder / "w" / "m1.safetensors", lineage="home/a")
        assert (again.id, again.size) == ("m3", league.model("m1").model.size)
        assert league.push(path, lineage="home/a").id == "m4"
        with pytest.raises(NotFound):
            league.pull("m77", folder / "w")
        with pytest.raises(Refused):
            league.rollback("m2")
