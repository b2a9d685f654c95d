"""Whom a model meets, by the role of its lineage (AlphaStar: Vinyals et al. 2019, supplement).

A *main* lineage mostly meets past models by prioritised fictitious self-play, those that still beat
it most; sometimes an exploiter that beats it; otherwise its peers of today. A *main
exploiter* attacks the newest main models, and learns on their past ones of about its own strength
while it has no chance. A *league exploiter* meets everybody. All by weights over a pool, so that
one draw decides; the numbers are those of the supplement.

This decides matches for ratings and for players that ask for an opponent; whom an actor trains
against inside a run is the run's own matter.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trainingrun_contracts.ratings.pfsp import Curve, weight

from trainingrun_league.matchmaker.pool import Entry, Payoffs, Role

PAST_SHARE: Final = 0.5
"""Of a main lineage's matches that are prioritised fictitious self-play."""
EXPLOITER_SHARE: Final = 0.15
"""Of them against exploiters that win."""
HOPELESS: Final = 0.1
"""A main exploiter that wins less often against the newest learns on the past ones."""
ANCHOR_SHARE: Final = 0.1
"""Of all matches against players that never change, so that ratings of years are on one scale."""


@dataclass(frozen=True)
class Population:
    """Who may be met.

    Attributes:
        pool: models, the oldest first.
        anchors: players that never change.
        payoffs: who beat whom so far.
    """

    pool: Sequence[Entry]
    anchors: Sequence[str]
    payoffs: Payoffs


def opponent_of(model: Entry, among: Population, chance: random.Random) -> str:
    """Draw a player for a model to meet: never itself; empty where there is none.

    An anchor in a tenth of the draws, and where there is no other model.
    """
    others = [entry for entry in among.pool if entry.id != model.id]
    if among.anchors and (not others or chance.random() < ANCHOR_SHARE):
        return chance.choice(among.anchors)
    if not others:
        return ""
    match model.role:
        case Role.MAIN:
            return _of_main(model, others, among.payoffs, chance)
        case Role.MAIN_EXPLOITER:
            return _of_main_exploiter(model, others, among.payoffs, chance)
        case Role.LEAGUE_EXPLOITER:
            return _drawn(model, others, among.payoffs, "hard", chance)


def _of_main(model: Entry, others: Sequence[Entry], payoffs: Payoffs, chance: random.Random) -> str:
    toss = chance.random()
    if toss < PAST_SHARE:
        return _drawn(model, others, payoffs, "hard", chance)
    exploiters = [entry for entry in others if entry.role is not Role.MAIN]
    if toss < PAST_SHARE + EXPLOITER_SHARE and exploiters:
        return _drawn(model, exploiters, payoffs, "hard", chance)
    newest = newest_mains(others)
    return _drawn(model, newest or others, payoffs, "variance", chance)


def _of_main_exploiter(
    model: Entry, others: Sequence[Entry], payoffs: Payoffs, chance: random.Random
) -> str:
    mains = newest_mains(others)
    if not mains:
        return _drawn(model, others, payoffs, "hard", chance)
    target = chance.choice(mains)
    if payoffs.between(model.player, target.player).rate >= HOPELESS:
        return target.player
    past = [entry for entry in others if entry.lineage == target.lineage]
    return _drawn(model, past, payoffs, "variance", chance)


def newest_mains(entries: Sequence[Entry]) -> list[Entry]:
    """Return the newest model of each main lineage."""
    newest = {entry.lineage: entry for entry in entries if entry.role is Role.MAIN}
    return list(newest.values())  # the pool is in order of publication: the last one stays


def _drawn(
    model: Entry,
    among: Sequence[Entry],
    payoffs: Payoffs,
    curve: Curve,
    chance: random.Random,
) -> str:
    weights = [weight(payoffs.between(model.player, other.player).rate, curve) for other in among]
    return chance.choices(among, weights)[0].player
