"""Who plays whom in a training game, and who sits where.

A game's number says which phase of the curriculum it is played in; each phase has a schedule of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Final

from msgspec import Struct
from trainingrun_contracts.curriculum import CurrentPhase, Setting
from trainingrun_contracts.run_config import RunConfig
from trainingrun_environments.agents import ENGINE, Agents
from trainingrun_environments.players import players_of
from trainingrun_environments.potentials import Potential, potential_of
from trainingrun_environments.seam import Environment

from trainingrun_actor.dependencies import Dependencies
from trainingrun_actor.game import Seat
from trainingrun_actor.policy import Policy
from trainingrun_actor.recorder import Clock, GameIdentity, Recorder
from trainingrun_actor.schedule import LATEST, PAST, Matchup, training_matchups
from trainingrun_actor.seats import LearnerSeat, PolicySeat, ScriptedSeat, Weights

_LEARNER: Final = "newest policy"
_MOST_PASSED_OVER: Final = 100


class SeatedGame(Struct, frozen=True):
    """A game that can begin: its matchup, who plays the seats, and their names."""

    matchup: Matchup
    seats: dict[int, Seat]
    players: dict[int, str]

    @property
    def opponent(self) -> str:
        """The name of whom the matchup's seat plays against."""
        return self.players[3 - self.matchup.seat]


class _Schedule(Struct, frozen=True):
    """The games of one phase: what they are played with, and who plays whom."""

    setting: Setting
    matchups: Iterator[Matchup]
    players: Agents
    potential: Potential


