"""Many training games at once: who may start, who sits where, and what a game's end means.

Games start while the run is meant to play, has games left to play, Redis answers and the queue has
room. Each takes a number together with its slot (``contracts.games``), and the number says which
phase of the curriculum it is played in. A number is never kept: its game ends, or it is given up.
Back-pressure holds back new games only: a game that was paused midway would run into
the daemon's clock and end as a draw. So the queue may exceed the high water by
what the running games still bring.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from random import Random
from time import monotonic
from typing import Final

import redis
from msgspec import Struct
from trainingrun_contracts.curriculum import Setting
from trainingrun_contracts.reports import ActorState, Intent
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.segment import Segment
from trainingrun_protocol.commands import NewGame

from trainingrun_actor.arena import Arena
from trainingrun_actor.game import End, Outcome, Seat
from trainingrun_actor.inference import Inference
from trainingrun_actor.leases import GameStart
from trainingrun_actor.opponents import AGENTS, ENGINE
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policies import Policies
from trainingrun_actor.policy import Policy
from trainingrun_actor.recorder import Clock, GameIdentity, Recorder
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.schedule import LATEST, PAST, Matchup, training_matchups
from trainingrun_actor.seats import LearnerSeat, PolicySeat, ScriptedSeat
from trainingrun_actor.sink import GameEnd, Sink
from trainingrun_actor.tapes import TapedGame, Tapes
from trainingrun_actor.tasks import cancel_all, first_failure

DRAIN_SECONDS: Final = 60.0
_LEARNER: Final = "newest policy"
_SEND_SECONDS: Final = 10.0
_MOST_PASSED_OVER: Final = 100

_log = logging.getLogger(__name__)


class Dependencies(Struct, frozen=True):
    """What a fleet is made of."""

    arena: Arena
    inference: Inference
    policies: Policies
    sink: Sink
    run_state: RunStatePoller
    metrics: PlayMetrics
    clock: Clock
    tapes: Tapes
    notify: Callable[[str, str], Awaitable[None]]
    """Publish a notice: a reason in CamelCase and a sentence."""


class _Schedule(Struct, frozen=True):
    """The games of one phase: what they are played with, and who plays whom."""

    setting: Setting
    matchups: Iterator[Matchup]


class Fleet:
    """Plays training games until it is stopped."""

    def __init__(self, config: RunConfig, parts: Dependencies, *, actor: str, seed: str) -> None:
        self._config = config
        self._parts = parts
        self._actor = actor
        self._seed = seed
        self._schedules: dict[int, _Schedule] = {}
        self._random = Random(f"{seed}:sampling")
        self._games: set[asyncio.Task[Outcome | None]] = set()
        self._number = 0
        self._taken = 0
        """Games that have been permitted and have not ended: they are as good as played."""
        self._is_stopping = False
        self._refusals: set[str] = set()

    @property
    def is_done(self) -> bool:
        """Whether no game runs and none is to be started."""
        return not self._is_wanted() and not self._games

    def state(self) -> ActorState:
        """Return the state for the actor's report."""
        if not self._is_wanted():
            is_drained = self.is_done and self._parts.sink.is_empty
            return ActorState.DRAINED if is_drained else ActorState.PLAYING
        if self._parts.sink.is_paused:
            return ActorState.PAUSED
        return ActorState.PLAYING if self._parts.metrics.running else ActorState.WAITING

    async def run(self) -> None:
        """Play until cancelled."""
        tasks = [asyncio.create_task(self._enforce_drain())]
        for _ in range(self._config.actor.games_per_actor):
            tasks.append(asyncio.create_task(self._work()))
        try:
            await first_failure(tasks)
        finally:
            await cancel_all((*tasks, *self._games))

    async def stop(self, *, seconds: float) -> None:
        """Stop starting games; give running ones ``seconds`` to end, then give them up."""
        self._is_stopping = True
        if self._games:
            await asyncio.wait(self._games, timeout=seconds)
        await self._abandon_games()

    # --- whether to play --------------------------------------------------------------------------

    def _is_wanted(self) -> bool:
        is_meant_to_play = self._parts.run_state.intent is Intent.RUN and self._games_left() > 0
        return is_meant_to_play and not self._is_stopping

    @property
    def _target(self) -> int:
        watched = self._parts.run_state.target
        return self._config.games if watched is None else watched

    def _games_left(self) -> int:
        run_state, sink = self._parts.run_state, self._parts.sink
        return self._target - max(run_state.games_played, sink.games_known)

    def _may_start(self) -> bool:
        run_state = self._parts.run_state
        knows_phase = run_state.is_current and (
            run_state.phase is not None or not self._config.phased
        )
        return self._is_wanted() and knows_phase and not self._parts.sink.is_paused

    async def _permission(self) -> None:
        metrics, sink = self._parts.metrics, self._parts.sink
        while not (
            self._may_start() and self._games_left() > self._taken and await self._is_in_step()
        ):
            is_paused = sink.is_paused
            began = monotonic()
            await self._parts.run_state.next_reading()
            if is_paused:
                waited = monotonic() - began
                metrics.waited["queue"] += waited
                metrics.paused_seconds += waited / self._config.actor.games_per_actor
        self._taken += 1

    async def _is_in_step(self) -> bool:
        """Return whether the learner has trained and published all that it can of what was sent;
        always so, unless the run is to be repeated bit for bit.

        The learner publishes before it acknowledges, and a reading asks for the depth before the
        weights: with less than a batch in the queue, the weights that were read are the last.
        """
        if not self._config.sync:
            return True
        sink, run_state = self._parts.sink, self._parts.run_state
        if not await sink.flush(_SEND_SECONDS):
            return False
        try:
            await run_state.read()
        except (redis.RedisError, OSError):
            return False  # the poller reports it, and waits it out
        has_weights = self._parts.policies.newest is not None
        return has_weights and sink.depth < self._config.learner.batch_transitions

    async def _enforce_drain(self) -> None:
        """Games that still run a minute after the run was drained are given up."""
        deadline: float | None = None
        while True:
            await self._parts.run_state.next_reading()
            if self._parts.run_state.intent is Intent.RUN:
                deadline = None
            elif deadline is None:
                deadline = monotonic() + DRAIN_SECONDS
            elif monotonic() > deadline:
                await self._abandon_games()

    async def _abandon_games(self) -> None:
        await cancel_all(self._games)

    # --- one game after another -------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            await self._permission()
            try:
                await self._play_next()
            finally:
                self._taken -= 1

    async def _play_next(self) -> None:
        parts = self._parts
        await parts.policies.fresh()  # no slot is held while there are no weights at all
        start = await parts.arena.start_game(target=self._target, may_start=self._may_start)
        if start is None:
            return
        game = None
        try:
            schedule = await self._schedule(start.phase)
            matchup = self._matchup(schedule, start.lease.endpoint)
            game = (matchup, *await self._seats(matchup, schedule.setting))
        except (redis.RedisError, OSError) as error:
            _log.info("game %d does not begin: %s", start.number, error)
        finally:
            if game is None:
                parts.sink.end_game(GameEnd(start.number, is_over=False, counters=()))
                await asyncio.shield(parts.arena.give_back(start.lease))
        if game is not None:
            await self._play_started(start, *game)

    def _matchup(self, schedule: _Schedule, endpoint: str) -> Matchup:
        """Return the next game; a daemon that seats no engine gets one against somebody else."""
        matchup = next(schedule.matchups)
        if matchup.opponent != ENGINE or self._parts.arena.seats_engine(endpoint):
            return matchup
        others = islice(schedule.matchups, _MOST_PASSED_OVER)
        return next((other for other in others if other.opponent != ENGINE), matchup)

    async def _play_started(
        self, start: GameStart, matchup: Matchup, seats: dict[int, Seat], players: dict[int, str]
    ) -> None:
        """Play a game whose number and slot are taken, and say what became of it."""
        opponent = players[3 - matchup.seat]
        tape = self._parts.tapes.record_training(TapedGame(matchup.decks, matchup.seed, players))
        if tape is not None:
            seats = tape.seats(seats)
        game = asyncio.create_task(self._play(start, matchup, seats))
        self._games.add(game)
        game.add_done_callback(self._games.discard)
        await asyncio.wait({game})
        if tape is not None:
            tape.close(None if game.cancelled() else game.result())
        given_up = Outcome(End.ABORTED, None, 0.0, "given up")
        outcome = given_up if game.cancelled() else game.result()
        self._account(start.number, matchup, outcome, opponent)
        if outcome is not None:
            await self._notify_refusal(outcome)

    async def _schedule(self, phase: int) -> _Schedule:
        """Return the games of a phase; the run's own without a curriculum.

        Redis may know of a phase that was written since the last reading.
        """
        run_state = self._parts.run_state
        plan = run_state.phase
        if phase and (plan is None or plan.planned(phase) is None):
            await run_state.read()
            plan = run_state.phase
        if plan is None:
            return self._schedule_of(0, Setting(self._config.decks, self._config.self_play))
        planned = plan.planned(phase)
        if planned is None:  # of a phase long past, or without a number: by what holds now
            return self._schedule_of(plan.number, plan.setting)
        return self._schedule_of(phase, planned.setting)

    def _schedule_of(self, phase: int, setting: Setting) -> _Schedule:
        """Of one phase; a pair that its games have not finished is left when it is edited."""
        known = self._schedules.get(phase)
        if known is None or known.setting != setting:
            seed = f"{self._seed}:{phase}" if phase else self._seed
            matchups = training_matchups(setting.decks, setting.opponents, seed=seed)
            known = self._schedules[phase] = _Schedule(setting, matchups)
        return known

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
            command, seats, may_start=self._may_start, lease=start.lease
        )

    async def _seats(
        self, matchup: Matchup, setting: Setting
    ) -> tuple[dict[int, Seat], dict[int, str]]:
        """Who plays the seats, and the words for it."""
        self._number += 1
        opponent = matchup.opponent
        game_id = f"{self._actor}/{self._number}"
        other = 3 - matchup.seat
        if opponent == LATEST:
            seats = (matchup.seat, other)
            learners = {
                seat: self._learner(matchup, game_id, seat, LATEST, setting) for seat in seats
            }
            return learners, dict.fromkeys(seats, _LEARNER)
        self._parts.policies.opponents.curve = setting.opponents.pfsp
        opposing, name = await self._opponent(opponent)
        learner = self._learner(matchup, game_id, matchup.seat, name, setting)
        table: dict[int, Seat] = {matchup.seat: learner}
        if opposing is not None:
            table[other] = opposing
        return table, {matchup.seat: _LEARNER, other: name}

    def _learner(
        self, matchup: Matchup, game_id: str, seat: int, opponent: str, setting: Setting
    ) -> Seat:
        parts = self._parts
        weights: Callable[[], Awaitable[Policy]] = parts.policies.fresh
        clock = parts.clock
        if self._config.sync:  # neither new weights nor the time may cut a game's segments
            weights, clock = _always(parts.policies.newest), Clock(_no_time, clock.wall)
        identity = GameIdentity(
            run_id=self._config.run_id,
            actor=self._actor,
            game_id=game_id,
            seat=seat,
            seed=matchup.seed,
            decks=matchup.decks,
            opponent=opponent,
        )
        return LearnerSeat(
            parts.inference,
            weights,
            Recorder(identity, clock=clock, emit=self._emit, gamma=setting.gamma),
            random=Random(self._random.getrandbits(63)),
            metrics=parts.metrics,
            shaping=setting.shaping,
        )

    async def _opponent(self, name: str) -> tuple[Seat | None, str]:
        parts = self._parts
        if name == ENGINE:
            return None, name
        random = Random(self._random.getrandbits(63))
        if name != PAST:
            return ScriptedSeat(AGENTS[name](), random), name
        policy = await parts.policies.past(random)
        seat = PolicySeat(parts.inference, policy, random=random, metrics=parts.metrics)
        return seat, f"{PAST}:{policy.pointer.version}"

    def _emit(self, segment: Segment) -> None:
        self._parts.sink.offer(segment)

    # --- what a game's end means ------------------------------------------------------------------

    def _account(
        self, number: int, matchup: Matchup, outcome: Outcome | None, opponent: str
    ) -> None:
        """Say what became of a game; that travels behind its last segments.

        The number of a game that was not played to its end goes to the next one.
        """
        parts = self._parts
        if outcome is None or outcome.end is End.REFUSED:
            parts.sink.end_game(GameEnd(number, is_over=False, counters=()))
            return
        parts.metrics.count_game(outcome.end.value, outcome.seconds)
        counters = _counters(matchup, outcome, opponent)
        is_over = outcome.end is not End.ABORTED
        parts.sink.end_game(GameEnd(number, is_over=is_over, counters=counters))

    async def _notify_refusal(self, outcome: Outcome) -> None:
        if outcome.end is End.REFUSED and outcome.reason not in self._refusals:
            self._refusals.add(outcome.reason)
            await self._parts.notify("GameRefused", f"a daemon refused a game: {outcome.reason}")


def _counters(matchup: Matchup, outcome: Outcome, opponent: str) -> tuple[str, ...]:
    """Counters of ``keys.games`` that a game raises."""
    match outcome.end:
        case End.WON:
            result = "won" if outcome.winner == matchup.seat else "lost"
            names = ["played", f"seat{outcome.winner}"]
        case End.DRAW:
            result, names = "drawn", ["played", "draws"]
        case End.TIMEOUT:
            result, names = "drawn", ["played", "draws", "timeouts"]
        case End.ABORTED | End.REFUSED:
            return ("aborted",)
    if matchup.opponent != LATEST:
        names.append(f"{matchup.opponent}:{result}")
    if matchup.opponent == PAST:
        names.append(f"{opponent}:{result}")
    return tuple(names)


def _always(policy: Policy | None) -> Callable[[], Awaitable[Policy]]:
    """Gives this policy, whatever is published meanwhile."""

    async def give() -> Policy:
        assert policy is not None, "games are in step with the weights, so there are some"
        return policy

    return give


def _no_time() -> float:
    """Return a clock that stands still."""
    return 0.0
