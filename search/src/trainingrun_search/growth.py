"""The compiled half of a search: where it descends, and what comes back up.

One round: ``descend`` finds leaves of all games, the rules say what their positions are, the
evaluator values them, ``attach`` makes nodes of them and carries the values to the roots. Descents
that end where the result is certain need neither rules nor evaluator and happen within ``descend``.

``reference`` does the same in plain Python; both must do the same arithmetic in the same order.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from trainingrun_search.compiling import compiled
from trainingrun_search.tree import (
    EXPANDED,
    FREE,
    NO_NODE,
    PENDING,
    Exploration,
    Float64,
    Int32,
    Leaves,
    Tree,
)

WIN: Final = 1.0 - 1e-9
"""A value from which on nothing can be better."""


@compiled
def descend(tree: Tree, explore: Exploration, leaves: Leaves, leaves_per_slot: int) -> int:
    """Find at most ``leaves_per_slot`` leaves for each slot that has simulations left; returns how
    many in all.
    """
    found = 0
    for slot in range(tree.slots.shape[0]):
        if tree.slots[slot]["remaining"] <= 0:
            continue
        for _ in range(leaves_per_slot):
            node = _find_leaf(tree, explore, slot)
            if node == NO_NODE:
                break
            leaves.items[found]["slot"] = slot
            leaves.items[found]["node"] = node
            leaves.items[found]["parent"] = tree.nodes[node]["parent"]
            edge = tree.nodes[node]["parent_edge"]
            leaves.items[found]["action"] = -1 if edge == NO_NODE else tree.edges[edge]["action"]
            found += 1
    return found


@compiled
def attach(
    tree: Tree,
    explore: Exploration,
    leaves: Leaves,
    count: int,
    priors: npt.NDArray[np.float32],
    values: npt.NDArray[np.float32],
) -> None:
    """Make nodes of the leaves and carry their values up; ``priors`` is [rows, actions], and
    ``values`` [rows] are for the player to move.
    """
    for leaf in range(count):
        slot, node = leaves.items[leaf]["slot"], leaves.items[leaf]["node"]
        if leaves.items[leaf]["is_over"]:
            tree.nodes[node]["stage"] = EXPANDED
            tree.nodes[node]["player"] = leaves.items[leaf]["player"]
            tree.nodes[node]["exact"] = leaves.items[leaf]["outcome"]
            _record(tree, slot, node, leaves.items[leaf]["outcome"])
            if explore.solve:
                _prove(tree, slot, node)
            continue
        row = leaves.items[leaf]["row"]
        _expand(tree, leaves, leaf, priors[row])
        value = float(values[row])
        tree.nodes[node]["raw"] = value
        _record(tree, slot, node, value if leaves.items[leaf]["player"] == 0 else -value)


@compiled
def start_slot(tree: Tree, slot: int, nodes: int, edges: int) -> int:
    """Empty a slot and return the node of its root; ``nodes`` and ``edges`` are those of a half."""
    first = 2 * nodes * slot
    tree.slots[slot]["first_node"] = first
    tree.slots[slot]["first_edge"] = 2 * edges * slot
    tree.slots[slot]["nodes"] = 0
    tree.slots[slot]["edges"] = 0
    root = _new_node(tree, slot, NO_NODE, NO_NODE)
    tree.nodes[root]["stage"] = FREE
    tree.slots[slot]["root"] = root
    return root


@compiled
def keep_subtree(
    tree: Tree, slot: int, edge: int, halves: Int32, sources: Int32, targets: Int32
) -> int:
    """Make the node below an edge of the root the root, and copy what is below it into the other
    half; the rest is forgotten. ``halves`` are the nodes and edges of a half; ``sources`` and
    ``targets`` get the nodes that were copied. Returns how many.
    """
    old_root = tree.edges[edge]["child"]
    nodes, edges = halves[0], halves[1]
    first = 2 * nodes * slot
    first_edge = 2 * edges * slot
    is_low = tree.slots[slot]["first_node"] == first
    tree.slots[slot]["first_node"] = first + (nodes if is_low else 0)
    tree.slots[slot]["first_edge"] = first_edge + (edges if is_low else 0)
    tree.slots[slot]["nodes"] = 0
    tree.slots[slot]["edges"] = 0
    tree.slots[slot]["root"] = _new_node(tree, slot, NO_NODE, NO_NODE)
    sources[0], targets[0] = old_root, tree.slots[slot]["root"]
    copied, done = 1, 0
    while done < copied:
        copied = _copy_node(tree, slot, sources, targets, done, copied)
        done += 1
    return copied


@compiled
def improved_policy(tree: Tree, explore: Exploration, node: int) -> None:
    """Write into ``tree.weights`` the policy that the node's values improve (Danihelka et al. 2022,
    section 4: completed values; their equation 33 for actions without visits).
    """
    first, count = tree.nodes[node]["first_edge"], tree.nodes[node]["edge_count"]
    total, most, seen, seen_value = 0, 0, 0.0, 0.0
    for edge in range(first, first + count):
        visits = tree.edges[edge]["visits"]
        total += visits
        most = max(most, visits)
        if visits > 0:
            seen += tree.edges[edge]["prior"]
            seen_value += tree.edges[edge]["prior"] * _edge_mean(tree, edge)
    mixed = tree.nodes[node]["raw"]
    if total > 0 and seen > 0.0:
        mixed = (mixed + total * (seen_value / seen)) / (1.0 + total)
    scale = (explore.visit_offset + most) * explore.visit_scale * 0.5
    largest = -math.inf
    for place in range(count):
        edge = first + place
        is_known = tree.edges[edge]["visits"] > 0 or not math.isnan(tree.edges[edge]["exact"])
        mean = _edge_mean(tree, edge) if is_known else mixed
        tree.weights[place] = scale * mean
        largest = max(largest, tree.weights[place])
    whole = 0.0
    for place in range(count):
        weight = tree.edges[first + place]["prior"] * math.exp(tree.weights[place] - largest)
        tree.weights[place] = weight
        whole += weight
    for place in range(count):
        tree.weights[place] = tree.weights[place] / whole if whole > 0.0 else 1.0 / count


@compiled
def _find_leaf(tree: Tree, explore: Exploration, slot: int) -> int:
    """Descend until a position needs to be evaluated; NO_NODE where none does now."""
    root = tree.slots[slot]["root"]
    if tree.nodes[root]["stage"] != EXPANDED:
        if tree.nodes[root]["stage"] == PENDING:
            return NO_NODE
        tree.nodes[root]["stage"] = PENDING
        return int(root)
    while tree.slots[slot]["remaining"] > tree.nodes[root]["pending"]:
        node = _descend_once(tree, explore, slot, root)
        if node == NO_NODE or tree.nodes[node]["stage"] == PENDING:
            return node
        _record(tree, slot, node, tree.nodes[node]["exact"])
    return NO_NODE


@compiled
def _descend_once(tree: Tree, explore: Exploration, slot: int, root: int) -> int:
    """Return a new node, a node whose result is certain, or NO_NODE: the way ended at a position
    that another descent waits for.
    """
    node = root
    while True:
        edge = _choose(tree, explore, slot, node, root)
        tree.nodes[node]["pending"] += 1
        tree.edges[edge]["pending"] += 1
        child = int(tree.edges[edge]["child"])
        if child == NO_NODE:
            child = _new_node(tree, slot, node, edge)
            tree.edges[edge]["child"] = child
            return child
        if tree.nodes[child]["stage"] == PENDING:
            _withdraw(tree, child)
            return NO_NODE
        if not math.isnan(tree.nodes[child]["exact"]):
            return child
        node = child


@compiled
def _choose(tree: Tree, explore: Exploration, slot: int, node: int, root: int) -> int:
    if not explore.is_gumbel:
        return _choose_by_puct(tree, explore, node, root)
    if node == root:
        return _choose_by_halving(tree, explore, slot, root)
    return _choose_by_improvement(tree, explore, node)


@compiled
def _choose_by_puct(tree: Tree, explore: Exploration, node: int, root: int) -> int:
    total = float(tree.nodes[node]["visits"] + tree.nodes[node]["pending"])
    unvisited = tree.nodes[node]["value"] / tree.nodes[node]["visits"]
    if node != root:
        unvisited -= explore.reduction * math.sqrt(tree.nodes[node]["visited_prior"])
    growth = math.log((1.0 + total + explore.base) / explore.base) + explore.initial
    rate = growth * math.sqrt(total)
    first = int(tree.nodes[node]["first_edge"])
    best, best_score = first, -math.inf
    for edge in range(first, first + tree.nodes[node]["edge_count"]):
        exact = tree.edges[edge]["exact"]
        visits = tree.edges[edge]["visits"] + tree.edges[edge]["pending"]
        if not math.isnan(exact):
            if exact <= -WIN:
                continue
            mean = exact
        elif visits == 0:
            mean = unvisited
        else:
            mean = (tree.edges[edge]["value"] - tree.edges[edge]["pending"]) / visits
        score = mean + rate * tree.edges[edge]["prior"] / (1 + visits)
        if score > best_score:
            best, best_score = edge, score
    return best


@compiled
def _choose_by_halving(tree: Tree, explore: Exploration, slot: int, root: int) -> int:
    """Of the actions with as many visits as the schedule says, the one of the highest score."""
    wanted = tree.schedule[slot, tree.slots[slot]["simulations"]]
    return best_with_visits(tree, explore, root, wanted)


@compiled
def best_with_visits(tree: Tree, explore: Exploration, root: int, wanted: int) -> int:
    """Return the edge of the highest noise + logit + value among those with ``wanted`` visits."""
    first, count = tree.nodes[root]["first_edge"], tree.nodes[root]["edge_count"]
    most = 0
    for edge in range(first, first + count):
        most = max(most, tree.edges[edge]["visits"])
    scale = (explore.visit_offset + most) * explore.visit_scale * 0.5
    best, best_score = first, -math.inf
    for edge in range(first, first + count):
        if tree.edges[edge]["visits"] != wanted:
            continue
        score = tree.edges[edge]["gumbel"]
        if wanted > 0:
            score += scale * _edge_mean(tree, edge)
        if score > best_score:
            best, best_score = edge, score
    return int(best)


@compiled
def _choose_by_improvement(tree: Tree, explore: Exploration, node: int) -> int:
    """The action whose share of visits is furthest below its share of the improved policy."""
    improved_policy(tree, explore, node)
    first = int(tree.nodes[node]["first_edge"])
    total = float(tree.nodes[node]["visits"])
    best, best_score = first, -math.inf
    for place in range(tree.nodes[node]["edge_count"]):
        edge = first + place
        if tree.edges[edge]["exact"] <= -WIN:
            continue
        score = tree.weights[place] - tree.edges[edge]["visits"] / total
        if score > best_score:
            best, best_score = edge, score
    return best


@compiled
def _edge_mean(tree: Tree, edge: int) -> float:
    exact = tree.edges[edge]["exact"]
    if not math.isnan(exact):
        return float(exact)
    return float(tree.edges[edge]["value"] / tree.edges[edge]["visits"])


@compiled
def _new_node(tree: Tree, slot: int, parent: int, edge: int) -> int:
    node = int(tree.slots[slot]["first_node"] + tree.slots[slot]["nodes"])
    tree.slots[slot]["nodes"] += 1
    tree.nodes[node]["stage"] = PENDING
    tree.nodes[node]["parent"] = parent
    tree.nodes[node]["parent_edge"] = edge
    tree.nodes[node]["edge_count"] = 0
    tree.nodes[node]["visits"] = 0
    tree.nodes[node]["pending"] = 0
    tree.nodes[node]["value"] = 0.0
    tree.nodes[node]["raw"] = 0.0
    tree.nodes[node]["visited_prior"] = 0.0
    tree.nodes[node]["exact"] = math.nan
    return node


@compiled
def _expand(tree: Tree, leaves: Leaves, leaf: int, priors: npt.NDArray[np.float32]) -> None:
    """Give a node its actions, with priors that add up to one."""
    slot, node, count = (
        leaves.items[leaf]["slot"],
        leaves.items[leaf]["node"],
        leaves.items[leaf]["count"],
    )
    first = tree.slots[slot]["first_edge"] + tree.slots[slot]["edges"]
    tree.slots[slot]["edges"] += count
    tree.nodes[node]["stage"] = EXPANDED
    tree.nodes[node]["player"] = leaves.items[leaf]["player"]
    tree.nodes[node]["first_edge"] = first
    tree.nodes[node]["edge_count"] = count
    whole = 0.0
    for place in range(count):
        whole += float(priors[leaves.legal[leaf, place]])
    for place in range(count):
        edge = first + place
        action = leaves.legal[leaf, place]
        tree.edges[edge]["action"] = action
        tree.edges[edge]["child"] = NO_NODE
        tree.edges[edge]["visits"] = 0
        tree.edges[edge]["pending"] = 0
        tree.edges[edge]["prior"] = float(priors[action]) / whole if whole > 0.0 else 1.0 / count
        tree.edges[edge]["value"] = 0.0
        tree.edges[edge]["exact"] = math.nan
        tree.edges[edge]["gumbel"] = 0.0


@compiled
def _record(tree: Tree, slot: int, node: int, value: float) -> None:
    """Add a visit to a node and all above it; ``value`` is player 0's."""
    tree.nodes[node]["visits"] += 1
    tree.nodes[node]["value"] += value if tree.nodes[node]["player"] == 0 else -value
    edge = tree.nodes[node]["parent_edge"]
    if edge == NO_NODE:
        return  # the root's own evaluation is no simulation
    while edge != NO_NODE:
        parent = tree.nodes[node]["parent"]
        if tree.edges[edge]["visits"] == 0:
            tree.nodes[parent]["visited_prior"] += tree.edges[edge]["prior"]
        signed = value if tree.nodes[parent]["player"] == 0 else -value
        tree.edges[edge]["visits"] += 1
        tree.edges[edge]["pending"] -= 1
        tree.edges[edge]["value"] += signed
        tree.nodes[parent]["visits"] += 1
        tree.nodes[parent]["pending"] -= 1
        tree.nodes[parent]["value"] += signed
        node = parent
        edge = tree.nodes[node]["parent_edge"]
    tree.slots[slot]["remaining"] -= 1
    tree.slots[slot]["simulations"] += 1
    tree.slots[slot]["total"] += 1


