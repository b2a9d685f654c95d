"""Hex, compiled: ``trainingrun_environments.hex``, with the states of ``boards``."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from trainingrun_search.chance import below, next_state
from trainingrun_search.compiling import compiled
from trainingrun_search.positions import Float32, Rules, UInt64
from trainingrun_search.rules.boards import EMPTY, OTHER, OWN, RUNNING, Cells, state_of
from trainingrun_search.tree import NO_NODE, Bool, Int16, Int32, Leaves

_SIDE: Final = 11
_CELLS: Final = _SIDE * _SIDE
_MOST_LEGAL: Final = _CELLS
_AROUND: Final = np.array([[-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0]])
_PLAYER: Final = _CELLS
_OUTCOME: Final = _CELLS + 1


@compiled
def expand(
    states: Cells, leaves: Leaves, count: int, observations: npt.NDArray[np.uint8], masks: Bool
) -> int:
    """See Rules."""
    rows = 0
    for leaf in range(count):
        item = leaves.items[leaf]
        state = states[item["node"]]
        if item["parent"] != NO_NODE:
            state[:] = states[item["parent"]]
            _play(state, item["action"])
        item["is_over"] = state[_OUTCOME] != RUNNING
        item["player"] = state[_PLAYER]
        item["outcome"] = state[_OUTCOME]
        item["count"] = 0
        item["row"] = -1
        if item["is_over"]:
            continue
        legal = leaves.legal[leaf]
        item["count"] = _legal(state, legal)
        item["row"] = rows
        masks[rows] = False
        for place in range(item["count"]):
            masks[rows, legal[place]] = True
        observe(state, observations[rows])
        rows += 1
    return rows


@compiled
def observe(state: Cells, seen: npt.NDArray[np.uint8]) -> None:
    """See Rules."""
    for cell in range(_CELLS):
        seen[cell] = state[cell] == OWN
        seen[cell + _CELLS] = state[cell] == OTHER


@compiled
def rollouts(states: Cells, nodes: Int32, seeds: UInt64, found: Float32) -> None:
    """See Rules."""
    state = np.zeros(_CELLS + 2, np.int8)
    legal = np.zeros(_MOST_LEGAL, np.int16)
    for place in range(len(nodes)):
        state[:] = states[nodes[place]]
        mover, chance = state[_PLAYER], seeds[place]
        while state[_OUTCOME] == RUNNING:
            chance = next_state(chance)
            _play(state, legal[below(chance, _legal(state, legal))])
        found[place] = state[_OUTCOME] if mover == 0 else -state[_OUTCOME]


@compiled
def _legal(state: Cells, legal: Int16) -> int:
    count = 0
    for cell in range(_CELLS):
        if state[cell] == EMPTY:
            legal[count] = cell
            count += 1
    return count


@compiled
def _play(state: Cells, action: int) -> None:
    state[action] = OWN
    if _connects(state, action):
        state[_OUTCOME] = 1 if state[_PLAYER] == 0 else -1
    _turn(state)


@compiled
def _connects(state: Cells, cell: int) -> bool:
    """Say whether the chain of a stone of who moves touches top and bottom."""
    left, count = np.empty(_CELLS, np.int16), 1
    is_seen = np.zeros(_CELLS, np.bool_)
    left[0], is_seen[cell] = cell, True
    touches_top = touches_bottom = False
    while count > 0:
        count -= 1
        row, column = left[count] // _SIDE, left[count] % _SIDE
        touches_top |= row == 0
        touches_bottom |= row == _SIDE - 1
        for way in range(len(_AROUND)):
            near, aside = row + _AROUND[way, 0], column + _AROUND[way, 1]
            if not (0 <= near < _SIDE and 0 <= aside < _SIDE):
                continue
            neighbour = _SIDE * near + aside
            if state[neighbour] == OWN and not is_seen[neighbour]:
                is_seen[neighbour] = True
                left[count] = neighbour
                count += 1
    return bool(touches_top and touches_bottom)


@compiled
def _turn(state: Cells) -> None:
    """Let the other player see the board: mirrored along the long diagonal."""
    for row in range(_SIDE):
        for column in range(row, _SIDE):
            near, far = _SIDE * row + column, _SIDE * column + row
            first, second = state[near], state[far]
            state[near] = EMPTY if second == EMPTY else 1 - second
            state[far] = EMPTY if first == EMPTY else 1 - first
    state[_PLAYER] = 1 - state[_PLAYER]


RULES: Final = Rules(np.int8, _CELLS + 2, _MOST_LEGAL, state_of, expand, observe, rollouts)
