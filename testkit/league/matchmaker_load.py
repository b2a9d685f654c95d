"""Players and workers of a Matchmaker that is killed, or loses what it stands on, meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import Any, Final

import grpc
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    FindMatchRequest,
    GameResult,
    LeaseMatchRequest,
    QueueMode,
    ReportResultRequest,
)
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub

from testkit.league.league_process import AWAY, LeagueProcess

_REFUSED: Final = {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND}


class MatchmakerLoad:
    """Threads that play until they are stopped; they keep what was acknowledged to them."""

    def __init__(self, league: LeagueProcess) -> None:
        self._league = league
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.acknowledged: set[str] = set()
        self.seated: dict[str, set[str]] = {}
        self.problems: list[str] = []

    def start(self, work: Callable[[MatchmakerServiceStub, str, Random], None], name: str) -> None:
        """Repeat a piece of work in a thread of its own."""
        thread = threading.Thread(target=self._run, args=(work, name), daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Let them end what they do."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), "a client hangs"

    def _run(self, work: Callable[[MatchmakerServiceStub, str, Random], None], name: str) -> None:
        chance = Random(name)
        with self._league.blocking("matchmaker") as channel:
            stub = MatchmakerServiceStub(channel)
            while not self._stop.is_set():
                try:
                    work(stub, name, chance)
                except grpc.RpcError as error:
                    if error.code() in AWAY:
                        self._stop.wait(0.05)
                    elif error.code() not in _REFUSED:
                        self.problems.append(f"{name}: {error.code()}: {error.details()}")

    def worker(self, stub: MatchmakerServiceStub, name: str, chance: Random) -> None:
        """Lease a match and report it, as often as it takes to be acknowledged."""
        lent = stub.LeaseMatch(LeaseMatchRequest(worker=name, wait=Duration(nanos=200_000_000)))
        if not lent.HasField("match"):
            return
        match = lent.match
        games = [
            GameResult(outcome=chance.choice([1.0, 0.0, -1.0]), moves=9, seed=number)
            for number in range(2 * match.pairs)
        ]
        self._report(stub, ReportResultRequest(match_id=match.match_id, worker=name, games=games))

    def player(self, stub: MatchmakerServiceStub, name: str, chance: Random) -> None:
        """Join the queue by one key until there is a seat, and report the game of seat 1."""
        request = FindMatchRequest(
            idempotency_key=f"k{chance.getrandbits(64)}",
            player_id=f"person/{name}",
            mode=QueueMode.QUEUE_MODE_RANKED,
            wait=Duration(seconds=1),
        )
        answer = self._again(lambda: stub.FindMatch(request))
        if answer is None or not answer.HasField("match"):
            return
        match = answer.match
        self.seated.setdefault(match.match_id, set()).add(match.game_id)
        if match.seat == 1:
            game = GameResult(outcome=1.0, moves=9, game_id=match.game_id)
            self._report(
                stub, ReportResultRequest(match_id=match.match_id, worker="game", games=[game])
            )

    def _report(self, stub: MatchmakerServiceStub, request: ReportResultRequest) -> None:
        request.idempotency_key = f"{request.match_id}/{request.worker}"
        if self._again(lambda: stub.ReportResult(request)) is not None:
            self.acknowledged.add(request.match_id)

    def _again(self, call: Callable[[], Any]) -> Any:
        """The answer, however often the service is away; None where it is refused."""
        while not self._stop.is_set():
            try:
                return call()
            except grpc.RpcError as error:
                if error.code() not in AWAY:
                    raise
                self._stop.wait(0.05)
        return None
