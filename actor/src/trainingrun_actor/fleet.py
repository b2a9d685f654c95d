"""Many training games at once: permitted, seated, played, and accounted for.

Each takes a number together with its slot (``contracts.games``). A number is never kept: its game
ends, or it is given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Final

import redis
from trainingrun_contracts.environment_config import Engine
from trainingrun_contracts.reports import ActorState
from trainingrun_contracts.run_config import ConfigError, RunConfig
from trainingrun_environments.agents import ENGINE
from trainingrun_protocol.commands import NewGame

from trainingrun_actor.dependencies import Dependencies
from trainingrun_actor.embedded_arena import ENDPOINT as EMBEDDED
from trainingrun_actor.game import LINE, End, Outcome, Seat
from trainingrun_actor.game_ends import end_of, not_played
from trainingrun_actor.leases import GameStart
from trainingrun_actor.permitted_games import PermittedGames
from trainingrun_actor.schedule import Matchup
from trainingrun_actor.seating import SeatedGame, Seating
from trainingrun_actor.tapes import TapedGame
from trainingrun_actor.tasks import cancel_all, first_failure

_MOST_REASONS: Final = 10
MOST_SPOILT: Final = 20
"""Games in a row against one opponent that a part of the user's spoils, after which the actor
ends."""

_log = logging.getLogger(__name__)


class Fleet:
    """Plays training games until it is stopped."""

    def __init__(self, config: RunConfig, parts: Dependencies, *, actor: str, seed: str) -> None:
        self._config = config
        self._parts = parts
        self._games = PermittedGames(config, parts, give_up=self._abandon_games)
        self._seating = Seating(config, parts, actor=actor, seed=seed)
        self._reported: set[str] = set()
        """Why games were not played, or failed."""
        self._spoilt: Counter[str] = Counter()

    @property
    def is_done(self) -> bool:
        """Whether no game runs and none is to be started."""
        return self._games.is_done

    def state(self) -> ActorState:
        """Return the state for the actor's report."""
        return self._games.state()

    async def run(self) -> None:
        """Play until cancelled."""
        tasks = self._games.loops(self._play_next)
        try:
            await first_failure(tasks)
        finally:
            await cancel_all((*tasks, *self._games.running))

    async def stop(self, *, seconds: float) -> None:
        """Stop starting games; give running ones ``seconds`` to end, then give them up."""
        await self._games.stop(seconds=seconds)

    async def _abandon_games(self) -> None:
        await cancel_all(self._games.running)

    async def _play_next(self) -> None:
        parts = self._parts
        await parts.policies.fresh()  # no slot is held while there are no weights at all
        start = await parts.arena.start_game(
            target=self._games.permission.target, may_start=self._games.permission.may_start
        )
        if start is None:
            return
        game: SeatedGame | None = None
        try:
            if self._games.permission.may_start():  # it was waited for
                game = await self._seating.seat(phase=start.phase, endpoint=_endpoint(start))
        except (redis.RedisError, OSError) as error:
            _log.info("game %d does not begin: %s", start.number, error)
        finally:
            if game is None:
                parts.sink.end_game(not_played(start.number))
                await asyncio.shield(parts.arena.give_back(start.lease))
        if game is not None:
            await self._play_started(start, game)

    async def _play_started(self, start: GameStart, seated: SeatedGame) -> None:
        """Play a game whose number and slot are taken, and say what became of it."""
        matchup, seats = seated.matchup, seated.seats
        taped = TapedGame(matchup.decks, matchup.seed, seated.players)
        tape = self._parts.tapes.record_training(taped)
        if tape is not None:
            seats = tape.seats(seats)
        game = asyncio.create_task(self._play(start, matchup, seats))
        self._games.running.add(game)
        game.add_done_callback(self._games.running.discard)
        await asyncio.wait({game})
        if tape is not None:
            tape.close(None if game.cancelled() else game.result())
        given_up = Outcome(End.ABORTED, None, 0.0, "given up")
        outcome = given_up if game.cancelled() else game.result()
        self._account(start.number, seated, outcome)
        if outcome is not None:
            await self._notify(outcome, _endpoint(start))
            self._note_part(matchup.opponent, outcome)

    async def _play(
        self, start: GameStart, matchup: Matchup, seats: dict[int, Seat]
    ) -> Outcome | None:
        daemon = self._config.daemon
        command = NewGame(
            deck1=matchup.decks[0],
            deck2=matchup.decks[1],
            interactive=True,
            quiet=daemon.quiet,
            limit_seconds=daemon.game_timeout_seconds,
            seed=matchup.seed,
            keep_open=True,
            ai_seat=3 - matchup.seat if matchup.opponent == ENGINE else None,
        )
        return await self._parts.arena.play(
            command, seats, may_start=self._games.permission.may_start, lease=start.lease
        )

    def _account(self, number: int, seated: SeatedGame, outcome: Outcome | None) -> None:
        """Say what became of a game; that travels behind its last segments."""
        if outcome is not None and outcome.end is not End.REFUSED:
            self._parts.metrics.count_game(outcome.end.value, outcome.seconds)
        self._parts.sink.end_game(end_of(number, seated.matchup, outcome, seated.opponent))

    async def _notify(self, outcome: Outcome, endpoint: str) -> None:
        """Say why a game was not played, or not to its end: each reason once, and only the first
        ones, as a reason may have numbers that change.
        """
        is_refused = outcome.end is End.REFUSED
        reason = outcome.reason.partition(LINE)[0]
        is_reported = is_refused or outcome.is_fault or outcome.is_part_fault
        if not is_reported or reason in self._reported:
            return
        if len(self._reported) < _MOST_REASONS:
            self._reported.add(reason)
            if is_refused:
                text = f"a daemon refused a game: {outcome.reason}"
                await self._parts.notify("GameRefused", text)
            elif outcome.is_part_fault:
                await self._parts.notify("GameFailed", f"a game was given up: {outcome.reason}")
            else:
                text = f"a game failed on {endpoint}: {outcome.reason}{self._remedy(endpoint)}"
                await self._parts.notify("GameFailed", text)

    def _remedy(self, endpoint: str) -> str:
        """Return what to do about an engine of the user's."""
        if not isinstance(self._config.environment, Engine):
            return ""
        return f"; trainingrun daemons check {endpoint} --environment engine finds what is wrong"

    def _note_part(self, opponent: str, outcome: Outcome) -> None:
        """End the role where a part of the user's spoils game after game.

        Games are counted by their opponents: a player that always fails would otherwise be left out
        of the training without an end, while games against others go well.

        Raises:
            ConfigError: it has spoilt as many in a row as are suffered.
        """
        if outcome.is_part_fault:
            self._spoilt[opponent] += 1
        elif outcome.end is not End.REFUSED:
            self._spoilt.pop(opponent, None)
        if self._spoilt[opponent] >= MOST_SPOILT:
            raise ConfigError(f"{outcome.reason} ({MOST_SPOILT} games in a row were given up)")


def _endpoint(start: GameStart) -> str:
    """Return where a game is played, as it is said to people."""
    return EMBEDDED if start.lease is None else start.lease.endpoint
