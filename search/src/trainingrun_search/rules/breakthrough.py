"""Breakthrough, compiled: ``trainingrun_environments.breakthrough``, with states of ``boards``."""

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
_DIRECTIONS: Final = 3
_MOST_LEGAL: Final = 2 * _SIDE * _DIRECTIONS
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
def _place(row: int, column: int) -> int:
    """Return a square's place in the state: as in the observation, the player's last row first."""
    return _SIDE * (_SIDE - 1 - row) + column


@compiled
def _legal(state: Cells, legal: Int16) -> int:
    count = 0
    for row in range(_SIDE - 1):
        for column in range(_SIDE):
            if state[_place(row, column)] != OWN:
                continue
            for direction in range(_DIRECTIONS):
                aside = column + direction - 1
                if not 0 <= aside < _SIDE:
                    continue
                target = state[_place(row + 1, aside)]
                if target == EMPTY or (target == OTHER and direction != 1):
                    legal[count] = _DIRECTIONS * (_SIDE * row + column) + direction
                    count += 1
    return count


@compiled
def _play(state: Cells, action: int) -> None:
    square, direction = action // _DIRECTIONS, action % _DIRECTIONS
    row, column = square // _SIDE, square % _SIDE
    state[_place(row, column)] = EMPTY
    state[_place(row + 1, column + direction - 1)] = OWN
    others = 0
    for cell in range(_CELLS):
        others += state[cell] == OTHER
    if row + 1 == _SIDE - 1 or others == 0:
        state[_OUTCOME] = 1 if state[_PLAYER] == 0 else -1
    _turn(state)


@compiled
def _turn(state: Cells) -> None:
    """Let the other player see the board: its own pawns first, the rows in reverse."""
    for row in range(_SIDE // 2):
        for column in range(_SIDE):
            near, far = _SIDE * row + column, _SIDE * (_SIDE - 1 - row) + column
            first, second = state[near], state[far]
            state[near] = EMPTY if second == EMPTY else 1 - second
            state[far] = EMPTY if first == EMPTY else 1 - first
    state[_PLAYER] = 1 - state[_PLAYER]


RULES: Final = Rules(np.int8, _CELLS + 2, _MOST_LEGAL, state_of, expand, observe, rollouts)
