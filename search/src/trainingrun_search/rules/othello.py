"""Othello, compiled: ``trainingrun_environments.othello``, with the states of ``boards``."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from trainingrun_search.chance import below, next_state
from trainingrun_search.compiling import compiled
from trainingrun_search.positions import Float32, Rules, UInt64
from trainingrun_search.rules.boards import EMPTY, OTHER, OWN, RUNNING, Cells, state_of
from trainingrun_search.tree import NO_NODE, Bool, Int16, Int32, Leaves

_SIDE: Final = 8
_CELLS: Final = _SIDE * _SIDE
_PASS: Final = _CELLS
_MOST_LEGAL: Final = 60
_STEPS: Final = np.array([[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]])
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
        if state[cell] == EMPTY and _may_place(state, cell, OWN):
            legal[count] = cell
            count += 1
    if count == 0:
        legal[0] = _PASS
        count = 1
    return count


@compiled
def _play(state: Cells, action: int) -> None:
    if action != _PASS:
        for way in range(len(_STEPS)):
            for step in range(1, _turned(state, action, way, OWN) + 1):
                row = action // _SIDE + step * _STEPS[way, 0]
                column = action % _SIDE + step * _STEPS[way, 1]
                state[_SIDE * row + column] = OWN
        state[action] = OWN
    if not (_may_move(state, OTHER) or _may_move(state, OWN)):
        lead = 0
        for cell in range(_CELLS):
            lead += (state[cell] == OWN) - (state[cell] == OTHER)
        result = (lead > 0) - (lead < 0)
        state[_OUTCOME] = result if state[_PLAYER] == 0 else -result
    for cell in range(_CELLS):
        if state[cell] != EMPTY:
            state[cell] = 1 - state[cell]
    state[_PLAYER] = 1 - state[_PLAYER]


@compiled
def _may_move(state: Cells, mover: int) -> bool:
    found = False
    for cell in range(_CELLS):
        found |= state[cell] == EMPTY and _may_place(state, cell, mover)
    return found


@compiled
def _may_place(state: Cells, cell: int, mover: int) -> bool:
    for way in range(len(_STEPS)):
        count = _turned(state, cell, way, mover)
        if count > 0:
            return True
    return False


@compiled
def _turned(state: Cells, cell: int, way: int, mover: int) -> int:
    """Return how many discs one way a new disc of ``mover`` turns."""
    row, column = cell // _SIDE + _STEPS[way, 0], cell % _SIDE + _STEPS[way, 1]
    count = 0
    while 0 <= row < _SIDE and 0 <= column < _SIDE:
        found = state[_SIDE * row + column]
        if found == mover:
            return count
        if found == EMPTY:
            return 0
        count += 1
        row += _STEPS[way, 0]
        column += _STEPS[way, 1]
    return 0


RULES: Final = Rules(np.int8, _CELLS + 2, _MOST_LEGAL, state_of, expand, observe, rollouts)
