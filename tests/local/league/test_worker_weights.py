"""How a worker fetches models: bytes that were damaged on their way, and a disk that is full."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from trainingrun_actor.league_worker.weights import Unusable, Weights
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import (
    ModelServiceServicer,
    ModelServiceStub,
    add_ModelServiceServicer_to_server,
)
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

from testkit.league.worker_process import board_model
from testkit.servers.small_disk import fill_up, small_file_system

SPEC = spec_of(config_of("connect_four"))
BLOB = board_model(1)


class Server(ModelServiceServicer):
    """Serves one model; the first ``damaged`` times with a byte that is another."""

    def __init__(self, damaged: int) -> None:
        self.damaged = damaged
        self.served = 0

    async def GetPolicy(
        self, request: pb.GetPolicyRequest, _context: Any
    ) -> AsyncIterator[pb.GetPolicyResponse]:
        """From where the caller has it."""
        self.served += 1
        sha256 = hashlib.sha256(BLOB).hexdigest()
        model = pb.Model(id="m1", sha256=sha256, size_bytes=len(BLOB), version=1)
        yield pb.GetPolicyResponse(header=pb.GetPolicyResponse.Header(model=model))
        content = bytearray(BLOB)
        if self.served <= self.damaged:
            content[-1] ^= 1
        yield pb.GetPolicyResponse(chunk=bytes(content[request.offset :]))


@asynccontextmanager
async def weights(server: Server, folder: Path) -> AsyncIterator[Weights]:
    """What a worker has of it."""
    running = grpc.aio.server()
    add_ModelServiceServicer_to_server(server, running)
    port = running.add_insecure_port("127.0.0.1:0")
    await running.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Weights(ModelServiceStub(channel), folder, SPEC)
    finally:
        await running.stop(None)


def test_bytes_that_were_damaged_on_their_way_come_again(tmp_path: Path) -> None:
    """A model is not judged by them, and only whole bytes are kept."""

    async def use() -> None:
        server = Server(damaged=1)
        async with weights(server, tmp_path) as known:
            assert (await known.load("m1")).model_id == "m1"
        assert server.served == 2

    asyncio.run(use())
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == BLOB


def test_bytes_that_are_always_damaged_are_not_played_with(tmp_path: Path) -> None:
    """After some tries."""

    async def use() -> None:
        server = Server(damaged=100)
        async with weights(server, tmp_path) as known:
            with pytest.raises(Unusable, match="do not have the SHA-256"):
                await known.load("m1")
        assert 1 < server.served < 10

    asyncio.run(use())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_costs_the_next_start_a_download(tmp_path: Path) -> None:
    """The model is played with, and no half of it keeps the disk full."""

    async def use(folder: Path) -> None:
        async with weights(Server(damaged=0), folder) as known:
            assert (await known.load("m1")).model_id == "m1"

    with small_file_system(tmp_path / "small", megabytes=1) as disk:
        filler = fill_up(disk)
        asyncio.run(use(disk))
        assert list(disk.iterdir()) == [filler]
