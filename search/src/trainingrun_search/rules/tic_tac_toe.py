"""Tic-tac-toe, compiled: ``trainingrun_environments.tic_tac_toe``, with states of ``boards``."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from trainingrun_search.chance import below, next_state
from trainingrun_search.compiling import compiled
from trainingrun_search.positions import Float32, Rules, UInt64
from trainingrun_search.rules.boards import EMPTY, OTHER, OWN, RUNNING, Cells, state_of
from trainingrun_search.tree import NO_NODE, Bool, Int16, Int32, Leaves

_CELLS: Final = 9
_MOST_LEGAL: Final = 9
_LINES: Final = np.array(
    [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]]
)
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
    has_line = False
    for line in _LINES:
        has_line |= state[line[0]] == OWN and state[line[1]] == OWN and state[line[2]] == OWN
    is_full = True
    for cell in range(_CELLS):
        is_full &= state[cell] != EMPTY
    if has_line:
        state[_OUTCOME] = 1 if state[_PLAYER] == 0 else -1
    elif is_full:
        state[_OUTCOME] = 0
    _turn(state)


@compiled
def _turn(state: Cells) -> None:
    """Let the other player see the board."""
    for cell in range(_CELLS):
        if state[cell] != EMPTY:
            state[cell] = 1 - state[cell]
    state[_PLAYER] = 1 - state[_PLAYER]


RULES: Final = Rules(np.int8, _CELLS + 2, _MOST_LEGAL, state_of, expand, observe, rollouts)
