"""What the search of a move has found, and what follows: the policy to learn, the move to play."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from msgspec import Struct

from trainingrun_search import growth
from trainingrun_search.tree import Exploration, Float64, Int16, Int32, Tree

LOSS: Final = -growth.WIN


class Root(Struct, frozen=True):
    """The root of a search; arrays are over its legal actions, ascending.

    Attributes:
        actions: their numbers.
        visits: simulations that began with them.
        values: their mean value for who moves, certain values included; NaN without visits.
        certain: their value where it is certain, else NaN.
        priors: noise included.
        policy: the policy to learn: shares of visits before any temperature, in Gumbel search the
            policy that the completed values improve. Actions that are certainly worse than another
            one have none.
        best: place of the action that the search prefers.
        value: of the position for who moves; certain where it is known.
        is_certain: whether that value is certain.
        player: who moves.
    """

    actions: Int16
    visits: Int32
    values: Float64
    certain: Float64
    priors: Float64
    policy: Float64
    best: int
    value: float
    is_certain: bool
    player: int


def read_root(tree: Tree, explore: Exploration, slot: int) -> Root:
    """Return what a slot's search has found."""
    root = int(tree.slots[slot]["root"])
    first = int(tree.nodes[root]["first_edge"])
    edges = slice(first, first + int(tree.nodes[root]["edge_count"]))
    player, exact = int(tree.nodes[root]["player"]), float(tree.nodes[root]["exact"])
    is_certain = not math.isnan(exact)
    visits, certain = tree.edges[edges]["visits"].copy(), tree.edges[edges]["exact"].copy()
    value = tree.nodes[root]["value"] / max(int(tree.nodes[root]["visits"]), 1)
    if is_certain:
        value = exact if player == 0 else -exact
    policy = visits.astype(np.float64)
    if explore.is_gumbel:
        growth.improved_policy(tree, explore, root)
        policy = tree.weights[: len(visits)].copy()
    policy = without_worse(policy, certain, value=float(value), is_certain=is_certain)
    if explore.is_gumbel and not is_certain:
        best = growth.best_with_visits(tree, explore, root, int(visits.max())) - first
    else:
        best = int(np.argmax(policy))
    return Root(
        actions=tree.edges[edges]["action"].copy(),
        visits=visits,
        values=growth.values_of(tree, edges),
        certain=certain,
        priors=tree.edges[edges]["prior"].copy(),
        policy=policy,
        best=best,
        value=float(value),
        is_certain=is_certain,
        player=player,
    )


def without_worse(weights: Float64, certain: Float64, *, value: float, is_certain: bool) -> Float64:
    """Return weights as shares, none of them on actions that are certainly worse than another:
    where the position's value is certain, only actions that reach it keep theirs; else none that
    loses for certain does. Where that leaves nothing, those that are left share alike.
    """
    is_kept = certain >= value - 1e-9 if is_certain else ~(certain <= LOSS)
    if not is_kept.any():
        is_kept = np.ones(len(weights), np.bool_)
    kept = np.where(is_kept, weights, 0.0)
    whole = kept.sum()
    shares: Float64 = kept / whole if whole > 0 else is_kept / is_kept.sum()
    return shares


def draw(policy: Float64, temperature: float, random: np.random.Generator) -> int:
    """Draw a place by the shares to the power of 1/temperature; at 0 the first of the largest."""
    if temperature <= 0:
        return int(np.argmax(policy))
    scaled = policy if temperature == 1 else (policy / policy.max()) ** (1.0 / temperature)
    sums = np.cumsum(scaled)
    place = int(np.searchsorted(sums, random.random() * sums[-1], side="right"))
    return min(place, len(policy) - 1)
