"""Clients below the protocol: bombs of gzip, calls that are reset at once, and silence.

The process must answer others meanwhile, keep its memory, and let go of who says nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from trainingrun_contracts.league.v1.elo_pb2 import GetRankedPoliciesRequest
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub

from testkit.hostile.http2_frames import Http2Client, grpc_message, zeros_gzip
from testkit.league.league_process import AWAY, LeagueProcess
from testkit.ports import free_port
from testkit.soak_share import share_of
from testkit.waiting import until

BOMB_BYTES = 1 << 30
RESETS = 50_000
SILENT = 50
MOST_GROWTH = 100 << 20
ELO = "/trainingrun.league.v1.EloService/GetRankedPolicies"
REPLAY = "/trainingrun.league.v1.ReplayService/RecordExperience"


class Served(LeagueProcess):
    """All services without TLS, and the pages."""

    web_port = 0

    @property
    def peak(self) -> int:
        """The most memory that the process has had, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(each for each in status.splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def require_answers(self) -> None:
        """Another client is served, if it asks again where it is told to."""
        until(self._answers, seconds=60, what="another client is served")

    def _answers(self) -> bool:
        with self.blocking("elo") as channel:
            try:
                EloServiceStub(channel).GetRankedPolicies(GetRankedPoliciesRequest(), timeout=60)
            except grpc.RpcError as error:
                if error.code() not in AWAY:
                    raise
                return False
        return True


@pytest.fixture
def league(tmp_path: Path) -> Iterator[Served]:
    """A league that has answered once."""
    port = free_port()
    served = Served(tmp_path / "league", encrypted=False, arguments=["--web-port", str(port)])
    served.web_port = port
    with served:
        served.require_answers()
        yield served


def test_a_bomb_is_refused_before_it_is_whole(league: Served) -> None:
    """1 GiB of zeros in 1 MB, with a token and without: the memory does not see it. Who has none is
    refused before the message is read."""
    before, bomb = league.peak, zeros_gzip(BOMB_BYTES)
    refusals = {"": b"the token is not valid", league.token(): b"message larger than max"}
    for token, refusal in refusals.items():
        for service, method in (("elo", ELO), ("replay", REPLAY)):
            with Http2Client(league.ports[service], token) as client:
                stream = client.headers(method, {"grpc-encoding": "gzip"})
                client.data(stream, grpc_message(bomb, is_compressed=True), ends=True)
                assert refusal in client.read_until_ended()
    assert league.peak - before < MOST_GROWTH
    league.require_answers()


def test_calls_that_are_reset_at_once_leave_nothing(league: Served) -> None:
    """Tens of thousands on one connection: others are answered, and the memory stays."""
    before = league.peak
    with Http2Client(league.ports["elo"]) as client:
        for _ in range(share_of(RESETS)):
            client.reset(client.headers(ELO))
        client.ping()
        league.require_answers()
    assert league.peak - before < MOST_GROWTH


def test_who_says_nothing_is_let_go(league: Served) -> None:
    """Connections that never send a whole request, to the metrics and the pages, are closed."""
    for port in (league.metrics_port, league.web_port):
        silent = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(SILENT)]
        for each in silent:
            with suppress(OSError):  # closed already
                each.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        assert all([_is_closed(each) for each in silent])
    until(lambda: "league_calls" in league.metrics(), seconds=20, what="the metrics are served")
    league.require_answers()


def _is_closed(connection: socket.socket) -> bool:
    """Wait for the end of a connection."""
    connection.settimeout(120)
    with connection:
        try:
            while connection.recv(4096):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True
