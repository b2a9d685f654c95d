"""The league's workers on an engine behind the line protocol, over PostgreSQL: whatever ends in the
midst of a match, each match is rated once, and no daemon keeps a game that nobody plays.
"""

from __future__ import annotations

import base64
import json
import socket
import socketserver
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from trainingrun_contracts.league.v1.elo_pb2 import ListResultsRequest
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2 import GetQueueStatsRequest
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_contracts.league.v1.model_pb2 import GetModelRequest, Stage
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

from testkit.league.engine_games import active_games
from testkit.league.league_process import LeagueProcess
from testkit.league.worker_process import WorkerProcess, publish
from testkit.own_engines import engine_in_python
from testkit.ports import free_port
from testkit.roles.board_weights import random_policy_weights
from testkit.servers.postgresql_server import PostgresqlServer
from testkit.waiting import BUSY, until

DOMINEERING = json.dumps(
    {
        "kind": "engine",
        "name": "domineering",
        "observation": [2, 5, 5],
        "actions": {"type": "vocabulary", "size": 25},
    }
)
PAIRS, MATCHES = 4, 6


class _Stalling(socketserver.StreamRequestHandler):
    """Begins a game, and never asks again."""

    server: _StallingServer

    def handle(self) -> None:
        if self.rfile.readline().startswith(b"STATUS"):
            self.wfile.write(b"FORGE DAEMON STATUS\nActive games: 0\nMax concurrent: 99\n")
            return
        board = base64.b64encode(bytes(50)).decode()
        asked = {
            "seat": 1,
            "observation": {"shape": [2, 5, 5], "dtype": "uint8", "data": board},
            "actions": [{"index": 0}],
        }
        self.wfile.write(f"DECISION: {json.dumps(asked)}\n".encode())
        answer = self.rfile.readline()
        if answer:
            self.server.has_stalled.set()
            self.rfile.readline()


class _StallingServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.has_stalled = Event()
        self.opened: list[socket.socket] = []
        super().__init__(("127.0.0.1", port), _Stalling)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Keep the connection, which ends with the daemon."""
        self.opened.append(request)
        super().process_request(request, client_address)


@contextmanager
def stalling_daemon(port: int) -> Iterator[None]:
    """A daemon that ends with the block, which is entered when one of its games has stalled."""
    server = _StallingServer(port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        assert server.has_stalled.wait(60 * BUSY), "no game came"
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for each in server.opened:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def stage_of(league: LeagueProcess, model_id: str) -> Stage.ValueType:
    """The stage of a model now."""
    with league.blocking("model") as channel:
        return ModelServiceStub(channel).GetModel(GetModelRequest(id=model_id)).model.stage


def reported(league: LeagueProcess) -> int:
    """How many matches were reported to this Matchmaker."""
    with league.blocking("matchmaker") as channel:
        stub = MatchmakerServiceStub(channel)
        return int(stub.GetQueueStats(GetQueueStatsRequest()).reported_matches)


def rated(league: LeagueProcess) -> dict[str, int]:
    """Games of every match that is rated."""
    with league.blocking("elo") as channel:
        results = EloServiceStub(channel).ListResults(ListResultsRequest(page_size=1000)).results
    found = {each.match_id: each for each in results}
    assert len(found) == len(results)
    return {
        name: each.score.wins + each.score.draws + each.score.losses for name, each in found.items()
    }


@pytest.mark.needs("postgresql")
def test_each_match_is_rated_once_whatever_ends_in_the_midst_of_it(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    """A daemon, then the league, then a worker are killed while games run; the model is validated,
    and all of its matches are rated in the end, each with all of its games.
    """
    with ExitStack() as stack:
        lost = free_port()
        kept = stack.enter_context(engine_in_python(tmp_path))
        league = stack.enter_context(
            LeagueProcess(
                tmp_path / "league",
                environment=DOMINEERING,
                arguments=(
                    *("--database", postgresql.create_database("served"), "--migrate"),
                    f"--set=game.daemons=127.0.0.1:{lost},127.0.0.1:{kept}",
                    f"--set=matchmaker.pairs={PAIRS}",
                    f"--set=matchmaker.rating-games={2 * PAIRS * MATCHES}",
                ),
            )
        )
        blob = random_policy_weights(spec_of(config_of(DOMINEERING)))
        model = publish(league, blob, lineage="lab/one", algorithm="ppo")
        one, two = (WorkerProcess(league, tmp_path / name, name=name) for name in ("one", "two"))
        stack.enter_context(one)
        stack.enter_context(two)
        promoted = Stage.STAGE_PROMOTED
        until(lambda: stage_of(league, model.id) == promoted, seconds=60, what="a champion")
        with stalling_daemon(lost):
            pass
        gone = f"the daemon 127.0.0.1:{lost}: the daemon closed the connection"
        until(
            lambda: gone in one.log.read_text() + two.log.read_text(),
            seconds=60,
            what="a match is given back with its reason",
        )
        until(lambda: reported(league) > 0, seconds=60, what="a match on the other daemon")
        playing(kept)
        league.kill()
        until(lambda: active_games(kept) == 0, seconds=10, what="its slots are free")
        league.start()
        playing(kept)
        one.kill()
        one.start()
        until(lambda: len(rated(league)) == MATCHES, seconds=120, what="all matches are rated")
        assert set(rated(league).values()) == {2 * PAIRS}
        until(lambda: active_games(kept) == 0, seconds=10, what="the slots are free")


def playing(port: int) -> None:
    """Wait for games on a daemon."""
    until(lambda: active_games(port) > 0, seconds=60, what="a game is played", every=0.01)
