"""A league that means harm, as the client of the command line sees it over its socket."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from trainingrun.sdk import LeagueAt, Refused, connect_to_league
from trainingrun.sdk import leagues as client
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import (
    ModelServiceServicer,
    add_ModelServiceServicer_to_server,
)


class Hostile(ModelServiceServicer):
    """Answers what it is told to."""

    model = pb.Model(id="m1", stage=pb.STAGE_VALIDATED)
    listed = 0

    def GetModel(self, request: pb.GetModelRequest, context: Any) -> pb.GetModelResponse:
        """The model."""
        return pb.GetModelResponse(model=self.model)

    def ListModels(self, request: pb.ListModelsRequest, context: Any) -> pb.ListModelsResponse:
        """An empty page, and always another one behind it."""
        self.listed += 1
        return pb.ListModelsResponse(next_page_token=f"more-{self.listed}")

    def GetPolicy(
        self, request: pb.GetPolicyRequest, context: Any
    ) -> Iterator[pb.GetPolicyResponse]:
        """It never comes to this."""
        raise AssertionError(request)


@pytest.fixture
def hostile() -> Iterator[tuple[Hostile, LeagueAt]]:
    """The server, and where it is."""
    servicer = Hostile()  # type: ignore[abstract]  # what the client calls
    server = grpc.server(ThreadPoolExecutor(4))
    add_ModelServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield servicer, LeagueAt({"model": f"127.0.0.1:{port}"}, token="any", is_encrypted=False)
    finally:
        server.stop(grace=0).wait()


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", ".bashrc", "a\0b", "x" * 300, ""])
def test_a_model_names_no_file_outside_the_folder(
    hostile: tuple[Hostile, LeagueAt], tmp_path: Path, name: str
) -> None:
    """``models pull`` writes to the folder that it was given, and under names of models."""
    servicer, place = hostile
    servicer.model = pb.Model(id=name, stage=pb.STAGE_VALIDATED)
    with (
        connect_to_league(place) as league,
        pytest.raises(Refused, match="no file is given that name"),
    ):
        league.pull("m1", tmp_path / "deep" / "er")
    assert not list(tmp_path.rglob("*"))


def test_pages_end(hostile: tuple[Hostile, LeagueAt], monkeypatch: pytest.MonkeyPatch) -> None:
    """One that always has another page is not asked for ever."""
    monkeypatch.setattr(client, "_MOST_PAGES", 50)
    servicer, place = hostile
    with connect_to_league(place) as league:
        assert league.models(most=10) == []
    assert servicer.listed == 50


def test_a_stage_that_is_not_known_is_a_sentence(hostile: tuple[Hostile, LeagueAt]) -> None:
    """Of a newer league, too."""
    servicer, place = hostile
    servicer.model = pb.Model(id="m1", stage=pb.Stage.ValueType(77))
    with connect_to_league(place) as league, pytest.raises(Refused, match="does not know"):
        league.model("m1")
