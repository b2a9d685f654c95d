"""Training games take their numbers from a real Redis, and each belongs to one phase.

The scripts are held against the pure functions of ``curriculum`` and against the invariants, with
actors that die, give up, come too late and repeat what they said.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trainingrun_contracts import games, slots
from trainingrun_contracts.curriculum import (
    BegunPhase,
    CurrentPhase,
    PlannedPhase,
    Setting,
    begun_from,
    encode_phase,
    phase_of_next_game,
    phase_of_repeated_game,
)
from trainingrun_contracts.run_config import OpponentsConfig
from trainingrun_contracts.stream.keys import Keys

KEYS = Keys("r")
SETTING = Setting(("red",), OpponentsConfig())


def plan(*lengths: int | None, number: int = 1) -> CurrentPhase:
    """Phases of these lengths; the first holds."""
    first, *rest = lengths
    following = tuple(
        PlannedPhase(f"p{number + at}", number + at, SETTING, length)
        for at, length in enumerate(rest, 1)
    )
    return CurrentPhase(
        f"p{number}", number, 0, 0, 0, "it begins", SETTING, lasts=first, following=following
    )


class Run:
    """A run's games in Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._start: Any = client.register_script(games.START)
        self._renew: Any = client.register_script(games.RENEW)
        self._end: Any = client.register_script(games.END)
        self._names = iter(range(10**9))

    def serve(self, capacity: int = 1000) -> None:
        """Have one daemon."""
        pipe = self.client.pipeline()
        slots.publish(pipe, KEYS.daemons, {"a": slots.DaemonSlot(capacity)})
        pipe.execute()

    def write_state(self, phases: CurrentPhase) -> None:
        """Write the phases as the operator does."""
        self.client.set(KEYS.phase, encode_phase(phases))

    def start(self, *, target: int = 10**6, seconds: float = 20) -> tuple[int, int] | None:
        """Number and phase of a game that starts."""
        lease = f"x:{next(self._names)}"
        found = self._start(
            keys=games.start_keys(KEYS),
            args=games.start_arguments(KEYS, [lease], target=target, seconds=seconds),
        )
        return (int(found[0][1]), int(found[0][2])) if found else None

    def end(self, number: int, *, is_over: bool = True) -> tuple[int, int]:
        """Whether the game counts, and the games played."""
        counters = ["played" if is_over else "aborted"]
        keys = [KEYS.games, KEYS.open_games]
        counts, played = self._end(keys=keys, args=[number, int(is_over), *counters])
        return int(counts), int(played)

    def renew(self, *numbers: int, seconds: float = 20) -> None:
        """Hold numbers for longer."""
        self._renew(keys=[KEYS.open_games], args=[seconds, *numbers])

    def expire(self, *numbers: int, seconds: float) -> None:
        """Let this many seconds go by since the leases of these numbers ended."""
        self.client.zadd(KEYS.open_games, {str(each): time.time() - seconds for each in numbers})

    @property
    def begun(self) -> dict[int, BegunPhase]:
        """The phases that have begun."""
        reply: Any = self.client.hgetall(KEYS.begun)
        return begun_from(reply)


@pytest.fixture
def run(redis_client: redis.Redis) -> Run:
    """A run with room for a thousand games at once."""
    made = Run(redis_client)
    made.serve()
    return made


def test_no_game_starts_beyond_the_target(run: Run) -> None:
    """Five numbers for a target of five; one that was given up is given again, one that ended is
    not, and the count never exceeds the target."""
    assert [run.start(target=5) for _ in range(6)] == [(n, 0) for n in range(1, 6)] + [None]
    assert run.end(2, is_over=False) == (1, 0)
    assert run.start(target=5) == (2, 0)
    assert [run.end(n)[1] for n in (5, 4, 3, 2, 1)] == [1, 2, 3, 4, 5]
    assert run.start(target=5) is None


def test_the_target_in_redis_comes_first(run: Run) -> None:
    """It moves while the run continues."""
    run.client.set(KEYS.target, 2)
    assert [run.start(target=9) for _ in range(3)] == [(1, 0), (2, 0), None]
    run.client.set(KEYS.target, 3)
    assert run.start(target=9) == (3, 0)


def test_a_number_is_taken_only_with_a_slot(run: Run) -> None:
    """A full daemon costs no number."""
    run.serve(capacity=1)
    assert run.start() == (1, 0)
    assert run.start() is None
    run.serve(capacity=2)
    assert run.start() == (2, 0)


def test_a_game_counts_once(run: Run) -> None:
    """Said twice, or played by two actors after its lease had expired."""
    assert run.start() == (1, 0)
    assert run.end(1) == (1, 1)
    assert run.end(1) == (0, 1)


def test_the_number_of_a_dead_actor_goes_to_another(run: Run) -> None:
    """At once when there is no other; else a while later, so that an actor that was only cut off
    can renew. One that is renewed stays."""
    assert [run.start(target=3) for _ in range(3)] == [(1, 0), (2, 0), (3, 0)]
    assert run.start(target=3) is None
    run.expire(2, seconds=1)
    assert run.start(target=4) == (4, 0)
    assert run.start(target=4) == (2, 0)
    run.expire(1, seconds=30)
    assert run.start(target=9) == (1, 0)
    run.expire(3, seconds=30)
    run.renew(3)
    assert run.start(target=9) == (5, 0)


def test_renewing_revives_nothing(run: Run) -> None:
    """Neither a game that ended nor one that was given up."""
    run.start(), run.start()
    run.end(1)
    run.end(2, is_over=False)
    run.renew(1, 2)
    assert run.start() == (2, 0)
    assert run.start() == (3, 0)


