"""Plays a version's match against one opponent, and stores its result.

The policy plays greedily: it is the strongest way to play that it has, and the result then does not
depend on how much it still explores. So do its past selves and the champion.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import time

from msgspec import Struct
from msgspec.structs import replace
from trainingrun_contracts.ratings.gate import GateTest, judge
from trainingrun_contracts.reports import CHAMPION, Evaluation, GateResult, GateVerdict, Intent
from trainingrun_contracts.run_config import GateConfig, RunConfig
from trainingrun_contracts.weights import WeightsError
from trainingrun_protocol.commands import NO_SCENARIO

from trainingrun_actor.agenda import Due
from trainingrun_actor.evaluation_results import Played, evaluation_of, pair_scores, rating_of
from trainingrun_actor.evaluation_store import EvaluationStore
from trainingrun_actor.match_games import MatchGames, Rivals, Task
from trainingrun_actor.policies import PAST_KEPT, Policies
from trainingrun_actor.policy import Policy
from trainingrun_actor.schedule import PAST, evaluation_matchups

_log = logging.getLogger(__name__)


class Match(Struct, frozen=True):
    """These weights against one opponent, in a number of games, under an intent."""

    due: Due
    opponent: str
    games: int
    intent: Intent

    @property
    def version(self) -> int:
        """The weights' version."""
        return self.due.policy.pointer.version


class MatchRunner:
    """Runs one match at a time."""

    def __init__(
        self,
        config: RunConfig,
        *,
        games_against: Callable[[str], MatchGames],
        policies: Policies,
        store: EvaluationStore,
    ) -> None:
        self._config = config
        self._games_against = games_against
        self._policies = policies
        self._store = store

    async def run(self, match: Match) -> None:
        """Play, and store the result.

        Raises:
            GivenUp: the intent changed, or a game was aborted time and again.
            Unplayable: the opponent cannot be played.
        """
        gate = self._config.evaluation.gate
        if match.opponent == CHAMPION and gate is not None:
            await self._challenge(match, gate)
        else:
            await self._measure(match)

    async def _measure(self, match: Match) -> None:
        rivals = await self._rivals(match.due.policy, match.opponent)
        seed = f"{self._config.seed}:{match.opponent}"
        task = self._task(match, rivals, games=match.games, seed=seed)
        await self._store.add(self._rated(await self._play(task, match), match))

    async def _rivals(self, policy: Policy, opponent: str) -> Rivals:
        """Past selves are taken evenly from the snapshots; without a past one plays oneself."""
        if opponent != PAST:
            return Rivals.scripted(opponent)
        found: list[Policy] = []
        own = policy.pointer.version
        past = [each for each in self._policies.opponents.snapshots if each[1] != own]
        for snapshot in evenly(past, PAST_KEPT):
            try:
                found.append(await self._policies.snapshot(*snapshot))
            except WeightsError as error:
                _log.warning("a past opponent cannot be loaded: %s", error)
        return Rivals.frozen(found or [policy])

    async def _challenge(self, match: Match, gate: GateConfig) -> None:
        """Play the champion until the test is decided; the winner is the champion."""
        champion = await self._store.champion_policy()
        if champion is None:
            await self._store.crown(match.due)
            return
        test = GateTest(elo=gate.elo, most_pairs=(gate.games + 1) // 2)

        def is_decided(rewards: Sequence[float | None]) -> bool:
            return judge(pair_scores(rewards), test).verdict is not GateVerdict.CONTINUE

        seed = f"{self._config.seed}:{CHAMPION}:{match.version}"
        task = self._task(match, Rivals.frozen([champion]), games=gate.games, seed=seed)
        played = await self._play(replace(task, is_enough=is_decided), match)
        found = judge(pair_scores(game.reward for game in played), test)
        result = GateResult(
            verdict=found.verdict,
            champion=champion.pointer.version,
            ratio=found.ratio,
            pairs=found.pairs,
        )
        if found.verdict is GateVerdict.PROMOTE:
            await self._store.crown(match.due)
        await self._store.add(replace(self._rated(played, match), gate=result))

    def _task(self, match: Match, rivals: Rivals, *, games: int, seed: str) -> Task:
        decks = self._config.decks or (NO_SCENARIO,)
        matchups = evaluation_matchups(decks, rivals.names, games=games, seed=seed)
        return Task(match.due.policy, rivals, matchups, match.intent)

    async def _play(self, task: Task, match: Match) -> list[Played]:
        return await self._games_against(match.opponent).play(task)

    def _rated(self, played: list[Played], match: Match) -> Evaluation:
        result = evaluation_of(
            played,
            opponent=match.opponent,
            version=match.version,
            training_games=match.due.games,
            at=time(),
        )
        results = (*self._store.standing.results, result)
        anchor, rating = rating_of(match.version, results)
        if rating is None:
            return result
        return replace(result, elo=rating.elo, elo_error=rating.error, anchor=anchor)


def evenly(snapshots: Sequence[tuple[str, int]], count: int) -> list[tuple[str, int]]:
    """Return at most ``count`` of them, spread evenly, with the oldest and the newest."""
    if len(snapshots) <= count:
        return list(snapshots)
    last = len(snapshots) - 1
    return [snapshots[round(number * last / (count - 1))] for number in range(count)]
