"""Spot notices: the metadata service is asked as it is documented; a notice saves, then ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from trainingrun_contracts.run_config import ConfigError
from trainingrun_trainer.spot import (
    ENDPOINT_VARIABLE,
    InstanceMetadata,
    MetadataUnavailable,
    SpotWatch,
    metadata_service,
)
from trainingrun_trainer.spot_notice import (
    LAPSED_SECONDS,
    LAST_SAVE_SECONDS,
    SpotNotice,
    is_shutdown_due,
)

from testkit.servers.instance_metadata import InstanceMetadataServer

AT = datetime(2026, 11, 21, 12, 2, tzinfo=UTC)
NOTICE = SpotNotice("terminate", AT)


@pytest.fixture
def server() -> Iterator[InstanceMetadataServer]:
    """The stand-in, without a notice."""
    with InstanceMetadataServer() as server:
        yield server


def test_no_notice(server: InstanceMetadataServer) -> None:
    """Expect one token for many questions, and no notice while the service says 404."""
    metadata = InstanceMetadata(server.endpoint)
    assert [metadata.spot_notice() for _ in range(3)] == [None] * 3
    assert server.asked == [("PUT", 200), *[("GET", 404)] * 3]


def test_notice(server: InstanceMetadataServer) -> None:
    """Expect the action and the moment."""
    server.give_notice("stop", at=AT)
    assert InstanceMetadata(server.endpoint).spot_notice() == SpotNotice("stop", AT)


def test_expired_token(server: InstanceMetadataServer) -> None:
    """Expect a new token to be fetched when the old one is refused."""
    metadata = InstanceMetadata(server.endpoint)
    metadata.spot_notice()
    server.forget_tokens()
    server.give_notice("terminate", at=AT)
    assert metadata.spot_notice() == NOTICE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"action": 1}',
        b"\xff\xfe",
        b'{"action": "stop", "time": "soon"}',
        b'{"action": "stop", "time": "2026-11-21T12:02:00"}',
        b'{"action": "stop"' + b" " * 99_999,
    ],
)
def test_nonsense_is_no_notice(server: InstanceMetadataServer, body: bytes) -> None:
    """Expect whatever else is said there to count as a service that is not there."""
    server.action = body
    with pytest.raises(MetadataUnavailable):
        InstanceMetadata(server.endpoint).spot_notice()


def test_nobody_listens() -> None:
    """Expect a sentence with the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(MetadataUnavailable, match=endpoint):
            InstanceMetadata(endpoint).spot_notice()


def test_silence_ends_within_seconds() -> None:
    """Expect a service that accepts and never answers to be given up on."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(MetadataUnavailable, match="does not answer"):
            InstanceMetadata(endpoint).spot_notice()


def test_opt_in() -> None:
    """Expect no service to be asked unless it is wanted."""
    assert metadata_service({}, is_wanted=False) is None


@pytest.mark.parametrize("endpoint", ["ftp://x", "here", "http://x:port"])
def test_wrong_endpoints(endpoint: str) -> None:
    """Expect a variable that is no address to be refused with its name."""
    with pytest.raises(ConfigError, match=ENDPOINT_VARIABLE):
        metadata_service({ENDPOINT_VARIABLE: endpoint}, is_wanted=True)


def test_watch_tells_once(server: InstanceMetadataServer) -> None:
    """Expect the watch to hold the notice and to report it."""
    told: list[str] = []
    heard = threading.Event()

    def tell(reason: str, message: str) -> None:
        told.append(f"{reason}: {message}")
        heard.set()

    server.give_notice("terminate", at=AT)
    watch = SpotWatch(InstanceMetadata(server.endpoint), tell)
    watch.start()
    try:
        assert heard.wait(10)
    finally:
        watch.close()
    assert watch.notice == NOTICE
    assert told == [
        "SpotNotice: this instance will terminate at 12:02:00 UTC: a checkpoint is written"
        " now; 30 s before that the learner saves again and ends"
    ]


@pytest.mark.parametrize(
    ("left", "is_over"),
    [
        (120.0, False),
        (LAST_SAVE_SECONDS + 1, False),
        (LAST_SAVE_SECONDS, True),
        (0.0, True),
        (-10.0, True),
        (-LAPSED_SECONDS, False),
    ],
)
def test_the_end_comes_half_a_minute_before_the_moment(left: float, *, is_over: bool) -> None:
    """Expect training until then; a notice that has lapsed ends nothing, or the learner of a
    machine that was spared would be ended for ever."""
    assert is_shutdown_due(NOTICE, now=AT.timestamp() - left) is is_over


def test_without_a_notice_nothing_ends() -> None:
    """Expect no end, whatever the time."""
    assert not is_shutdown_due(None, now=AT.timestamp())