def test_a_clock_that_was_set_back_holds_no_number_for_long(run: Run) -> None:
    """A lease lasts from now on at most."""
    run.start(target=1)
    run.expire(1, seconds=-10_000)
    assert run.start(target=1) is None
    assert float(run.client.zscore(KEYS.open_games, "1") or 0) < time.time() + 60


def test_a_run_of_an_older_version_goes_on_from_its_games(run: Run) -> None:
    """It has played games and has no numbers."""
    run.client.hset(KEYS.games, "played", 40)
    assert run.start(target=42) == (41, 0)
    assert run.start(target=42) == (42, 0)
    assert run.start(target=42) is None


def test_each_phase_has_its_games_whoever_looks(run: Run) -> None:
    """Fifteen, then twenty, then the rest, all within one reconcile of an operator; the record says
    from which game and what had been produced."""
    run.write_state(plan(15, 20, None))
    phases = []
    for number in range(60):
        run.client.hset(KEYS.produced, "actor", 100 * number)
        found = run.start(target=60)
        assert found is not None
        phases.append(found[1])
    assert phases == [1] * 15 + [2] * 20 + [3] * 25
    assert [(each.games, each.transitions) for _, each in sorted(run.begun.items())] == [
        (0, 0),
        (15, 1500),
        (35, 3500),
    ]


def test_a_game_that_is_played_again_keeps_its_phase(run: Run) -> None:
    """Even though the next phase has begun."""
    run.write_state(plan(2, None))
    assert [run.start() for _ in range(4)] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    run.end(1, is_over=False)
    assert run.start() == (1, 1)


def test_a_decided_phase_begins_with_the_next_game(run: Run) -> None:
    """Its length counts from there."""
    run.write_state(plan(None))
    assert [run.start() for _ in range(3)] == [(1, 1), (2, 1), (3, 1)]
    run.write_state(plan(2, None, number=2))
    assert [run.start() for _ in range(4)] == [(4, 2), (5, 2), (6, 3), (7, 3)]
    assert {number: each.games for number, each in run.begun.items()} == {1: 0, 2: 3, 3: 5}


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[]", b"7", b"\xff", b'{"number": "x"}', b'{"number": 1}']
)
def test_a_phase_that_cannot_be_read_stops_no_game(run: Run, value: bytes) -> None:
    """Whatever wrote it; the numbers continue."""
    run.client.set(KEYS.phase, value)
    run.client.hset(KEYS.begun, mapping={"x": "[1]", "1": "{", "2": "[]"})
    found = run.start()
    assert found is not None
    assert found[0] == 1


class Story:
    """Actors and an operator that do anything in any order; each step checks the laws."""

    def __init__(self, run: Run, lengths: list[int]) -> None:
        run.client.flushall()
        run.serve()
        self.run = run
        self.told = plan(*lengths, None)
        run.write_state(self.told)
        self.target, self.started = 30, 0
        self.over: set[int] = set()
        self.phase_of: dict[int, int] = {}
        self.held: list[int] = []

    def set_target(self, games_wanted: int) -> None:
        """The goal of the run moves."""
        self.target = games_wanted

    def decide(self, lasts: int) -> None:
        """A win rate ends the phase that holds, if it has begun."""
        begun = self.run.begun
        if max((self.told.number, *begun)) == self.told.number and self.told.number in begun:
            self.told = plan(lasts, None, number=self.told.number + 1)
            self.run.write_state(self.told)

    def start(self, _: int) -> None:
        """A game starts: in the phase that the pure functions name, and never in another."""
        begun = self.run.begun
        found = self.run.start(target=self.target)
        if found is None:
            assert self.started >= self.target
            return
        game, phase = found
        assert game <= self.target
        assert game not in self.over
        is_new = game == self.started + 1
        rule = phase_of_next_game if is_new else phase_of_repeated_game
        assert phase == rule(game, self.told, begun)
        assert self.phase_of.setdefault(game, phase) == phase
        self.started = max(self.started, game)
        self.held.append(game)

    def end(self, at: int) -> None:
        """A game ends, perhaps again; its number counts once."""
        number = self.held[at % len(self.held)]
        counts, played = self.run.end(number)
        assert counts == (number not in self.over)
        self.over.add(number)
        assert played == len(self.over)

    def give_up(self, at: int) -> None:
        """A game is given up."""
        self.run.end(self.held[at % len(self.held)], is_over=False)

    def die(self, at: int) -> None:
        """The actor of a game is killed."""
        number = self.held[at % len(self.held)]
        if number not in self.over:
            self.run.expire(number, seconds=60)

    def renew(self, _: int) -> None:
        """Everybody renews, those too whose games are over."""
        self.run.renew(*self.held)

    def check(self) -> None:
        """No phase comes back, and one of this many games has this many numbers."""
        phases = [phase for _, phase in sorted(self.phase_of.items())]
        assert phases == sorted(phases)
        begun = self.run.begun
        for number, record in begun.items():
            assert phases.index(number) == record.games
            planned = self.told.planned(number)
            if number + 1 in begun and planned is not None and planned.lasts is not None:
                assert phases.count(number) == planned.lasts


_EVENTS = st.tuples(
    st.sampled_from(
        [
            Story.start,
            Story.start,
            Story.start,
            Story.end,
            Story.end,
            Story.give_up,
            Story.die,
            Story.renew,
            Story.set_target,
            Story.decide,
        ]
    ),
    st.integers(1, 40),
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    lengths=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    events=st.lists(_EVENTS, max_size=60),
)
def test_whatever_happens_no_number_counts_twice_and_no_phase_comes_back(
    run: Run, lengths: list[int], events: list[tuple[Callable[[Story, int], None], int]]
) -> None:
    """The script gives the phase that the pure functions give; a phase of n games has n numbers."""
    story = Story(run, lengths)
    story.start(0)
    for act, at in events:
        act(story, at)
    story.check()
