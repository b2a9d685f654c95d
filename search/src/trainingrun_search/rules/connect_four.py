"""Connect Four, compiled. A state is the stones of player 0 and of player 1 as bits, as in
``trainingrun_environments.connect_four.game``, and the player to move.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from trainingrun_environments.games import Game

from trainingrun_search.chance import below, next_state
from trainingrun_search.compiling import compiled
from trainingrun_search.positions import Float32, Int64, Rules, UInt64
from trainingrun_search.tree import NO_NODE, Bool, Int32, Leaves

_ROWS: Final = 6
_COLUMNS: Final = 7
_STRIDE: Final = 8
_TOP: Final = _STRIDE * (_ROWS - 1)
_RUNNING: Final = 2


def state_of(game: Game) -> Int64:
    """See Rules."""
    boards = []
    for plane in game.observation(0):
        cells = np.zeros((_ROWS, _STRIDE), np.uint8)
        cells[:, :_COLUMNS] = plane[::-1]
        bits = np.packbits(cells, axis=1, bitorder="little")
        boards.append(int.from_bytes(bits.tobytes(), "little"))
    return np.array([*boards, game.current_player], np.int64)


@compiled
def expand(
    states: Int64,
    leaves: Leaves,
    count: int,
    observations: npt.NDArray[np.uint8],
    masks: Bool,
) -> int:
    """See Rules."""
    rows = 0
    for leaf in range(count):
        node, parent = leaves.items[leaf]["node"], leaves.items[leaf]["parent"]
        state = states[node]
        if parent != NO_NODE:
            state[:] = states[parent]
            _play(state, leaves.items[leaf]["action"])
        outcome = _outcome(state)
        leaves.items[leaf]["is_over"] = outcome != _RUNNING
        leaves.items[leaf]["player"] = state[2]
        leaves.items[leaf]["outcome"] = outcome
        leaves.items[leaf]["count"] = 0
        leaves.items[leaf]["row"] = -1
        if outcome != _RUNNING:
            continue
        legal = 0
        for column in range(_COLUMNS):
            is_legal = _has_room(state, column)
            masks[rows, column] = is_legal
            if is_legal:
                leaves.legal[leaf, legal] = column
                legal += 1
        leaves.items[leaf]["count"] = legal
        leaves.items[leaf]["row"] = rows
        observe(state, observations[rows])
        rows += 1
    return rows


@compiled
def observe(state: Int64, seen: npt.NDArray[np.uint8]) -> None:
    """See Rules."""
    mine, other = state[state[2]], state[1 - state[2]]
    place = 0
    for row in range(_ROWS - 1, -1, -1):
        for column in range(_COLUMNS):
            shift = _STRIDE * row + column
            seen[place] = (mine >> shift) & 1
            seen[place + _ROWS * _COLUMNS] = (other >> shift) & 1
            place += 1


@compiled
def rollouts(states: Int64, nodes: Int32, seeds: UInt64, found: Float32) -> None:
    """See Rules."""
    state = np.zeros(3, np.int64)
    for place in range(len(nodes)):
        state[:] = states[nodes[place]]
        mover, chance, outcome = state[2], seeds[place], _RUNNING
        while outcome == _RUNNING:
            legal = 0
            for column in range(_COLUMNS):
                legal += _has_room(state, column)
            chance = next_state(chance)
            wanted, column = below(chance, legal), 0
            while wanted > 0 or not _has_room(state, column):
                wanted -= _has_room(state, column)
                column += 1
            _play(state, column)
            outcome = _outcome(state)
        found[place] = outcome if mover == 0 else -outcome


@compiled
def _has_room(state: Int64, column: int) -> bool:
    return bool((((state[0] | state[1]) >> (_TOP + column)) & 1) == 0)


@compiled
def _play(state: Int64, column: int) -> None:
    mask = state[0] | state[1]
    bit = 1 << column
    while mask & bit:
        bit <<= _STRIDE
    state[state[2]] |= bit
    state[2] = 1 - state[2]


@compiled
def _outcome(state: Int64) -> int:
    """Player 0's value, or _RUNNING; only who has just moved can have a line."""
    last = 1 - state[2]
    stones = state[last]
    for step in (1, _STRIDE, _STRIDE + 1, _STRIDE - 1):
        pairs = stones & (stones >> step)
        if pairs & (pairs >> (2 * step)):
            return 1 if last == 0 else -1
    full = (1 << _COLUMNS) - 1
    return 0 if ((state[0] | state[1]) >> _TOP) & full == full else _RUNNING


RULES: Final = Rules(np.int64, 3, _COLUMNS, state_of, expand, observe, rollouts)
