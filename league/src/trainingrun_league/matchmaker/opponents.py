"""Draws an opponent for a player that asks for one: the population's weights, with today's pool."""

from __future__ import annotations

import random

from trainingrun_league.errors import Conflict
from trainingrun_league.matchmaker.matches import model_id
from trainingrun_league.matchmaker.model_watch import ModelWatch
from trainingrun_league.matchmaker.pool import Entry, Role, Stage, playable
from trainingrun_league.matchmaker.population import Population, opponent_of
from trainingrun_league.matchmaker.register import Register


class Opponents:
    """See above."""

    def __init__(self, models: ModelWatch, register: Register) -> None:
        self._models, self._register = models, register
        self._chance = random.Random()

    def draw(self, player: str) -> str:
        """Return a player for this one to meet; a person draws as a main lineage does.

        Raises:
            Conflict: there is none that can play.
        """
        models, unplayable = self._models, self._register.unplayable
        pool = [entry for entry in playable(models.entries) if entry.player not in unplayable]
        anchors = [name for name in models.builtins if name not in unplayable and name != player]
        who = models.entry(model_id(player)) or _stranger(player)
        found = opponent_of(who, Population(pool, anchors, self._register.payoffs), self._chance)
        if not found:
            raise Conflict("nothing can be played against yet: publish a model first")
        return found


def _stranger(player: str) -> Entry:
    """A player that is no model of this league; its results are found by its name."""
    return _Stranger(player, player, Role.MAIN, Stage.VALIDATED, 0.0)


class _Stranger(Entry):
    @property
    def player(self) -> str:
        """Its name as a player."""
        return self.id