@compiled
def _withdraw(tree: Tree, node: int) -> None:
    """Take back a descent that came to a node."""
    edge = tree.nodes[node]["parent_edge"]
    while edge != NO_NODE:
        node = tree.nodes[node]["parent"]
        tree.edges[edge]["pending"] -= 1
        tree.nodes[node]["pending"] -= 1
        edge = tree.nodes[node]["parent_edge"]


@compiled
def _prove(tree: Tree, slot: int, node: int) -> None:
    """Carry a certain result up as far as it makes others certain."""
    while True:
        edge = tree.nodes[node]["parent_edge"]
        if edge == NO_NODE:
            tree.slots[slot]["remaining"] = 0
            return
        parent = tree.nodes[node]["parent"]
        exact = tree.nodes[node]["exact"]
        tree.edges[edge]["exact"] = exact if tree.nodes[parent]["player"] == 0 else -exact
        if not math.isnan(tree.nodes[parent]["exact"]):
            return
        best = _certain_value(tree, parent, tree.edges[edge]["exact"])
        if math.isnan(best):
            return
        tree.nodes[parent]["exact"] = best if tree.nodes[parent]["player"] == 0 else -best
        node = parent


@compiled
def _certain_value(tree: Tree, node: int, newest: float) -> float:
    """What the player to move can be certain of; NaN where that is not known."""
    if newest >= WIN:
        return newest
    best = -math.inf
    first = tree.nodes[node]["first_edge"]
    for edge in range(first, first + tree.nodes[node]["edge_count"]):
        exact = tree.edges[edge]["exact"]
        if math.isnan(exact):
            return math.nan
        best = max(best, exact)
    return best