class Seating:
    """Seats the games of one actor."""

    def __init__(self, config: RunConfig, parts: Dependencies, *, actor: str, seed: str) -> None:
        self._config = config
        self._parts = parts
        self._actor = actor
        self._seed = seed
        self._schedules: dict[int, _Schedule] = {}
        self._random = Random(f"{seed}:sampling")
        self._number = 0
        self._schema_hash = parts.environment.spec.schema_hash
        self._plan: CurrentPhase | None = None

    async def seat(self, *, phase: int, endpoint: str) -> SeatedGame:
        """Return the next game of a phase, for a daemon; ``endpoint`` is empty where it is played
        in this process.

        Raises:
            redis.RedisError, OSError: Redis, which knows the phase or the weights, is away.
            ConfigError: a phase names a player or a potential that cannot be had here.
        """
        schedule = await self._schedule(phase)
        matchup = self._matchup(schedule, endpoint)
        seats, players = await self._seats(matchup, schedule)
        return SeatedGame(matchup, seats, players)

    def _matchup(self, schedule: _Schedule, endpoint: str) -> Matchup:
        """Return the next game; a daemon that seats no engine gets one against somebody else."""
        matchup = next(schedule.matchups)
        if matchup.opponent != ENGINE or self._parts.arena.seats_engine(endpoint):
            return matchup
        others = islice(schedule.matchups, _MOST_PASSED_OVER)
        return next((other for other in others if other.opponent != ENGINE), matchup)

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
            return self._schedule_of(0, self._without_phases)
        self._check(plan)
        planned = plan.planned(phase)
        if planned is None:  # of a phase long past, or without a number: by what holds now
            return self._schedule_of(plan.number, plan.setting)
        return self._schedule_of(phase, planned.setting)

    @property
    def _without_phases(self) -> Setting:
        config = self._config
        gamma = config.learner.ppo.gamma
        return Setting(config.decks, config.self_play, config.shaping, gamma)

    def _check(self, plan: CurrentPhase) -> None:
        """See, before the first game, that the parts of phases to come can be had here, too."""
        if plan == self._plan:
            return
        for phase in plan.every:
            _parts_of(phase.setting, self._parts.environment)
        self._plan = plan

    def _schedule_of(self, phase: int, setting: Setting) -> _Schedule:
        """Of one phase; a pair that its games have not finished is left when it is edited."""
        known = self._schedules.get(phase)
        if known is None or known.setting != setting:
            seed = f"{self._seed}:{phase}" if phase else self._seed
            matchups = training_matchups(setting.decks, setting.opponents, seed=seed)
            parts = _parts_of(setting, self._parts.environment)
            known = self._schedules[phase] = _Schedule(setting, matchups, *parts)
        return known

    async def _seats(
        self, matchup: Matchup, schedule: _Schedule
    ) -> tuple[dict[int, Seat], dict[int, str]]:
        """Return who plays the seats, and their names."""
        self._number += 1
        opponent = matchup.opponent
        game_id = f"{self._actor}/{self._number}"
        other = 3 - matchup.seat
        if opponent == LATEST:
            seats = (matchup.seat, other)
            learners = {
                seat: self._learner(matchup, game_id, seat, LATEST, schedule) for seat in seats
            }
            return learners, dict.fromkeys(seats, _LEARNER)
        policies = self._parts.policies
        policies.opponents.curve = policies.league.curve = schedule.setting.opponents.pfsp
        opposing, name = await self._opponent(opponent, schedule.players)
        learner = self._learner(matchup, game_id, matchup.seat, name, schedule)
        table: dict[int, Seat] = {matchup.seat: learner}
        if opposing is not None:
            table[other] = opposing
        return table, {matchup.seat: _LEARNER, other: name}

    def _learner(
        self, matchup: Matchup, game_id: str, seat: int, opponent: str, schedule: _Schedule
    ) -> Seat:
        parts, gamma = self._parts, schedule.setting.gamma
        weights: Weights = parts.policies
        clock = parts.clock
        if self._config.sync:  # neither new weights nor the time may cut a game's segments
            weights, clock = _Same(parts.policies.newest), Clock(_no_time, clock.wall)
        identity = GameIdentity(
            run_id=self._config.run_id,
            schema_hash=self._schema_hash,
            actor=self._actor,
            game_id=game_id,
            seat=seat,
            seed=matchup.seed,
            decks=matchup.decks,
            opponent=opponent,
        )
        return LearnerSeat(
            parts.environment,
            parts.inference,
            weights,
            Recorder(identity, clock=clock, emit=parts.sink.offer, gamma=gamma),
            random=Random(self._random.getrandbits(63)),
            metrics=parts.metrics,
            potential=schedule.potential,
        )

    async def _opponent(self, name: str, players: Agents) -> tuple[Seat | None, str]:
        parts = self._parts
        if name == ENGINE:
            return None, name
        random = Random(self._random.getrandbits(63))
        if name != PAST:
            return ScriptedSeat(parts.environment, players[name](), random), name
        policy, called = await self._past(random)
        seat = PolicySeat(
            parts.environment, parts.inference, policy, random=random, metrics=parts.metrics
        )
        return seat, called

    async def _past(self, random: Random) -> tuple[Policy, str]:
        """Return a model of the league where the run has such opponents, else a past self."""
        met = await self._parts.policies.of_league(random)
        if met is not None:
            return met
        policy = await self._parts.policies.past(random)
        return policy, f"{PAST}:{policy.pointer.version}"


def _parts_of(setting: Setting, environment: Environment) -> tuple[Agents, Potential]:
    """Return the scripted players of a phase, and its potential.

    Raises:
        ConfigError: one of them cannot be had here.
    """
    opponents = setting.opponents
    named = opponents.scripted_players if opponents.scripted > 0 else ()
    return players_of(environment, named), potential_of(environment, setting.shaping)


class _Same:
    """These weights, whatever is published meanwhile; see Weights."""

    def __init__(self, policy: Policy | None) -> None:
        assert policy is not None, "games are in step with the weights, so there are some"
        self.at_hand: Policy | None = policy
        self._policy = policy

    async def fresh(self) -> Policy:
        """See Weights."""
        return self._policy


def _no_time() -> float:
    """Return a clock that stands still."""
    return 0.0
