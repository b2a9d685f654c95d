"""Training games of one process: permitted, searched, put into the queue, and accounted for.

A game counts once its segments are in Redis: both go in one transaction, the segments first
(``sink``). A game that is given up leaves nothing, and its number goes to another one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from time import monotonic
from typing import Final

from msgspec import Struct
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.reports import ActorState
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_search.records import GameRecord
from trainingrun_search.selfplay import game_seed

from trainingrun_actor.game_numbers import GameNumbers
from trainingrun_actor.leases import GameStart
from trainingrun_actor.permitted_games import PermittedGames
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policies import PublishedWeights
from trainingrun_actor.recorder import Clock
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.selfplay.searcher import Searcher, SearchFault, Weights
from trainingrun_actor.selfplay.segments import GameOrigin, segments_of
from trainingrun_actor.selfplay.weights import PublishedBoard
from trainingrun_actor.sink import GameEnd, Sink
from trainingrun_actor.tasks import cancel_all, first_failure

BACKOFF: Final = Backoff(first=0.1, longest=10.0, spread=0.5)
"""After games that failed one after the other."""
_POINTERS_KEPT: Final = 256
"""Names of weights: more than a game ever sees."""
_MOST_REASONS: Final = 10

_log = logging.getLogger(__name__)


class Parts(Struct, frozen=True):
    """What a producer is made of."""

    policies: PublishedWeights[PublishedBoard]
    sink: Sink
    run_state: RunStatePoller
    metrics: PlayMetrics
    numbers: GameNumbers
    searcher: Searcher
    clock: Clock
    evaluator_of: Callable[[PublishedBoard], Weights]
    notify: Callable[[str, str], Awaitable[None]]
    """Publish a notice: a reason in CamelCase and a sentence."""


class Producer:
    """Plays training games until it is stopped."""

    def __init__(
        self, config: RunConfig, parts: Parts, *, actor: str, schema_hash: str, seed: int
    ) -> None:
        """``seed`` is that of the games, which are counted from 1: a game that was given up begins
        otherwise under its number, so that one that fails does not fail for ever.
        """
        self._config = config
        self._parts = parts
        self._actor = actor
        self._schema_hash = schema_hash
        self._games = PermittedGames(config, parts, give_up=self._give_up)
        self._seed = seed
        self._begun = 0
        self._random = Random(actor)
        self._pointers: dict[int, Pointer] = {}
        self._in_use: PublishedBoard | None = None
        self._failures = 0
        self._reported: set[str] = set()

    def state(self) -> ActorState:
        """Return the state for the report."""
        return self._games.state()

    async def run(self) -> None:
        """Play until cancelled."""
        self._parts.searcher.start()
        own = (self._parts.searcher.ended(), self._follow())
        tasks = [asyncio.create_task(loop) for loop in own]
        tasks += self._games.loops(self._play_next)
        try:
            await first_failure(tasks)
        finally:
            self._parts.searcher.give_up()
            self._parts.numbers.close()
            await cancel_all(tasks)

    async def stop(self, *, seconds: float) -> None:
        """Stop starting games; give running ones ``seconds`` to end, then give them up."""
        await self._games.stop(seconds=seconds)
        await self._parts.searcher.close()

    async def _give_up(self) -> None:
        self._parts.searcher.give_up()
        if self._games.running:
            await asyncio.wait(self._games.running)
        await asyncio.sleep(0)  # those who waited for them account for them

    async def _follow(self) -> None:
        """Have newly published weights used."""
        while True:
            newest = self._parts.policies.newest
            if newest is not None and newest is not self._in_use:
                self._in_use = newest
                self._pointers[newest.pointer.publish] = newest.pointer
                while len(self._pointers) > _POINTERS_KEPT:
                    del self._pointers[next(iter(self._pointers))]
                self._parts.searcher.use(self._parts.evaluator_of(newest))
            await self._parts.run_state.next_reading()

    async def _play_next(self) -> None:
        parts = self._parts
        await parts.policies.fresh()  # no number is held while there are no weights at all
        with parts.metrics.waiting("slots"):
            start = await parts.numbers.next(
                target=self._games.permission.target, may_start=self._games.permission.may_start
            )
        if start is None:
            return
        if not self._games.permission.may_start():  # it was waited for
            parts.sink.end_game(_given_up(start, counters=()))
            return
        await self._play_started(start)

    async def _play_started(self, start: GameStart) -> None:
        """Play a game whose number is taken, and say what became of it."""
        began = monotonic()
        self._begun += 1
        game = asyncio.create_task(self._parts.searcher.play(self._begun))
        self._games.running.add(game)
        try:
            with self._parts.metrics.playing():
                await asyncio.wait({game})
            fault = self._account(start, game, seconds=monotonic() - began)
        finally:
            self._games.running.discard(game)
        if fault is not None:
            await self._rest_after(fault)

    def _account(
        self, start: GameStart, game: asyncio.Task[GameRecord], *, seconds: float
    ) -> str | None:
        """Say what became of a game; returns what went wrong with it, where something did."""
        if game.cancelled():
            self._abort(start, seconds)
            return None
        try:
            self._keep(start, game.result(), seconds)
        except (SearchFault, ValueError) as fault:
            self._abort(start, seconds)
            return str(fault)
        self._failures = 0
        return None

    def _keep(self, start: GameStart, record: GameRecord, seconds: float) -> None:
        """Put a finished game into the sink, and its end behind it."""
        parts = self._parts
        for segment in segments_of(record, self._origin(record), self._pointers):
            parts.sink.offer(segment)
        parts.sink.end_game(GameEnd(start.number, is_over=True, counters=counters_of(record)))
        parts.metrics.count_game(ending_of(record), seconds)

    def _abort(self, start: GameStart, seconds: float) -> None:
        """Leave a game's number to another game."""
        self._parts.metrics.count_game("aborted", seconds)
        self._parts.sink.end_game(_given_up(start, counters=("aborted",)))

    def _origin(self, record: GameRecord) -> GameOrigin:
        return GameOrigin(
            run_id=self._config.run_id,
            schema_hash=self._schema_hash,
            actor=self._actor,
            game_id=f"{self._actor}/{record.number}",
            seed=game_seed(self._seed, record.number),
            created_at=self._parts.clock.wall(),
        )

    async def _rest_after(self, reason: str) -> None:
        """Say why a game failed, each reason once, and wait longer after each in a row."""
        self._failures += 1
        if reason not in self._reported and len(self._reported) < _MOST_REASONS:
            self._reported.add(reason)
            _log.warning("a game was given up: %s", reason)
            await self._parts.notify("GameFailed", f"a game was given up: {reason}")
        await asyncio.sleep(BACKOFF.seconds(self._failures, self._random))


def _given_up(start: GameStart, *, counters: tuple[str, ...]) -> GameEnd:
    return GameEnd(start.number, is_over=False, counters=counters)


def ending_of(record: GameRecord) -> str:
    """Return how a game ended, as metrics name it; one that was cut off is a timeout."""
    if record.is_capped:
        return "timeout"
    return "draw" if record.outcomes[0] == 0 else "won"


def counters_of(record: GameRecord) -> tuple[str, ...]:
    """Return the counters of ``keys.games`` that a game raises."""
    if record.is_capped:
        return ("played", "draws", "timeouts")
    if record.outcomes[0] == 0:
        return ("played", "draws")
    is_first = (record.outcomes[0] > 0) == (record.players[0] == 0)
    return ("played", "seat1" if is_first else "seat2")
