"""Which weights are evaluated next, and against whom: values in, an assignment out.

At the start (so that a win-rate curve begins at the untrained policy, with 100 games), every
``evaluation.interval_games`` training games with the weights of that moment (``agenda``), and once
more under ``Intent.EVALUATE``. What was given up is made up for. No Redis, no games and no clock
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from trainingrun_contracts.reports import CHAMPION, Champion, Evaluation, Intent
from trainingrun_contracts.run_config import EvaluationConfig

from trainingrun_actor.agenda import Agenda, Due
from trainingrun_actor.policy import Policy

FIRST_GAMES: Final = 100
MOST_CONCURRENT: Final = 4
MOST_CONCURRENT_ALONE: Final = 16


class Standing(Struct, frozen=True):
    """What is known of evaluations: their results, oldest first, and who is the champion."""

    results: tuple[Evaluation, ...] = ()
    champion: Champion | None = None


class Assignment(Struct, frozen=True):
    """Evaluate these weights against these opponents, the champion last; ``games`` against
    each."""

    due: Due
    opponents: tuple[str, ...]
    games: int
    intent: Intent


class EvaluationScheduler:
    """Decides; remembers what waits for its turn, and whom no daemon can seat."""

    def __init__(self, config: EvaluationConfig) -> None:
        self._config = config
        self._agenda = Agenda(config.interval_games)
        self._unplayable: set[str] = set()

    def note_games(self, games: int, newest: Policy | None, blob: bytes) -> None:
        """Take in a reading: training games that were played, and the newest weights."""
        self._agenda.note(games, newest, blob)

    def note_unplayable(self, opponent: str) -> None:
        """No daemon can seat this opponent; it is not assigned again."""
        self._unplayable.add(opponent)

    def begin(self, results: Sequence[Evaluation]) -> None:
        """Take in up to how many training games there are results."""
        self._agenda.begin(max((result.training_games for result in results), default=0))

    def next(self, newest: Due, standing: Standing, intent: Intent) -> Assignment | None:
        """Return what to evaluate now; None where nothing is missing, or no evaluation is
        wanted."""
        if intent not in (Intent.RUN, Intent.EVALUATE):
            return None
        games = self._config.games
        if intent is Intent.RUN and not standing.results:
            first = self._assignment(newest, standing, intent, games=min(games, FIRST_GAMES))
            if first is not None:
                return first
        while (due := self._agenda.next) is not None:
            waiting = self._assignment(due, standing, intent, games=games)
            if waiting is not None:
                return waiting
            self._agenda.finish(due)
        was_given_up = standing.results and self.missing(standing, standing.results[-1].version)
        if intent is Intent.EVALUATE or was_given_up:
            return self._assignment(newest, standing, intent, games=games)
        return None

    def missing(self, standing: Standing, version: int) -> tuple[str, ...]:
        """Opponents without a result for this version, the champion last."""
        known = {result.opponent for result in standing.results if result.version == version}
        known |= self._unplayable
        wanted: list[str] = list(self._config.opponents)
        champion = standing.champion
        if self._config.gate is not None and (champion is None or champion.version != version):
            wanted.append(CHAMPION)
        return tuple(name for name in wanted if name not in known)

    def _assignment(
        self, due: Due, standing: Standing, intent: Intent, *, games: int
    ) -> Assignment | None:
        opponents = self.missing(standing, due.policy.pointer.version)
        return Assignment(due, opponents, games, intent) if opponents else None


def concurrency(intent: Intent, *, capacity: int) -> int:
    """Return how many games are played at once, with this capacity in slots: a quarter, 1 to 4; all
    of them, up to 16, when nothing is trained."""
    if intent is Intent.EVALUATE:
        return max(1, min(MOST_CONCURRENT_ALONE, capacity))
    return max(1, min(MOST_CONCURRENT, capacity // 4))
