"""Plays the games of an evaluation where training games are played: on daemons, or in this process.

Several games run at once, but results are judged in the order of the pairs: to stop at the games
that happen to end first would prefer short games.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from random import Random
from typing import Final

from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import DaemonConfig
from trainingrun_environments.agents import ENGINE, Agents
from trainingrun_environments.seam import Environment
from trainingrun_protocol.commands import NewGame

from trainingrun_actor.embedded_arena import AnyArena
from trainingrun_actor.evaluation_results import Played
from trainingrun_actor.evaluation_scheduler import concurrency
from trainingrun_actor.game import End, Outcome, Seat
from trainingrun_actor.inference import Inference
from trainingrun_actor.match_games import GivenUp, Task, Unplayable, ended
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policy import Policy
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.schedule import Matchup
from trainingrun_actor.seats import PolicySeat, ScriptedSeat
from trainingrun_actor.tapes import Tape, TapedGame, Tapes
from trainingrun_actor.tasks import cancel_all

ATTEMPTS: Final = 5


class ArenaGames:
    """See MatchGames; several games at once, as many as ``capacity`` (in slots) leaves."""

    def __init__(
        self,
        environment: Environment,
        arena: AnyArena,
        daemon: DaemonConfig,
        *,
        players: Agents,
        run_state: RunStatePoller,
        metrics: PlayMetrics,
        tapes: Tapes,
        capacity: Callable[[], Awaitable[int]],
    ) -> None:
        self._capacity = capacity
        self._environment = environment
        self._players = players
        self._arena = arena
        self._daemon = daemon
        self._run_state = run_state
        self._metrics = metrics
        self._tapes = tapes
        self._inference = Inference(metrics.note_inference)

    async def play(self, task: Task) -> list[Played]:
        """See MatchGames."""
        concurrent = concurrency(task.intent, capacity=await self._capacity())
        rewards: list[float | None] = [None] * len(task.matchups)
        queue = iter(enumerate(task.matchups))
        failure: GivenUp | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrent):
                    group.create_task(self._play_some(queue, task, rewards))
        except* GivenUp as errors:
            failure = next(each for each in errors.exceptions if isinstance(each, GivenUp))
        # Raised out here: early releases of Python 3.11 wrap in a group what is raised in there.
        if failure is not None:
            raise failure
        return ended(task, rewards)

    async def _play_some(
        self, queue: Iterator[tuple[int, Matchup]], task: Task, rewards: list[float | None]
    ) -> None:
        while not task.is_enough(rewards):
            number, matchup = next(queue, (0, None))
            if matchup is None:
                return
            rewards[number] = await self._reward(matchup, task, is_first=number == 0)

    async def _reward(self, matchup: Matchup, task: Task, *, is_first: bool) -> float:
        reason, failure = "", GivenUp
        for _ in range(ATTEMPTS):
            tape = self._tape(matchup, task.policy) if is_first else None
            outcome = await self._play(matchup, task, tape)
            reward = outcome.score(matchup.seat)
            if reward is not None:
                self._metrics.count_game(outcome.end.value, outcome.seconds)
                return reward
            reason = outcome.reason
            if outcome.end is End.REFUSED and matchup.opponent == ENGINE:
                raise Unplayable(f"the daemon cannot play against its own player: {reason}")
            failure = Unplayable if outcome.is_part_fault else GivenUp
        raise failure(f"a game ended without a result {ATTEMPTS} times: {reason}")

    def _tape(self, matchup: Matchup, policy: Policy) -> Tape | None:
        own = f"policy, version {policy.pointer.version}"
        players = {matchup.seat: own, 3 - matchup.seat: matchup.opponent}
        return self._tapes.record_evaluation(TapedGame(matchup.decks, matchup.seed, players))

    async def _play(self, matchup: Matchup, task: Task, tape: Tape | None) -> Outcome:
        seats = self._seats(matchup, task)
        if tape is not None:
            seats = tape.seats(seats)
        may_start = partial(self._is_meant, task.intent)
        game = asyncio.create_task(
            self._arena.play(self._command(matchup), seats, may_start=may_start)
        )
        change = asyncio.create_task(self._intent_other_than(task.intent))
        try:
            await asyncio.wait({game, change}, return_when=asyncio.FIRST_COMPLETED)
            outcome = game.result() if game.done() else None
        finally:
            await cancel_all((game, change))
        if tape is not None:
            tape.close(outcome)
        if outcome is None:
            raise GivenUp(f"the run's intent is now {self._run_state.intent.value}")
        return outcome

    def _command(self, matchup: Matchup) -> NewGame:
        return NewGame(
            deck1=matchup.decks[0],
            deck2=matchup.decks[1],
            interactive=True,
            quiet=self._daemon.quiet,
            limit_seconds=self._daemon.game_timeout_seconds,
            seed=matchup.seed,
            keep_open=True,
            ai_seat=3 - matchup.seat if matchup.opponent == ENGINE else None,
        )

    def _seats(self, matchup: Matchup, task: Task) -> dict[int, Seat]:
        seats: dict[int, Seat] = {matchup.seat: self._policy_seat(task.policy)}
        other, name = 3 - matchup.seat, matchup.opponent
        if name in task.rivals.policies:
            seats[other] = self._policy_seat(task.rivals.policies[name])
        elif name != ENGINE:
            agent = self._players[name]()
            seats[other] = ScriptedSeat(self._environment, agent, Random(matchup.seed))
        return seats

    def _policy_seat(self, policy: Policy) -> PolicySeat:
        return PolicySeat(
            self._environment, self._inference, policy, random=None, metrics=self._metrics
        )

    def _is_meant(self, intent: Intent) -> bool:
        return self._run_state.intent is intent

    async def _intent_other_than(self, intent: Intent) -> None:
        while self._is_meant(intent):
            await self._run_state.next_reading()
