"""The trees of many games, in arrays of records.

Every game has a slot with a block of nodes and a block of edges, each in two halves: a kept subtree
is copied into the other half, so that it lies compact. Nodes and edges are numbers over all slots.
Records, and not an array for each field: compiled functions hand four arrays on in place of thirty,
and what is read together lies together.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Int16 = npt.NDArray[np.int16]
Bool = npt.NDArray[np.bool_]
Records = npt.NDArray[np.void]

FREE: Final = 0
"""A root whose position was placed and is not evaluated."""
PENDING: Final = 1
"""The position is being evaluated."""
EXPANDED: Final = 2
NO_NODE: Final = -1

NODE: Final = np.dtype(
    [
        ("value", np.float64),  # sum over visits, for the player to move
        ("visited_prior", np.float64),  # sum of the priors of actions with visits
        ("exact", np.float64),  # player 0's value where it is certain, else NaN
        ("raw", np.float64),  # what the evaluator said, for the player to move
        ("visits", np.int32),  # its own evaluation included
        ("pending", np.int32),  # descents through it whose leaf is not evaluated yet
        ("first_edge", np.int32),
        ("edge_count", np.int32),
        ("parent", np.int32),
        ("parent_edge", np.int32),
        ("stage", np.int32),  # FREE, PENDING, EXPANDED
        ("player", np.int32),  # who is to move, 0 or 1
    ],
    align=True,
)
EDGE: Final = np.dtype(
    [
        ("prior", np.float64),
        ("value", np.float64),  # sum over visits, for the player who chooses it
        ("exact", np.float64),  # the same player's value where it is certain, else NaN
        ("gumbel", np.float64),  # at a root of Gumbel search: noise + logarithm of the prior
        ("visits", np.int32),
        ("pending", np.int32),
        ("child", np.int32),
        ("action", np.int32),
    ],
    align=True,
)
SLOT: Final = np.dtype(
    [
        ("root", np.int32),
        ("first_node", np.int32),
        ("first_edge", np.int32),
        ("nodes", np.int32),
        ("edges", np.int32),
        ("remaining", np.int32),  # simulations of the move that are left
        ("simulations", np.int32),  # simulations of the move that were made
        ("total", np.int64),  # simulations of all moves and games that the slot ever had
    ],
    align=True,
)
LEAF: Final = np.dtype(
    [
        ("outcome", np.float64),  # where the game is over: player 0's value
        ("slot", np.int32),
        ("node", np.int32),
        ("parent", np.int32),  # whose position it is after the action; NO_NODE: it has its own
        ("action", np.int32),
        ("player", np.int32),  # who is to move
        ("is_over", np.int32),
        ("count", np.int32),  # legal actions
        ("row", np.int32),  # its place among those that are evaluated; -1 where it is over
    ],
    align=True,
)


class Tree(NamedTuple):
    """All trees. Values are in [-1, 1]."""

    nodes: Records
    edges: Records
    slots: Records
    schedule: Int32
    """[slots, simulations]: see ``schedule``; of Gumbel search alone."""
    weights: Float64
    """Space for a number for each action of one node."""


class Exploration(NamedTuple):
    """The numbers of ``SearchSettings`` that the compiled loops read."""

    initial: float
    base: float
    reduction: float
    visit_offset: float
    visit_scale: float
    is_gumbel: bool
    solve: bool


class Leaves(NamedTuple):
    """Positions of one round: who wants them, and what the rules say of them."""

    items: Records
    legal: Int16
    """[leaves, most legal actions]: their numbers, ascending."""


def new_tree(*, slots: int, nodes: int, most_legal: int, simulations: int) -> Tree:
    """Return empty trees; ``nodes`` is the most that one slot's half may hold.

    Raises:
        ValueError: they would have more edges than can be numbered.
    """
    edges = 2 * slots * nodes * most_legal
    if edges >= 2**31:
        raise ValueError(
            f"{slots} games with {nodes} nodes of up to {most_legal} actions need {edges} edges,"
            " and 2147483647 can be numbered: search fewer games at once"
        )
    return Tree(
        nodes=np.zeros(2 * slots * nodes, NODE),
        edges=np.zeros(edges, EDGE),
        slots=np.zeros(slots, SLOT),
        schedule=np.full((slots, simulations), -1, np.int32),
        weights=np.zeros(most_legal, np.float64),
    )


def new_leaves(*, most: int, most_legal: int) -> Leaves:
    """Return room for the leaves of one round."""
    return Leaves(np.zeros(most, LEAF), np.zeros((most, most_legal), np.int16))
