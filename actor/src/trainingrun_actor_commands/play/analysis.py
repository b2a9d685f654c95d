"""What a player sees in a position, as values that can be shown: its search, and its network."""

from __future__ import annotations

from math import isnan

from msgspec import Struct
from trainingrun_search.evaluators import Answer
from trainingrun_search.open_spiel_bot import Choice
from trainingrun_search.roots import Root


class Candidate(Struct, frozen=True):
    """A move that may be played.

    Attributes:
        action: its number.
        visits: simulations that began with it; None without a search.
        share: of the visits, or of the policy that a search with few of them makes.
        value: of the move for who plays it, in [-1, 1]; None where it was not visited.
        is_certain: whether that value is proven.
        prior: share that the network gives it; None of a player without one.
    """

    action: int
    share: float
    visits: int | None = None
    value: float | None = None
    is_certain: bool = False
    prior: float | None = None


class Analysis(Struct, frozen=True):
    """What was found.

    Attributes:
        best: the action to play.
        candidates: the best first.
        value: of the position for who moves, in [-1, 1]; None of a player who judges none.
        is_certain: whether that is proven.
        network_value: what the network alone says; None of a player without one.
    """

    best: int
    candidates: tuple[Candidate, ...]
    value: float | None = None
    is_certain: bool = False
    network_value: float | None = None


def of_search(root: Root, answer: Answer | None) -> Analysis:
    """Return what a search found; ``answer`` is the network's own for the position."""
    found = [
        Candidate(
            action=int(action),
            share=float(share),
            visits=int(visits),
            value=float(value) if visits else None,
            is_certain=not isnan(certain),
            prior=None if answer is None else float(answer.priors[0, action]),
        )
        for action, share, visits, value, certain in zip(
            root.actions, root.policy, root.visits, root.values, root.certain, strict=True
        )
    ]
    best = int(root.actions[root.best])
    ordered = sorted(
        found, key=lambda each: (each.action != best, -each.share, -(each.visits or 0))
    )
    network_value = None if answer is None else float(answer.values[0])
    return Analysis(
        best,
        tuple(ordered),
        value=root.value,
        is_certain=root.is_certain,
        network_value=network_value,
    )


def of_network(answer: Answer, legal: tuple[int, ...]) -> Analysis:
    """Return what a network says without a search."""
    total = float(answer.priors[0, list(legal)].sum()) or 1.0
    shares = {action: float(answer.priors[0, action]) / total for action in legal}
    ordered = sorted(shares, key=lambda action: (-shares[action], action))
    candidates = tuple(
        Candidate(action, shares[action], prior=shares[action]) for action in ordered
    )
    value = float(answer.values[0])
    return Analysis(ordered[0], candidates, value=value, network_value=value)


def of_open_spiel(choice: Choice) -> Analysis:
    """Return what OpenSpiel's search found; the position's value is that of its move."""
    total = max(1, sum(choice.visits))
    found = [
        Candidate(action, visits / total, visits=visits, value=value if visits else None)
        for action, visits, value in zip(choice.actions, choice.visits, choice.values, strict=True)
    ]
    ordered = sorted(found, key=lambda each: (each.action != choice.action, -each.share))
    return Analysis(choice.action, tuple(ordered), value=ordered[0].value)
