"""Reports results to the Matchmaker until it has accepted them.

A result is due from the transaction that ends its game on, so a crash in between loses none; the
match id makes a repeated report harmless.
"""

from __future__ import annotations

import asyncio
import logging
from random import Random
from typing import Final

import grpc
import grpc.aio
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.league.v1.matchmaker_pb2 import GameResult, ReportResultRequest

from trainingrun_league.errors import Unavailable
from trainingrun_league.game.journal import GameJournal, Report
from trainingrun_league.game.table import Phase, Table, outcome
from trainingrun_league.peers import Peers

WORKER: Final = "game"
"""Who reports, as the Matchmaker sees it."""
_AT_ONCE: Final = 100
_EVERY_SECONDS: Final = 30.0
_BACKOFF: Final = Backoff(first=0.5, longest=30.0, spread=0.5)
_REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.PERMISSION_DENIED,
    }
)
"""The Matchmaker has understood, and will say the same again."""

_log = logging.getLogger(__name__)


class ResultReporter:
    """See above."""

    def __init__(self, journal: GameJournal, peers: Peers, *, bound: float) -> None:
        self._journal = journal
        self._peers = peers
        self._bound = bound
        self._is_due = asyncio.Event()
        self._random = Random()

    def wake(self) -> None:
        """Report soon: a game has ended."""
        self._is_due.set()

    async def run(self) -> None:
        """Report what is due, for ever."""
        failures = 0
        while True:
            self._is_due.clear()
            try:
                await self._report_due()
                failures = 0
            except (Unavailable, grpc.aio.AioRpcError) as error:
                failures += 1
                if failures == 1:
                    _log.warning("results cannot be reported now, and will be: %s", _said(error))
            pause = _EVERY_SECONDS
            if failures:
                pause = _BACKOFF.seconds(failures, self._random)
            try:
                async with asyncio.timeout(pause):
                    await self._is_due.wait()
            except TimeoutError:
                continue

    async def _report_due(self) -> None:
        while tables := await self._journal.due_reports(most=_AT_ONCE):
            for table in tables:
                await self._report(table)

    async def _report(self, table: Table) -> None:
        try:
            await self._peers.matchmaker.ReportResult(report_of(table, bound=self._bound))
        except grpc.aio.AioRpcError as error:
            if error.code() not in _REFUSALS:
                raise
            problem = _said(error)
            _log.warning("the result of the game %s was refused: %s", table.game_id, problem)
            await self._journal.note_report(table.game_id, Report.REFUSED, problem)
        else:
            await self._journal.note_report(table.game_id, Report.DELIVERED)


def report_of(table: Table, *, bound: float) -> ReportResultRequest:
    """Return the report of a game that is over; seat 1 is the match's first player."""
    report = ReportResultRequest(
        idempotency_key=f"game/{table.game_id}", match_id=table.match_id, worker=WORKER
    )
    if table.phase is Phase.FINISHED:
        report.games.append(
            GameResult(
                outcome=outcome(table, bound=bound),
                moves=table.turn,
                seed=table.seed,
                game_id=table.game_id,
            )
        )
    else:
        report.problem = table.reason or "the game was abandoned"
        report.failed_player = _absent(table)
    return report


def _absent(table: Table) -> str:
    """Return who did not take a seat while the other one did; empty where a game had begun."""
    if table.started_at is not None or table.is_taken not in {(True, False), (False, True)}:
        return ""
    return table.players[table.is_taken.index(False)]


def _said(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details() or ''}"[:300]
    return str(error)[:300]