@compiled
def _copy_node(
    tree: Tree, slot: int, sources: Int32, targets: Int32, place: int, copied: int
) -> int:
    """Copy the node at a place of the list, and put its children at the list's end."""
    source, target = sources[place], targets[place]
    tree.nodes[target]["stage"] = tree.nodes[source]["stage"]
    tree.nodes[target]["player"] = tree.nodes[source]["player"]
    tree.nodes[target]["visits"] = tree.nodes[source]["visits"]
    tree.nodes[target]["value"] = tree.nodes[source]["value"]
    tree.nodes[target]["raw"] = tree.nodes[source]["raw"]
    tree.nodes[target]["visited_prior"] = tree.nodes[source]["visited_prior"]
    tree.nodes[target]["exact"] = tree.nodes[source]["exact"]
    count, old = tree.nodes[source]["edge_count"], tree.nodes[source]["first_edge"]
    new = tree.slots[slot]["first_edge"] + tree.slots[slot]["edges"]
    tree.slots[slot]["edges"] += count
    tree.nodes[target]["edge_count"] = count
    tree.nodes[target]["first_edge"] = new
    for step in range(count):
        _copy_edge(tree, old + step, new + step)
        child = tree.edges[old + step]["child"]
        if child != NO_NODE:
            node = _new_node(tree, slot, target, new + step)
            tree.edges[new + step]["child"] = node
            sources[copied], targets[copied] = child, node
            copied += 1
    return copied


@compiled
def _copy_edge(tree: Tree, old: int, new: int) -> None:
    tree.edges[new]["action"] = tree.edges[old]["action"]
    tree.edges[new]["child"] = NO_NODE
    tree.edges[new]["visits"] = tree.edges[old]["visits"]
    tree.edges[new]["pending"] = 0
    tree.edges[new]["prior"] = tree.edges[old]["prior"]
    tree.edges[new]["value"] = tree.edges[old]["value"]
    tree.edges[new]["exact"] = tree.edges[old]["exact"]
    tree.edges[new]["gumbel"] = 0.0


def values_of(tree: Tree, edges: slice) -> Float64:
    """Return the mean value of edges for who chooses them; NaN without visits."""
    visits = tree.edges[edges]["visits"]
    means = np.full(len(visits), np.nan)
    np.divide(tree.edges[edges]["value"], visits, out=means, where=visits > 0)
    exact = tree.edges[edges]["exact"]
    return np.where(np.isnan(exact), means, exact)
