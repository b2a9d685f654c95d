"""The thread that searches: games by their numbers, weights between rounds, faults and the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from trainingrun_actor.selfplay.searcher import (
    NoWeights,
    Progress,
    Searcher,
    SearchFault,
    SearchStuck,
    Weights,
)
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_environments.games import Game
from trainingrun_environments.registry import games_of
from trainingrun_search.evaluators import Answer, Evaluator, Request, Table
from trainingrun_search.selfplay import SelfPlay, SelfPlaySettings
from trainingrun_search.settings import SearchSettings

GAMES = games_of(BuiltIn("tic_tac_toe"))
SLOTS = 4
WAIT_SECONDS = 60


class Marked:
    """A table whose answers have a generation; NaN where it is broken."""

    def __init__(self, generation: int, *, is_broken: bool = False) -> None:
        self._table = Table(actions=9)
        self._generation = generation
        self._is_broken = is_broken

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        answer = self._table.evaluate(request)
        values = np.full_like(answer.values, np.nan) if self._is_broken else answer.values
        return Answer(answer.priors, values, self._generation)


@dataclass
class Heard:
    """What a searcher says, beside records."""

    refused: list[tuple[int, str]] = field(default_factory=list)
    done: list[Progress] = field(default_factory=list)
    has_refused: asyncio.Event = field(default_factory=asyncio.Event)

    def refuse(self, generation: int, reason: str) -> None:
        """See Refuse."""
        self.refused.append((generation, reason))
        self.has_refused.set()


class Fragile:
    """Games that fail when the first player has moved so often."""

    spec = GAMES.spec
    describe = GAMES.describe

    def __init__(self) -> None:
        self.is_broken = True

    def new(self, seed: int) -> Game:
        """Begin a game."""
        if self.is_broken:
            raise RuntimeError("no board\nanywhere")
        return GAMES.new(seed)


@asynccontextmanager
async def searching(
    heard: Heard, *, games: Fragile | None = None, slots: int = SLOTS
) -> AsyncIterator[Searcher]:
    """A searcher that has begun; it is closed at the end."""
    settings = SelfPlaySettings(search=SearchSettings(simulations=8), slots=slots)
    play = SelfPlay(games or GAMES, NoWeights(), settings, seed=1)
    found = Searcher(play, slots=slots, refuse=heard.refuse, note=heard.done.append)
    found.start()
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            yield found
    finally:
        found.give_up()
        await found.close()


def weights(generation: int, **options: bool) -> Weights:
    """Weights by their number."""
    evaluator: Evaluator = Marked(generation, **options)
    return Weights(evaluator, generation)


def test_more_games_than_slots_are_played_in_turn() -> None:
    """Expect all of twenty games in four slots, once there are weights and not before."""

    async def scenario() -> None:
        async with searching(Heard()) as searcher:
            games = [asyncio.create_task(searcher.play(number)) for number in range(20)]
            await asyncio.sleep(0)
            assert not any(game.done() for game in games)
            searcher.use(weights(1))
            records = await asyncio.gather(*games)
            assert [record.number for record in records] == list(range(20))

    asyncio.run(scenario())


def test_broken_weights_are_refused_and_those_before_play_on() -> None:
    """Expect the generation and the reason to be heard, and no move by it."""

    async def scenario() -> None:
        heard = Heard()
        async with searching(heard) as searcher:
            searcher.use(weights(1))
            await searcher.play(1)
            searcher.use(weights(2, is_broken=True))
            record = await searcher.play(2)
            assert set(record.generations.tolist()) == {1}
            [(generation, reason)] = heard.refused
            assert generation == 2
            assert "not finite" in reason

    asyncio.run(scenario())


def test_without_sound_weights_games_wait_for_others() -> None:
    """Expect a game whose first weights are broken to be played by the next ones."""

    async def scenario() -> None:
        heard = Heard()
        async with searching(heard) as searcher:
            searcher.use(weights(1, is_broken=True))
            game = asyncio.create_task(searcher.play(1))
            await heard.has_refused.wait()
            assert not game.done()
            searcher.use(weights(2))
            assert set((await game).generations.tolist()) == {2}

    asyncio.run(scenario())


def test_a_game_that_fails_says_how_and_the_next_is_played() -> None:
    """Expect a fault in one line, and a game after it."""

    async def scenario() -> None:
        games = Fragile()
        games.is_broken = False
        async with searching(Heard(), games=games) as searcher:
            searcher.use(weights(1))
            games.is_broken = True
            with pytest.raises(SearchFault, match="first move: RuntimeError: no board anywhere"):
                await searcher.play(1)
            games.is_broken = False
            assert (await searcher.play(2)).number == 2

    asyncio.run(scenario())


def test_games_that_are_given_up_are_cancelled_and_their_slots_free() -> None:
    """Expect those who wait to be cancelled, and as many games afterwards."""

    async def scenario() -> None:
        async with searching(Heard()) as searcher:
            games = [asyncio.create_task(searcher.play(number)) for number in range(SLOTS)]
            await asyncio.sleep(0)
            searcher.give_up()
            await asyncio.wait(games)
            assert all(game.cancelled() for game in games)
            searcher.use(weights(1))
            later = [asyncio.create_task(searcher.play(10 + number)) for number in range(SLOTS)]
            assert len(await asyncio.gather(*later)) == SLOTS

    asyncio.run(scenario())


class Silent:
    """Does not answer before it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        self.may_answer.wait(WAIT_SECONDS)
        return Marked(1).evaluate(request)


def test_a_round_that_does_not_end_ends_the_process() -> None:
    """Expect an error while an evaluator is silent, and the game once it answers."""

    async def scenario() -> None:
        silent = Silent()
        async with searching(Heard()) as searcher:
            watched = asyncio.create_task(searcher.ended(stuck_seconds=0.05))
            searcher.use(Weights(silent, 1))
            game = asyncio.create_task(searcher.play(1))
            try:
                with pytest.raises(SearchStuck, match="does not return"):
                    await watched
            finally:
                silent.may_answer.set()
            await game

    asyncio.run(scenario())


def test_what_is_done_is_noted() -> None:
    """Expect simulations and positions to add up, and time in both parts."""

    async def scenario() -> None:
        heard = Heard()
        async with searching(heard, slots=1) as searcher:
            searcher.use(weights(1))
            for number in range(400):
                await searcher.play(number)
            while not heard.done:
                await searcher.play(len(heard.done) + 1000)
        assert sum(each.moves for each in heard.done) >= 5
        assert sum(each.simulations for each in heard.done) > 0
        assert all(each.positions <= each.simulations + 1000 for each in heard.done)
        assert min(min(each.tree_seconds, each.evaluator_seconds) for each in heard.done) > 0

    asyncio.run(scenario())
