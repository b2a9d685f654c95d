"""A bucket that is down, slow or odd: a real S3 server behind a proxy that fails when told to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import grpc
import numpy as np
import pytest
from safetensors.numpy import save
from trainingrun_contracts.league.policies import Download, publish
from trainingrun_contracts.league.v1 import model_pb2
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.weights import WeightsError
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of
from trainingrun_league.artefacts import s3
from trainingrun_league.artefacts.s3 import PART_BYTES, Bucket
from trainingrun_league.errors import InvalidRequest, Unavailable

from testkit.league.league_process import LeagueProcess
from testkit.servers.faulty_proxy import Fault, FaultyProxy
from testkit.servers.s3_server import S3Server
from testkit.waiting import BUSY

SCHEMA = spec_of(config_of("connect_four")).schema_hash
SIZE = 3 << 20
MANY = 40
"""More than any pool of threads has here."""


@dataclass
class Place:
    """A bucket with one artefact, reached through a proxy."""

    bucket: Bucket
    proxy: FaultyProxy
    server: S3Server
    content: bytes = field(repr=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server."""
    with S3Server(tmp_path_factory.mktemp("s3")) as running:
        running.create_bucket("league")
        yield running


@pytest.fixture
def place(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A bucket with one artefact."""
    content = os.urandom(SIZE)
    server.client().put_object(Bucket="league", Key="kept", Body=content)
    with FaultyProxy(server.endpoint) as proxy:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield Place(Bucket("league"), proxy, server, content)


async def parts(*given: bytes) -> AsyncIterator[bytes]:
    """The parts, one by one."""
    for part in given:
        yield part


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.STALLED])
def test_a_body_that_breaks_off_is_an_error_after_what_had_come(
    place: Place, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once or after a silence; what came before is right, and the rest is read from there."""
    monkeypatch.setattr(s3, "SILENT_SECONDS", 1.0)
    bucket = Bucket("league")

    async def use() -> None:
        place.proxy.fault, place.proxy.after_bytes = fault, (3 << 19) + 10_000
        found = bytearray()

        async def read() -> None:
            async for chunk in bucket.read("kept"):
                found.extend(chunk)

        with pytest.raises(Unavailable, match="bucket league cannot be reached"):
            await read()
        assert 1 << 20 <= len(found) < SIZE
        place.proxy.fault = Fault.NONE
        rest = b"".join([chunk async for chunk in place.bucket.read("kept", len(found))])
        assert found + rest == place.content

    began = monotonic()
    asyncio.run(use())
    assert monotonic() - began < 10 * BUSY


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault.SLOW_DOWN, "answers SlowDown: it has too much to do"),
        (Fault.PAGE, "the bucket league"),
        (Fault.CUT, "cannot be reached"),
    ],
)
@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_a_write_that_is_not_answered_is_not_believed(
    place: Place, fault: Fault, sentence: str, size: int
) -> None:
    """A page with status 200 neither; each call is tried a few times, and the sentence says what
    to do."""
    place.proxy.fault, place.proxy.after_bytes = fault, 0
    with pytest.raises(Unavailable, match=sentence):
        asyncio.run(place.bucket.write("fresh", parts(b"x" * size)))
    assert place.proxy.requests <= 2 * s3.ATTEMPTS


def test_a_write_to_a_silent_bucket_ends(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the silence of each attempt."""
    monkeypatch.setattr(s3, "SILENT_SECONDS", 0.2)
    place.proxy.fault = Fault.STALLED
    began = monotonic()
    with pytest.raises(Unavailable, match="ReadTimeoutError"):
        asyncio.run(Bucket("league").write("fresh", parts(b"x")))
    assert monotonic() - began < 10 * BUSY


def test_the_reason_of_a_publication_outlives_a_bucket_that_is_down(place: Place) -> None:
    """The parts that came cannot be removed then; what is said is why it failed."""

    async def wrong() -> AsyncIterator[bytes]:
        yield bytes(PART_BYTES)
        place.proxy.fault = Fault.SLOW_DOWN
        raise InvalidRequest("these are no weights")

    with pytest.raises(InvalidRequest, match="no weights"):
        asyncio.run(place.bucket.write("fresh", wrong()))


def test_a_caller_that_goes_away_from_a_stalled_body_holds_nobody(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop goes on at once, and so do the threads that others use."""
    monkeypatch.setattr(s3, "SILENT_SECONDS", 60.0)
    bucket = Bucket("league")

    async def stalled() -> None:
        async for _ in bucket.read("kept"):
            pass

    async def use() -> float:
        place.proxy.fault, place.proxy.after_bytes = Fault.STALLED, 100_000
        reading = [asyncio.create_task(stalled()) for _ in range(MANY)]
        while place.proxy.requests < s3._THREADS:  # noqa: ASYNC110 - of another thread
            await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: "free") == "free"
        began = monotonic()
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        took = monotonic() - began
        place.proxy.fault = Fault.NONE
        assert b"".join([chunk async for chunk in bucket.read("kept")]) == place.content
        return took

    assert asyncio.run(use()) < 5.0 * BUSY


def test_clients_never_take_wrong_bytes(server: S3Server, tmp_path: Path) -> None:
    """A byte that changes on its way, a body that is cut, a server that is busy: a download ends
    with an error or with what was published, and nothing of it is kept."""
    blob = save({"a": np.arange(700_000, dtype=np.float32)}, metadata={"schema_hash": SCHEMA})
    header = model_pb2.PublishPolicyRequest.Header(
        lineage="team/a", schema_hash=SCHEMA, algorithm="ppo"
    )
    with FaultyProxy(server.endpoint) as proxy:
        variables = server.environment() | {"AWS_ENDPOINT_URL": proxy.endpoint}
        with (
            LeagueProcess(
                tmp_path / "league",
                services="model",
                arguments=["--artefacts=s3://league/faulty"],
                variables=variables,
            ) as league,
            league.blocking("model") as channel,
        ):
            stub = ModelServiceStub(channel)
            model = publish(stub, header, blob, seconds=60).model
            request = model_pb2.GetPolicyRequest(model_id=model.id)

            def downloaded() -> bytes:
                return b"".join(Download(stub, request).chunks())

            proxy.after_bytes = 1_500_000
            proxy.fault = Fault.FLIPPED
            with pytest.raises((WeightsError, grpc.RpcError)):
                downloaded()
            assert downloaded() == blob
            proxy.fault = Fault.SLOW_DOWN
            with pytest.raises(grpc.RpcError) as refused:
                list(stub.GetPolicy(request))
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            assert "too much to do" in refused.value.details()
            proxy.fault = Fault.NONE
            assert downloaded() == blob
            assert "Traceback" not in league.log.read_text()
