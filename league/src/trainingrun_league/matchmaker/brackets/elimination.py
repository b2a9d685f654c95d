"""Single elimination: seeds are spread so that the best meet last; the best rest where some must.

An even match goes to the better seed (``values.winner_of``).
"""

from __future__ import annotations

from collections.abc import Mapping

from trainingrun_league.matchmaker.brackets.values import (
    BYE,
    Outcome,
    Pairing,
    Plan,
    rounds_of,
    winner_of,
)


def pairings(plan: Plan, outcomes: Mapping[tuple[int, int], Outcome]) -> tuple[Pairing, ...]:
    """Return the matches whose two players are known, those of the first round first."""
    survivors, found = _places(plan), []
    for number in range(1, rounds_of(plan) + 1):
        following: list[str | None] = []
        for table in range(len(survivors) // 2):
            one, other = survivors[2 * table], survivors[2 * table + 1]
            if one is None or other is None:
                following.append(None)
                continue
            found.append(Pairing(number, table, one, other))
            outcome = outcomes.get((number, table))
            over = None if outcome is None else winner_of(plan, outcome)
            following.append(one if other == BYE else over)
        survivors = following
    return tuple(found)


def _places(plan: Plan) -> list[str | None]:
    """Return the entrants in the order of the bracket; ``BYE`` stands second of its table.

    Each step puts beside every seed the one that adds up with it: 1; 1 2; 1 4 2 3; 1 8 4 5 2 7 3 6.
    So byes, which are the last seeds, fall to the first ones.
    """
    order = [0]
    for _ in range(rounds_of(plan)):
        last = 2 * len(order) - 1
        order = [seed for better in order for seed in (better, last - better)]
    return [plan.entrants[seed] if seed < len(plan.entrants) else BYE for seed in order]
